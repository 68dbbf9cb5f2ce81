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


"""People and floor in depth images, against what the simulated camera really sees."""

from __future__ import annotations

from dataclasses import replace
import math

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.pose_3d.k4abt_joints import LANDMARK_OF_JOINT
from k4a_ros.body.landmarks.segmentation.floor import find_floor
from k4a_ros.body.landmarks.segmentation.floor import Floor
from k4a_ros.body.landmarks.segmentation.ownership import assign_segments
from k4a_ros.body.landmarks.segmentation.ownership import attach_limbs
from k4a_ros.body.landmarks.segmentation.segmenter import Part
from k4a_ros.body.landmarks.segmentation.segmenter import Segmenter
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np
import pytest

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
IMAGE_UP = np.array([0.0, -1.0, 0.0])
MODES = [DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED, DepthMode.NFOV_2X2BINNED]
ROOM = default_scene()
#: floor, ceiling and walls
BARE = replace(ROOM, shapes=ROOM.shapes[:5], movers=(), persons=())


def sensor(scene: Scene, mode: DepthMode = DepthMode.NFOV_UNBINNED) -> Sensor:
    return Sensor(scene, NOMINAL, CameraConfig.of_modes(mode, ColorResolution.OFF), seed=3)


def depth_of(scene: Scene, mode: DepthMode = DepthMode.NFOV_UNBINNED) -> np.ndarray:
    depth, _ = sensor(scene, mode).depth_and_ir(0)
    assert depth is not None
    return depth


def segmenter(mode: DepthMode = DepthMode.NFOV_UNBINNED) -> Segmenter:
    return Segmenter(NOMINAL.depth(mode), IMAGE_UP)


def landmarks_of(joints: np.ndarray) -> np.ndarray:
    """Return landmarks (33, 3) from joints (32, 3): those that are not joints are near them."""
    points = np.zeros((33, 3))
    points[:11] = joints[Joint.NOSE]
    for joint, landmark in LANDMARK_OF_JOINT.items():
        points[landmark] = joints[joint]
    points[[17, 19]], points[[18, 20]] = joints[Joint.HANDTIP_LEFT], joints[Joint.HANDTIP_RIGHT]
    points[29], points[30] = joints[Joint.ANKLE_LEFT], joints[Joint.ANKLE_RIGHT]
    return points


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize('mode', MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize('pitch', [0.0, 14.0])
def test_the_floor_is_found_from_a_rough_guess_of_up(mode, pitch):
    path = CameraPath((Waypoint(0.0, (0.0, 0.0, 0.0), pitch=math.radians(pitch)),))
    camera = sensor(replace(ROOM, camera=path), mode)
    segments = segmenter(mode)
    depth, _ = camera.depth_and_ir(0)
    segments.segment(depth)
    pose = camera.truth(0).depth_camera
    assert segments.floor is not None
    assert segments.floor.up @ (pose.rotation.T @ [0, -1, 0]) > math.cos(math.radians(0.6))
    assert segments.floor.height == pytest.approx(1.1 - pose.translation[1], abs=0.015)


def test_neither_a_table_nor_a_ceiling_is_the_floor():
    """A level surface with something below it is none, nor is one above the camera."""
    rows, columns = np.mgrid[0:80, 0:120].astype(np.float32)
    z = np.full((80, 120), 2.0, np.float32)
    rays = np.stack(((columns - 60) / 60, (rows - 40) / 60, np.ones_like(z)), axis=2)
    with np.errstate(divide='ignore'):
        floor, ceiling, table = (height / rays[..., 1] for height in (1.2, -1.0, 0.5))
    z = np.where((floor > 0) & (floor < 4), floor, 4.0)
    z = np.where((ceiling > 0) & (ceiling < z), ceiling, z)
    on_table = (table > 1.2) & (table < 1.9) & (np.abs(columns - 60) < 30)
    z = np.where(on_table, table, z)
    area = z * z / 3600
    found = find_floor(rays * z[..., None], area.astype(np.float32), IMAGE_UP)
    assert found is not None
    assert found.height == pytest.approx(1.2, abs=0.01)
    z = np.where(on_table | (floor < 0) | (floor > 4), z, 0)
    without = find_floor(rays * z[..., None], area.astype(np.float32), -IMAGE_UP)
    assert without is None or without.height == pytest.approx(1.0, abs=0.01)


def test_no_floor_is_seen_where_there_is_only_a_wall():
    z = np.full((80, 120), 2.0, np.float32)
    rows, columns = np.mgrid[0:80, 0:120].astype(np.float32)
    rays = np.stack(((columns - 60) / 60, (rows - 40) / 60, np.ones_like(z)), axis=2)
    area = np.full((80, 120), 4 / 3600, np.float32)
    assert find_floor(rays * z[..., None], area, IMAGE_UP) is None
    assert find_floor(rays * 0, area, IMAGE_UP, Floor(IMAGE_UP, 1.0)) is None


@pytest.mark.parametrize('mode', MODES, ids=lambda mode: mode.name)
def test_somebody_who_walks_is_a_part_of_its_own(mode):
    camera = sensor(ROOM, mode)
    cutter = segmenter(mode)
    for time_us in (0, 1_000_000, 5_000_000):
        depth, _ = camera.depth_and_ir(time_us)
        segments = cutter.segment(depth)
        true = camera.body_index(time_us) == 0
        small = true[::segments.step, ::segments.step]
        label = int(np.bincount(segments.labels[small])[1:].argmax()) + 1
        part = next(part for part in segments.parts if part.label == label)
        assert part.may_be_person
        mask = segments.labels == label
        assert float(small[mask].mean()) > 0.98
        joints = camera.truth(time_us).persons[0].positions
        assert np.linalg.norm(part.center - joints[Joint.SPINE_NAVEL]) < 0.45
        index_map = cutter.full(segments, [mask], depth, BACKGROUND)
        assert set(np.unique(index_map)) == {0, BACKGROUND}
        assert overlap(index_map == 0, true) > (
            0.85 if mode is DepthMode.NFOV_UNBINNED else 0.75)


def test_the_index_map_has_the_feet():
    camera = sensor(ROOM)
    cutter = segmenter()
    depth, _ = camera.depth_and_ir(0)
    segments = cutter.segment(depth)
    true = (camera.body_index(0) == 0) & (depth > 0)
    label = int(np.bincount(segments.labels[true[::2, ::2]])[1:].argmax()) + 1
    index_map = cutter.full(segments, [segments.labels == label], depth, BACKGROUND)
    rays = NOMINAL.depth(DepthMode.NFOV_UNBINNED).rays()
    points = np.dstack((rays, np.ones(depth.shape))) * depth[..., None] * 1e-3
    assert cutter.floor is not None
    heights = points @ cutter.floor.up + cutter.floor.height
    feet = true & (heights > 0.02) & (heights < 0.055)
    assert feet.sum() > 100
    assert float((index_map[feet] == 0).mean()) > 0.6
    # and nothing of the floor
    assert float((heights[index_map == 0] < 0.01).mean()) < 0.01


def test_furniture_walls_and_floor_are_of_nobodys_size_but_for_few():
    segments = segmenter().segment(depth_of(replace(ROOM, persons=())))
    assert len([part for part in segments.parts if part.may_be_person]) <= 3
    assert segmenter().segment(depth_of(BARE)).parts != ()
    assert not [p for p in segmenter().segment(depth_of(BARE)).parts if p.may_be_person]


def test_an_image_without_any_depth_has_no_parts():
    cutter = segmenter()
    segments = cutter.segment(np.zeros((576, 640), np.uint16))
    assert segments.parts == ()
    assert segments.heights is None
    index_map = cutter.full(
        segments, [np.zeros(segments.labels.shape, bool)], np.zeros((576, 640), np.uint16), 255)
    assert (index_map == 255).all()


@pytest.mark.parametrize(('change', 'possible'), [
    ({}, True), ({'area': 0.05}, False), ({'area': 2.6}, False), ({'tall': 0.3}, False),
    ({'tall': 2.5}, False), ({'wide': 2.5}, False), ({'deep': 1.9}, False),
    ({'curved': 0.02}, False)])
def test_gates_are_metric(change, possible):
    part = Part(1, (slice(0, 1), slice(0, 1)), 0.5, np.zeros(3), 1.7, 0.6, 0.4, 0.06,
                np.zeros((1, 3), np.float32), np.full(1, 0.5, np.float32))
    assert replace(part, **change).may_be_person is possible


def test_two_who_touch_are_divided_by_where_they_are_expected():
    """Both make one part; each pixel goes to whose limbs are nearer."""
    people = (Person('a', ((0.0, 2.3),), 1.1), Person('b', ((0.47, 2.3),), 1.1))
    camera = sensor(replace(BARE, persons=people))
    depth, _ = camera.depth_and_ir(0)
    segments = segmenter().segment(depth)
    true = camera.body_index(0)[::2, ::2]
    main = [int(np.bincount(segments.labels[true == i])[1:].argmax()) + 1 for i in (0, 1)]
    assert main[0] == main[1]
    landmarks = [landmarks_of(person.positions) for person in camera.truth(0).persons]
    owners = assign_segments(segments, landmarks, BACKGROUND)
    for i in (0, 1):
        there = (true == i) & (segments.labels > 0)
        assert float((owners[there] == i).mean()) > 0.95
    assert float((true[owners != BACKGROUND] != 255).mean()) > 0.97
    # who is not there any more gets nothing
    moved = [landmarks[0], landmarks[1] + [1.5, 0, 0]]
    assert not (assign_segments(segments, moved, BACKGROUND) == 1).any()


def test_who_stands_so_close_to_a_large_wall_that_both_are_one_part_keeps_his_place():
    """Seen from afar he is less than two hundredths of that part."""
    depth = np.full((576, 640), 3500, np.uint16)
    depth[300:340, 300:330] = 3420
    segments = segmenter().segment(depth)
    person = segments.labels[160, 157]
    assert person == segments.labels[20, 160] > 0
    box = segments.points[150:170, 150:165].reshape(-1, 3)
    some = np.linspace(0, len(box) - 1, 33).astype(int)
    landmarks = box[some].astype(np.float64) + [0.0, 0.0, 0.02]
    owners = assign_segments(segments, [landmarks], BACKGROUND)
    here = np.zeros(owners.shape, bool)
    here[150:170, 150:165] = True
    assert float((owners[here] == 0).mean()) > 0.9
    assert not (owners[~here] == 0).any()


def test_a_limb_apart_is_adopted_and_furniture_is_not():
    cutter = segmenter()
    depth = np.zeros((576, 640), np.uint16)
    depth[100:400, 250:350] = 2000
    depth[300:420, 360:380] = 2300
    depth[100:400, 400:600] = 2200
    segments = cutter.segment(depth)
    trunk, leg, wall = (segments.labels[row, column] for row, column in (
        (100, 150), (180, 185), (100, 250)))
    mask, nobody = segments.labels == trunk, np.zeros(segments.labels.shape, bool)
    pixels = np.array([[185.0, 180.0], [250.0, 100.0], [-5.0, 900.0]])
    whole = attach_limbs(segments, mask, nobody, pixels)
    assert whole[segments.labels == leg].all()
    assert not whole[segments.labels == wall].any()
    taken = segments.labels == leg
    assert np.array_equal(attach_limbs(segments, mask, taken, pixels), mask)
