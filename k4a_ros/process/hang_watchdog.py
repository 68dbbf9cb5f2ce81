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

"""Report native calls that hang, and end the process if one does not return (no ROS)."""

from __future__ import annotations

from collections.abc import Callable
import os
import sys
import threading
import time

from k4a_ros.errors import CameraError
from k4a_ros.process.native_calls import NativeCalls
from k4a_ros.process.native_calls import PendingCall
from k4a_ros.process.shared_memory import remove_own_files
from k4a_ros.process.shutdown import Shutdown

#: Age of a call at which the process ends: its thread cannot be interrupted, so the camera cannot
#: be opened again in this process.
_END_S = 20.0
#: time from the request to end, or from the decision, until the process is ended by force
_FORCE_S = 10.0
_POLL_S = 0.25


class HangWatchdog:
    """
    Watches native calls from a thread of its own, which needs neither the camera nor an executor.

    :param report: called once for each call that hangs, with a sentence.
    :param end: called with the error when the process is to end because of a call.
    :param force: called with a sentence before the process is ended by force with code 1, because
        it still runs long after it was told to end.
    """

    def __init__(
        self, calls: NativeCalls, shutdown: Shutdown, report: Callable[[str], object],
        end: Callable[[CameraError], None], force: Callable[[str], object],
    ) -> None:
        self._calls = calls
        self._shutdown = shutdown
        self._report = report
        self._end = end
        self._force = force
        self._stopped = threading.Event()
        self._reported: PendingCall | None = None
        self._ended: PendingCall | None = None
        self._due_s: float | None = None
        self._thread = threading.Thread(target=self._run, name='watchdog', daemon=True)

    def start(self) -> None:
        """Start watching; may be called once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_POLL_S):
            self._check()

    def _check(self) -> None:
        if self._due_s is None and self._shutdown.is_due():
            self._due_s = time.monotonic()
        call = self._calls.hung()
        if call is None:
            return
        if call is not self._reported:
            self._reported = call
            self._report(f'The camera hangs: {call}; check its cable and its power supply')
        if call.age_s() > _END_S and call is not self._ended:
            self._ended = call
            self._end(CameraError(
                f'the camera hangs: {call}, and cannot be interrupted; plug the camera in again, '
                'and start the driver again'))
        if self._due_s is not None and time.monotonic() - self._due_s > _FORCE_S:
            self._force(f'Ending the process by force, because {call}')
            sys.stdout.flush()
            sys.stderr.flush()
            remove_own_files()
            os._exit(1)
