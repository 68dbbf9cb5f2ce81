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


def describe_playback(playback: Playback, stamper: Stamper) -> dict[str, str]:
    """
    Return the position and, once it is known, its range in ROS time, for diagnostics.

    :param stamper: maps positions to ROS time.
    """
    position_us, (first_us, last_us) = playback.position().us, playback.range_us
    result = {'playback position (s)': (
        f'{(position_us - first_us) / 1e6:.3f} of {(last_us - first_us) / 1e6:.3f}')}
    if stamper.maps_playback:
        result['playback range (ROS time)'] = ' to '.join(
            time_text(stamper.playback_ns(us)) for us in (first_us, last_us))
    return result
