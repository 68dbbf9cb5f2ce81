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

"""Positions of the streams of a recording."""

from __future__ import annotations

import math

from k4a_ros.cameras.recording.stream_positions import StreamPositions


def test_positions_only_advance() -> None:
    positions = StreamPositions(['captures', 'imu'], 100)
    assert positions.first == 'captures'
    assert positions.advance('imu', 300)
    assert not positions.advance('imu', 200)
    assert (positions['captures'], positions['imu']) == (100, 300)
    assert positions.earliest_us == 100
    assert positions.earliest_of_others_us('captures') == 300


def test_single_stream_waits_for_no_other() -> None:
    assert StreamPositions(['imu'], 0).earliest_of_others_us('imu') == math.inf


def test_all_have_ended_until_the_next_section() -> None:
    positions = StreamPositions(['captures', 'imu'], 100)
    positions.end('imu')
    assert positions.has_ended('imu') and not positions.all_ended
    positions.end('captures')
    assert positions.all_ended
    positions.restart(50)
    assert not positions.has_ended('imu')
    assert positions.earliest_us == 50
