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

"""Positions in a recording as text, in ROS time."""

from __future__ import annotations

from k4a_ros.cameras.playback import Playback
from k4a_ros.streaming.stamper import Stamper

NS = 1_000_000_000


def time_text(ros_ns: int) -> str:
    """Return a ROS time in seconds with all its digits."""
    return f'{ros_ns // NS}.{ros_ns % NS:09d}'


def playback_range_ns(playback: Playback, stamper: Stamper) -> tuple[int, int]:
    """Return the ROS times of the range of a recording that is not played with its own stamps."""
    position_us, (first_us, last_us) = playback.position().us, playback.range_us
    return (stamper.playback_ns(first_us, position_us),
            stamper.playback_ns(last_us, position_us))


def describe_playback(playback: Playback, stamper: Stamper) -> dict[str, str]:
    """
    Return the position and, once it is known, its range in ROS time, for diagnostics.

    :param stamper: maps positions to ROS time.
    """
    position_us, (first_us, last_us) = playback.position().us, playback.range_us
    range_ns = playback.ros_range_ns()
    if range_ns is None and stamper.maps_playback:
        range_ns = playback_range_ns(playback, stamper)
    result = {'playback position (s)': (
        f'{(position_us - first_us) / 1e6:.3f} of {(last_us - first_us) / 1e6:.3f}')}
    if range_ns is not None:
        result['playback range (ROS time)'] = ' to '.join(map(time_text, range_ns))
    return result
