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

"""Unit tests of large planes: walls, tables and what is too small or too curved for one."""

from __future__ import annotations

from k4a_ros.body.landmarks.segmentation.planes import LARGE_PLANE
from k4a_ros.body.landmarks.segmentation.planes import large_planes
import numpy as np
from support.segmentation import IMAGE_UP


def noisy_wall() -> np.ndarray:
    """Return 2000 points of a wall of 2 m by 2 m, 3 m away."""
    random = np.random.default_rng(2)
    return np.stack((random.uniform(-1, 1, 2000), random.uniform(-1, 1, 2000),
                     np.full(2000, 3.0)), axis=1) + random.normal(0, 0.004, (2000, 3))


def test_walls_are_planes_and_a_trunk_is_not() -> None:
    random = np.random.default_rng(3)
    wall = noisy_wall()
    side = wall[:, [2, 1, 0]] - [1.5, 0, -3.0]
    turns = random.uniform(0, 2 * np.pi, 1000)
    trunk = np.stack((0.16 * np.cos(turns), random.uniform(-0.5, 0.5, 1000),
                      2.0 + 0.16 * np.sin(turns)), axis=1)
    areas = np.full(5000, 4.0 / 2000, np.float32)
    areas[4000:] = 1.0 / 1000
    surface = np.concatenate((wall, side, trunk)).astype(np.float32)
    planes = large_planes(surface, areas, IMAGE_UP)
    assert len(planes) == 2
    distances = np.abs(surface @ planes[:, :3].T + planes[:, 3]).min(axis=1)
    on_plane = distances < LARGE_PLANE.inlier_distances_m(surface)
    assert on_plane[:4000].mean() > 0.98
    assert on_plane[4000:].mean() < 0.02
    assert len(large_planes(surface[4000:], areas[4000:], IMAGE_UP)) == 0


def test_third_of_a_square_meter_is_a_table_but_not_a_wall() -> None:
    third = (noisy_wall() * [0.28, 0.28, 1.0]).astype(np.float32)
    areas = np.full(2000, 0.31 / 2000, np.float32)
    assert len(large_planes(third, areas, IMAGE_UP)) == 0
    assert len(large_planes(third[:, [0, 2, 1]], areas, IMAGE_UP)) == 1


def test_table_is_found_at_a_grazing_angle_behind_which_people_sit() -> None:
    """A camera 0.37 m above a table sees a fifth of its area; most points are on the people."""
    random = np.random.default_rng(5)
    table = np.stack((random.uniform(-0.7, 0.7, 100), np.full(100, 0.37),
                      random.uniform(1.7, 2.4, 100)), axis=1) + random.normal(0, 0.003, (100, 3))
    turns = random.uniform(np.pi, 2 * np.pi, 400)
    people = np.stack((0.18 * np.cos(turns) + np.repeat([-0.4, 0.4], 200),
                       random.uniform(-0.4, 0.37, 400), 2.4 + 0.12 * np.sin(turns)), axis=1)
    surface = np.concatenate((table, people)).astype(np.float32)
    areas = np.repeat(np.float32([0.18 / 100, 0.7 / 400]), [100, 400])
    planes = large_planes(surface, areas, IMAGE_UP)
    assert len(planes) == 1
    assert np.abs(planes[0, 1]) > 0.999
    assert np.abs(table @ planes[0, :3] + planes[0, 3]).max() < 0.012
    assert len(large_planes(surface[100:], areas[100:], IMAGE_UP)) == 0


def test_cabinet_is_found_beside_people_who_are_near_a_larger_plane_by_chance() -> None:
    """The first plane that is not flat enough would end the search."""
    random = np.random.default_rng(4)
    cabinet = (noisy_wall() * [0.35, 0.35, 1.0]).astype(np.float32)
    people = np.stack((random.uniform(0.4, 1.4, 2000), random.uniform(-0.5, 0.5, 2000),
                       random.uniform(3.15, 3.25, 2000)), axis=1).astype(np.float32)
    areas = np.repeat(np.float32([0.49, 0.6]) / 2000, 2000)
    planes = large_planes(np.concatenate((cabinet, people)), areas, IMAGE_UP)
    assert len(planes) == 1
    assert np.abs(cabinet @ planes[0, :3] + planes[0, 3]).mean() < 0.01
