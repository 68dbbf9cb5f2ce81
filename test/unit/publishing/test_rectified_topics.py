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

"""Rectified depth in both units."""

from __future__ import annotations

from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.depth_codec import decompress
from k4a_ros.publishing.options import TopicOptions
import numpy as np
from support.rendered import pixels
from support.rendered import RenderedTopics
from support.synthetic_capture import NOMINAL
from support.synthetic_capture import SMALL
from support.synthetic_capture import SyntheticCapture


def test_meters_are_not_rounded_to_millimeters() -> None:
    scene = SyntheticCapture(*SMALL)
    config = CameraConfig.of_modes(SMALL[0], ColorResolution.OFF)
    messages: dict[str, Any] = {}
    for unit in ('16UC1', '32FC1'):
        topics = RenderedTopics(
            NOMINAL, config, TopicOptions(depth_unit=unit),
            {'depth_rect/image_rect', 'depth_rect/image_rect/compressedDepth'})
        messages[unit] = topics.render(Capture(Image(scene.depth, 1), Image(scene.infrared, 1)))
    whole = pixels(messages['16UC1']['depth_rect/image_rect'])
    message = messages['32FC1']['depth_rect/image_rect']
    assert message.encoding == '32FC1' and message.step == 4 * message.width
    meters = np.frombuffer(bytes(message.data), np.float32).reshape(whole.shape)
    np.testing.assert_array_equal(np.isnan(meters), whole == 0)
    millimeters = 1000 * meters[whole > 0].astype(np.float64)
    assert np.abs(millimeters - whole[whole > 0]).max() < 0.501
    assert (np.abs(millimeters - np.rint(millimeters)) > 0.01).mean() > 0.5
    # which has whole millimeters in both units
    for unit in messages:
        compressed = messages[unit]['depth_rect/image_rect/compressedDepth']
        np.testing.assert_array_equal(
            decompress(bytes(compressed.data), compressed.format), whole)
