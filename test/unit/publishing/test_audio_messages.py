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


"""Messages with sound, of both types."""

from __future__ import annotations

import sys
import types
from typing import Any

from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.publishing.audio_messages import audio_message
import numpy as np
import pytest
from sensor_msgs.msg import Image

SAMPLES = np.arange(-35, 35, dtype=np.int16).reshape(10, CHANNELS)


@pytest.mark.parametrize('sample_format, encoding, dtype, factor', [
    ('s16', '16SC1', np.int16, 1), ('f32', '32FC1', np.float32, 1 / 32768)])
def test_image_has_a_row_for_each_sample(sample_format, encoding, dtype, factor):
    kind, fill = audio_message(sample_format)
    message = fill(SAMPLES[:, :1] if sample_format == 'f32' else SAMPLES)
    assert kind is Image and message.encoding == encoding
    values = np.frombuffer(message.data, dtype).reshape(message.height, message.width)
    assert message.step == values.strides[0]
    assert np.array_equal(values, SAMPLES[:, :message.width] * np.array(factor, dtype))


def test_audio_stamped_of_audio_common_is_used_if_installed(monkeypatch: Any) -> None:
    class AudioStamped:

        def __init__(self) -> None:
            self.audio = types.SimpleNamespace(
                audio_data=types.SimpleNamespace(), info=types.SimpleNamespace())

    for name in ('audio_common_msgs', 'audio_common_msgs.msg'):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(
        sys.modules['audio_common_msgs.msg'], 'AudioStamped', AudioStamped, raising=False)
    kind, fill = audio_message('s16')
    message = fill(SAMPLES)
    assert kind is AudioStamped
    assert list(message.audio.audio_data.int16_data) == list(range(-35, 35))
    assert vars(message.audio.info) == {'format': 8, 'channels': 7, 'rate': 48000, 'chunk': 10}
