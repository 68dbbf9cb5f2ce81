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

"""Conversion of every color format to every encoding."""

from __future__ import annotations

import cv2
from k4a_ros.camera_config import ColorFormat
from k4a_ros.images.color import ColorConverter
from k4a_ros.images.color import encode_jpeg
import numpy as np
import pytest
from support.color_images import encode
from support.color_images import smooth_picture

SIZE = (64, 48)
PICTURE = smooth_picture(SIZE)


@pytest.mark.parametrize('form', ColorFormat)
@pytest.mark.parametrize('encoding', ['bgra8', 'bgr8', 'rgb8'])
def test_colors_are_converted(form: ColorFormat, encoding: str) -> None:
    converter = ColorConverter(form, SIZE, encoding)
    assert converter.encoding == encoding
    out = np.zeros(converter.shape, np.uint8)
    converter.convert(encode(form, PICTURE), out)
    expected = PICTURE[..., ::-1] if encoding == 'rgb8' else PICTURE
    np.testing.assert_allclose(out[..., :3].astype(int), expected.astype(int), atol=10)
    if encoding == 'bgra8':
        assert (out[..., 3] == 255).all()


@pytest.mark.parametrize('with_simplejpeg', [True, False])
@pytest.mark.parametrize('encoding', ['bgra8', 'bgr8', 'rgb8'])
@pytest.mark.parametrize('colorspace', ['GRAY', 'CMYK'])
def test_jpeg_of_another_color_space_is_converted(
    monkeypatch, with_simplejpeg: bool, encoding: str, colorspace: str,
) -> None:
    """No camera delivers one, but a recording may contain it. CMYK is inverted, as by Adobe."""
    simplejpeg = pytest.importorskip('simplejpeg')
    pixel = {'GRAY': (80,), 'CMYK': (200, 100, 50, 255)}[colorspace]
    data = np.frombuffer(simplejpeg.encode_jpeg(
        np.full((48, 64, len(pixel)), pixel, np.uint8), 95, colorspace,
        'Gray' if colorspace == 'GRAY' else '444'), np.uint8)
    monkeypatch.setattr('k4a_ros.images.color._HAS_SIMPLEJPEG', with_simplejpeg)
    converter = ColorConverter(ColorFormat.MJPG, SIZE, encoding)
    out = np.zeros(converter.shape, np.uint8)
    converter.convert(data, out)
    red, green, blue = pixel[:3] if colorspace == 'CMYK' else pixel * 3
    expected = (red, green, blue) if encoding == 'rgb8' else (blue, green, red)
    np.testing.assert_allclose(
        out[..., :3].astype(int), np.broadcast_to(expected, (48, 64, 3)), atol=2)


@pytest.mark.parametrize('form', [ColorFormat.NV12, ColorFormat.YUY2])
@pytest.mark.parametrize('encoding', ['bgra8', 'bgr8', 'rgb8'])
def test_yuv_has_the_full_range_of_bt601(form: ColorFormat, encoding: str) -> None:
    """As the hardware specification says: 0 and 255 are black and white, nothing is clipped."""
    gray = np.repeat(np.arange(256, dtype=np.uint8), 8).reshape(32, 64)
    pictures = [np.repeat(gray[..., np.newaxis], 3, axis=-1)]
    for color in ((0, 0, 255), (0, 255, 0), (255, 0, 0), (10, 20, 5), (250, 245, 252)):
        pictures.append(np.full((32, 64, 3), color, np.uint8))
    converter = ColorConverter(form, (64, 32), encoding)
    out = np.empty(converter.shape, np.uint8)
    for picture in pictures:
        data = encode(form, picture)
        data.setflags(write=False)
        converter.convert(data, out)
        expected = picture[..., ::-1] if encoding == 'rgb8' else picture
        np.testing.assert_allclose(out[..., :3].astype(int), expected.astype(int), atol=2)


@pytest.mark.parametrize(('form', 'encoding', 'shape'), [
    (ColorFormat.NV12, 'nv12', (72, 64)), (ColorFormat.YUY2, 'yuv422_yuy2', (48, 64, 2)),
    (ColorFormat.BGRA32, 'bgra8', (48, 64, 4)), (ColorFormat.MJPG, 'bgra8', (48, 64, 4))])
def test_native_keeps_formats_with_a_ros_encoding(form, encoding, shape) -> None:
    converter = ColorConverter(form, SIZE, 'native')
    assert (converter.encoding, converter.shape) == (encoding, shape)
    out = np.zeros(shape, np.uint8)
    converter.convert(encode(form, PICTURE), out)
    if form is not ColorFormat.MJPG:
        np.testing.assert_array_equal(out, encode(form, PICTURE))


@pytest.mark.parametrize('with_simplejpeg', [True, False])
@pytest.mark.parametrize('encoding', ['bgra8', 'bgr8', 'rgb8', 'mono8'])
def test_jpeg_is_encoded_with_and_without_simplejpeg(
    monkeypatch, with_simplejpeg: bool, encoding: str,
) -> None:
    monkeypatch.setattr('k4a_ros.images.color._HAS_SIMPLEJPEG', with_simplejpeg)
    codes = {'bgra8': cv2.COLOR_BGR2BGRA, 'rgb8': cv2.COLOR_BGR2RGB, 'mono8': cv2.COLOR_BGR2GRAY}
    image = cv2.cvtColor(PICTURE, codes[encoding]) if encoding in codes else PICTURE
    decoded = cv2.imdecode(encode_jpeg(image, 95, encoding), cv2.IMREAD_UNCHANGED)
    expected = image if encoding == 'mono8' else PICTURE
    np.testing.assert_allclose(decoded.astype(int), expected.astype(int), atol=10)


@pytest.mark.parametrize('with_simplejpeg', [True, False])
@pytest.mark.parametrize('encoding', ['bgra8', 'bgr8', 'rgb8'])
def test_jpeg_is_decoded_with_and_without_simplejpeg(
    monkeypatch, with_simplejpeg: bool, encoding: str,
) -> None:
    monkeypatch.setattr('k4a_ros.images.color._HAS_SIMPLEJPEG', with_simplejpeg)
    converter = ColorConverter(ColorFormat.MJPG, SIZE, encoding)
    out = np.zeros(converter.shape, np.uint8)
    converter.convert(encode(ColorFormat.MJPG, PICTURE), out)
    expected = PICTURE[..., ::-1] if encoding == 'rgb8' else PICTURE
    np.testing.assert_allclose(out[..., :3].astype(int), expected.astype(int), atol=10)
    with pytest.raises(ValueError, match='64x48, expected 1280x720'):
        ColorConverter(ColorFormat.MJPG, (1280, 720), encoding).convert(
            encode(ColorFormat.MJPG, PICTURE),
            np.zeros((720, 1280, converter.shape[2]), np.uint8))
    with pytest.raises(ValueError):
        converter.convert(np.frombuffer(b'this is not a JPEG', np.uint8), out)
