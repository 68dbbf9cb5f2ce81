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

"""The common time line of recordings that were made together, by cameras on a sync cable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader


class CommonTimeline(NamedTuple):
    """
    The time line of recordings whose device clocks agree.

    ``start_s``: device time of the first data in any of them, seconds. ``period_s``: time from the
    start of a pass to that of the next one which is long enough for each of them, seconds.
    """

    start_s: float
    period_s: float


def common_timeline(paths: Sequence[str]) -> CommonTimeline:
    """
    Return the common time line of recordings.

    :raises RecordingError: one of them cannot be opened, or their times do not overlap, so that
        they were not made at the same time, or not with a sync cable.
    """
    readers = []
    for path in paths:
        with RecordingReader(path) as reader:
            readers.append(reader)
    start_us, end_us = min(r.start_us for r in readers), max(r.end_us for r in readers)
    latest = max(readers, key=lambda r: r.start_us)
    earliest = min(readers, key=lambda r: r.end_us)
    if latest.start_us > earliest.end_us:
        raise RecordingError(
            f'{latest.path} and {earliest.path} were not made together: one starts at the device '
            f'time {latest.start_us / 1e6:.3f} s, the other ends at {earliest.end_us / 1e6:.3f} s')
    period_us = max(reader.config.period_us for reader in readers)
    return CommonTimeline(start_us / 1e6, (end_us - start_us + period_us) / 1e6)
