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

"""The compiled renderer and its numpy version find the intersections computed by hand."""

from __future__ import annotations

import math

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation import fallback
from k4a_ros.simulation import kernels
from k4a_ros.simulation.shape_table import in_camera_frame
from k4a_ros.simulation.shape_table import shape_table
from k4a_ros.simulation.shapes import Shape
import numpy as np
import pytest
from support.shapes import INTERSECTIONS


@pytest.mark.parametrize('renderer', [kernels, fallback])
@pytest.mark.parametrize(('shape', 'origin', 'direction', 'distance', 'normal'), INTERSECTIONS)
def test_trace_and_paint_match_the_intersection(
    renderer, shape: Shape, origin: tuple, direction: tuple, distance: float,
    normal: tuple | None,
) -> None:
    # a camera at the origin of the ray, whose only pixel is slightly off its axis
    z = np.array(direction) / np.linalg.norm(direction)
    x = np.cross(z, [0.36, 0.48, 0.8])
    x /= np.linalg.norm(x)
    pixel = np.array([0.02, -0.03])
    along_ray = np.stack((x, np.cross(z, x), z), axis=1)
    # rotated so that the ray of the pixel has the given direction
    ray = np.array([*pixel, 1.0]) / math.sqrt(1 + pixel @ pixel)
    u = np.array([1.0, 0.0, -pixel[0]])
    u /= np.linalg.norm(u)
    ray_to_axis = np.stack((u, np.cross(ray, u), ray), axis=0)
    pose = RigidTransform(along_ray @ ray_to_axis, np.array(origin, float))
    rows = in_camera_frame(shape_table([shape]), pose)
    rx, ry = np.full((1, 1), pixel[0], np.float32), np.full((1, 1), pixel[1], np.float32)
    depth, index = np.full((1, 1), np.inf), np.full((1, 1), -1, np.int16)
    renderer.trace(rows, np.array([[0, 1, 0, 1]]), 4, rx, ry, depth, index)
    expected = distance * np.linalg.norm(direction) / math.sqrt(1 + pixel @ pixel)
    assert depth[0, 0] == pytest.approx(expected, rel=1e-6)
    assert index[0, 0] == (4 if normal else -1)
    if normal:
        # white under light along the normal; from behind, only the ambient half remains
        white = np.tile(np.array([[*rows[0, :17], *[1.0] * 8]]), (1, 1))
        for sign, level in ((1, 255), (-1, 128)):
            image = np.zeros((1, 1, 3), np.uint8)
            light = sign * np.array(normal) @ pose.rotation
            renderer.paint(white, (0, 1, 0, 1), 4, rx, ry, depth, index, light, 0.5, image)
            assert np.abs(image.astype(int) - level).max() <= 1
