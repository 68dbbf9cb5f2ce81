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
The surface of a person around the joints of `skeleton`, as tapered capsules.

Lengths are meters for a height of 1.75 m. Widths and depths of head, trunk, hips, limbs and hands
are near the mean of adults in Gordon et al., "2012 Anthropometric Survey of U.S. Army Personnel",
2014: head 155 mm wide and 195 mm long, chest 340 mm by 230 mm, hips 350 mm, hand 85 mm by 190 mm.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
import math
from typing import NamedTuple

from k4a_ros.body.joints import Joint
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import unit
from k4a_ros.simulation.skeleton import cross
from k4a_ros.simulation.skeleton import Figure
from k4a_ros.simulation.skeleton import SOLE_M
from k4a_ros.simulation.skeleton import SOLE_SPHERES
from k4a_ros.simulation.skeleton import TOE_M
import numpy as np

_Point = tuple[float, float, float]
Part = tuple[str, _Point, float, _Point, float]


class Limb(NamedTuple):
    """
    A tapered capsule of the surface, in the frame of the person.

    ``start`` and ``end`` (3,), and the radii there; ``part``: 'skin', 'hair', 'scalp', 'eyes',
    'hat', 'top' (of the trunk and short sleeves), 'upper arm', 'forearm', 'bottom' (of the hips),
    'thigh', 'shank' or 'shoes'.
    """

    part: str
    start: Array
    radius: float
    end: Array
    end_radius: float


_MIRRORS = np.array(((1.0, 1.0, 1.0), (1.0, -1.0, 1.0)))
#: Parts as forward, left and up of the joint, and radius, at both ends. Those of the left side
#: also are on the right.
_HIPS: tuple[Part, ...] = (
    ('bottom', (-0.012, 0.07, -0.015), 0.098, (-0.005, 0.05, 0.09), 0.102),
    ('top', (-0.002, 0.052, 0.05), 0.106, (0.0, 0.045, 0.17), 0.1))
_CHEST: tuple[Part, ...] = (
    ('top', (0.0, 0.045, -0.165), 0.1, (0.0, 0.068, 0.08), 0.106),
    ('top', (0.004, 0.0, -0.26), 0.108, (0.004, 0.0, 0.08), 0.112),
    # pectorals, shoulders, and the slope from the neck to them
    ('top', (0.008, 0.035, 0.11), 0.09, (0.0, 0.125, 0.13), 0.068),
    ('top', (-0.01, 0.03, 0.205), 0.055, (-0.008, 0.13, 0.172), 0.05))
_HEAD: tuple[Part, ...] = (
    # skull, and face down to the chin
    ('skin', (-0.022, 0.0, 0.105), 0.077, (0.02, 0.0, 0.105), 0.077),
    ('skin', (0.022, 0.0, 0.082), 0.068, (0.05, 0.0, -0.012), 0.04),
    ('scalp', (-0.028, 0.0, 0.116), 0.083, (0.004, 0.0, 0.116), 0.08),
    ('scalp', (-0.035, 0.0, 0.09), 0.078, (-0.035, 0.0, 0.05), 0.068),
    # bridge and tip of the nose, and its sides
    ('skin', (0.083, 0.0, 0.088), 0.009, (0.105, 0.0, 0.052), 0.012),
    ('skin', (0.094, 0.012, 0.046), 0.009, (0.094, 0.012, 0.046), 0.009),
    ('skin', (-0.002, 0.077, 0.085), 0.013, (0.0, 0.074, 0.052), 0.01),
    ('eyes', (0.082, 0.024, 0.088), 0.0095, (0.079, 0.036, 0.088), 0.0085),
    ('hair', (0.089, 0.016, 0.106), 0.0045, (0.078, 0.044, 0.108), 0.004),
    # the gap between the lips
    ('eyes', (0.0875, 0.0, 0.008), 0.0045, (0.0825, 0.022, 0.009), 0.0035))
#: of the fingers, from index to little: the distance from the axis of the hand at the wrist and
#: at the tip, toward the thumb, and the length of the hand there
_FINGERS = ((0.014, 0.025, 0.16), (0.004, 0.004, 0.17), (-0.006, -0.017, 0.16),
            (-0.014, -0.037, 0.138))


def limbs(figure: Figure) -> list[Limb]:
    """Return the surface of the body."""
    positions, axes = figure.positions, figure.axes
    surface: list[Limb] = []
    for joint, parts in (
            (Joint.PELVIS, _HIPS), (Joint.SPINE_CHEST, _CHEST), (Joint.HEAD, _HEAD)):
        surface += attached(figure, joint, parts)
    neck, head = positions[Joint.NECK], positions[Joint.HEAD]
    surface.append(Limb('skin', neck + 0.6 * (neck - head), 0.058, head, 0.052))
    for name in ('LEFT', 'RIGHT'):
        shoulder, elbow, wrist, thumb, hip, knee, ankle, toe = (
            positions[Joint[f'{joint}_{name}']] for joint in (
                'SHOULDER', 'ELBOW', 'WRIST', 'THUMB', 'HIP', 'KNEE', 'ANKLE', 'FOOT'))
        surface += _arm(shoulder, elbow, wrist, thumb)
        surface += _leg(hip, knee, ankle, toe, axes[Joint[f'ANKLE_{name}']][:, 2])
    return surface


def attached(figure: Figure, joint: Joint, parts: tuple[Part, ...]) -> Iterator[Limb]:
    """Yield parts around a joint of the spine or the head, and their mirror images."""
    center, frame = figure.positions[joint], figure.upright(joint)
    for part, start, radius, end, end_radius in _both_sides(parts):
        yield Limb(part, center + frame @ start, radius, center + frame @ end, end_radius)


@cache
def _both_sides(parts: tuple[Part, ...]) -> tuple[Limb, ...]:
    """Return parts and the mirror images of those beside the middle, around the origin."""
    return tuple(
        Limb(part, mirror * start, radius, mirror * end, end_radius)
        for part, start, radius, end, end_radius in parts
        for mirror in (_MIRRORS if start[1] + end[1] else _MIRRORS[:1]))


def _arm(shoulder: Array, elbow: Array, wrist: Array, thumb: Array) -> Iterator[Limb]:
    yield Limb('top', shoulder, 0.058, shoulder + 0.55 * (elbow - shoulder), 0.052)
    yield Limb('upper arm', shoulder, 0.05, elbow, 0.041)
    muscle = elbow + 0.25 * (wrist - elbow)
    yield Limb('forearm', elbow, 0.041, muscle, 0.044)
    yield Limb('forearm', muscle, 0.044, wrist, 0.029)
    along = unit(wrist - elbow)
    across = unit(thumb - wrist - (thumb - wrist) @ along * along)
    for base, tip, length in _FINGERS:
        yield Limb('skin', wrist + base * across, 0.016,
                   wrist + length * along + tip * across, 0.0085)
    yield Limb('skin', wrist + 0.02 * along + 0.02 * across, 0.017, thumb, 0.01)


def _leg(hip: Array, knee: Array, ankle: Array, toe: Array, left: Array) -> Iterator[Limb]:
    yield Limb('thigh', hip, 0.084, knee, 0.057)
    calf = knee + 0.3 * (ankle - knee) - 0.012 * unit(cross(left, knee - ankle))
    yield Limb('shank', knee, 0.055, calf, 0.057)
    yield Limb('shank', calf, 0.057, ankle, 0.042)
    # forward and up of the sole, which the line from the ankle to the toe is inclined to
    ahead, down = np.array(TOE_M) / math.hypot(*TOE_M)
    along = unit(toe - ankle)
    forward, up = np.array(((ahead, -down), (down, ahead))) @ (along, cross(along, left))

    heel, instep, ball, tip = (
        (ankle + x * forward + (radius - SOLE_M) * up, radius) for x, radius in SOLE_SPHERES)
    yield Limb('shoes', *heel, *tip)
    yield Limb('shoes', *instep, *ball)
