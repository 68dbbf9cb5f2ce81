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

"""Watch each stream of a live camera, and say when one should be restarted (no ROS)."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
import time

from k4a_ros.camera_config import CameraConfig

IMU = 'IMU'
#: additional time for the first data: the depth engine starts, and auto exposure settles
STARTUP_S = 4.0
#: Minimum silence, and minimum number of frame periods, after which a stream is reported while
#: another one delivers. Longer than the silence after which the whole camera is considered lost.
_SILENCE_S, _SILENCE_FRAMES = 3.0, 30
#: Time from the report of a silent stream to its first restart. The IMU restarts alone, images
#: only with the whole camera, which interrupts streams that work: those get more time.
_IMU_RESTART_S, _IMAGE_RESTART_S = 0.0, 7.0
#: factor between consecutive pauses between restarts that did not help, first and longest pause
_BACKOFF = 2.0
_IMU_PAUSE_S, _MAX_IMU_PAUSE_S = 1.0, 30.0
_IMAGE_PAUSE_S, _MAX_IMAGE_PAUSE_S = 20.0, 600.0


@dataclass
class _Stream:
    """One stream: when data came last, and, while it is silent, when to restart it next."""

    last_s: float
    problem: str = ''
    restart_s: float = 0.0
    pause_s: float = 0.0


class StreamWatch:
    """
    Watches the streams of a camera over all its sessions.

    Data of a stream and checks of it come from the same thread, other streams from others.

    :param on_problem: called with the name of a stream and why it has failed, '' once it delivers
        again; from the thread of the stream.
    """

    def __init__(self, on_problem: Callable[[str, str], None]) -> None:
        self._on_problem = on_problem
        self._streams: dict[str, _Stream] = {}
        self._limit_s = _SILENCE_S

    @property
    def problems(self) -> Mapping[str, str]:
        """Return why streams have failed, by name, of those that have."""
        return {name: stream.problem for name, stream in list(self._streams.items())
                if stream.problem}

    def begin(self, config: CameraConfig) -> None:
        """Begin a session; streams that failed before are still failing until they deliver."""
        expected = {name for name, streams in (
            ('depth', config.depth), ('infrared', config.ir), ('color', config.color),
            (IMU, config.imu)) if streams}
        now_s = time.monotonic()
        self._limit_s = max(_SILENCE_S, _SILENCE_FRAMES / config.fps)
        previous, self._streams = self._streams, {}
        for name in expected:
            stream = previous.get(name) or _Stream(0.0)
            stream.last_s = now_s + STARTUP_S
            if name == IMU:  # it restarts with the camera
                stream.restart_s = stream.last_s + self._limit_s
            else:  # the restart has just been tried
                stream.restart_s = max(stream.restart_s, stream.last_s + self._limit_s)
            self._streams[name] = stream

    def arrived(self, name: str) -> None:
        """Note that a stream delivers."""
        stream = self._streams.get(name)
        if stream is None:
            return
        stream.last_s = time.monotonic()
        if stream.problem:
            stream.problem, stream.pause_s = '', 0.0
            self._on_problem(name, '')

    def fail(self, name: str, reason: str) -> None:
        """Note that a stream has failed with an error."""
        stream = self._streams.get(name)
        if stream is None or stream.problem == reason:
            return
        if not stream.problem:
            stream.restart_s = time.monotonic() + _restart_delay_s(name)
        stream.problem = reason
        self._on_problem(name, reason)

    def check(self, name: str) -> bool:
        """
        Check how long a stream has been silent; report it if that is too long.

        :return: whether to restart it now; each restart that does not help doubles the pause.
        """
        stream = self._streams.get(name)
        if stream is None:
            return False
        now_s = time.monotonic()
        silence_s = now_s - stream.last_s
        if not stream.problem and silence_s > self._limit_s:
            what = 'samples' if name == IMU else 'images'
            self.fail(name, f'no {what} received for {self._limit_s:g} s')
        if not stream.problem or now_s < stream.restart_s:
            return False
        first_s, longest_s = ((_IMU_PAUSE_S, _MAX_IMU_PAUSE_S) if name == IMU
                              else (_IMAGE_PAUSE_S, _MAX_IMAGE_PAUSE_S))
        stream.pause_s = min(stream.pause_s * _BACKOFF or first_s, longest_s)
        stream.restart_s = now_s + stream.pause_s
        return True


def _restart_delay_s(name: str) -> float:
    return _IMU_RESTART_S if name == IMU else _IMAGE_RESTART_S
