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

"""When the node is to end, and how much it may still do then (no ROS)."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Shutdown:
    """
    Two ways to the end: somebody wants it now, or there is nothing left to do.

    ``requested`` is set by the first only: whoever waits for something gives up then.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self._due = threading.Event()

    def install_signal_handlers(self) -> None:
        """
        Take SIGINT and SIGTERM as requests; once, in main.

        Nothing of Python's runs in a handler: it would run between any two steps of the main
        thread, and wait for ever for a lock that the main thread holds just then. The interpreter
        writes the number of a signal into a pipe, whichever thread takes it, and a thread that
        reads the pipe makes the request.
        """
        heard, told = os.pipe()
        os.set_blocking(told, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, _left_to_the_pipe)
        threading.Thread(target=self._hear, args=[heard], name='signals', daemon=True).start()

    @staticmethod
    def ignore_signals() -> None:
        """
        Take no signal any more, at the end of main.

        While Python tidies up it gives each signal back its default, which is to kill the process,
        except those that are ignored.
        """
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def _hear(self, pipe: int) -> None:
        while not set(os.read(pipe, 64)).intersection(SIGNALS):
            pass  # a signal that somebody else handles
        self.request()

    def request(self) -> None:
        """End now; not to be called by a signal handler."""
        self.requested.set()
        self._due.set()

    def finish(self) -> None:
        """End, because the work is done or cannot go on."""
        self._due.set()

    def wait(self) -> None:
        """Wait for either."""
        self._due.wait()


def _left_to_the_pipe(number: int, frame: FrameType | None) -> None:
    pass
