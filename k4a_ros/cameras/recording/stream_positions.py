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

"""How far the streams of a recording have been released."""

from __future__ import annotations

from collections.abc import Iterable
import math


class StreamPositions:
    """
    The positions of several streams in a section; not thread-safe.

    The position of a stream is the timestamp before which all its items have been released.
    ``first`` is the name of the first stream.

    :param streams: names of the streams, at least one.
    :param start_us: timestamp at which the section starts, microseconds.
    """

    def __init__(self, streams: Iterable[str], start_us: float) -> None:
        self._positions: dict[str, float] = dict.fromkeys(streams, start_us)
        self._ended: set[str] = set()
        self.first = next(iter(self._positions))

    def __getitem__(self, stream: str) -> float:
        """Return the position of a stream."""
        return self._positions[stream]

    def restart(self, start_us: float) -> None:
        """Begin another section."""
        self._positions = dict.fromkeys(self._positions, start_us)
        self._ended.clear()

    def advance(self, stream: str, us: float) -> bool:
        """Move the position of a stream forward; return whether it has changed."""
        if us <= self._positions[stream]:
            return False
        self._positions[stream] = us
        return True

    def end(self, stream: str) -> None:
        """Note that a stream has no more items in this section."""
        self._ended.add(stream)

    def has_ended(self, stream: str) -> bool:
        """Return whether a stream has no more items in this section."""
        return stream in self._ended

    @property
    def all_ended(self) -> bool:
        """Return whether no stream has more items in this section."""
        return len(self._ended) == len(self._positions)

    @property
    def earliest_us(self) -> float:
        """Return the position of the stream that is behind the others."""
        return min(self._positions.values())

    def earliest_of_others_us(self, stream: str) -> float:
        """Return the position of the stream that is behind those but one; infinite for none."""
        return min((us for name, us in self._positions.items() if name != stream),
                   default=math.inf)
