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

"""What playback consists of: sections of the file, one after the other, and an end."""

from __future__ import annotations

import enum
from typing import NamedTuple
from typing import Protocol
from typing import TypeVar


class AtEnd(enum.Enum):
    """What to do when all streams have reached the end of the file, unless it is looped."""

    EXIT = 'exit'
    PAUSE = 'pause'


class Section(NamedTuple):
    """
    The part of the recording to read next: the file from a timestamp on.

    ``from_us`` is the timestamp in the file, microseconds, and ``shift_us`` is added to all
    timestamps of the section.
    """

    number: int
    from_us: int
    shift_us: int


class Timed(Protocol):
    """An item of a stream."""

    @property
    def device_us(self) -> int:
        """Return its timestamp, microseconds."""


T_co = TypeVar('T_co', bound=Timed, covariant=True)


class SectionItems(Protocol[T_co]):
    """The items of one stream, which are released one by one."""

    def peek(self, section: Section) -> T_co | None:
        """Return the next item of a section; None at its end."""

    def pop(self) -> None:
        """Go on to the item after the one that `peek` has returned."""


class Sought(Exception):
    """Another section has begun: what was read before must not be released."""
