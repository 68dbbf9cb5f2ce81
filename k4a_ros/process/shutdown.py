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

"""Process shutdown: signals and graceful termination (no ROS)."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

from k4a_ros.process.garbage import collect_all
from k4a_ros.process.shared_memory import remove_own_files

#: a closed terminal sends SIGHUP
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: A signal within this time of the first one belongs to it: Ctrl+C in a terminal is received by
#: the driver and by ros2 launch, which passes it on.
_SAME_SIGNAL_S = 0.5
_STDERR = 2


class Shutdown:
    """
    Lets the main thread wait for one of two reasons to end: a request, or the end of the work.

    ``requested`` is only set by a request (a signal): threads that wait for something then abort.
    While ``immediate`` is true, a signal ends the process at once, because there is nothing to
    tidy up yet.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.immediate = False
        self._due = threading.Event()

    def install_signal_handlers(self) -> None:
        """
        Handle SIGINT, SIGTERM and SIGHUP as requests; call this once, in main.

        A second signal ends the process at once. SIGHUP stays ignored if it is, as by nohup.

        A Python signal handler runs between any two instructions of the main thread, and would
        deadlock on a lock that the main thread holds. Therefore the handlers do nothing: the
        interpreter writes each signal number into a pipe, whichever thread receives the signal,
        and a thread that reads the pipe makes the request.
        """
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in SIGNALS:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            signal.signal(number, _do_nothing)
        threading.Thread(
            target=self._read_signals, args=[read_end], name='signals', daemon=True).start()

    def _read_signals(self, read_end: int) -> None:
        first_s: float | None = None
        while True:
            for number in os.read(read_end, 64):
                if number not in SIGNALS:
                    continue  # a signal with a handler of its own
                if first_s is None:
                    first_s = time.monotonic()
                    self.request()
                    if self.immediate:
                        os._exit(0)
                elif time.monotonic() - first_s > _SAME_SIGNAL_S:
                    _exit_at_once(number)

    def request(self) -> None:
        """Request to end now; must not be called from a signal handler."""
        self.requested.set()
        self._due.set()

    def finish(self) -> None:
        """End because the work is done or cannot continue."""
        self._due.set()

    def is_due(self) -> bool:
        """Return whether `request` or `finish` has been called."""
        return self._due.is_set()

    def wait(self) -> None:
        """Wait until `request` or `finish` has been called."""
        self._due.wait()


def end_process(code: int) -> NoReturn:
    """
    End the process at the end of main, without finalizing Python.

    Python clears every module one by one then, deaf to signals, which takes longer on a busy
    machine than the five seconds that launch grants. ROS must have been shut down: all that is
    left is memory that the middleware shares, and releases with the last reference to a node.
    """
    collect_all()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, AttributeError):  # closed terminal; no stream at all
            stream.flush()
    os._exit(code)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    pass


def _exit_at_once(number: int) -> None:
    name = signal.Signals(number).name
    with contextlib.suppress(OSError):
        os.write(_STDERR, f'k4a_driver: ended at once by a second signal, {name}\n'.encode())
    remove_own_files()
    os._exit(128 + number)
