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

"""The cache decodes a color image once, and derives all encodings from it."""

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
from support.color_images import encode


@pytest.mark.parametrize('form', ColorFormat)
@pytest.mark.parametrize('first', ['bgra8', 'bgr8', 'rgb8'])
def test_image_is_decoded_once_for_all_encodings(monkeypatch, form, first) -> None:
    encodings = sorted(('bgra8', 'bgr8', 'rgb8'), key=lambda encoding: encoding != first)
    config = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P)
    cache = ColorCache(replace(config, color_format=form))
    images = [cache.in_encoding(encoding) for encoding in encodings]
    rng = np.random.default_rng(7)
    decoded: list[str] = []
    convert = ColorConverter.convert

    def recording_convert(converter: ColorConverter, data: np.ndarray, out: np.ndarray) -> None:
        decoded.append(converter.encoding)
        convert(converter, data, out)

    monkeypatch.setattr(ColorConverter, 'convert', recording_convert)
    for _ in range(2):
        noise = cv2.resize(rng.integers(0, 256, (90, 160, 3), np.uint8), (1280, 720))
        data = encode(form, noise)
        capture = Capture(color=Image(data, 1))
        for encoding, image in zip(encodings, images, strict=True):
            expected = np.zeros(image.shape, np.uint8)
            convert(ColorConverter(form, (1280, 720), encoding), data, expected)
            assert (image.get(capture) == expected).all()
            assert image.get(capture) is image.get(capture)
        reference = weakref.ref(capture)
        del capture
        assert reference() is None
    # BGRA images are converted to each encoding directly
    assert decoded == 2 * (encodings if form is ColorFormat.BGRA32 else [first])
