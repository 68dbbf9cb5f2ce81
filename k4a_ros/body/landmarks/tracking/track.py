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

"""A tracked person: prediction, front and back, bone lengths."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
import math

from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
from k4a_ros.body.landmarks.tracking.front_back import FacingEvidence
from k4a_ros.body.landmarks.tracking.front_back import FacingFilter
from k4a_ros.body.landmarks.tracking.front_back import resolve_new_person
from k4a_ros.body.landmarks.tracking.front_back import ViewPrediction
from k4a_ros.body.landmarks.tracking.motion_filter import MotionFilter
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

#: the track of a person who is not seen for longer than this is dropped
MAX_LOST_S = 2.0


@dataclass(frozen=True)
class GrowingLimit:
    """Maximum distance from a prediction, which grows with the time since the last observation."""

    base_m: float
    growth_m_per_s: float
    max_m: float

    def after(self, seconds: float) -> float:
        """Return that distance, meters."""
        return min(self.base_m + self.growth_m_per_s * seconds, self.max_m)


@dataclass(frozen=True)
class _TrackLimits:
    """Limits and time constants of a track."""

    max_speed_m_s: float = 3.0
    #: time constant of the velocity
    velocity_average_s: float = 0.15
    #: weight of a new measurement in the length of a bone
    bone_length_gain: float = 0.1
    #: after a longer gap, front and back are decided as of a new person
    max_side_memory_s: float = 0.5


_LIMITS = _TrackLimits()


@dataclass(eq=False)
class Track:
    """
    A tracked person.

    ``points`` (33, 3) meters: the landmarks when last seen, at ``seen_us`` microseconds of the
    device clock, in ``region``; ``velocity`` (3,) m/s of the trunk; ``bone_lengths`` (18,) meters,
    NaN where unknown. ``joint_positions`` (32, 3) and ``joint_orientations`` (32, 4) are the last
    output. ``is_seen``: in the last image; ``image_count``: in how many images so far.
    """

    body_id: int
    points: Vectors
    region: Region
    seen_us: int
    velocity: Vectors = field(default_factory=lambda: np.zeros(3))
    bone_lengths: Vectors = field(default_factory=lambda: np.full(len(BONES), np.nan))
    joint_positions: Vectors | None = None
    joint_orientations: Floats | None = None
    is_seen: bool = True
    image_count: int = 0
    facing: FacingFilter = field(default_factory=FacingFilter)
    motion: MotionFilter = field(default_factory=MotionFilter)

    def seconds_unseen(self, now_us: int) -> float:
        """Return the time since the person was last seen."""
        return (now_us - self.seen_us) * 1e-6

    def predict_offset(self, now_us: int) -> Vectors:
        """Return how far the person has moved since last seen, (3,) meters."""
        return self.velocity * min(max(self.seconds_unseen(now_us), 0.0), MAX_LOST_S)

    def predict_points(self, now_us: int) -> Vectors:
        """Return the landmarks at a time, (33, 3) meters."""
        predicted = self.motion.predict(now_us)
        return self.points + self.predict_offset(now_us) if predicted is None else predicted

    def resolve_sides(
        self, landmarks: Landmarks, view: CropView, evidence: FacingEvidence, now_us: int,
    ) -> Landmarks:
        """
        Return landmarks with front and back as in the track.

        Where depth contradicts the track for long enough, the track gives way.
        """
        seconds = self.seconds_unseen(now_us)
        if seconds > _LIMITS.max_side_memory_s:
            return resolve_new_person(landmarks, evidence)
        prediction = ViewPrediction(
            view.project(self.predict_points(now_us)),
            view.project(self.points + self.predict_offset(now_us)), view.pixels_per_meter,
            float(self.velocity[2]), seconds)
        landmarks, turned = self.facing.resolve(landmarks, prediction, evidence)
        if turned:
            self.motion = MotionFilter()
        return landmarks

    def update(
        self, points: Vectors, region: Region, bone_lengths: Vectors, now_us: int,
    ) -> None:
        """Add an observation: landmarks, region and bone lengths, as the attributes."""
        seconds = self.seconds_unseen(now_us)
        if seconds > 0:
            velocity = (points[TRUNK].mean(axis=0) - self.points[TRUNK].mean(axis=0)) / seconds
            speed = float(np.linalg.norm(velocity))
            velocity = velocity * min(1.0, _LIMITS.max_speed_m_s / max(speed, 1e-9))
            self.velocity = self.velocity + (velocity - self.velocity) * (
                1 - math.exp(-seconds / _LIMITS.velocity_average_s))
        measured = _symmetric_lengths(bone_lengths)
        unknown = np.isnan(self.bone_lengths)
        self.bone_lengths = np.where(
            unknown | np.isnan(measured), np.where(unknown, measured, self.bone_lengths),
            self.bone_lengths + _LIMITS.bone_length_gain * (measured - self.bone_lengths))
        self.points, self.region, self.seen_us, self.is_seen = points, region, now_us, True
        self.image_count += 1


def _symmetric_lengths(lengths: Vectors) -> Vectors:
    """Return the mean lengths of left and right bones, for both, NaN where neither is known."""
    # left and right follow each other
    pairs = lengths.reshape(-1, 2)
    known = ~np.isnan(pairs)
    mean = np.where(known, pairs, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.repeat(np.where(known.any(axis=1), mean, np.nan), 2)
