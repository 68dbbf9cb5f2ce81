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

"""compressedDepth, against an independent encoder and values computed by hand."""

from __future__ import annotations

import struct

import cv2
from k4a_ros.images.depth_codec import decompress
from k4a_ros.images.depth_codec import DepthCompressor
import numpy as np
import pytest
from support.synthetic_capture import COMPILED


def reference_rvl(depth: np.ndarray) -> bytes:
    """Encode RVL number by number, as Wilson's paper describes it."""
    nibbles: list[int] = []

    def write(number: int) -> None:
        while number > 7:
            nibbles.append(8 | (number & 7))
            number >>= 3
        nibbles.append(number)

    pixels, previous = depth.ravel().tolist(), 0
    while pixels:
        zeros = next((n for n, pixel in enumerate(pixels) if pixel), len(pixels))
        pixels = pixels[zeros:]
        values = next((n for n, pixel in enumerate(pixels) if not pixel), len(pixels))
        write(zeros)
        write(values)
        for pixel in pixels[:values]:
            delta, previous = pixel - previous, pixel
            write(2 * delta if delta >= 0 else -2 * delta - 1)
        pixels = pixels[values:]
    nibbles += [0] * (-len(nibbles) % 8)
    text = ''.join(f'{nibble:x}' for nibble in nibbles)
    return b''.join(
        int(text[n:n + 8], 16).to_bytes(4, 'little') for n in range(0, len(text), 8))


def images() -> list[np.ndarray]:
    """Return images with short and long runs, and with small and large differences."""
    rng = np.random.default_rng(3)
    results = [np.zeros((1, 1), np.uint16), np.full((1, 1), 65535, np.uint16),
               np.zeros((300, 400), np.uint16), np.full((300, 400), 1, np.uint16)]
    for most in (5, 300, 65536):
        for share in (0.0, 0.03, 0.5, 0.97):
            image = rng.integers(0, most, (23, 31)).astype(np.uint16)
            image[rng.random(image.shape) < share] = 0
            results.append(image)
    # alternating between the largest and the smallest value
    steps = np.full((20, 20), 1, np.uint16)
    steps[:, ::2] = 65535
    return [*results, steps]


@pytest.mark.parametrize('compiled', COMPILED)
@pytest.mark.parametrize('image', images(), ids=lambda image: f'{image.shape}')
def test_rvl_matches_the_reference_and_is_lossless(image, compiled):
    compressor = DepthCompressor(image.shape[::-1], 'rvl', compiled=compiled)
    data = compressor.compress(image).tobytes()
    assert compressor.format == '16UC1; compressedDepth rvl'
    assert data[:12] == struct.pack('<iff', 0, 0.0, 0.0)
    assert data[12:20] == struct.pack('<II', *image.shape[::-1])
    assert data[20:] == reference_rvl(image)
    restored = decompress(data, compressor.format, compiled=compiled)
    assert restored.dtype == np.uint16 and (restored == image).all()


def test_rvl_matches_bytes_encoded_by_hand():
    # no zeros: 0; two values: 2; +3 is 6; -1 is 1; one zero: 1; one value: 1; 8 - 2 = +6 is 12,
    # which takes two nibbles: 4 with the continuation bit, and 1
    data = DepthCompressor((4, 1), 'rvl').compress(np.array([[3, 2, 0, 8]], np.uint16))
    assert data[20:].tobytes() == bytes.fromhex('026111c1')[::-1]


@pytest.mark.parametrize('image', images()[2:], ids=lambda image: f'{image.shape}')
def test_png_has_16_bits_and_is_lossless(image):
    compressor = DepthCompressor(image.shape[::-1], 'png')
    data = compressor.compress(image)
    assert compressor.format == '16UC1; compressedDepth png'
    assert data[:12].tobytes() == struct.pack('<iff', 0, 0.0, 0.0)
    assert (cv2.imdecode(data[12:], cv2.IMREAD_UNCHANGED) == image).all()
    assert (decompress(data, compressor.format) == image).all()
    assert (decompress(data, '16UC1; compressedDepth') == image).all()


@pytest.mark.parametrize('codec', ['png', 'rvl'])
def test_meters_are_quantized_as_inverse_depth(codec):
    depth = np.linspace(0.2, 9.9, 640 * 4, dtype=np.float32).reshape(4, 640)
    depth[0, :3] = np.nan, 12.0, np.inf
    compressor = DepthCompressor((640, 4), codec, encoding='32FC1')
    data = compressor.compress(depth)
    assert compressor.format == f'32FC1; compressedDepth {codec}'
    # 100 * 101 and 1 - 10100 / 10
    assert data[:12].tobytes() == struct.pack('<iff', 0, 10100.0, -1009.0)
    restored = decompress(data, compressor.format)
    assert restored.dtype == np.float32
    assert np.isnan(restored[0, :3]).all()
    valid = restored[~np.isnan(restored)]
    assert valid.size == depth.size - 3
    truth = depth[~np.isnan(restored)]
    assert (np.abs(valid - truth) <= truth ** 2 / 10100 * 1.02).all()


def test_compressor_handles_images_of_varying_compressed_size():
    small, large = (np.random.default_rng(4).integers(0, most, (40, 50)).astype(np.uint16)
                    for most in (2, 65536))
    for codec in ('png', 'rvl'):
        compressor = DepthCompressor((50, 40), codec)
        for image in (small, large, small):
            data = compressor.compress(image)
            assert (decompress(data, compressor.format) == image).all()


@pytest.mark.parametrize('compiled', COMPILED)
def test_corrupt_data_is_rejected(compiled):
    image = np.random.default_rng(5).integers(0, 4000, (30, 40)).astype(np.uint16)
    compressor = DepthCompressor((40, 30), 'rvl', compiled=compiled)
    data = compressor.compress(image).copy()
    for broken in (data[:-8], data[:21], np.concatenate((data[:20], data[20:] | 0x88))):
        with pytest.raises(ValueError, match='not an image of 40x30'):
            decompress(broken, compressor.format, compiled=compiled)
    huge = data.copy()
    huge[12:20] = 255
    with pytest.raises(ValueError, match='corrupt: its size'):
        decompress(huge, compressor.format, compiled=compiled)
    with pytest.raises(ValueError, match='too short'):
        decompress(data[:15], compressor.format, compiled=compiled)
    with pytest.raises(ValueError, match='too short'):
        decompress(data[:12], compressor.format, compiled=compiled)
    with pytest.raises(ValueError, match='not a 16-bit PNG'):
        decompress(data, '16UC1; compressedDepth png')
    with pytest.raises(ValueError, match='format'):
        decompress(data, '16UC1; compressedDepth zstd')


def test_wrong_arguments_are_rejected():
    with pytest.raises(ValueError, match='codec'):
        DepthCompressor((4, 4), 'jpeg')
    with pytest.raises(ValueError, match='encoding'):
        DepthCompressor((4, 4), 'png', encoding='mono16')
    with pytest.raises(ValueError, match='png_level'):
        DepthCompressor((4, 4), 'png', png_level=10)
    with pytest.raises(ValueError, match=r'depth is float32 .*, expected uint16'):
        DepthCompressor((4, 4), 'png').compress(np.zeros((4, 4), np.float32))
    with pytest.raises(ValueError, match='depth is not C-contiguous'):
        DepthCompressor((4, 4), 'png').compress(np.zeros((4, 8), np.uint16)[:, ::2])
