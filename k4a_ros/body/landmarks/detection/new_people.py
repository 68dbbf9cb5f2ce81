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

"""Detect new people: heads that a detector sees, and segments of the size of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import math

from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.head_region import region_below_head
from k4a_ros.body.landmarks.detection.head_region import REGION_RADIUS_M
from k4a_ros.body.landmarks.detection.head_region import upright_person
from k4a_ros.body.landmarks.detection.head_search import HeadCandidate
from k4a_ros.body.landmarks.detection.head_search import HeadSearch
from k4a_ros.body.landmarks.detection.observation import Observation
from k4a_ros.body.landmarks.detection.observation import PoseEstimator
from k4a_ros.body.landmarks.detection.observation import PRESENCE
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_3d.lifting import head_of
from k4a_ros.body.landmarks.pose_3d.lifting import lift
from k4a_ros.body.landmarks.segmentation.ownership import assign_segments
from k4a_ros.body.landmarks.segmentation.ownership import mask_with_nearby_pieces
from k4a_ros.body.landmarks.vectors import perpendicular_part
from k4a_ros.body.landmarks.vectors import unit
from k4a_ros.body.tracker import BACKGROUND
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Owners = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Search:
    """What is tried as a new person."""

    #: segments tried in one frame
    max_tries: int = 3
    #: heads tried in one frame
    max_head_tries: int = 2
    #: maximum distance of a person's head from where a detector sees it
    max_head_error_m: float = 0.2
    #: a head within an ellipsoid of these radii around that of a known person, across the line of
    #: sight and along it, is the same; the surface in front of it may be a hand
    same_head_across_m: float = 0.22
    same_head_along_m: float = 0.3
    #: so is a trunk closer than this to that of a known person, level and along up: nobody is
    #: above or below somebody else
    same_trunk_level_m: float = 0.2
    same_trunk_up_m: float = 1.2
    #: what is farther behind a head than this, or in front of it, is not the person
    max_behind_head_m: float = 0.6
    max_before_head_m: float = 1.1
    #: segments whose area is closest to this are tried first
    typical_area_m2: float = 0.45
    #: maximum share of a segment that belongs to known people
    max_taken_share: float = 0.3
    #: minimum share of the visible landmarks that are on the person's surface
    min_support: float = 0.5
    #: Farther heads are not of people: no mode is specified for more than 5.46 m (Azure Kinect DK
    #: hardware specifications), and few pixels are left of what is beyond.
    max_distance_m: float = 6.0


@dataclass(frozen=True)
class _Retry:
    """When what was rejected is tried again: after a time, or if it has moved or changed."""

    segment_after_s: float = 1.5
    head_after_s: float = 0.6
    #: a head is tried for this long after a detector has seen it
    head_until_s: float = 1.0
    moved_m: float = 0.12
    changed_area_share: float = 0.25


_SEARCH, _RETRY = _Search(), _Retry()


@dataclass(frozen=True, eq=False)
class _Rejected:
    """What was tried and is no person: its center (3,) meters, area m² (0: a head), and when."""

    center: Vectors
    area: float
    device_us: int


@dataclass(eq=False)
class _Known:
    """
    The people known so far in a frame: landmarks (33, 3) meters and the mask of each.

    ``found``: those of them who are new.
    """

    points: list[Vectors]
    masks: list[Mask]
    found: list[Observation] = field(default_factory=list)

    def taken(self, shape: tuple[int, ...]) -> Mask:
        """Return the pixels of all of them."""
        taken = np.zeros(shape, bool)
        for mask in self.masks:
            taken |= mask
        return taken

    def has_head(self, position: Vectors) -> bool:
        """Return whether a head is that of one of them."""
        ray = unit(position)
        for points in self.points:
            offset = head_of(points) - position
            across = float(np.linalg.norm(perpendicular_part(offset, ray)))
            if math.hypot(across / _SEARCH.same_head_across_m,
                          float(offset @ ray) / _SEARCH.same_head_along_m) < 1:
                return True
        return False

    def has_trunk(self, pose: Vectors, up: Vectors) -> bool:
        """Return whether landmarks (33, 3) are those of one of them, or of a part of one."""
        trunk = pose[TRUNK].mean(axis=0)
        offsets = [points[TRUNK].mean(axis=0) - trunk for points in self.points]
        return any(
            float(np.linalg.norm(perpendicular_part(offset, up))) < _SEARCH.same_trunk_level_m
            and abs(float(offset @ up)) < _SEARCH.same_trunk_up_m for offset in offsets)


class NewPersonDetector:
    """Tries what may be a person, and remembers what is not."""

    def __init__(self, estimator: PoseEstimator, heads: HeadSearch) -> None:
        self._estimator, self._heads = estimator, heads
        self._rejected: list[_Rejected] = []
        self._seen_heads: list[HeadCandidate] = []

    def clear(self) -> None:
        """Forget what was seen, and what was rejected."""
        self._rejected, self._seen_heads = [], []
        self._heads.clear()

    def reject(self, frame: FrameContext, mask: Mask, head: Vectors) -> None:
        """
        Remember that what was taken for a person is none, so that it is not tried again at once.

        :param mask: its pixels, at the resolution of the segmentation.
        :param head: (3,) meters.
        """
        self._rejected.append(_Rejected(head, 0.0, frame.now_us))
        for segment in frame.segmentation.segments:
            if (segment.may_be_person
                    and float(mask[frame.segmentation.labels == segment.label].mean()) > 0.5):
                self._rejected.append(_Rejected(segment.center, segment.area, frame.now_us))

    def detect(self, frame: FrameContext, seen: Sequence[Observation]) -> list[Observation]:
        """
        Detect people who are not tracked yet.

        :param seen: the tracked people.
        """
        known = _Known(
            [one.track.points + one.track.predict_offset(frame.now_us)
             for one in seen if one.track is not None], [one.mask for one in seen])
        self._try_segments(frame, known)
        candidates = self._heads.look(frame, busy=bool(known.points))
        self._seen_heads = [*candidates, *(
            seen for seen in self._seen_heads
            if 0 < frame.now_us - seen.seen_us < _RETRY.head_until_s * 1e6)]
        self._try_heads(frame, known)
        return known.found

    def _try_segments(self, frame: FrameContext, known: _Known) -> None:
        """Try the segments that nobody owns."""
        segmentation, tries = frame.segmentation, 0
        for segment in sorted(
                (segment for segment in segmentation.segments if segment.may_be_person),
                key=lambda segment: abs(math.log(segment.area / _SEARCH.typical_area_m2))):
            mask = segmentation.labels == segment.label
            taken = known.taken(mask.shape)
            if (tries == _SEARCH.max_tries
                    or self._is_rejected(segment.center, segment.area, frame.now_us)
                    or float(taken[mask].mean()) > _SEARCH.max_taken_share):
                continue
            tries += 1
            mask = mask_with_nearby_pieces(segmentation, segment) & ~taken
            if not self._confirm(frame, Region(segment.center, REGION_RADIUS_M), mask, known):
                self._rejected.append(_Rejected(segment.center, segment.area, frame.now_us))

    def _try_heads(self, frame: FrameContext, known: _Known) -> None:
        """Try the heads that were seen, of people who may be in the mask of another one so far."""
        up, tries = frame.segmentation.up, 0
        for head in (seen.position for seen in self._seen_heads):
            if (tries == _SEARCH.max_head_tries or known.has_head(head)
                    or self._is_rejected(head, 0.0, frame.now_us)):
                continue
            tries += 1
            z = frame.segmentation.points[..., 2]
            behind = z - float(head[2])
            mask = ((z > 0) & (behind < _SEARCH.max_behind_head_m)
                    & (behind > -_SEARCH.max_before_head_m))
            # what is nearer to people who are known than to anyone below this head
            mask &= ~_owned_by_others(assign_segments(
                frame.segmentation, [upright_person(head, up), *known.points]))
            if not self._confirm(frame, region_below_head(head, up), mask, known, head):
                self._rejected.append(_Rejected(head, 0.0, frame.now_us))

    def _is_rejected(self, center: Vectors, area: float, now_us: int) -> bool:
        """Return whether this was tried recently, and is unchanged."""
        self._rejected = [
            rejected for rejected in self._rejected if 0 <= now_us - rejected.device_us < 1e6 * (
                _RETRY.segment_after_s if rejected.area else _RETRY.head_after_s)]
        return any(
            float(np.linalg.norm(center - rejected.center)) < _RETRY.moved_m
            and abs(area - rejected.area) <= _RETRY.changed_area_share * rejected.area
            for rejected in self._rejected)

    def _confirm(
        self, frame: FrameContext, region: Region, mask: Mask, known: _Known,
        head: Vectors | None = None,
    ) -> bool:
        """
        Estimate a pose twice, the second time in a crop around the first pose.

        :param mask: the pixels that may show the person; others are grayed out.
        :param head: (3,) meters, where a detector sees the person's head.
        :return: whether it is a person, who was not known, and is now.
        """
        landmarks, view = self._estimator.estimate(frame, region, mask, frame.hidden(mask))
        if landmarks.presence <= PRESENCE.possible:
            return False
        own = frame.enlarge(mask)
        pose = lift(landmarks, view, frame.person_depth(own, ~own))
        if pose is None or pose.support < _SEARCH.min_support:
            return False
        owners = assign_segments(frame.segmentation, [pose.points, *known.points])
        mask, others = owners == 0, _owned_by_others(owners)
        if head is None:
            taken = known.taken(mask.shape)
            mask, others = mask & ~taken, taken
        if not mask.any():
            return False
        region = view.region_of_circle(landmarks.alignment_center, landmarks.alignment_top)
        second, second_view = self._estimator.estimate(frame, region, mask, others)
        if second.presence > PRESENCE.present:
            landmarks, view = second, second_view
        elif landmarks.presence <= PRESENCE.certain:
            return False
        own = frame.enlarge(mask)
        pose = lift(landmarks, view, frame.person_depth(own, ~own))
        if pose is None:
            return False
        found = head_of(pose.points)
        if float(np.linalg.norm(found)) > _SEARCH.max_distance_m:
            return False
        if known.has_trunk(pose.points, frame.segmentation.up) or (head is not None and (
                pose.support < _SEARCH.min_support or known.has_head(found)
                or float(np.linalg.norm(found - head)) > _SEARCH.max_head_error_m)):
            return False
        if not self._heads.confirms(frame, region, found):
            return False
        known.points.append(pose.points)
        known.masks.append(mask)
        known.found.append(Observation(None, landmarks, view, mask))
        return True


def _owned_by_others(owners: Owners) -> Mask:
    """Return the pixels of all but the first person."""
    others: Mask = (owners != 0) & (owners != BACKGROUND)
    return others
