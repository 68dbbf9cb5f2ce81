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

They sit in rows and at tables, stand side by side, lean on walls and stand at boards; a child
stands with an adult, two people are 4 to 5 m away, six are in two rows, and one walks behind a
screen that hides the person for a second. Each scene lasts two seconds, that one three and a half.
Everyone sways a little.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
import math
from typing import TypeVar

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation import scene as simulated
from k4a_ros.simulation.clothes import BOTTOMS
from k4a_ros.simulation.clothes import Clothes as SimulatedClothes
from k4a_ros.simulation.clothes import HAIR
from k4a_ros.simulation.clothes import TOPS
from k4a_ros.simulation.person import Person as SimulatedPerson
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.shapes import Shape
from k4a_ros.simulation.skeleton import SEAT_SHARE
from k4a_ros.simulation.skeleton import TABLE_SHARE
from k4a_ros.simulation.skeleton import WALL_SHARE
import numpy as np
from support.people import clothes
from support.people import scenes
from support.people.clothes import Clothes
from support.people.contact import overlap
from support.people.model import Posture
from support.people.model import STANDING
from support.people.model import walking_posture
from support.people.render import Furniture
from support.people.render import Person
from support.people.render import Scene

#: frames of each scene, `scenes.PERIOD_S` apart, and those that pass before people must be found
FRAMES, UNSCORED_FRAMES = 30, 15
#: frames of the scenes in which somebody is hidden for a second
_HIDDEN_FRAMES = 52
#: scenes of each kind
_SCENES = 3
_SWAY_M, _SWAY_DEGREES, _SWAY_S = 0.01, 2.0, 2.5
_WALL, _CHAIR = Material((0.8, 0.8, 0.8)), Material((0.35, 0.35, 0.35))
_SHAPES = ('man', 'woman', 'stout man', 'slim woman')
#: by how much those who touch may press into each other, meters
_TOUCH_M = 0.03
_AROUND_M = 0.08
_TABLE_SIZE = (1.6, 0.04, 0.6)
#: reflectivities in infrared, from and to: of brown, black and blond hair; of cloth that most dyes
#: leave bright, and of cloth that absorbs infrared
_HAIR = ((0.15, 0.3), (0.03, 0.08), (0.4, 0.6))
_BRIGHT_CLOTH, _DARK_CLOTH = (0.2, 0.85), (0.03, 0.06)
#: most have none
_HATS = ('cap', 'hood', *['none'] * 5)
_STANDING = (STANDING, scenes.HAND_BEHIND, scenes.ARMS_CROSSED, scenes.WAVING)
_SEATED = (scenes.SITTING, scenes.AT_TABLE)
_Value = TypeVar('_Value')


@dataclass(frozen=True)
class _Random:
    """Draws people and rooms."""

    generator: np.random.Generator

    def between(self, low: float, high: float) -> float:
        return float(self.generator.uniform(low, high))

    def one_of(self, values: Sequence[_Value]) -> _Value:
        return values[int(self.generator.integers(len(values)))]

    def cloth(self) -> float:
        """Return the reflectivity of cloth, of which one in five absorbs infrared."""
        return self.between(*(_DARK_CLOTH if self.between(0, 1) < 0.2 else _BRIGHT_CLOTH))

    def person(
        self, x: float, z: float, posture: Posture, facing: float,
        heights: tuple[float, float] = (1.55, 1.9),
    ) -> Person:
        """Return a person of random shape, height and clothes."""
        shape = self.one_of(_SHAPES)
        worn = Clothes(
            shirt=self.between(0.2, 0.8), trousers=self.between(0.15, 0.6),
            hair=self.between(0.08, 0.3), long_sleeves=bool(self.generator.integers(2)))
        return Person((x, z), posture, shape, facing, self.between(*heights), worn)


class _RandomDressed(_Random):
    """Draws people whose clothes, hair and hats change the outline."""

    def person(
        self, x: float, z: float, posture: Posture, facing: float,
        heights: tuple[float, float] = (1.55, 1.9),
    ) -> Person:
        """Return a person of random shape, height and clothes."""
        person = super().person(x, z, posture, facing, heights)
        bottoms = clothes.BOTTOMS if 'woman' in person.shape else clothes.BOTTOMS[:2]
        return replace(person, clothes=replace(
            person.clothes, top=self.one_of(clothes.TOPS), bottom=self.one_of(bottoms),
            haircut=self.one_of(clothes.HAIR), hat=self.one_of(_HATS),
            hair=self.between(*self.one_of(_HAIR)), shirt=self.cloth(), trousers=self.cloth(),
            cap=self.cloth(), features=True))


def crowded_scenes(seed: int) -> Iterator[tuple[str, tuple[Scene, ...]]]:
    """Yield names and sequences of rendered scenes."""
    random = _Random(np.random.default_rng([seed, 3]))
    for kind in (
            _row, _meeting, _side_by_side, _at_wall, _at_board, _with_child, _far_away, _six):
        for number in range(_SCENES):
            yield f'{_name(kind)} {number + 1}', _sequence(kind(random))
    for number in range(_SCENES):
        yield f'hidden {number + 1}', _hidden(random)


def dressed_crowds(seed: int) -> Iterator[tuple[str, tuple[Scene, ...]]]:
    """Yield names and sequences of rendered scenes, of people in clothes."""
    random = _RandomDressed(np.random.default_rng([seed, 6]))
    for kind in (_row, _meeting, _side_by_side, _at_wall, _with_child, _six):
        for number in range(2):
            yield f'dressed {_name(kind)} {number + 1}', _sequence(kind(random))


def simulated_scenes(
    seed: int, room: simulated.Scene,
) -> Iterator[tuple[str, simulated.Scene]]:
    """
    Yield names and scenes of simulated people in a room with a floor at y = 1.1.

    Three or four sit side by side and touch, behind a table or not, one stands at a wall behind
    them, and a child before it.
    """
    random = _Random(np.random.default_rng([seed, 4]))
    for number in range(_SCENES):
        yield f'seated {number + 1}', _seated(random, room)


def dressed_scenes(
    seed: int, room: simulated.Scene,
) -> Iterator[tuple[str, simulated.Scene]]:
    """
    Yield names and scenes of the people of `simulated_scenes` in clothes.

    Those at a table have the forearms on it, who stands at the wall leans on it, and the first has
    an arm around the neighbor. One of five tops and bottoms absorbs infrared.
    """
    random = _Random(np.random.default_rng([seed, 4]))
    dressing = _Random(np.random.default_rng([seed, 5]))
    for number in range(_SCENES):
        yield f'dressed {number + 1}', _seated(random, room, dressing)


def _clothes(random: _Random) -> SimulatedClothes:
    """Return random clothes and materials."""
    def matt(low: float, high: float) -> Material:
        return Material(infrared=random.between(low, high))

    def cloth() -> Material:
        return Material(infrared=random.cloth())

    return SimulatedClothes(
        random.one_of(TOPS), random.one_of(BOTTOMS), random.one_of(HAIR), random.one_of(_HATS),
        {'skin': matt(0.45, 0.65), 'hair': matt(*random.one_of(_HAIR)),
         'top': cloth(), 'bottom': cloth(), 'hat': cloth()})


def _seated(
    random: _Random, room: simulated.Scene, dressing: _Random | None = None,
) -> simulated.Scene:
    """Return people on chairs, at a table in every other scene, and two who stand."""
    floor, z, wall = 1.1, random.between(2.1, 2.3), random.between(3.1, 3.3)
    pitch = random.between(0.5, 0.58)
    count = 3 + int(random.generator.integers(2))
    heights, turns = zip(*(
        (random.between(1.55, 1.9), random.between(-0.5, 0.5)) for _ in range(count)), strict=True)
    child_gap, child_height = random.between(0.0, 0.1), random.between(1.05, 1.3)
    child_turn, aside = random.between(-0.5, 0.5), random.between(-0.2, 0.2)
    tall, tall_turn = random.between(1.75, 1.9), random.between(-0.2, 0.2)
    at_table = bool(random.generator.integers(2))
    if at_table and dressing is not None:
        # with seats as high as theirs, people of the same height reach one table
        heights = tuple(1.7 + 0.3 * (height - 1.7) for height in heights)
    outfits = [SimulatedClothes() if dressing is None else _clothes(dressing)
               for _ in range(count + 2)]

    def people(pitch: float, turned: float) -> list[SimulatedPerson]:
        """Return everybody, by the distance between seats and the share of all turns."""
        places = []
        for place, (height, turn) in enumerate(zip(heights, turns, strict=True)):
            posture = 'at table' if at_table and dressing is not None else 'sitting'
            places.append((f'seated {place}', (place - (count - 1) / 2) * pitch, z, height,
                           turn * turned, posture))
        places.append(('child', -count / 2 * pitch - child_gap, z + 0.2, child_height, child_turn,
                       'standing'))
        behind, posture = (0.14, 'standing') if dressing is None else (
            WALL_SHARE * tall, 'leaning')
        places.append(('at wall', aside + pitch / 2, wall - behind, tall, tall_turn, posture))
        return [SimulatedPerson(
            name, ((x, z),), floor, height, heading=math.pi + turn, posture=posture, clothes=worn,
            arm_around=int(dressing is not None and name == 'seated 0'))
            for (name, x, z, height, turn, posture), worn in zip(places, outfits, strict=True)]

    # clothes and hands touch, but people do not pass through each other; an arm that lies on the
    # shoulders of a neighbor presses a little into them
    turned = 1.0
    placed = people(pitch, turned)
    while overlap([replace(person, arm_around=0) for person in placed]) > _TOUCH_M:
        pitch, turned = pitch + 0.01, 0.9 * turned
        placed = people(pitch, turned)
    if overlap(placed) > _AROUND_M:
        # the arm would pass through the neighbor's head
        placed[0] = replace(placed[0], arm_around=0)
    shapes: list[Shape] = [Plane((0, 0, wall), (0, 0, -1), _WALL)]

    def add_box(size: tuple[float, float, float], center: tuple[float, float, float]) -> None:
        shapes.append(Box(size, RigidTransform(np.eye(3), np.array(center)), _CHAIR))

    for person in placed[:count]:
        (x, _), top = person.path[0], floor - SEAT_SHARE * person.height
        add_box((0.42, 0.04, 0.42), (x, top + 0.02, z))
        add_box((0.42, 0.5, 0.04), (x, top - 0.24, z + 0.25))
    if at_table:
        height = 0.74 if dressing is None else TABLE_SHARE * min(heights) - _TABLE_SIZE[1] / 2
        add_box(_TABLE_SIZE, (0.0, floor - height, z - 0.5))
    return replace(room, shapes=(*room.shapes, *shapes), persons=tuple(placed))


def _name(kind: Callable[[_Random], Scene]) -> str:
    return kind.__name__.strip('_').replace('_', ' ')


def _sequence(scene: Scene) -> tuple[Scene, ...]:
    return tuple(_swaying(scene, frame * scenes.PERIOD_S) for frame in range(FRAMES))


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


def _with_child(random: _Random) -> Scene:
    """Return a child who stands close to an adult, and one who sits."""
    x, z = random.between(-0.4, 0.1), random.between(2.0, 2.6)
    side = 1 if random.generator.integers(2) else -1
    seat_x = x - side * random.between(0.7, 0.85)
    people = (
        random.person(x, z, random.one_of(_STANDING), random.between(-30, 30)),
        random.person(x + side * random.between(0.36, 0.42), z - random.between(0.1, 0.25),
                      STANDING, random.between(-30, 30), (1.05, 1.35)),
        random.person(seat_x, z, scenes.SITTING, random.between(-30, 30), (1.3, 1.45)))
    return replace(_room(random, Furniture((seat_x, 0.15, z), (0.4, 0.3, 0.4))), people=people)


def _far_away(random: _Random) -> Scene:
    """Return two people 4 to 5 m away who touch, and one in front of them."""
    x, z = random.between(-0.9, 0.3), random.between(4.0, 4.9)
    people = (
        random.person(x, z, random.one_of(_STANDING), random.between(-40, 40)),
        random.person(x + random.between(0.45, 0.6), z, STANDING, random.between(-40, 40)),
        random.person(x + 1.2, random.between(2.6, 3.0), STANDING, random.between(-40, 40)))
    return replace(_room(random, wall=5.6), people=people)


def _six(random: _Random) -> Scene:
    """Return six people: three who sit, and three who stand behind them."""
    z, pitch = random.between(2.2, 2.4), random.between(0.6, 0.68)
    people, furniture = [], []
    for number in range(3):
        x = (number - 1) * pitch
        people.append(random.person(x, z, scenes.SITTING, random.between(-20, 20)))
        furniture += scenes.chair(x, z, 0.42)
        people.append(random.person(
            x + pitch / 2 * random.between(0.8, 1.2), z + random.between(0.55, 0.75),
            STANDING, random.between(-20, 20)))
    return replace(_room(random, *furniture), people=tuple(people))


def _hidden(random: _Random) -> tuple[Scene, ...]:
    """Return scenes of a person who walks behind a screen for a second."""
    z, side = random.between(2.7, 3.0), 1 if random.generator.integers(2) else -1
    walker = random.person(0.0, z, STANDING, 90.0 * side)
    screen_z, phase = random.between(1.5, 1.7), random.between(0, 1)
    # the screen hides 1.6 m of the way, and the person is 0.6 m long
    screen = Furniture((0.0, 1.0, screen_z), (1.6 * screen_z / z, 2.0, 0.04), 0.5)
    room = _room(random, screen)
    frames = []
    for frame in range(_HIDDEN_FRAMES):
        time_s = frame * scenes.PERIOD_S
        frames.append(replace(room, people=(replace(
            walker, position=(side * (time_s - _HIDDEN_FRAMES * scenes.PERIOD_S / 2), z),
            posture=walking_posture((phase + time_s / 1.1) % 1.0)),)))
    return tuple(frames)
