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

"""End a tool in the same way at Ctrl-C, SIGTERM and SIGHUP: what it writes is cleaned up."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import math
import signal
import time
from types import FrameType

#: exit code after a signal: that of a shell for SIGINT
INTERRUPTED = 130
#: time in which further signals are ignored: timeout and shells send two at once
_REPEAT_S = 1.0


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """
    Raise KeyboardInterrupt in the block when the process is to end; main thread only.

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
