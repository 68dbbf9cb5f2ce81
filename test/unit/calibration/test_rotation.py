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

"""Images, vectors and axes of a camera that is turned."""

from __future__ import annotations

from k4a_ros.calibration.rotation import ROTATIONS
from k4a_ros.calibration.rotation import upright_axes
from k4a_ros.calibration.rotation import upright_image
from k4a_ros.calibration.rotation import upright_size
from k4a_ros.calibration.rotation import upright_vector
import numpy as np
import pytest


@pytest.mark.parametrize('rotation', ROTATIONS)
@pytest.mark.parametrize(('dtype', 'channels'), [
    (np.uint8, ()), (np.uint16, ()), (np.uint8, (3,)), (np.uint8, (4,)), (np.float32, (2,))])
def test_images_turn_clockwise(rotation: int, dtype: type, channels: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 200, (5, 7, *channels)).astype(dtype)
    image.flags.writeable = False
    turned = upright_image(image, rotation)
    np.testing.assert_array_equal(turned, np.rot90(image, -rotation // 90))
    assert turned.flags.c_contiguous and turned.dtype == image.dtype
    assert turned.shape[:2] == upright_size(image.shape[:2], rotation)
    out = np.empty_like(turned)
    assert upright_image(image, rotation, out) is (out if rotation else image)
    if rotation:
        np.testing.assert_array_equal(out, turned)


def test_left_of_a_camera_that_is_turned_clockwise_is_up() -> None:
    assert upright_vector(-1.0, 0.0, 90) == (0.0, -1.0)
    left, up, forward = [-1, 0, 0], [0, -1, 0], [0, 0, 1]
    np.testing.assert_array_equal(upright_axes(90) @ left, up)
    np.testing.assert_array_equal(upright_axes(180) @ up, [0, 1, 0])
    np.testing.assert_array_equal(upright_axes(270) @ up, left)
    for rotation in ROTATIONS:
        axes = upright_axes(rotation)
        np.testing.assert_array_equal(axes @ forward, forward)
        np.testing.assert_array_equal(axes @ axes.T, np.eye(3))
        assert np.linalg.det(axes) == 1
        assert not np.signbit(axes[axes == 0]).any()
