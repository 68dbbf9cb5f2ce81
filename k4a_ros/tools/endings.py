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

"""How tools end: after an error with a sentence, and at a signal without leaving anything."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import math
import signal
import sys
import time
from types import FrameType

from k4a_ros.errors import K4aRosError

#: exit code after a signal: that of a shell for SIGINT
INTERRUPTED = 130
#: time in which further signals are ignored: timeout and shells send two at once
_REPEAT_S = 1.0


def run_tool(name: str, run: Callable[[], int], left: str = '') -> int:
    """
    Run what a tool does, and return its exit code; main thread only.

    That is 1 after a K4aRosError, and 130 after KeyboardInterrupt, which SIGINT, SIGTERM and
    SIGHUP raise, so that what is being written is cleaned up.

    :param name: of the tool; its messages begin with it.
    :param run: returns the exit code.
    :param left: how things are after a signal.
    """
    try:
        with _ended_by_signals():
            return run()
    except K4aRosError as error:
        print(f'{name}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'{name}: interrupted{left}', file=sys.stderr)
        return INTERRUPTED


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """
    Raise KeyboardInterrupt in the block when the process is to end.

    A signal that follows within a second is ignored: it would interrupt what the first one does.
    """
    last_s = -math.inf

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last_s
        if time.monotonic() > last_s + _REPEAT_S:
            last_s = time.monotonic()
            raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
