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
Random scenes with people, which no threshold was tuned on.

Each seed gives people of other statures, who walk, turn, cross, stand, sit and wave, seen from any
side, 1.7 to 3.3 m away, by a camera 1 to 1.6 m above the floor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from k4a_ros.simulation.person import Person as SimulatedPerson
from k4a_ros.simulation.scene import Scene as SimulatedScene
import numpy as np
from support.people import scenes
from support.people.model import Posture
from support.people.model import STANDING
from support.people.model import walking_posture
from support.people.render import Furniture
from support.people.render import Person
from support.people.render import Scene

_T = TypeVar('_T')

#: frames of a simulated scene, and the time between them
SIMULATED_FRAMES = 45
SIMULATED_PERIOD_US = 66_667
#: numbers of rendered scenes, and frames of a walk
_STILLS, _WALKS, _WALK_FRAMES = 40, 5, 12

_SHAPES = ('man', 'woman', 'stout man', 'slim woman')
_CLOTHES = (scenes.DARK, scenes.LIGHT, scenes.PLAIN)
#: postures, and how far the person may face to either side, degrees
_POSTURES = (
    (STANDING, 180.0), (scenes.ARMS_RAISED, 180.0), (scenes.WAVING, 180.0), (scenes.T_POSE, 60.0),
    (scenes.ARMS_CROSSED, 50.0), (scenes.HAND_BEHIND, 90.0), (scenes.BENDING, 90.0),
    (scenes.SITTING, 40.0), (scenes.AT_TABLE, 0.0), (scenes.ON_STOOL, 60.0))


def simulated_scenes(seed: int, room: SimulatedScene) -> Iterator[tuple[str, SimulatedScene]]:
    """Yield names and scenes of simulated walkers in a room: one person, two who cross."""
    random = np.random.default_rng([seed, 1])

    def position(
        left: float, right: float, near: float = 1.8, far: float = 3.2,
    ) -> tuple[float, float]:
        return float(random.uniform(left, right)), float(random.uniform(near, far))

    def walker(name: str, *path: tuple[float, float]) -> SimulatedPerson:
        return SimulatedPerson(
            name, path, 1.1, float(random.uniform(1.55, 1.92)),
            speed=float(random.uniform(0.6, 1.2)), start=float(random.uniform(-9, 0)))

    for number in range(3):
        path = [position(-0.9, -0.1), position(0.1, 0.9), position(-0.5, 0.5)][:2 + number % 2]
        yield f'one {number + 1}', replace(room, persons=(walker('one', *path),))
    for number in range(2):
        yield f'two {number + 1}', replace(room, persons=(
            walker('far', position(-1.1, -0.5, 2.7), position(0.5, 1.1, 2.7)),
            walker('near', position(0.4, 0.9, 1.8, 2.1), position(-0.9, -0.4, 1.8, 2.1))))


def rendered_scenes(seed: int) -> Iterator[tuple[str, tuple[Scene, ...]]]:
    """Yield names and sequences of rendered scenes: stills in all postures, and short walks."""
    random = np.random.default_rng([seed, 2])
    for number in range(_STILLS):
        posture, max_facing = _POSTURES[number % len(_POSTURES)]
        person = _random_person(random, posture, max_facing)
        room = _random_room(random, _furniture(posture, *person.position))
        yield f'still {number + 1}', (replace(room, people=(person,)),)
    for number in range(_WALKS):
        yield f'walk {number + 1}', _random_walk(random)


def _furniture(posture: Posture, x: float, z: float) -> tuple[Furniture, ...]:
    """Return what a person in a posture sits on or at."""
    if posture is scenes.SITTING:
        return scenes.chair(x, z, 0.41)
    if posture is scenes.AT_TABLE:
        return (*scenes.chair(x, z, 0.45), *scenes.table(x, z - 0.52))
    if posture is scenes.ON_STOOL:
        return (Furniture((x, 0.17, z), (0.42, 0.34, 0.42)),)
    return ()


def _random_walk(random: np.random.Generator) -> tuple[Scene, ...]:
    start = np.array([random.uniform(-0.9, 0.9), random.uniform(2.0, 3.1)])
    way = np.array([random.uniform(-0.5, 0.5), random.uniform(2.1, 2.8)]) - start
    length = float(np.linalg.norm(way))
    person = _random_person(random, STANDING, 0.0)
    room = _random_room(random)
    speed = float(random.uniform(0.8, 1.3))
    facing = float(np.degrees(np.arctan2(way[0], -way[1])))
    phase = float(random.uniform(0, 1))
    frames = []
    for frame in range(_WALK_FRAMES):
        time_s = frame * scenes.PERIOD_S
        x, z = start + way / length * min(speed * time_s, length)
        frames.append(replace(room, people=(replace(
            person, position=(float(x), float(z)), facing=facing,
            posture=walking_posture((phase + time_s / 1.1) % 1.0)),)))
    return tuple(frames)


def _random_person(random: np.random.Generator, posture: Posture, max_facing: float) -> Person:
    position = float(random.uniform(-0.5, 0.5)), float(random.uniform(1.9, 3.0))
    return Person(
        position, posture, _one_of(random, _SHAPES),
        float(random.uniform(-max_facing, max_facing)), float(random.uniform(1.55, 1.9)),
        _one_of(random, _CLOTHES))


def _random_room(random: np.random.Generator, furniture: tuple[Furniture, ...] = ()) -> Scene:
    """Return a room without people, and a camera of random height and tilt."""
    return Scene((), furniture, float(random.uniform(1.0, 1.6)), float(random.uniform(0.0, 10.0)))


def _one_of(random: np.random.Generator, values: tuple[_T, ...]) -> _T:
    return values[int(random.integers(len(values)))]
