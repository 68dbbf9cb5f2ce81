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

"""
Random scenes of crowded rooms: people who touch furniture, walls and each other.

They sit in rows and at tables, stand side by side, lean on walls and stand at boards. Each scene
lasts two seconds, in which everyone sways a little.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
import math

import numpy as np
from support.people import scenes
from support.people.model import Clothes
from support.people.model import Posture
from support.people.model import STANDING
from support.people.render import Furniture
from support.people.render import Person
from support.people.render import Scene

#: frames of each scene, `scenes.PERIOD_S` apart, and those that pass before people must be found
FRAMES, UNSCORED_FRAMES = 30, 15
#: scenes of each kind
_SCENES = 3
_SWAY_M, _SWAY_DEGREES, _SWAY_S = 0.01, 2.0, 2.5
_SHAPES = ('man', 'woman', 'stout man', 'slim woman')
_STANDING = (STANDING, scenes.HAND_BEHIND, scenes.ARMS_CROSSED, scenes.WAVING)
_SEATED = (scenes.SITTING, scenes.AT_TABLE)


@dataclass(frozen=True)
class _Random:
    """Draws people and rooms."""

    generator: np.random.Generator

    def between(self, low: float, high: float) -> float:
        return float(self.generator.uniform(low, high))

    def one_of(self, values: tuple[Posture, ...]) -> Posture:
        return values[int(self.generator.integers(len(values)))]

    def person(self, x: float, z: float, posture: Posture, facing: float) -> Person:
        """Return a person of random shape, height and clothes."""
        shape = _SHAPES[int(self.generator.integers(len(_SHAPES)))]
        clothes = Clothes(
            shirt=self.between(0.2, 0.8), trousers=self.between(0.15, 0.6),
            hair=self.between(0.08, 0.3), long_sleeves=bool(self.generator.integers(2)))
        return Person((x, z), posture, shape, facing, self.between(1.55, 1.9), clothes)


def crowded_scenes(seed: int) -> Iterator[tuple[str, tuple[Scene, ...]]]:
    """Yield names and sequences of rendered scenes."""
    random = _Random(np.random.default_rng([seed, 3]))
    kinds: tuple[Callable[[_Random], Scene], ...] = (
        _row, _meeting, _side_by_side, _at_wall, _at_board)
    for kind in kinds:
        for number in range(_SCENES):
            scene = kind(random)
            name = kind.__name__.strip('_').replace('_', ' ')
            yield f'{name} {number + 1}', tuple(
                _swaying(scene, frame * scenes.PERIOD_S) for frame in range(FRAMES))


def _swaying(scene: Scene, time_s: float) -> Scene:
    """Return a scene in which everyone has swayed."""
    people = []
    for number, person in enumerate(scene.people):
        phase = math.sin(2 * math.pi * time_s / _SWAY_S + 2.0 * number)
        x, z = person.position
        people.append(replace(
            person, position=(x + _SWAY_M * phase, z),
            facing=person.facing + _SWAY_DEGREES * phase))
    return replace(scene, people=tuple(people))


def _room(random: _Random, *furniture: Furniture, wall: float = 3.9) -> Scene:
    """Return a room with furniture and without people."""
    return Scene((), furniture, random.between(1.1, 1.6), random.between(0.0, 8.0), wall)


def _row(random: _Random) -> Scene:
    """Return three people on chairs side by side, seen at an angle so that they overlap."""
    x, z = random.between(-0.75, -0.55), random.between(1.9, 2.3)
    pitch = random.between(0.55, 0.65)
    facing, angle = random.between(25, 60), random.between(15, 35)
    people, furniture = [], []
    for number in range(3):
        along = number * pitch
        place = (x + along * math.cos(math.radians(angle)),
                 z + along * math.sin(math.radians(angle)))
        people.append(random.person(*place, random.one_of(_SEATED), facing))
        furniture += scenes.chair(*place, 0.42)
    return replace(_room(random, *furniture), people=tuple(people))


def _meeting(random: _Random) -> Scene:
    """Return two people behind a table, and one who stands behind a free chair."""
    z = random.between(2.2, 2.5)
    left, right = random.between(-0.55, -0.35), random.between(0.25, 0.45)
    furniture = [*scenes.table(0.0, z - 0.52)]
    people = []
    for x in (left, right):
        people.append(random.person(x, z, scenes.AT_TABLE, random.between(-25, 25)))
        furniture += scenes.chair(x, z, 0.45)
    side = random.between(0.85, 1.0)
    furniture += scenes.chair(side, z + 0.1, 0.45)
    people.append(random.person(
        side, z + 0.55, random.one_of(_STANDING), random.between(-40, 40)))
    return replace(_room(random, *furniture), people=tuple(people))


def _side_by_side(random: _Random) -> Scene:
    """Return two or three people who stand shoulder to shoulder."""
    count = 2 + int(random.generator.integers(2))
    z, pitch = random.between(2.2, 2.8), random.between(0.42, 0.5)
    people = [
        random.person((number - (count - 1) / 2) * pitch, z + random.between(-0.08, 0.08),
                      STANDING, random.between(-30, 30))
        for number in range(count)]
    return replace(_room(random), people=tuple(people))


def _at_wall(random: _Random) -> Scene:
    """Return two people who lean on a wall, one of them beside a cabinet."""
    wall = random.between(2.6, 3.3)
    left, right = random.between(-0.7, -0.4), random.between(0.3, 0.6)
    people = (
        random.person(left, wall - random.between(0.15, 0.2), STANDING, random.between(-10, 10)),
        random.person(right, wall - random.between(0.15, 0.2), random.one_of(_STANDING[1:3]),
                      random.between(-10, 10)))
    cabinet = Furniture((right + 0.52, 0.6, wall - 0.25), (0.5, 1.2, 0.5), 0.5)
    return replace(_room(random, cabinet, wall=wall), people=people)


def _at_board(random: _Random) -> Scene:
    """Return a person at a board, turned away, and one on a chair before it."""
    x, z = random.between(0.1, 0.4), random.between(2.4, 2.9)
    board = Furniture((x + 0.35, 1.3, z + 0.28), (0.8, 1.1, 0.04), 0.7)
    leg = Furniture((x + 0.35, 0.4, z + 0.3), (0.05, 0.8, 0.05), 0.3)
    seat_x, seat_z = x - random.between(0.7, 0.9), z - random.between(0.1, 0.4)
    people = (
        random.person(x, z, scenes.WAVING, random.between(100, 150)),
        random.person(seat_x, seat_z, scenes.SITTING, random.between(20, 60)))
    return replace(
        _room(random, board, leg, *scenes.chair(seat_x, seat_z, 0.42)), people=people)
