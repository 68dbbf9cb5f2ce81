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

"""Wait for subscribers, so that they do not miss the start of a recording."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
import threading
import time

#: interval at which subscribers are counted
_POLL_S = 0.05
#: subscribers are complete when their number has not changed for this long
_SETTLE_S = 1.0
#: upper limit, beyond the delay, of the wait for the number to settle
_MAX_SETTLE_S = 5.0


def wait_for_subscribers(
    counts: Callable[[], Mapping[str, int]], delay_s: float, canceled: threading.Event,
) -> None:
    """
    Wait until there are subscribers and their number has settled.

    :param counts: returns the number of subscribers by topic.
    :param delay_s: maximum time to wait for the first subscriber; 0 returns at once.
    :param canceled: ends the wait when set.
    """
    start_s = changed_s = time.monotonic()
    previous = counts()
    while not canceled.wait(_POLL_S):
        now_s, current = time.monotonic(), counts()
        if current != previous:
            previous, changed_s = current, now_s
        subscribed = any(current.values())
        settled = subscribed and now_s - changed_s >= min(_SETTLE_S, delay_s)
        if settled or now_s - start_s >= delay_s + (_MAX_SETTLE_S if subscribed else 0.0):
            return
