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


"""The microphones of the simulated camera: what it hears in its scene, in real time."""

from __future__ import annotations

from collections.abc import Callable
import random
import threading

from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.source import AudioBlock
from k4a_ros.audio.source import AudioSource
from k4a_ros.cameras.simulated.hardware import HostTime
from k4a_ros.errors import AudioError
from k4a_ros.errors import ReadTimeout
from k4a_ros.simulation.sound import Ears
import numpy as np

#: samples of a block: 20 ms
_BLOCK = RATE // 50
#: blocks that are delivered as one if the reader is late
_MAX_BLOCKS = 25
#: blocks that wait for their reader before the oldest are lost: 10 s, as with PortAudio
_QUEUE = 500
#: latency of a block, which libraries of audio know, and mean and maximum of what is added to it
#: at random
_LATENCY_NS, _MEAN_JITTER_S, _MAX_JITTER_S = 3_000_000, 0.001, 0.010


class SimulatedMicrophones(AudioSource):
    """
    Microphones with a clock of their own, as in the camera, where they are another USB device.

    :param ears: hears the scene.
    :param scene_s: returns the time in the scene at a host time in nanoseconds, seconds.
    :param drift_ppm: by how much their clock is faster than that of the host.
    """

    def __init__(
        self, ears: Ears, scene_s: Callable[[int], float], *, drift_ppm: float = 0.0,
        seed: int = 0, time: HostTime | None = None,
    ) -> None:
        self.name = 'the simulated microphones'
        self._ears = ears
        self._scene_s = scene_s
        self._rate = RATE * (1 + drift_ppm * 1e-6)
        self._random = random.Random(seed)
        self._time = time or HostTime()
        self._changed = threading.Condition()
        self._begin_ns = self._time.now_ns()
        self._next = 0
        self._closed = False

    def host_ns(self, sample: int) -> int:
        """Return the host time at which a sample was taken, nanoseconds."""
        return self._begin_ns + round(sample * 1e9 / self._rate)

    def read(self, timeout: float) -> AudioBlock:
        """Return the next block when it has arrived; raises as `AudioSource.read`."""
        deadline = self._time.now_ns() + int(timeout * 1e9)
        with self._changed:
            arrived = int((self._time.now_ns() - _LATENCY_NS - self._begin_ns)
                          * 1e-9 * self._rate) // _BLOCK
            begin = max(self._next, arrived - _QUEUE)
            end = max(begin + 1, min(arrived, begin + _MAX_BLOCKS))
            jitter_s = min(self._random.expovariate(1 / _MEAN_JITTER_S), _MAX_JITTER_S)
            due = self.host_ns(end * _BLOCK) + _LATENCY_NS + int(jitter_s * 1e9)
            while (now := self._time.now_ns()) < due:
                if self._closed:
                    break
                if now >= deadline:
                    raise ReadTimeout('no sound arrived from the simulated microphones in time')
                self._time.wait(self._changed, (min(due, deadline) - now) * 1e-9)
            if self._closed:
                raise AudioError('the simulated microphones are closed')
            self._next = end
        first, count = begin * _BLOCK, (end - begin) * _BLOCK
        times = np.linspace(
            self._scene_s(self.host_ns(first)), self._scene_s(self.host_ns(first + count)),
            count, endpoint=False, dtype=np.float64)
        return AudioBlock(first, self._ears.hear(first, times), due - _LATENCY_NS)

    def close(self) -> None:
        """Close the microphones, and wake a thread that waits in `read`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
