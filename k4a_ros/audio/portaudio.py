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


"""Microphones of a camera through PortAudio, with the package sounddevice."""

from __future__ import annotations

from collections import deque
import importlib
import threading
import time
from typing import Any

from k4a_ros.audio.cards import card_of
from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.source import AudioBlock
from k4a_ros.audio.source import AudioSource
from k4a_ros.errors import AudioError
from k4a_ros.errors import ReadTimeout

#: samples of a block: 20 ms
_BLOCK = RATE // 50
#: blocks that wait for their reader before the oldest are lost: 10 s
_QUEUE = 500
#: a block that begins later than expected by more than this follows a loss, seconds
_MAX_JITTER_S = 0.005
_INSTALL = 'install it with "pip install sounddevice" and "sudo apt install libportaudio2"'


class PortAudioMicrophones(AudioSource):
    """
    An input device of PortAudio.

    :param device: number or name of the device.
    :param name: description for the log.
    :raises AudioError: the package is missing, or the device cannot be opened.
    """

    def __init__(self, device: int | str, name: str) -> None:
        self.name = name
        self._changed = threading.Condition()
        self._blocks: deque[AudioBlock] = deque(maxlen=_QUEUE)
        self._next = 0
        self._expected_s = 0.0  # stream time of the next block
        self._closed = False
        sounddevice = _sounddevice()
        try:
            self._stream = sounddevice.InputStream(
                device=device, channels=CHANNELS, samplerate=RATE, dtype='int16',
                blocksize=_BLOCK, callback=self._arrived)
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise AudioError(
                f'cannot open {name}: {error}; close other programs that use them, or plug the '
                'camera in again') from error

    @classmethod
    def of_camera(cls, serial: str) -> PortAudioMicrophones:
        """
        Open the microphones of a camera.

        :param serial: its serial number.
        :raises AudioError: they are not connected, or cannot be opened.
        """
        card = card_of(serial)
        if card is None:
            raise AudioError(
                f'no sound card is that of camera {serial}: "cat /proc/asound/cards" must list an '
                'Azure Kinect Microphone Array; plug in the USB cable again')
        number = next((index for index, device in enumerate(_sounddevice().query_devices())
                       if f'(hw:{card.number},' in device['name']), None)
        if number is None:
            raise AudioError(
                f'PortAudio does not list sound card {card.number}, that of camera {serial}: '
                'close other programs that use it, such as PulseAudio or PipeWire')
        return cls(number, f'the microphones of camera {serial}, sound card {card.number}')

    def _arrived(self, samples: Any, count: int, times: Any, status: Any) -> None:
        """Take a block; called by a thread of PortAudio."""
        now_ns = time.monotonic_ns()
        begin_s = times.inputBufferAdcTime
        late_s = begin_s - self._expected_s if self._next else 0.0
        if late_s > _MAX_JITTER_S and status.input_overflow:
            self._next += round(late_s * RATE)
        self._expected_s = begin_s + count / RATE
        age_s = times.currentTime - self._expected_s
        block = AudioBlock(self._next, samples.copy(), now_ns - int(max(age_s, 0.0) * 1e9))
        self._next = block.end
        with self._changed:
            self._blocks.append(block)
            self._changed.notify()

    def read(self, timeout: float) -> AudioBlock:
        """Return the next block; raises as `AudioSource.read`."""
        with self._changed:
            self._changed.wait_for(lambda: self._blocks or self._closed, timeout)
            if self._closed:
                raise AudioError(f'{self.name} are closed')
            if self._blocks:
                return self._blocks.popleft()
        if not self._stream.active:
            raise AudioError(f'{self.name} have stopped: they were unplugged')
        raise ReadTimeout(f'no sound arrived from {self.name} in time')

    def close(self) -> None:
        """Close the device, and wake a thread that waits in `read`."""
        with self._changed:
            was_closed, self._closed = self._closed, True
            self._changed.notify_all()
        if not was_closed:
            self._stream.close()


def _sounddevice() -> Any:
    """
    Import the package sounddevice.

    :raises AudioError: it, or the library PortAudio, is not installed.
    """
    try:
        return importlib.import_module('sounddevice')
    except (ImportError, OSError) as error:
        raise AudioError(f'the microphones need the package sounddevice ({error}): {_INSTALL}'
                         ) from error
