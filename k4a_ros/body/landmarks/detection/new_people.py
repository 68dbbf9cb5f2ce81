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

"""Detect new people in segments that no tracked person owns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.observation import include_detached_limbs
from k4a_ros.body.landmarks.detection.observation import Observation
from k4a_ros.body.landmarks.detection.observation import PoseEstimator
from k4a_ros.body.landmarks.detection.observation import PRESENCE
from k4a_ros.body.landmarks.pose_2d.crop import region_around
from k4a_ros.body.landmarks.pose_3d.lifting import lift
from k4a_ros.body.landmarks.segmentation.ownership import assign_segments
from k4a_ros.body.landmarks.segmentation.ownership import mask_with_nearby_pieces
from k4a_ros.body.landmarks.segmentation.segments import Segment
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Search:
    """Which segments are tried as new people."""

    #: segments tried in one frame
    max_tries: int = 3
    #: segments whose area is closest to this are tried first
    typical_area_m2: float = 0.45
    #: maximum share of a segment that belongs to known people
    max_taken_share: float = 0.3
    #: minimum share of the visible landmarks that are on the person's surface
    min_support: float = 0.5
    #: approximate number of points around which the first crop is placed
    max_region_points: int = 500


@dataclass(frozen=True)
class _Retry:
    """When a rejected segment is tried again: after a time, or if it has moved or changed."""

    after_s: float = 3.0
    moved_m: float = 0.12
    changed_area_share: float = 0.25


_SEARCH, _RETRY = _Search(), _Retry()


@dataclass(frozen=True, eq=False)
class _Rejected:
    """A segment that was tried and is not a person: its center (3,) meters, area m², and when."""

    center: Vectors
    area: float
    device_us: int


class NewPersonDetector:
    """Tries segments of the size of a person, and remembers those that are not people."""

    def __init__(self, estimator: PoseEstimator) -> None:
        self._estimator = estimator
        self._rejected: list[_Rejected] = []

    def clear(self) -> None:
        """Forget the rejected segments."""
        self._rejected = []

    def detect(self, frame: FrameContext, known: Sequence[Mask]) -> list[Observation]:
        """
        Detect people who are not tracked yet.

        :param known: the masks of tracked people.
        """
        segmentation = frame.segmentation
        taken = np.zeros(segmentation.labels.shape, bool)
        for mask in known:
            taken |= mask
        observations: list[Observation] = []
        tries = 0
        for segment in sorted(
                (segment for segment in segmentation.segments if segment.may_be_person),
                key=lambda segment: abs(math.log(segment.area / _SEARCH.typical_area_m2))):
            mask = segmentation.labels == segment.label
            if (tries == _SEARCH.max_tries or self._is_rejected(segment, frame.now_us)
                    or float(taken[mask].mean()) > _SEARCH.max_taken_share):
                continue
            tries += 1
            mask = mask_with_nearby_pieces(segmentation, segment) & ~taken
            observation = self._confirm(frame, mask, taken)
            if observation is None:
                self._rejected.append(_Rejected(segment.center, segment.area, frame.now_us))
            else:
                observations.append(observation)
                taken |= observation.mask
        return observations

    def _is_rejected(self, segment: Segment, now_us: int) -> bool:
        """Return whether a segment was tried recently, and is unchanged."""
        self._rejected = [rejected for rejected in self._rejected
                          if 0 <= now_us - rejected.device_us < _RETRY.after_s * 1e6]
        return any(
            float(np.linalg.norm(segment.center - rejected.center)) < _RETRY.moved_m
            and abs(segment.area - rejected.area) < _RETRY.changed_area_share * rejected.area
            for rejected in self._rejected)

    def _confirm(self, frame: FrameContext, mask: Mask, taken: Mask) -> Observation | None:
        """
        Estimate a pose twice, the second time in a crop around the first pose.

        :param mask: the pixels that may show a person, and ``taken`` those of known people.
        :return: None if it is not a person.
        """
        points = frame.segmentation.points[mask]
        step = max(1, len(points) // _SEARCH.max_region_points)
        region = region_around(points[::step].astype(np.float64), frame.segmentation.up)
        landmarks, view = self._estimator.estimate(frame, region, mask, ~mask)
        if landmarks.presence <= PRESENCE.possible:
            return None
        own = frame.enlarge(mask)
        pose = lift(landmarks, view, frame.person_depth(own, ~own))
        if pose is None or pose.support < _SEARCH.min_support:
            return None
        mask = (assign_segments(frame.segmentation, [pose.points]) == 0) & ~taken
        region = view.region_of_circle(landmarks.alignment_center, landmarks.alignment_top)
        second, second_view = self._estimator.estimate(frame, region, mask, taken)
        if second.presence > PRESENCE.present:
            landmarks, view = second, second_view
        elif landmarks.presence <= PRESENCE.certain or second.presence <= PRESENCE.possible:
            return None
        mask = include_detached_limbs(frame, landmarks, view, mask, taken)
        return Observation(None, landmarks, view, mask)
