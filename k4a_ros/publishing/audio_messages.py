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

"""
Messages with sound: audio_common_msgs/AudioStamped if it is installed, else sensor_msgs/Image.

AudioStamped is that of ROS's package audio_common. Of the types that come with ROS, Image is the
only one that holds a stamped matrix of numbers which every tool records, shows and converts to an
array: its rows are the samples, its columns the channels, its encoding 16SC1 or 32FC1.
"""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.source import Samples
import numpy as np
from sensor_msgs.msg import Image

#: value of ``format`` in audio_common_msgs/AudioInfo: PortAudio's paFloat32 and paInt16
_PORTAUDIO_FORMATS = {'s16': 8, 'f32': 1}

#: returns a message without header for samples (N, channels)
Fill = Callable[[Samples], Any]


def audio_message(sample_format: str, *, standard: bool = False) -> tuple[Any, Fill]:
    """
    Return the type of the messages, and a function that makes one.

    :param sample_format: 's16', or 'f32' from -1 to 1.
    :param standard: use a type that comes with ROS, whatever is installed.
    """
    if standard:
        return Image, lambda samples: _image(samples, sample_format)
    try:
        from audio_common_msgs.msg import AudioStamped
    except ImportError:
        return audio_message(sample_format, standard=True)
    return AudioStamped, lambda samples: _audio_stamped(AudioStamped(), samples, sample_format)


def _image(samples: Samples, sample_format: str) -> Image:
    values = _convert(samples, sample_format)
    message = Image(
        height=values.shape[0], width=values.shape[1], step=values.strides[0],
        encoding='16SC1' if sample_format == 's16' else '32FC1')
    message.data = array.array('B', values.tobytes())
    return message


def _audio_stamped(message: Any, samples: Samples, sample_format: str) -> Any:
    values = _convert(samples, sample_format)
    data = message.audio.audio_data
    if sample_format == 's16':
        data.int16_data = array.array('h', values.tobytes())
    else:
        data.float32_data = array.array('f', values.tobytes())
    info = message.audio.info
    info.format = _PORTAUDIO_FORMATS[sample_format]
    info.channels, info.rate, info.chunk = samples.shape[1], RATE, len(samples)
    return message


def _convert(samples: Samples, sample_format: str) -> Any:
    if sample_format == 's16':
        return np.ascontiguousarray(samples)
    return np.ascontiguousarray(samples, np.float32) / np.float32(32768)
