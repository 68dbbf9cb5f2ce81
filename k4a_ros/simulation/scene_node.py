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

"""Typed access to the values of a scene file, with errors that name file, line and key."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
import difflib
import math
from typing import Any
from typing import NoReturn
from typing import TypeVar

from k4a_ros.errors import SceneError
from k4a_ros.simulation.scene_limits import MAX_SHAPES
from k4a_ros.simulation.shapes import Vector
import yaml

#: bounds of coordinates and sizes, meters
MAX_DISTANCE_M = 1000.0
MIN_SIZE_M = 0.001
#: bounds of times and periods, seconds
MAX_TIME_S = 86400.0
MIN_PERIOD_S = 0.05

T = TypeVar('T')


@dataclass(frozen=True)
class SceneNode:
    """
    A YAML node of a scene file.

    ``key`` is the path of keys that leads to it, such as 'shapes[3].box.size'.
    """

    value: Any
    file: str
    key: str

    def refuse(self, problem: str) -> NoReturn:
        """
        Reject the value.

        :param problem: continues the sentence that begins with the key.
        :raises SceneError: always.
        """
        raise SceneError(
            f'cannot use the scene {self.file}, line {self.value.start_mark.line + 1}: '
            f'{self.key or "the file"} {problem}; correct it, docs/simulation.md describes the '
            'format')

    def mapping(self, *allowed: str) -> SceneMapping:
        """
        Return the value as a mapping.

        :param allowed: keys that it may have; none: any.
        """
        if not isinstance(self.value, yaml.MappingNode):
            self.refuse('is not a mapping of keys to values')
        members: dict[str, SceneNode] = {}
        for key, value in self.value.value:
            key_node = replace(self, value=key)
            if not isinstance(key, yaml.ScalarNode):
                key_node.refuse('has a key that is not a string')
            if allowed and key.value not in allowed:
                near = difflib.get_close_matches(key.value, allowed, n=1, cutoff=0.6)
                hint = f' (did you mean {near[0]}?)' if near else ''
                key_node.refuse(f'has an unknown key {key.value!r}{hint}, allowed are '
                                + ', '.join(allowed))
            if key.value in members:
                key_node.refuse(f'has the key {key.value!r} twice')
            members[key.value] = replace(
                self, value=value, key=f'{self.key}.{key.value}'.lstrip('.'))
        return SceneMapping(self, members)

    def items(self) -> list[SceneNode]:
        """Return the items of a list."""
        if not isinstance(self.value, yaml.SequenceNode):
            self.refuse('is not a list')
        if len(self.value.value) > MAX_SHAPES:
            self.refuse(f'has more than {MAX_SHAPES} items')
        return [replace(self, value=item, key=f'{self.key}[{i}]')
                for i, item in enumerate(self.value.value)]

    def text(self) -> str:
        """Return the value as a string, which must not be blank."""
        if not isinstance(self.value, yaml.ScalarNode) or not self.value.value.strip():
            self.refuse('is not a string, or is blank')
        return str(self.value.value)

    def choice(self, choices: Collection[str]) -> str:
        """Return the value as one of some words."""
        word = self.text()
        if word not in choices:
            near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
            hint = f' (did you mean {near[0]}?)' if near else ''
            self.refuse(f'is {word!r}{hint}; it must be one of {", ".join(choices)}')
        return word

    def number(
        self, minimum: float = -MAX_DISTANCE_M, maximum: float = MAX_DISTANCE_M,
    ) -> float:
        """Return the value as a number within bounds."""
        try:
            if not isinstance(self.value, yaml.ScalarNode):
                raise ValueError
            number = float(self.value.value)
        except ValueError:
            self.refuse('is not a number')
        if not minimum <= number <= maximum:
            self.refuse(f'is {number:g}; it must be between {minimum:g} and {maximum:g}')
        return number

    def vector(
        self, minimum: float = -MAX_DISTANCE_M, maximum: float = MAX_DISTANCE_M,
    ) -> Vector:
        """Return the value as three numbers within bounds."""
        items = self.items()
        if len(items) != 3:
            self.refuse(f'has {len(items)} numbers instead of 3')
        x, y, z = (item.number(minimum, maximum) for item in items)
        return x, y, z

    def size(self) -> float:
        """Return the value as a positive length, meters."""
        return self.number(MIN_SIZE_M)

    def angle(self) -> float:
        """Return the value, degrees, as an angle in radians."""
        return math.radians(self.number(-3600, 3600))

    def period(self) -> float:
        """Return the value as a positive duration, seconds."""
        return self.number(MIN_PERIOD_S, MAX_TIME_S)

    def time(self) -> float:
        """Return the value as a time, seconds."""
        return self.number(-MAX_TIME_S, MAX_TIME_S)


class SceneMapping(Mapping[str, SceneNode]):
    """The members of a mapping by key; a missing key is an error in the file."""

    def __init__(self, node: SceneNode, members: dict[str, SceneNode]) -> None:
        self._node = node
        self._members = members

    def __getitem__(self, key: str) -> SceneNode:
        """Return a required member."""
        if key not in self._members:
            self._node.refuse(f'lacks the key {key!r}')
        return self._members[key]

    def __contains__(self, key: object) -> bool:
        """Return whether there is a member."""
        return key in self._members

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys in the order of the file."""
        return iter(self._members)

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self._members)

    def read(self, key: str, read: Callable[[SceneNode], T], default: T) -> T:
        """Return what ``read`` makes of an optional member, or the default without it."""
        return read(self._members[key]) if key in self._members else default
