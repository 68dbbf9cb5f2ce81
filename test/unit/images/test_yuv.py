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

"""Conversion of NV12 and YUY2: kernels and OpenCV, bit for bit."""

from __future__ import annotations

from k4a_ros.images import yuv
from k4a_ros.images.yuv import YuvConverter
import numpy as np
import pytest
from support.synthetic_capture import NEEDS_NUMBA
from support.time_limits import wait_for


def images(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return an NV12 and a YUY2 image of noise, with the extremes of all values."""
    width, height = size
    random = np.random.default_rng(width)
    values = np.array([0, 1, 16, 127, 128, 129, 235, 254, 255], np.uint8)
    return (random.choice(values, (height * 3 // 2, width)),
            random.integers(0, 256, (height, width, 2), np.uint8))


def converted(converter: YuvConverter, name: str, data: np.ndarray, channels: int) -> np.ndarray:
    width, height = converter._size
    out = np.zeros((height, width, channels), np.uint8)
    getattr(converter, f'convert_{name}')(data, out)
    return out


@NEEDS_NUMBA
@pytest.mark.parametrize('size', [(2, 2), (64, 46), (640, 360), (1280, 720)])
@pytest.mark.parametrize(('encoding', 'channels'), [('bgr8', 3), ('bgra8', 4), ('rgb8', 3)])
def test_kernels_equal_opencv(size, encoding, channels, monkeypatch) -> None:
    """Also if the rows are converted in parts."""
    monkeypatch.setattr(yuv, '_PLANES_BYTES', 1 << 17)
    kernels, opencv = (YuvConverter(size, encoding, compiled) for compiled in (True, False))
    for name, data in zip(('nv12', 'yuy2'), images(size), strict=True):
        np.testing.assert_array_equal(
            converted(kernels, name, data, channels), converted(opencv, name, data, channels))


@NEEDS_NUMBA
def test_every_combination_of_chroma_equals_opencv() -> None:
    """With dark, medium and bright luma."""
    v, u = np.mgrid[:256, :256].astype(np.uint8)
    for luma in (0, 100, 255):
        data = np.full((256, 512, 2), luma, np.uint8)
        data[:, ::2, 1], data[:, 1::2, 1] = u, v
        first, second = (
            converted(YuvConverter((512, 256), 'bgr8', compiled), 'yuy2', data, 3)
            for compiled in (True, False))
        np.testing.assert_array_equal(first, second)


def test_images_are_converted_while_kernels_are_loaded() -> None:
    converter = YuvConverter((64, 46), 'bgr8')
    data = images((64, 46))[0]
    first = converted(converter, 'nv12', data, 3)
    wait_for(converter._kernels.start, 'the kernels')
    np.testing.assert_array_equal(converted(converter, 'nv12', data, 3), first)
