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

"""The common time line of recordings that were made together."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.errors import RecordingError
from k4a_ros.mkv.together import common_timeline
import pytest
from support.recordings import write_recording


def test_timeline_contains_all_recordings(tmp_path: Path) -> None:
    for name, count, start_us in (('a', 30, 1_000_000), ('b', 33, 1_300_160)):
        write_recording(tmp_path / f'{name}.mkv', count=count, start_us=start_us)
    found = common_timeline([str(tmp_path / 'a.mkv'), str(tmp_path / 'b.mkv')])
    assert found.start_s == pytest.approx(1.0)
    # the last IMU sample of the second one, and one frame period
    assert found.period_s == pytest.approx(0.3 + 33 / 30 + 1 / 30, abs=1e-3)


def test_recordings_of_other_times_are_rejected(tmp_path: Path) -> None:
    for name, start_us in (('a', 1_000_000), ('b', 90_000_000)):
        write_recording(tmp_path / f'{name}.mkv', start_us=start_us)
    with pytest.raises(RecordingError, match=r'b.mkv and .*a.mkv were not made together: one '
                       r'starts at the device time 90.000 s, the other ends at 1\.1'):
        common_timeline([str(tmp_path / 'a.mkv'), str(tmp_path / 'b.mkv')])
