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


"""Somebody who walks to and fro along a path."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
import math

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation import skeleton
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import Material
import numpy as np

#: seconds to reach the full speed, and to turn around
_START_SECONDS = 0.6
_TURN_SECONDS = 1.4

#: somebody's clothes: blue, green, red
CLOTHES = {
    'skin': Material((0.55, 0.66, 0.86)),
    'hair': Material((0.14, 0.20, 0.30)),
    'shirt': Material((0.66, 0.34, 0.22)),
    'trousers': Material((0.30, 0.24, 0.22)),
    'shoes': Material((0.25, 0.25, 0.28)),
}


@dataclass(frozen=True, eq=False)
class Posture:
    """
    Somebody at one time.

    ``positions`` (32, 3) and ``axes`` (32, 3, 3) of the joints (``skeleton.JOINTS``) in the
    world; ``shapes``: the surface.
    """

    positions: Array
    axes: Array
    shapes: tuple[Capsule, ...]


@dataclass(frozen=True)
class _Leg:
    """A part of the way: straight on if ``length`` > 0, else a turn on the spot."""

    begin: float
    seconds: float
    start: tuple[float, float]
    heading: float
    turn: float
    length: float
    cycles_before: float
    cycles: float


@dataclass(frozen=True)
class Person:
    """
    Somebody of a ``height`` who walks the path, turns around and walks it back, for ever.

    ``path``: places (x, z) on the level floor at y = ``floor``; with only one, the person stands
    there and looks along ``heading``: radians to the left of the world's z. ``speed`` m/s;
    ``start``: the time, seconds, at which the first place is left.
    """

    name: str
    path: tuple[tuple[float, float], ...]
    floor: float
    height: float = skeleton.TEMPLATE_HEIGHT
    speed: float = 1.0
    start: float = 0.0
    heading: float = math.pi

    @property
    def is_still(self) -> bool:
        """Return whether this person only stands."""
        return len(self.path) == 1

    def at(self, time: float) -> Posture:
        """Return the person at a time, seconds."""
        x, z, heading, phase, amplitude = self._place(time)
        figure = skeleton.stride(phase, amplitude)
        c, s = math.cos(heading), math.sin(heading)
        # forward, left and up as columns
        rotation = np.array([[-s, -c, 0.0], [0.0, 0.0, -1.0], [c, -s, 0.0]])
        pose = RigidTransform(rotation, np.array([x, self.floor, z]))
        scale = self.height / skeleton.TEMPLATE_HEIGHT
        ends = pose.apply(
            np.array([limb[:2] for limb in figure.limbs]) * scale).reshape(-1, 6).tolist()
        return Posture(
            pose.apply(figure.positions * scale), rotation @ figure.axes,
            tuple(Capsule((a, b, c), (d, e, f), radius * scale, CLOTHES[material])
                  for (a, b, c, d, e, f), (_, _, radius, material)
                  in zip(ends, figure.limbs, strict=True)))

    def _place(self, time: float) -> tuple[float, float, float, float, float]:
        """Return x, z, heading, phase of the step and its amplitude."""
        if self.is_still:
            return *self.path[0], self.heading, 0.0, 0.0
        legs = self._legs
        total = legs[-1].begin + legs[-1].seconds
        now = (time - self.start) % total
        leg = next(leg for leg in reversed(legs) if leg.begin <= now)
        gone = min(now - leg.begin, leg.seconds)
        if leg.length == 0:
            share = gone / leg.seconds
            smooth = share * share * (3 - 2 * share)
            return (*leg.start, leg.heading + leg.turn * smooth,
                    (leg.cycles_before + leg.cycles * share) % 1.0,
                    0.3 * math.sin(math.pi * share))
        way, speed = _trapezium(gone, leg.length, self.speed)
        phase = leg.cycles_before + leg.cycles * way / leg.length
        return (leg.start[0] - math.sin(leg.heading) * way,
                leg.start[1] + math.cos(leg.heading) * way,
                leg.heading, phase % 1.0, speed / self.speed * self._reach)

    @property
    def _reach(self) -> float:
        """Return the amplitude of the steps at full speed."""
        return min(1.0, self._stride / (1.3 * self.height / skeleton.TEMPLATE_HEIGHT))

    @property
    def _stride(self) -> float:
        """Return the length of two steps, meters: longer when walking faster."""
        return (0.55 + 0.65 * self.speed) * self.height / skeleton.TEMPLATE_HEIGHT

    @cached_property
    def _legs(self) -> tuple[_Leg, ...]:
        """Return what the person does in one round, there and back."""
        places = [*self.path, *self.path[-2::-1]]
        straight = list(pairwise(places))
        headings = [math.atan2(a[0] - b[0], b[1] - a[1]) for a, b in straight]
        lengths = [math.dist(a, b) for a, b in straight]
        turns = [(after - before + math.pi) % (2 * math.pi) - math.pi
                 for before, after in zip(headings, headings[1:] + headings[:1], strict=True)]
        # a whole number of steps in each part, so that the next begins as this ends
        legs: list[_Leg] = []
        begin = cycles_before = 0.0
        for (start, end), heading, length, turn in zip(
                straight, headings, lengths, turns, strict=True):
            parts = [(start, 0.0, length, max(1, round(length / self._stride)),
                      _seconds(length, self.speed))]
            if turn:
                share = abs(turn) / math.pi
                parts.append((end, turn, 0.0, 1, _TURN_SECONDS * max(share, 0.2)))
            for place, turning, way, cycles, seconds in parts:
                legs.append(_Leg(
                    begin, seconds, place, heading, turning, way, cycles_before, float(cycles)))
                begin += seconds
                cycles_before += cycles
        return tuple(legs)


def _seconds(length: float, speed: float) -> float:
    """Return how long a way takes from rest to rest."""
    ramp = min(_START_SECONDS, math.sqrt(length * _START_SECONDS / speed))
    return 2 * ramp + (length - speed / _START_SECONDS * ramp * ramp) / speed


def _trapezium(time: float, length: float, speed: float) -> tuple[float, float]:
    """Return the way and the speed of somebody who starts, walks and stops evenly."""
    ramp = min(_START_SECONDS, math.sqrt(length * _START_SECONDS / speed))
    acceleration = speed / _START_SECONDS
    total = _seconds(length, speed)
    if time > total / 2:
        way, now = _trapezium(total - time, length, speed)
        return length - way, now
    if time < ramp:
        return acceleration * time * time / 2, acceleration * time
    return acceleration * ramp * (time - ramp / 2), acceleration * ramp
