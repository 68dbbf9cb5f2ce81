# Copyright 2026 The k4a_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.


"""The walking person: joints, axes and surface agree, and the way is walked as asked."""

from __future__ import annotations

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation import skeleton
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np
import pytest

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
WALKER = Person('w', ((0.0, 2.0), (1.5, 3.0), (1.5, 4.0)), 1.1, speed=1.2)
#: the documentation's table of parents
PARENTS = (-1, 0, 1, 2, 2, 4, 5, 6, 7, 8, 7, 2, 11, 12, 13, 14, 15, 14, 0, 18, 19, 20, 0, 22, 23,
           24, 3, 26, 26, 26, 26, 26)
TIMES = np.arange(0, 30, 0.37)


def joint(name: str) -> int:
    """Return the number of a joint."""
    return skeleton.JOINTS.index(name)


def test_bones_do_not_stretch_and_axes_are_rotations():
    lengths = []
    for time in TIMES:
        posture = WALKER.at(time)
        assert posture.positions.shape == (32, 3)
        lengths.append([np.linalg.norm(posture.positions[i] - posture.positions[PARENTS[i]])
                        for i in range(1, 32)])
        np.testing.assert_allclose(
            posture.axes @ posture.axes.transpose(0, 2, 1), np.tile(np.eye(3), (32, 1, 1)),
            atol=1e-9)
        np.testing.assert_allclose(np.linalg.det(posture.axes), 1)
    assert np.ptp(lengths, axis=0).max() < 0.001
    assert np.min(lengths) > 0.03


@pytest.mark.parametrize('time', [0.0, 1.3, 2.9, 5.5])
def test_axes_are_those_of_k4abt(time):
    # where a child is in the axes of its parent, as the SDK has it
    posture = WALKER.at(time)

    def seen(parent: str, child: str) -> np.ndarray:
        a, b = joint(parent), joint(child)
        off = posture.axes[a].T @ (posture.positions[b] - posture.positions[a])
        return off / np.linalg.norm(off)

    for side, sign in (('LEFT', 1), ('RIGHT', -1)):
        for parent, child in (('CLAVICLE', 'SHOULDER'), ('SHOULDER', 'ELBOW'),
                              ('ELBOW', 'WRIST'), ('WRIST', 'HAND'), ('HAND', 'HANDTIP')):
            np.testing.assert_allclose(
                seen(f'{parent}_{side}', f'{child}_{side}'), [sign, 0, 0], atol=1e-9)
        for parent, child in (('HIP', 'KNEE'), ('KNEE', 'ANKLE')):
            np.testing.assert_allclose(
                seen(f'{parent}_{side}', f'{child}_{side}'), [-sign, 0, 0], atol=1e-9)
        np.testing.assert_allclose(
            seen(f'ANKLE_{side}', f'FOOT_{side}'), [-0.6 * sign, 0.8 * sign, 0], atol=1e-9)
        np.testing.assert_allclose(seen('PELVIS', f'HIP_{side}'), [0, 0, sign], atol=1e-9)
        # the foot's axes are the ankle's, turned by a right angle about z; knees only bend
        ankle, foot = (posture.axes[joint(f'{name}_{side}')] for name in ('ANKLE', 'FOOT'))
        np.testing.assert_allclose(foot[:, 0], ankle[:, 1], atol=1e-9)
        for upper, lower in (('HIP', 'KNEE'), ('SHOULDER', 'ELBOW')):
            np.testing.assert_allclose(posture.axes[joint(f'{upper}_{side}')][:, 2],
                                       posture.axes[joint(f'{lower}_{side}')][:, 2], atol=1e-9)
    np.testing.assert_allclose(seen('SPINE_NAVEL', 'SPINE_CHEST'), [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(seen('HEAD', 'EAR_LEFT')[2], -seen('HEAD', 'EAR_RIGHT')[2])
    # up in the world is x of the pelvis, and its z is the person's left
    np.testing.assert_allclose(posture.axes[0][:, 0], [0, -1, 0], atol=1e-9)


def test_somebody_who_faces_us_has_the_axes_of_the_t_pose():
    # facing the camera: up is -y, forward -z, the person's left is our right
    posture = Person('s', ((0.0, 2.0),), 1.1).at(0.0)
    np.testing.assert_allclose(
        posture.axes[0], np.array([(0, -1, 0), (0, 0, -1), (1, 0, 0)]).T, atol=1e-9)
    assert posture.positions[joint('EYE_LEFT')][0] > posture.positions[joint('EYE_RIGHT')][0]
    assert posture.positions[joint('NOSE')][2] < posture.positions[joint('HEAD')][2]
    # sideways arms of both sides have the same axes but for the sign of x and y
    left, right = (posture.axes[joint(f'ELBOW_{side}')] for side in ('LEFT', 'RIGHT'))
    assert left[:, 0] @ right[:, 0] < -0.8


def test_feet_stay_on_the_floor_and_the_height_is_right():
    for height in (1.0, 1.75, 2.0):
        person = Person('p', WALKER.path, 1.1, height=height)
        for time in TIMES:
            bottom = max(max(c.start[1], c.end[1]) + c.radius for c in person.at(time).shapes)
            assert bottom == pytest.approx(1.1, abs=1e-9)
        top = min(min(c.start[1], c.end[1]) - c.radius for c in
                  Person('p', ((0.0, 2.0),), 1.1, height=height).at(0).shapes)
        assert 1.1 - top == pytest.approx(height, rel=0.01)


def test_the_way_is_walked_there_and_back_at_the_speed_and_without_jumps():
    step = 0.005
    times = np.arange(0, 30, step)
    postures = [WALKER.at(time) for time in times]
    joints = np.array([posture.positions for posture in postures])
    pelvis = joints[:, 0][:, [0, 2]]
    speed = np.linalg.norm(np.diff(pelvis, axis=0), axis=1) / step
    assert speed.max() == pytest.approx(1.2, rel=1e-3)
    # no joint is anywhere near as fast as in a jump
    assert np.linalg.norm(np.diff(joints, axis=0), axis=2).max() / step < 8
    for place in WALKER.path:
        assert np.linalg.norm(pelvis - place, axis=1).min() < 0.01
    # nowhere off the way
    a, b, c = (np.array(place) for place in WALKER.path)

    def away(start, end):
        share = np.clip((pelvis - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
        return np.linalg.norm(pelvis - start - share[:, np.newaxis] * (end - start), axis=1)

    assert np.minimum(away(a, b), away(b, c)).max() < 1e-9
    # who walks looks where he goes
    moving = np.flatnonzero(speed > 0.5)
    forward = np.array([posture.axes[0][[0, 2], 1] for posture in postures])[moving]
    way = np.diff(pelvis, axis=0)[moving]
    way /= np.linalg.norm(way, axis=1)[:, np.newaxis]
    np.testing.assert_allclose(forward, way, atol=1e-6)
    # hips and knees swing: the left knee bends and the feet pass each other
    bend = [posture.axes[joint('HIP_LEFT')][:, 0] @ posture.axes[joint('KNEE_LEFT')][:, 0]
            for posture in postures]
    assert np.degrees(np.arccos(np.clip(bend, -1, 1))).max() == pytest.approx(60, abs=6)
    left, right = (joints[moving, joint(f'ANKLE_{side}')][:, [0, 2]] for side in ('LEFT', 'RIGHT'))
    ahead = ((left - right) * forward).sum(axis=1)
    assert ahead.max() > 0.4
    assert ahead.min() < -0.4


def test_joints_lie_inside_the_surface_that_the_depth_camera_sees():
    scene = default_scene()
    device = Sensor(scene, NOMINAL, CameraConfig.of_modes(
        DepthMode.NFOV_UNBINNED, ColorResolution.OFF), noise=False)
    lens = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
    pose = scene.camera.depth_camera(0.0)
    checked = 0
    for time in range(0, 6_000_000, 700_000):
        depth, _ = device.depth_and_ir(time)
        person = device.truth(time).persons[0]
        people = device.body_index(time)
        pixels, valid = lens.project(person.positions)
        surface = scene.persons[0].at(time * 1e-6).shapes
        for place, world, (u, v) in zip(
                person.positions[valid], person.positions_world[valid], pixels[valid],
                strict=True):
            # inside at least one of the limbs
            inside = min(_outside(limb, world) for limb in surface)
            assert inside < 0
            row, column = round(float(v)), round(float(u))
            if not (0 <= row < 576 and 0 <= column < 640) or not depth[row, column]:
                continue
            assert people[row, column] == 0
            # what is seen there is in front of the joint, and on the surface of the same body
            far = depth[row, column] / 1000
            assert -0.005 < place[2] - far < 0.75
            (x, y), _ = lens.unproject(np.array([column, row], float))
            seen = pose.apply([x * far, y * far, far])
            assert min(abs(_outside(limb, seen)) for limb in surface) < 0.001
            checked += 1
    assert checked > 150


def _outside(limb, point: np.ndarray) -> float:
    """Return how far outside of a capsule a point is."""
    start, end = np.array(limb.start), np.array(limb.end)
    span = end - start
    share = np.clip((point - start) @ span / max(span @ span, 1e-12), 0, 1)
    return float(np.linalg.norm(point - start - share * span) - limb.radius)


def test_truth_is_the_same_in_both_frames():
    device = Sensor(default_scene(), NOMINAL, CameraConfig())
    truth = device.truth(1_234_567)
    person = truth.persons[0]
    assert person.body_id == 1
    np.testing.assert_allclose(
        truth.depth_camera.apply(person.positions), person.positions_world, atol=1e-9)
    posture = default_scene().persons[0].at(1.234567)
    np.testing.assert_allclose(posture.positions, person.positions_world, atol=1e-9)
    for (w, x, y, z), axes in zip(person.orientations, posture.axes, strict=True):
        assert w * w + x * x + y * y + z * z == pytest.approx(1)
        # x of the joint's axes, by the quaternion
        along = [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)]
        np.testing.assert_allclose(
            truth.depth_camera.rotation @ along, axes[:, 0], atol=1e-9)
