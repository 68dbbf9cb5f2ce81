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


"""How things in a simulated world move: everything is a function of time, seconds."""

from __future__ import annotations

import abc
from dataclasses import dataclass
import math

from k4a_ros.calibration import tf_frames
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import Vector
import numpy as np
import numpy.typing as npt


class Motion(abc.ABC):
    """How something moves about where it was put."""

    @abc.abstractmethod
    def offset(self, time: float) -> Vector:
        """Return how far it is from where it was put, meters."""


@dataclass(frozen=True)
class Sway(Motion):
    """To ``reach`` and to the opposite of it, as a pendulum; a period is there and back."""

    reach: Vector
    period: float

    def offset(self, time: float) -> Vector:
        """Return reach * sin."""
        share = math.sin(2 * math.pi * time / self.period)
        return self.reach[0] * share, self.reach[1] * share, self.reach[2] * share


@dataclass(frozen=True)
class Line(Motion):
    """To ``reach`` and back, at rest at both ends; a period is there and back."""

    reach: Vector
    period: float

    def offset(self, time: float) -> Vector:
        """Return reach * (1 - cos) / 2."""
        share = (1 - math.cos(2 * math.pi * time / self.period)) / 2
        return self.reach[0] * share, self.reach[1] * share, self.reach[2] * share


@dataclass(frozen=True)
class Circle(Motion):
    """On a level circle about where it was put, from its right towards forward."""

    radius: float
    period: float

    def offset(self, time: float) -> Vector:
        """Return a point of the circle."""
        angle = 2 * math.pi * time / self.period
        return self.radius * math.cos(angle), 0.0, self.radius * math.sin(angle)


@dataclass(frozen=True)
class Waypoint:
    """
    Where the camera's housing is at a time.

    ``position`` of camera_base in the world, meters; ``yaw`` to the left, ``pitch`` downward and
    ``roll`` to the right about the axes of camera_base (REP 103), radians, applied in this order.
    """

    time: float
    position: Vector
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class CameraPath:
    """
    Where the camera is.

    With one waypoint it stands still. With several it goes from each to the next and rests there
    for a moment, then all the way back, and again. In between the share of the way at the share
    u of the time is 6 u⁵ - 15 u⁴ + 10 u³ (Flash and Hogan, "The coordination of arm movements",
    1985: the smoothest way from rest to rest), so velocity and acceleration are continuous.
    """

    waypoints: tuple[Waypoint, ...] = (Waypoint(0.0, (0.0, 0.0, 0.0)),)

    @property
    def is_still(self) -> bool:
        """Return whether the camera never moves."""
        return len(self.waypoints) == 1

    def housing(self, times: npt.ArrayLike) -> tuple[Array, Array]:
        """
        Return where camera_base is.

        :param times: (N,), seconds.
        :return: rotations (N, 3, 3) and translations (N, 3) from its frame to the world's.
        """
        when = np.atleast_1d(np.asarray(times, np.float64))
        stops = np.array([w.time for w in self.waypoints])
        values = np.array([(*w.position, w.yaw, w.pitch, w.roll) for w in self.waypoints])
        if self.is_still:
            now = np.broadcast_to(values[0], (len(when), 6))
        else:
            # there and back is a triangle wave
            span = stops[-1] - stops[0]
            phase = np.mod(when - stops[0], 2 * span)
            phase = np.where(phase > span, 2 * span - phase, phase)
            leg = np.clip(np.searchsorted(stops, phase + stops[0], 'right') - 1, 0, len(stops) - 2)
            u = (phase + stops[0] - stops[leg]) / (stops[leg + 1] - stops[leg])
            share = u * u * u * (u * (6 * u - 15) + 10)
            now = values[leg] + share[:, np.newaxis] * (values[leg + 1] - values[leg])
        cos, sin = np.cos(now[:, 3:]), np.sin(now[:, 3:])
        turns = (_about(2, cos[:, 0], sin[:, 0]) @ _about(1, cos[:, 1], sin[:, 1])
                 @ _about(0, cos[:, 2], sin[:, 2]))
        return tf_frames.BODY_FROM_OPTICAL.T @ turns, np.array(now[:, :3])

    def depth_camera(self, time: float) -> RigidTransform:
        """Return the pose of the depth camera in the world."""
        rotation, translation = self.housing([time])
        return RigidTransform(rotation[0], translation[0]) @ tf_frames.base_from_depth()


def _about(axis: int, cos: Array, sin: Array) -> Array:
    """Return rotations (N, 3, 3) about an axis."""
    rotation = np.zeros((len(cos), 3, 3))
    a, b = (axis + 1) % 3, (axis + 2) % 3
    rotation[:, axis, axis] = 1
    rotation[:, a, a] = rotation[:, b, b] = cos
    rotation[:, b, a] = sin
    rotation[:, a, b] = -sin
    return rotation
