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

"""Depth in meters and infrared in 8 bits, against values computed by hand."""

from __future__ import annotations

import tracemalloc

from k4a_ros.images.scaling import DepthToMeters
from k4a_ros.images.scaling import infrared_to_mono8
import numpy as np
import pytest


def test_depth_is_in_meters_and_nan_for_invalid():
    depth = np.full((70, 5), 1234, np.uint16)
    depth[3, 2] = 0
    depth[69] = 65535
    out = np.zeros((70, 5), np.float32)
    DepthToMeters(5, 70).convert(depth, out)
    assert out[0, 0] == np.float32(1.234)
    assert (out[69] == np.float32(65.535)).all()
    np.testing.assert_array_equal(np.isnan(out), depth == 0)


@pytest.mark.parametrize(('factor', 'value', 'expected'), [
    (1.0, 0, 0), (1.0, 255, 255), (1.0, 256, 255), (1.0, 65535, 255), (0.5, 101, 50),
    (0.5, 103, 52), (0.1, 26, 3), (10.0, 25, 250), (10.0, 26, 255), (0.0, 65535, 0)])
def test_infrared_is_scaled_rounded_and_clipped(factor, value, expected):
    out = np.full((2, 3), 77, np.uint8)
    infrared_to_mono8(np.full((2, 3), value, np.uint16), factor, out)
    assert (out == expected).all()


def test_no_image_is_allocated():
    depth = np.ones((576, 640), np.uint16)
    meters = np.zeros((576, 640), np.float32)
    mono = np.zeros((576, 640), np.uint8)
    to_meters = DepthToMeters(640, 576)

    def convert() -> None:
        to_meters.convert(depth, meters)
        infrared_to_mono8(depth, 1.0, mono)

    convert()
    tracemalloc.start()
    try:
        convert()
        # the smallest image here has 368 640 bytes
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()


def test_wrong_arguments_are_rejected():
    depth = np.ones((4, 3), np.uint16)
    to_meters = DepthToMeters(3, 4)
    with pytest.raises(ValueError, match='depth is int16'):
        to_meters.convert(depth.astype(np.int16), np.zeros((4, 3), np.float32))
    with pytest.raises(ValueError, match='out is float32'):
        to_meters.convert(depth, np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match='infrared is uint16'):
        infrared_to_mono8(depth, 1.0, np.zeros((3, 4), np.uint8))
    with pytest.raises(ValueError, match='contiguous'):
        infrared_to_mono8(depth, 1.0, np.zeros((4, 6), np.uint8)[:, ::2])
    for factor in (-1.0, float('nan')):
        with pytest.raises(ValueError, match='factor'):
            infrared_to_mono8(depth, factor, np.zeros((4, 3), np.uint8))
