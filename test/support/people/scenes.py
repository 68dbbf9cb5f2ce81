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
The scenes with people that body trackers are measured on.

``SCENES`` has a sequence of scenes for each name, ``PERIOD_S`` apart; a still has a single one.
``WIDE_SCENES`` has more of them, for the wide field of view only.
"""

from __future__ import annotations

from dataclasses import replace

from support.people.clothes import Clothes
from support.people.model import Arm
from support.people.model import Leg
from support.people.model import Posture
from support.people.model import STANDING
from support.people.model import walking_posture
from support.people.render import Furniture
from support.people.render import Person
from support.people.render import Scene

#: between the scenes of a sequence
PERIOD_S = 1 / 15

DARK = Clothes(shirt=0.35, trousers=0.25, hair=0.15)
LIGHT = Clothes(shirt=0.7, trousers=0.5, long_sleeves=False)
PLAIN = Clothes(shirt=0.5, trousers=0.3, long_sleeves=False)

T_POSE = Posture(Arm((0.0, 1.0, 0.0), (0.12, 1.0, 0.0)), Arm((0.0, 1.0, 0.0), (0.12, 1.0, 0.0)))
ARMS_RAISED = Posture(
    Arm((0.1, 0.45, 1.0), (0.25, 0.15, 1.0)), Arm((0.1, 0.45, 1.0), (0.25, 0.15, 1.0)))
WAVING = Posture(right_arm=Arm((0.1, 0.9, -0.1), (0.3, 0.2, 1.0)), head=(0.0, 10.0, 0.0))
ARMS_CROSSED = Posture(
    Arm((0.35, 0.12, -1.0), (0.45, -1.0, 0.15), curl=40.0),
    Arm((0.5, 0.12, -1.0), (0.65, -1.0, 0.2), curl=40.0))
HAND_BEHIND = Posture(left_arm=Arm((-0.35, 0.25, -1.0), (-0.15, -0.9, -0.35), turn=60.0))
BENDING = Posture(
    Arm((0.5, 0.1, -1.0), (0.9, 0.1, -0.8)), Arm((0.5, 0.1, -1.0), (0.9, 0.1, -0.8)),
    Leg((0.42, 0.05, -1.0), (0.32, 0.05, -1.0)), Leg((0.42, 0.05, -1.0), (0.32, 0.05, -1.0)),
    hips=(28.0, 0.0, 0.0), trunk=(32.0, 0.0, 0.0), head=(-20.0, 0.0, 0.0))
_SEATED_LEG = Leg((1.0, 0.14, -0.06), (0.02, 0.05, -1.0))
_ON_LAP = Arm((0.3, 0.15, -1.0), (1.0, -0.2, -0.35))
SITTING = Posture(_ON_LAP, _ON_LAP, _SEATED_LEG, _SEATED_LEG, hips=(-6.0, 0.0, 0.0), seat=0.41)
AT_TABLE = Posture(
    Arm((0.5, 0.2, -1.0), (1.0, -0.25, 0.05)), Arm((0.5, 0.2, -1.0), (1.0, -0.1, 0.1)),
    _SEATED_LEG, _SEATED_LEG, trunk=(6.0, 0.0, 0.0), seat=0.45)
ON_STOOL = replace(SITTING, seat=0.36)


def chair(x: float, z: float, seat: float) -> tuple[Furniture, ...]:
    """Return a chair with a ``seat`` at that height, for a person at (x, z) facing the camera."""
    legs = tuple(Furniture((x + dx, seat / 2 - 0.04, z + 0.02 + dz), (0.04, seat - 0.08, 0.04))
                 for dx in (-0.2, 0.2) for dz in (-0.2, 0.2))
    return (Furniture((x, seat - 0.04, z + 0.02), (0.46, 0.04, 0.46)),
            Furniture((x, seat + 0.2, z + 0.29), (0.44, 0.5, 0.04)), *legs)


def table(x: float, z: float) -> tuple[Furniture, ...]:
    """Return a table centered at (x, z)."""
    return (Furniture((x, 0.72, z), (1.4, 0.04, 0.7), 0.5),
            Furniture((x, 0.35, z - 0.3), (1.3, 0.7, 0.03), 0.5))


#: furniture of the room
_SHELVES = (Furniture((-1.6, 0.9, 3.3), (0.7, 1.8, 0.4), 0.45),
            Furniture((1.5, 0.35, 3.2), (0.6, 0.7, 0.6), 0.5))


def _walk(frame: int) -> Scene:
    """Return a person who walks across at 1.2 m/s, with two steps in 1.1 s."""
    time_s = frame * PERIOD_S
    walker = Person(
        (-0.55 + 1.2 * time_s, 2.3), walking_posture(time_s / 1.1 % 1.0), facing=90.0, height=1.76)
    return Scene((walker,), _SHELVES)


def _approach(frame: int) -> Scene:
    """Return a person who walks toward the camera, and slowly to the side."""
    time_s = frame * PERIOD_S
    walker = Person(
        (-0.2 + 0.25 * time_s, 3.0 - 1.1 * time_s), walking_posture(time_s / 1.1 % 1.0), 'woman',
        13.0, 1.68, LIGHT)
    return Scene((walker,), _SHELVES, 1.3, 5.0)


def _crossing(frame: int) -> Scene:
    """Return two people who cross; the far one is entirely occluded in frame 9."""
    time_s = (frame - 9.5) * PERIOD_S
    near = Person(
        (0.95 * time_s, 1.55), walking_posture((time_s / 1.1) % 1.0), 'stout man', 90.0, 1.85,
        DARK)
    far = Person(
        (-1.1 * time_s, 2.9), walking_posture((time_s / 1.05 + 0.12) % 1.0), 'slim woman', -90.0,
        1.6, LIGHT)
    return Scene((near, far), _SHELVES, 1.2)


def _still(*people: Person, **room: object) -> tuple[Scene, ...]:
    return (Scene(people, **{'furniture': _SHELVES, **room}),)  # type: ignore[arg-type]


SCENES: dict[str, tuple[Scene, ...]] = {
    'empty room': _still(),
    'furniture only': _still(furniture=(*_SHELVES, *chair(0.2, 2.2, 0.45), *table(-0.3, 1.7))),
    'standing': _still(Person((0.1, 2.2), height=1.78)),
    'standing, woman': _still(
        Person((-0.2, 2.0), STANDING, 'woman', 10.0, 1.66, LIGHT), height=1.4, tilt=12.0),
    'T-pose': _still(Person((0.0, 2.4), T_POSE, height=1.8)),
    'arms raised': _still(Person((0.1, 2.6), ARMS_RAISED, 'woman', 0.0, 1.7, PLAIN)),
    'waving': _still(Person((-0.1, 2.1), WAVING, 'stout man', -10.0, 1.75, LIGHT)),
    'arms crossed': _still(Person((0.0, 2.1), ARMS_CROSSED, height=1.75, clothes=PLAIN)),
    'hand behind': _still(Person((0.1, 2.2), HAND_BEHIND, 'slim woman', 0.0, 1.65)),
    'bending': _still(Person((0.1, 2.3), BENDING, facing=50.0, height=1.75)),
    'turned 45': _still(Person((0.0, 2.2), facing=45.0, height=1.75, clothes=PLAIN)),
    'turned 90': _still(Person((0.0, 2.2), STANDING, 'woman', -90.0, 1.68, DARK)),
    'turned 180': _still(Person((0.0, 2.2), facing=180.0, height=1.75)),
    'sitting': _still(
        Person((0.1, 2.1), SITTING, height=1.75), furniture=(*_SHELVES, *chair(0.1, 2.1, 0.41))),
    'sitting, turned': _still(
        Person((0.0, 2.2), ON_STOOL, 'slim woman', 40.0, 1.63, LIGHT),
        furniture=(*_SHELVES, Furniture((0.0, 0.17, 2.2), (0.42, 0.34, 0.42)))),
    'at a table': _still(
        Person((0.0, 2.2), AT_TABLE, height=1.78, clothes=LIGHT), height=1.3, tilt=8.0,
        furniture=(*_SHELVES, *chair(0.0, 2.2, 0.45), *table(0.0, 1.68))),
    'half out of view': _still(Person((-1.22, 1.9), height=1.75, clothes=PLAIN)),
    'close': _still(Person((0.0, 1.1), WAVING, 'woman', 0.0, 1.66), height=1.3),
    'two standing': _still(
        Person((-0.55, 2.0), height=1.8), Person((0.5, 2.5), WAVING, 'woman', -10.0, 1.65, LIGHT)),
    'three people': _still(
        Person((-0.95, 2.5), ARMS_CROSSED, 'stout man', -15.0, 1.75, DARK),
        Person((0.0, 2.0), height=1.8, clothes=PLAIN),
        Person((0.9, 2.6), STANDING, 'slim woman', 20.0, 1.6, LIGHT)),
    'behind another': _still(
        Person((0.0, 1.9), height=1.75, clothes=DARK),
        Person((0.42, 2.8), STANDING, 'woman', 0.0, 1.7, LIGHT)),
    'walking': tuple(_walk(frame) for frame in range(15)),
    'approaching': tuple(_approach(frame) for frame in range(15)),
    'crossing': tuple(_crossing(frame) for frame in range(20)),
}

#: scenes at the edge of the wide field of view
WIDE_SCENES: dict[str, tuple[Scene, ...]] = {
    'edge of the wide view': _still(Person((-1.78, 1.05), facing=40.0, height=1.75)),
}
