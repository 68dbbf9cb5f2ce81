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

"""Which items of a recording may be released while playback is paused."""

from __future__ import annotations

import math


class PausedSteps:
    """
    The steps that playback may take while it is paused; not thread-safe.

    ``remaining`` is the number of items of the first stream that may be released, negative for
    all; ``sought`` is whether the one that was sought may be. ``shown_us`` is the timestamp up to
    which the other streams follow. ``taken`` counts the steps.
    """

    def __init__(self) -> None:
        """Allow no step."""
        self.taken = 0
        self.clear()

    def clear(self) -> None:
        """Allow no step, of any stream."""
        self.cancel()
        self.shown_us = -math.inf

    def cancel(self) -> None:
        """Allow no step of the first stream any more."""
        self.remaining, self.sought = 0, False

    def take(self) -> bool:
        """Take one step of the first stream; return whether there is one."""
        if self.sought:
            self.sought = False
        elif self.remaining:
            self.remaining -= 1
            self.taken += 1
        else:
            return False
        return True
