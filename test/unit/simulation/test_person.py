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


"""The walking person: joints, axes and surface are consistent, and the path is followed."""

from __future__ import annotations

from collections.abc import Iterable

from k4a_ros.body.joints import Joint
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation.clothes import MATERIALS
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.person import Posture
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.skeleton import POSTURES
from k4a_ros.simulation.skeleton import SEAT_SHARE
from k4a_ros.simulation.skeleton import TABLE_SHARE
from k4a_ros.simulation.skeleton import WALL_SHARE
import numpy as np
import pytest

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
WALKER = Person('w', ((0.0, 2.0), (1.5, 3.0), (1.5, 4.0)), 1.1, speed=1.2)
#: parents of the joints, from the documentation of the Body Tracking SDK
PARENTS = (-1, 0, 1, 2, 2, 4, 5, 6, 7, 8, 7, 2, 11, 12, 13, 14, 15, 14, 0, 18, 19, 20, 0, 22, 23,
           24, 3, 26, 26, 26, 26, 26)
TIMES = np.arange(0, 30, 0.37)


def test_bones_have_constant_length_and_axes_are_rotations():
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


@pytest.mark.parametrize('posture', [
    *(WALKER.at(time) for time in (0.0, 1.3, 2.9, 5.5)),
    *(Person('s', ((0.0, 2.0),), 1.1, posture=name, arm_around=side).at(0.0)
      for name in POSTURES for side in (0, 1, -1))])
def test_axes_follow_k4abts_conventions(posture):

    def direction(parent: str, child: str) -> np.ndarray:
        """Return the direction to a child in the axes of its parent."""
        a, b = Joint[parent], Joint[child]
        off = posture.axes[a].T @ (posture.positions[b] - posture.positions[a])
        return off / np.linalg.norm(off)

    for side, sign in (('LEFT', 1), ('RIGHT', -1)):
        for parent, child in (('CLAVICLE', 'SHOULDER'), ('SHOULDER', 'ELBOW'),
                              ('ELBOW', 'WRIST'), ('WRIST', 'HAND'), ('HAND', 'HANDTIP')):
            np.testing.assert_allclose(
                direction(f'{parent}_{side}', f'{child}_{side}'), [sign, 0, 0], atol=1e-9)
        for parent, child in (('HIP', 'KNEE'), ('KNEE', 'ANKLE')):
            np.testing.assert_allclose(
                direction(f'{parent}_{side}', f'{child}_{side}'), [-sign, 0, 0], atol=1e-9)
        np.testing.assert_allclose(
            direction(f'ANKLE_{side}', f'FOOT_{side}'), [-0.6 * sign, 0.8 * sign, 0], atol=1e-9)
        np.testing.assert_allclose(direction('PELVIS', f'HIP_{side}'), [0, 0, sign], atol=1e-9)
        # the foot's axes are the ankle's, rotated by 90° about z; knees and elbows are hinges
        ankle, foot = (posture.axes[Joint[f'{name}_{side}']] for name in ('ANKLE', 'FOOT'))
        np.testing.assert_allclose(foot[:, 0], ankle[:, 1], atol=1e-9)
        for upper, lower in (('HIP', 'KNEE'), ('SHOULDER', 'ELBOW')):
            np.testing.assert_allclose(posture.axes[Joint[f'{upper}_{side}']][:, 2],
                                       posture.axes[Joint[f'{lower}_{side}']][:, 2], atol=1e-9)
    np.testing.assert_allclose(direction('SPINE_NAVEL', 'SPINE_CHEST'), [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(
        direction('HEAD', 'EAR_LEFT')[2], -direction('HEAD', 'EAR_RIGHT')[2])
    # x of the pelvis points up in the world
    np.testing.assert_allclose(posture.axes[0][:, 0], [0, -1, 0], atol=1e-9)


def test_person_facing_the_camera_has_the_expected_axes():
    # up is -y, forward is -z, and the person's left is to the right
    posture = Person('s', ((0.0, 2.0),), 1.1).at(0.0)
    np.testing.assert_allclose(
        posture.axes[0], np.array([(0, -1, 0), (0, 0, -1), (1, 0, 0)]).T, atol=1e-9)
    assert posture.positions[Joint.EYE_LEFT][0] > posture.positions[Joint.EYE_RIGHT][0]
    assert posture.positions[Joint.NOSE][2] < posture.positions[Joint.HEAD][2]
    # the axes of the right arm have x and y reversed
    left, right = (posture.axes[Joint[f'ELBOW_{side}']] for side in ('LEFT', 'RIGHT'))
    assert left[:, 0] @ right[:, 0] < -0.8


def reach(shapes: Iterable[Capsule], axis: int, sign: int = 1) -> float:
    """Return the greatest coordinate of tapered capsules on an axis, the least for sign -1."""
    return sign * max(
        sign * end[axis] + radius for shape in shapes for end, radius in (
            (shape.start, shape.radius), (shape.end, shape.end_radius)))


def made_of(posture: Posture, name: str) -> list[Capsule]:
    """Return the shapes of the default material of a part."""
    return [shape for shape in posture.shapes if shape.material == MATERIALS[name]]


def test_feet_touch_the_floor_and_height_is_as_given():
    for height in (1.0, 1.75, 2.0):
        person = Person('p', WALKER.path, 1.1, height=height)
        for time in TIMES:
            assert reach(person.at(time).shapes, 1) == pytest.approx(1.1, abs=1e-9)
        standing = Person('p', ((0.0, 2.0),), 1.1, height=height).at(0)
        assert 1.1 - reach(standing.shapes, 1, -1) == pytest.approx(height, rel=0.01)


def test_path_is_walked_both_ways_at_the_given_speed():
    step = 0.01
    times = np.arange(0, 30, step)
    postures = [WALKER.at(time) for time in times]
    joints = np.array([posture.positions for posture in postures])
    pelvis = joints[:, 0][:, [0, 2]]
    speed = np.linalg.norm(np.diff(pelvis, axis=0), axis=1) / step
    assert speed.max() == pytest.approx(1.2, rel=1e-3)
    # no joint jumps
    assert np.linalg.norm(np.diff(joints, axis=0), axis=2).max() / step < 8
    for point in WALKER.path:
        assert np.linalg.norm(pelvis - point, axis=1).min() < 0.01
    # the pelvis stays on the path
    a, b, c = (np.array(point) for point in WALKER.path)

    def distance_from_line(start, end):
        line = end - start
        fraction = np.clip((pelvis - start) @ line / (line @ line), 0, 1)
        return np.linalg.norm(pelvis - start - fraction[:, np.newaxis] * line, axis=1)

    assert np.minimum(distance_from_line(a, b), distance_from_line(b, c)).max() < 1e-9
    # the person faces the direction of motion
    moving = np.flatnonzero(speed > 0.5)
    forward = np.array([posture.axes[0][[0, 2], 1] for posture in postures])[moving]
    direction = np.diff(pelvis, axis=0)[moving]
    direction /= np.linalg.norm(direction, axis=1)[:, np.newaxis]
    np.testing.assert_allclose(forward, direction, atol=1e-6)
    # the left knee bends, and the feet pass each other
    bend = [posture.axes[Joint.HIP_LEFT][:, 0] @ posture.axes[Joint.KNEE_LEFT][:, 0]
            for posture in postures]
    assert np.degrees(np.arccos(np.clip(bend, -1, 1))).max() == pytest.approx(60, abs=6)
    left, right = (joints[moving, Joint[f'ANKLE_{side}']][:, [0, 2]] for side in ('LEFT', 'RIGHT'))
    ahead = ((left - right) * forward).sum(axis=1)
    assert ahead.max() > 0.4
    assert ahead.min() < -0.4


def test_joints_are_inside_the_rendered_surface():
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
        for joint, world, (u, v) in zip(
                person.positions[valid], person.positions_world[valid], pixels[valid],
                strict=True):
            # inside at least one capsule
            assert min(_signed_distance(limb, world) for limb in surface) < 0
            row, column = round(float(v)), round(float(u))
            if not (0 <= row < 576 and 0 <= column < 640) or not depth[row, column]:
                continue
            assert people[row, column] == 0
            # the visible point is in front of the joint, on the surface of the same person
            z = depth[row, column] / 1000
            assert -0.005 < joint[2] - z < 0.75
            (x, y), _ = lens.unproject(np.array([column, row], float))
            visible = pose.apply([x * z, y * z, z])
            assert min(abs(_signed_distance(limb, visible)) for limb in surface) < 0.001
            checked += 1
    assert checked > 150


def _signed_distance(limb, point: np.ndarray) -> float:
    """Return the distance of a point from a tapered capsule, negative inside."""
    share = np.linspace(0, 1, 401)[:, np.newaxis]
    centers = (1 - share) * limb.start + share * limb.end
    radii = (1 - share[:, 0]) * limb.radius + share[:, 0] * limb.end_radius
    return float((np.linalg.norm(point - centers, axis=1) - radii).min())


def test_truth_is_consistent_in_camera_and_world_frame():
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
        # x axis of the rotation that the quaternion describes
        x_axis = [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)]
        np.testing.assert_allclose(
            truth.depth_camera.rotation @ x_axis, axes[:, 0], atol=1e-9)


def test_seated_person_is_on_seat_with_feet_on_floor():
    person = Person('s', ((0.3, 2.0),), 1.1, 1.6, posture='sitting')
    posture = person.at(7.0)

    assert reach(made_of(posture, 'shoes'), 1) == pytest.approx(1.1, abs=1e-6)
    bottom = reach([limb for limb in made_of(posture, 'bottom')
                    if np.allclose(limb.start, posture.positions[Joint.HIP_LEFT])], 1)
    assert 1.1 - bottom == pytest.approx(SEAT_SHARE * 1.6, abs=0.02)
    knee, ankle, hip = (posture.positions[joint] for joint in (
        Joint.KNEE_LEFT, Joint.ANKLE_LEFT, Joint.HIP_LEFT))
    # facing the camera, the knee is in front of the hip, and the shank is upright
    assert hip[2] - knee[2] > 0.35
    assert np.linalg.norm((ankle - knee)[[0, 2]]) < 0.02
    # the hands are on the thighs
    thighs = [limb for limb in made_of(posture, 'bottom')
              if np.allclose(limb.end, knee) or np.allclose(
                  limb.end, posture.positions[Joint.KNEE_RIGHT])]
    for name in ('HAND_LEFT', 'HAND_RIGHT'):
        hand = posture.positions[Joint[name]]
        assert 0.0 < min(_signed_distance(thigh, hand) for thigh in thighs) < 0.06


def test_person_at_table_has_the_forearms_on_it():
    posture = Person('s', ((0.0, 2.0),), 1.1, 1.6, posture='at table').at(0.0)
    elbow, hand = (posture.positions[Joint[f'{name}_LEFT']] for name in ('ELBOW', 'HAND'))
    forearm = [limb for limb in made_of(posture, 'skin') if np.allclose(limb.start, elbow)]
    assert abs(elbow[1] - hand[1]) < 0.03
    assert 1.1 - reach(forearm, 1) == pytest.approx(TABLE_SHARE * 1.6, abs=0.02)
    # in front of the trunk
    assert posture.positions[Joint.PELVIS][2] - hand[2] > 0.35


def test_leaning_person_touches_the_wall_with_hips_and_shoulders():
    posture = Person('s', ((0.0, 2.0),), 1.1, 1.75, posture='leaning').at(0.0)
    wall = 2.0 + WALL_SHARE * 1.75
    back = {name: reach(made_of(posture, name), 2) for name in ('bottom', 'top')}
    assert back == pytest.approx({'bottom': wall, 'top': wall}, abs=0.012)
    # the feet are ahead, on the floor
    assert posture.positions[Joint.PELVIS][2] - posture.positions[Joint.ANKLE_LEFT][2] > 0.15
    assert reach(posture.shapes, 1) == pytest.approx(1.1)


@pytest.mark.parametrize(('side', 'name'), [(1, 'LEFT'), (-1, 'RIGHT')])
def test_arm_around_a_neighbor_touches_the_far_shoulder(side, name):
    one = Person('one', ((0.0, 2.0),), 1.1, arm_around=side).at(0.0)
    # facing the camera, the left is to the right of the image
    other = Person('other', ((0.5 * side, 2.0),), 1.1).at(0.0)
    hand = one.positions[Joint[f'HAND_{name}']]
    gap = min(_signed_distance(limb, hand) for limb in other.shapes)
    assert 0 < gap < 0.06
    assert np.linalg.norm(hand - other.positions[Joint[f'SHOULDER_{name}']]) < 0.13
    # the elbow is behind the neck, and the other arm hangs down
    assert one.positions[Joint[f'ELBOW_{name}']][2] > other.positions[Joint.NECK][2] + 0.08
    free = 'RIGHT' if side > 0 else 'LEFT'
    np.testing.assert_allclose(
        one.positions[Joint[f'WRIST_{free}']],
        Person('one', ((0.0, 2.0),), 1.1).at(0.0).positions[Joint[f'WRIST_{free}']])
