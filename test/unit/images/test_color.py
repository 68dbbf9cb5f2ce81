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

"""Every color format into every encoding."""

from __future__ import annotations

from dataclasses import replace
import weakref

import cv2
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.color import ColorConverter
from k4a_ros.images.color_cache import ColorCache
import numpy as np
import pytest

SIZE = (64, 48)


def picture() -> np.ndarray:
    """Return a smooth BGR picture, which survives subsampled chroma."""
    x, y = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    return np.stack([60 + 120 * x, 60 + 120 * y, 180 - 120 * x], axis=-1).astype(np.uint8)


def source(form: ColorFormat, bgr: np.ndarray | None = None) -> np.ndarray:
    bgr = picture() if bgr is None else bgr
    height, width = bgr.shape[:2]
    if form is ColorFormat.MJPG:
        return np.ravel(cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, 98])[1])
    if form is ColorFormat.BGRA32:
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA)
    planar = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
    luma = planar[:height]
    u, v = planar[height:].reshape(2, height // 2, width // 2)
    chroma = np.stack([u, v], axis=-1)
    if form is ColorFormat.NV12:
        return np.vstack([luma, chroma.reshape(-1, width)])
    return np.stack([luma, np.repeat(chroma.reshape(-1, width), 2, axis=0)], axis=-1)


@pytest.mark.parametrize('form', ColorFormat)
@pytest.mark.parametrize('encoding', ['bgra8', 'bgr8', 'rgb8'])
def test_colors_are_right(form: ColorFormat, encoding: str) -> None:
    converter = ColorConverter(form, SIZE, encoding)
    assert converter.encoding == encoding
    out = np.zeros(converter.shape, np.uint8)
    converter.into(source(form), out)
    expected = picture()[..., ::-1] if encoding == 'rgb8' else picture()
    np.testing.assert_allclose(out[..., :3].astype(int), expected.astype(int), atol=10)
    if encoding == 'bgra8':
        assert (out[..., 3] == 255).all()


@pytest.mark.parametrize(('form', 'encoding', 'shape'), [
    (ColorFormat.NV12, 'nv12', (72, 64)), (ColorFormat.YUY2, 'yuv422_yuy2', (48, 64, 2)),
    (ColorFormat.BGRA32, 'bgra8', (48, 64, 4)), (ColorFormat.MJPG, 'bgra8', (48, 64, 4))])
def test_native_passes_on_what_ros_has_a_name_for(form, encoding, shape) -> None:
    converter = ColorConverter(form, SIZE, 'native')
    assert (converter.encoding, converter.shape) == (encoding, shape)
    out = np.zeros(shape, np.uint8)
    converter.into(source(form), out)
    if form is not ColorFormat.MJPG:
        np.testing.assert_array_equal(out, source(form))


@pytest.mark.parametrize('with_simplejpeg', [True, False])
@pytest.mark.parametrize('encoding', ['bgra8', 'bgr8', 'rgb8'])
def test_jpeg_of_both_decoders(monkeypatch, with_simplejpeg: bool, encoding: str) -> None:
    monkeypatch.setattr('k4a_ros.images.color._HAS_SIMPLEJPEG', with_simplejpeg)
    converter = ColorConverter(ColorFormat.MJPG, SIZE, encoding)
    out = np.zeros(converter.shape, np.uint8)
    converter.into(source(ColorFormat.MJPG), out)
    expected = picture()[..., ::-1] if encoding == 'rgb8' else picture()
    np.testing.assert_allclose(out[..., :3].astype(int), expected.astype(int), atol=10)
    with pytest.raises(ValueError, match='64x48 came instead of 1280x720'):
        ColorConverter(ColorFormat.MJPG, (1280, 720), encoding).into(
            source(ColorFormat.MJPG), np.zeros((720, 1280, converter.shape[2]), np.uint8))
    with pytest.raises(ValueError):
        converter.into(np.frombuffer(b'this is no JPEG at all', np.uint8), out)


@pytest.mark.parametrize('form', ColorFormat)
@pytest.mark.parametrize('first', ['bgra8', 'bgr8', 'rgb8'])
def test_an_image_is_decoded_once_for_all_encodings(monkeypatch, form, first) -> None:
    encodings = sorted(('bgra8', 'bgr8', 'rgb8'), key=lambda encoding: encoding != first)
    config = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P)
    images = ColorCache(replace(config, color_format=form))
    made = [images.encoded(encoding) for encoding in encodings]
    rng = np.random.default_rng(7)
    decoded: list[str] = []
    convert = ColorConverter.into

    def into(converter: ColorConverter, data: np.ndarray, out: np.ndarray) -> None:
        decoded.append(converter.encoding)
        convert(converter, data, out)

    monkeypatch.setattr(ColorConverter, 'into', into)
    for _ in range(2):
        data = source(form, cv2.resize(
            rng.integers(0, 256, (90, 160, 3), np.uint8), (1280, 720)))
        capture = Capture(color=Image(data, 1))
        for encoding, converted in zip(encodings, made, strict=True):
            alone = np.zeros(converted.shape, np.uint8)
            convert(ColorConverter(form, (1280, 720), encoding), data, alone)
            assert (converted.of(capture) == alone).all()
            assert converted.of(capture) is converted.of(capture)
        gone = weakref.ref(capture)
        del capture
        assert gone() is None
    assert decoded == 2 * (encodings if form is ColorFormat.BGRA32 else [first])
