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

"""A line on the terminal that shows how far a tool is."""

from __future__ import annotations

import contextlib
import os
import sys
import time

from k4a_ros.mkv.reader import RecordingReader

#: interval between two lines, seconds
_PERIOD_S = 0.2
_WIDTH = 30


class Progress(contextlib.AbstractContextManager['Progress']):
    """
    A progress bar on stderr, if that is a terminal; leaving the block ends its line.

    :param start_us: device time at the beginning, microseconds.
    :param end_us: device time at the end.
    """

    def __init__(self, start_us: int, end_us: int) -> None:
        self._start_us = start_us
        self._span_us = max(1, end_us - start_us)
        self._start_s = time.monotonic()
        self._next_s = self._start_s
        self._is_shown = False

    @classmethod
    def of_recording(cls, path: str) -> Progress:
        """
        Return the progress bar of a recording that is read from start to end.

        :raises RecordingError: it cannot be opened.
        """
        with RecordingReader(os.path.expanduser(path)) as reader:
            return cls(reader.start_us, reader.end_us)

    def update(self, device_us: int) -> None:
        """Show that the data at a device time, microseconds, has been processed."""
        now_s = time.monotonic()
        if now_s < self._next_s or not sys.stderr.isatty():
            return
        self._next_s = now_s + _PERIOD_S
        self._is_shown = True
        done_us = min(max(0, device_us - self._start_us), self._span_us)
        filled = _WIDTH * done_us // self._span_us
        speed = done_us / 1e6 / max(1e-3, now_s - self._start_s)
        bar = '#' * filled + '-' * (_WIDTH - filled)
        print(f'\r[{bar}] {100 * done_us // self._span_us:3}%  {done_us / 1e6:.1f} of '
              f'{self._span_us / 1e6:.1f} s, {speed:.1f} x real time ', end='', file=sys.stderr,
              flush=True)

    def __exit__(self, *_: object) -> None:
        """End the line."""
        if self._is_shown:
            print(file=sys.stderr)
