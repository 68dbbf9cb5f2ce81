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

"""Find the floor in synthetic and in simulated depth images."""

from __future__ import annotations

from dataclasses import replace
import math

from k4a_ros.body.landmarks.segmentation.floor import find_floor
from k4a_ros.body.landmarks.segmentation.floor import Floor
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Waypoint
import numpy as np
import pytest
from support.people.shots import ROOM
from support.segmentation import depth_image
from support.segmentation import IMAGE_UP
from support.segmentation import make_segmenter
from support.segmentation import make_sensor
from support.segmentation import MODES


def pinhole_rays(shape: tuple[int, int]) -> np.ndarray:
    """Return x/z, y/z and 1 of each pixel of a camera of 90°."""
    rows, columns = np.mgrid[0:shape[0], 0:shape[1]].astype(np.float32)
    return np.stack(((columns - 60) / 60, (rows - 40) / 60, np.ones_like(rows)), axis=2)


@pytest.mark.parametrize('mode', MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize('pitch', [0.0, 14.0])
def test_floor_is_found_with_approximate_up(mode, pitch):
    path = CameraPath((Waypoint(0.0, (0.0, 0.0, 0.0), pitch=math.radians(pitch)),))
    sensor = make_sensor(replace(ROOM, camera=path), mode)
    floor = make_segmenter(mode).segment(depth_image(sensor)).floor
    pose = sensor.truth(0).depth_camera
    assert floor is not None
    assert floor.up @ (pose.rotation.T @ [0, -1, 0]) > math.cos(math.radians(0.6))
    assert floor.height == pytest.approx(1.1 - pose.translation[1], abs=0.015)


def test_table_and_ceiling_are_not_the_floor():
    """A level surface above another one, or above the camera, is not the floor."""
    rays = pinhole_rays((80, 120))
    with np.errstate(divide='ignore'):
        floor, ceiling, table = (height / rays[..., 1] for height in (1.2, -1.0, 0.5))
    z = np.where((floor > 0) & (floor < 4), floor, 4.0)
    z = np.where((ceiling > 0) & (ceiling < z), ceiling, z)
    on_table = (table > 1.2) & (table < 1.9) & (np.abs(rays[..., 0]) < 0.5)
    z = np.where(on_table, table, z)
    areas = z * z / 3600
    found = find_floor(rays * z[..., None], areas.astype(np.float32), IMAGE_UP)
    assert found is not None
    assert found.height == pytest.approx(1.2, abs=0.01)
    z = np.where(on_table | (floor < 0) | (floor > 4), z, 0)
    upside_down = find_floor(rays * z[..., None], areas.astype(np.float32), -IMAGE_UP)
    assert upside_down is None or upside_down.height == pytest.approx(1.0, abs=0.01)


def test_wall_without_floor_returns_none():
    points = pinhole_rays((80, 120)) * np.float32(2.0)
    areas = np.full((80, 120), 4 / 3600, np.float32)
    assert find_floor(points, areas, IMAGE_UP) is None
    assert find_floor(points * 0, areas, IMAGE_UP, Floor(IMAGE_UP, 1.0)) is None
