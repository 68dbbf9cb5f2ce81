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


"""A person who walks back and forth along a path, or stays in a posture."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from itertools import pairwise
import math

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation import skeleton
from k4a_ros.simulation.clothes import Clothes
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.voices import Speaker
import numpy as np

#: time to reach full speed, and to turn by 180°
_ACCELERATION_S = 0.6
_TURN_S = 1.4


@dataclass(frozen=True, eq=False)
class Posture:
    """
    The pose of a person at one time.

    ``positions`` (32, 3) and ``axes`` (32, 3, 3) of the joints, by `Joint`, in the world frame;
    ``shapes``: the surface.
    """

    positions: Array
    axes: Array
    shapes: tuple[Capsule, ...]


@dataclass(frozen=True)
class _Segment:
    """A part of the path: straight if ``length`` > 0, otherwise a turn in place."""

    begin_time: float
    seconds: float
    start: tuple[float, float]
    heading: float
    turn: float
    length: float
    #: gait cycles before, and during this segment
    cycles_before: float
    cycles: float


@dataclass(frozen=True)
class Person:
    """
    A person of a ``height`` who walks along the path, turns around, walks back, and repeats.

    ``path``: points (x, z) on the level floor at y = ``floor``; with a single point the person
    stays there, facing ``heading``: radians to the left of the world's z. ``speed`` is m/s;
    ``start`` is the time, seconds, at which the person leaves the first point. ``posture`` (one
    of `skeleton.POSTURES`) and ``arm_around`` (see `skeleton.at_rest`) are those at a single
    point; seats, tables and walls are shapes of the scene. ``voice``: what the person says; None
    for nothing.
    """

    name: str
    path: tuple[tuple[float, float], ...]
    floor: float
    height: float = skeleton.TEMPLATE_HEIGHT
    speed: float = 1.0
    start: float = 0.0
    heading: float = math.pi
    posture: str = 'standing'
    arm_around: int = 0
    clothes: Clothes = field(default_factory=Clothes)
    voice: Speaker | None = None

    @property
    def is_still(self) -> bool:
        """Return whether the person stays in place."""
        return len(self.path) == 1

    def at(self, time: float) -> Posture:
        """Return the pose at a time, seconds."""
        x, z, heading, phase, amplitude = self._gait(time)
        figure = (skeleton.at_rest(self.posture, self.arm_around) if self.is_still
                  else skeleton.stride(phase, amplitude))
        c, s = math.cos(heading), math.sin(heading)
        # forward, left and up as columns
        rotation = np.array([[-s, -c, 0.0], [0.0, 0.0, -1.0], [c, -s, 0.0]])
        pose = RigidTransform(rotation, np.array([x, self.floor, z]))
        scale = self.height / skeleton.TEMPLATE_HEIGHT
        limbs, materials = self.clothes.on(figure), self.clothes.by_part
        ends = pose.apply(np.array([
            (limb.start, limb.end) for limb in limbs]) * scale).reshape(-1, 6).tolist()
        return Posture(
            pose.apply(figure.positions * scale), rotation @ figure.axes,
            tuple(Capsule((a, b, c), (d, e, f), limb.radius * scale, materials[limb.part],
                          limb.end_radius * scale)
                  for (a, b, c, d, e, f), limb in zip(ends, limbs, strict=True)))

    def _gait(self, time: float) -> tuple[float, float, float, float, float]:
        """Return x, z, heading, phase of the gait cycle, and its amplitude."""
        if self.is_still:
            return *self.path[0], self.heading, 0.0, 0.0
        segments = self._segments
        total = segments[-1].begin_time + segments[-1].seconds
        now = (time - self.start) % total
        segment = next(segment for segment in reversed(segments) if segment.begin_time <= now)
        elapsed = min(now - segment.begin_time, segment.seconds)
        if segment.length == 0:
            fraction = elapsed / segment.seconds
            smooth = fraction * fraction * (3 - 2 * fraction)
            return (*segment.start, segment.heading + segment.turn * smooth,
                    (segment.cycles_before + segment.cycles * fraction) % 1.0,
                    0.3 * math.sin(math.pi * fraction))
        distance, speed = _trapezoid(elapsed, segment.length, self.speed)
        phase = segment.cycles_before + segment.cycles * distance / segment.length
        return (segment.start[0] - math.sin(segment.heading) * distance,
                segment.start[1] + math.cos(segment.heading) * distance,
                segment.heading, phase % 1.0, speed / self.speed * self._full_amplitude)

    @property
    def _full_amplitude(self) -> float:
        """Return the amplitude of the gait cycle at full speed."""
        return min(1.0, self._stride_length / (1.3 * self.height / skeleton.TEMPLATE_HEIGHT))

    @property
    def _stride_length(self) -> float:
        """Return the length of two steps, meters, which increases with speed."""
        return (0.55 + 0.65 * self.speed) * self.height / skeleton.TEMPLATE_HEIGHT

    @cached_property
    def _segments(self) -> tuple[_Segment, ...]:
        """Return the segments of one round along the path and back."""
        points = [*self.path, *self.path[-2::-1]]
        lines = list(pairwise(points))
        headings = [math.atan2(a[0] - b[0], b[1] - a[1]) for a, b in lines]
        lengths = [math.dist(a, b) for a, b in lines]
        turns = [(after - before + math.pi) % (2 * math.pi) - math.pi
                 for before, after in zip(headings, headings[1:] + headings[:1], strict=True)]
        # a whole number of gait cycles in each segment makes the pose continuous
        segments: list[_Segment] = []
        begin_time = cycles_before = 0.0
        for (start, end), heading, length, turn in zip(
                lines, headings, lengths, turns, strict=True):
            parts = [(start, 0.0, length, max(1, round(length / self._stride_length)),
                      _duration(length, self.speed))]
            if turn:
                half_turns = abs(turn) / math.pi
                parts.append((end, turn, 0.0, 1, _TURN_S * max(half_turns, 0.2)))
            for point, part_turn, part_length, cycles, seconds in parts:
                segments.append(_Segment(
                    begin_time, seconds, point, heading, part_turn, part_length, cycles_before,
                    float(cycles)))
                begin_time += seconds
                cycles_before += cycles
        return tuple(segments)


def _duration(length: float, speed: float) -> float:
    """Return the time to walk a distance from rest to rest, seconds."""
    ramp = min(_ACCELERATION_S, math.sqrt(length * _ACCELERATION_S / speed))
    return 2 * ramp + (length - speed / _ACCELERATION_S * ramp * ramp) / speed


def _trapezoid(time: float, length: float, speed: float) -> tuple[float, float]:
    """Return distance and speed at a time under a trapezoidal speed profile, from rest to rest."""
    ramp = min(_ACCELERATION_S, math.sqrt(length * _ACCELERATION_S / speed))
    acceleration = speed / _ACCELERATION_S
    total = _duration(length, speed)
    if time > total / 2:
        distance, now = _trapezoid(total - time, length, speed)
        return length - distance, now
    if time < ramp:
        return acceleration * time * time / 2, acceleration * time
    return acceleration * ramp * (time - ramp / 2), acceleration * ramp
