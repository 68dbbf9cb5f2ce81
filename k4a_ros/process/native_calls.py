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

"""Native calls in progress, so that one that does not return can be named (no ROS)."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import time

#: After this long a native call is reported, and no thread waits for its end any more. Opening and
#: starting a camera take one to two seconds, and a USB transfer of the SDK times out after ten at
#: most, of which it reports an error; so this may pass in a camera that is in trouble, but works.
HUNG_S = 5.0


@dataclass(frozen=True, eq=False)
class PendingCall:
    """A native call in progress; ``since_s`` is the monotonic time at which it began."""

    name: str
    since_s: float

    def age_s(self) -> float:
        """Return how long the call has been in progress, seconds."""
        return time.monotonic() - self.since_s

    def __str__(self) -> str:
        """Return what is known, as a sentence: 'k4a_device_open has not returned for 7 s'."""
        return f'{self.name} has not returned for {self.age_s():.0f} s'


class NativeCalls:
    """The native calls of a process that talk to hardware; thread-safe."""

    def __init__(self) -> None:
        # Adding, deleting and listing are atomic in Python, so no lock can be held by a hung call.
        self._pending: dict[PendingCall, None] = {}

    @contextlib.contextmanager
    def running(self, name: str) -> Iterator[None]:
        """Register a native call for the duration of the block."""
        call = PendingCall(name, time.monotonic())
        self._pending[call] = None
        try:
            yield
        finally:
            del self._pending[call]

    def oldest(self) -> PendingCall | None:
        """Return the call that has been in progress for longest; None if there is none."""
        return min(list(self._pending), key=lambda call: call.since_s, default=None)

    def hung(self, limit_s: float = HUNG_S) -> PendingCall | None:
        """Return the oldest call if it has been in progress for longer than the limit."""
        call = self.oldest()
        return call if call is not None and call.age_s() > limit_s else None


#: of this process
NATIVE_CALLS = NativeCalls()
