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
People in scenes that are drawn by lot: what nothing was adjusted to.

Any seed gives other ones: people of any stature, who walk, turn, cross, stand, sit and wave, seen
from any side, from 1.7 to 3.3 m, by a camera 1 to 1.6 m above the floor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from k4a_ros.simulation.person import Person as Walker
from k4a_ros.simulation.scene import Scene as World
import numpy as np
from support.people import scenes as known
from support.people.model import STANDING
from support.people.model import walking
from support.people.render import Furniture
from support.people.render import Person
from support.people.render import Scene

_T = TypeVar('_T')

#: microseconds between the images of walkers
STEP_US = 66_667
#: images of one scene of walkers
IMAGES = 45

_SHAPES = ('man', 'woman', 'stout man', 'slim woman')
_CLOTHES = (known.DARK, known.LIGHT, known.PLAIN)
#: postures and the facings that they are seen from, degrees to either side
_STILLS = (
    (STANDING, 180.0), (known.ARMS_RAISED, 180.0), (known.WAVING, 180.0), (known.T_POSE, 60.0),
    (known.ARMS_CROSSED, 50.0), (known.HAND_BEHIND, 90.0), (known.BENDING, 90.0),
    (known.SITTING, 40.0), (known.AT_TABLE, 0.0), (known.ON_STOOL, 60.0))


def walkers(seed: int, room: World) -> Iterator[tuple[str, World]]:
    """Return names and scenes of simulated people in a room: one, two, two who cross."""
    random = np.random.default_rng([seed, 1])

    def place(left: float, right: float, near: float = 1.8, far: float = 3.2) -> tuple[
            float, float]:
        return float(random.uniform(left, right)), float(random.uniform(near, far))

    def walker(name: str, *path: tuple[float, float]) -> Walker:
        return Walker(name, path, 1.1, float(random.uniform(1.55, 1.92)),
                      speed=float(random.uniform(0.6, 1.2)), start=float(random.uniform(-9, 0)))

    for number in range(3):
        path = [place(-0.9, -0.1), place(0.1, 0.9), place(-0.5, 0.5)][:2 + number % 2]
        yield f'one {number + 1}', replace(room, persons=(walker('one', *path),))
    for number in range(2):
        yield f'two {number + 1}', replace(room, persons=(
            walker('far', place(-1.1, -0.5, 2.7), place(0.5, 1.1, 2.7)),
            walker('near', place(0.4, 0.9, 1.8, 2.1), place(-0.9, -0.4, 1.8, 2.1))))


def stills(seed: int) -> Iterator[tuple[str, tuple[Scene, ...]]]:
    """Return names and sequences of rendered scenes: postures one by one, and short walks."""
    random = np.random.default_rng([seed, 2])

    def one_of(values: tuple[_T, ...]) -> _T:
        return values[int(random.integers(len(values)))]

    def scene(person: Person, *furniture: Furniture) -> Scene:
        return Scene((person,), furniture, float(random.uniform(1.0, 1.6)),
                     float(random.uniform(0.0, 10.0)))

    def person(posture: object, most: float) -> Person:
        at = float(random.uniform(-0.5, 0.5)), float(random.uniform(1.9, 3.0))
        return Person(at, posture, one_of(_SHAPES), float(random.uniform(-most, most)),
                      float(random.uniform(1.55, 1.9)), one_of(_CLOTHES))

    for number in range(40):
        posture, most = _STILLS[number % len(_STILLS)]
        who = person(posture, most)
        x, z = who.at
        furniture = ()
        if posture in (known.SITTING, known.AT_TABLE):
            furniture = known.chair(x, z, 0.41 if posture is known.SITTING else 0.45)
        if posture is known.AT_TABLE:
            furniture = (*furniture, *known.table(x, z - 0.52))
        if posture is known.ON_STOOL:
            furniture = (Furniture((x, 0.17, z), (0.42, 0.34, 0.42)),)
        yield f'still {number + 1}', (scene(who, *furniture),)
    for number in range(5):
        start = np.array([random.uniform(-0.9, 0.9), random.uniform(2.0, 3.1)])
        way = np.array([random.uniform(-0.5, 0.5), random.uniform(2.1, 2.8)]) - start
        length = float(np.linalg.norm(way))
        first = person(STANDING, 0.0)
        room = scene(first)
        speed = float(random.uniform(0.8, 1.3))
        facing = float(np.degrees(np.arctan2(way[0], -way[1])))
        phase = float(random.uniform(0, 1))
        frames = []
        for frame in range(12):
            time = frame * known.PERIOD
            x, z = start + way / length * min(speed * time, length)
            frames.append(replace(room, people=(replace(
                first, at=(float(x), float(z)), facing=facing,
                posture=walking((phase + time / 1.1) % 1.0)),)))
        yield f'walk {number + 1}', tuple(frames)
