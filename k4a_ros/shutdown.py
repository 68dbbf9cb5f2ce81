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

"""When the node is to end, and how much it may still do then (no ROS, no signals)."""

from __future__ import annotations

import threading

#: Seconds after which the main thread looks whether a signal has come that did not wake it.
_LOOK = 0.25


class Shutdown:
    """
    Two ways to the end: somebody wants it now, or there is nothing left to do.

    ``requested`` is set by the first only: whoever waits for something gives up then.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self._due = threading.Event()

    def request(self) -> None:
        """End now; may be called by a signal handler."""
        self.requested.set()
        self._due.set()

    def complete(self) -> None:
        """End, because the work is done or cannot go on."""
        self._due.set()

    def wait(self) -> None:
        """
        Wait for either; in the main thread, so that signals can be handled meanwhile.

        A signal may be taken by any thread of the process, those of the middleware too. Python
        runs its handler in the main thread, but does not wake that one for it if it was another
        that took it (about one time in thirty on a busy machine): so it wakes up by itself.
        """
        while not self._due.wait(_LOOK):
            pass
