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


"""Motions of objects and of the camera, as functions of time, seconds."""

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
    """A translation over time, relative to the initial position."""

    @abc.abstractmethod
    def offset(self, time: float) -> Vector:
        """Return the displacement from the initial position, meters."""


@dataclass(frozen=True)
class Sway(Motion):
    """Harmonic motion between ``reach`` and its opposite; ``period`` is a full cycle, seconds."""

    reach: Vector
    period: float

    def offset(self, time: float) -> Vector:
        """Return reach * sin."""
        share = math.sin(2 * math.pi * time / self.period)
        return self.reach[0] * share, self.reach[1] * share, self.reach[2] * share


@dataclass(frozen=True)
class Line(Motion):
    """Motion to ``reach`` and back, at rest at both ends; ``period`` is both ways, seconds."""

    reach: Vector
    period: float

    def offset(self, time: float) -> Vector:
        """Return reach * (1 - cos) / 2."""
        share = (1 - math.cos(2 * math.pi * time / self.period)) / 2
        return self.reach[0] * share, self.reach[1] * share, self.reach[2] * share


@dataclass(frozen=True)
class Circle(Motion):
    """Motion on a horizontal circle around the initial position, starting from x towards z."""

    radius: float
    period: float

    def offset(self, time: float) -> Vector:
        """Return the position on the circle."""
        angle = 2 * math.pi * time / self.period
        return self.radius * math.cos(angle), 0.0, self.radius * math.sin(angle)


@dataclass(frozen=True)
class Waypoint:
    """
    Pose of the camera's housing at a time.

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
    Pose of the camera over time.

    With one waypoint the camera is still. With several it moves from each to the next, coming to
    rest at each, then all the way back, and repeats. In between, the fraction of the distance at
    the fraction u of the time is 6 u⁵ - 15 u⁴ + 10 u³ (Flash and Hogan, "The coordination of arm
    movements", 1985: minimum jerk), so velocity and acceleration are continuous.
    """

    waypoints: tuple[Waypoint, ...] = (Waypoint(0.0, (0.0, 0.0, 0.0)),)

    @property
    def is_still(self) -> bool:
        """Return whether the camera never moves."""
        return len(self.waypoints) == 1

    def housing(self, times: npt.ArrayLike) -> tuple[Array, Array]:
        """
        Return the poses of camera_base.

        :param times: (N,), seconds.
        :return: rotations (N, 3, 3) and translations (N, 3) from its frame to the world frame.
        """
        when = np.atleast_1d(np.asarray(times, np.float64))
        stops = np.array([w.time for w in self.waypoints])
        values = np.array([(*w.position, w.yaw, w.pitch, w.roll) for w in self.waypoints])
        if self.is_still:
            now = np.broadcast_to(values[0], (len(when), 6))
        else:
            # moving to the last waypoint and back is a triangle wave
            span = stops[-1] - stops[0]
            phase = np.mod(when - stops[0], 2 * span)
            phase = np.where(phase > span, 2 * span - phase, phase)
            segment = np.searchsorted(stops, phase + stops[0], 'right') - 1
            segment = np.clip(segment, 0, len(stops) - 2)
            u = (phase + stops[0] - stops[segment]) / (stops[segment + 1] - stops[segment])
            fraction = u * u * u * (u * (6 * u - 15) + 10)
            now = values[segment] + fraction[:, np.newaxis] * (
                values[segment + 1] - values[segment])
        cos, sin = np.cos(now[:, 3:]), np.sin(now[:, 3:])
        rotations = (_rotations(2, cos[:, 0], sin[:, 0]) @ _rotations(1, cos[:, 1], sin[:, 1])
                     @ _rotations(0, cos[:, 2], sin[:, 2]))
        return tf_frames.BODY_FROM_OPTICAL.T @ rotations, np.array(now[:, :3])

    def depth_camera(self, time: float) -> RigidTransform:
        """Return the pose of the depth camera in the world at a time, seconds."""
        rotation, translation = self.housing([time])
        return RigidTransform(rotation[0], translation[0]) @ tf_frames.base_from_depth()


def _rotations(axis: int, cos: Array, sin: Array) -> Array:
    """Return rotations (N, 3, 3) about an axis, from the cosines and sines of their angles."""
    rotation = np.zeros((len(cos), 3, 3))
    a, b = (axis + 1) % 3, (axis + 2) % 3
    rotation[:, axis, axis] = 1
    rotation[:, a, a] = rotation[:, b, b] = cos
    rotation[:, b, a] = sin
    rotation[:, a, b] = -sin
    return rotation
