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

"""Score the bodies that a tracker finds against the ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.pose_3d.k4abt_joints import LANDMARK_OF_JOINT
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import Confidence
import numpy as np
from support.people.shots import Shot

#: a person of whom fewer pixels are visible need not be found
MIN_VISIBLE_PIXELS = 1500
#: distance of the chest up to which a body is that of a person
_MAX_CHEST_DISTANCE_M = 0.4
#: joint -> the landmarks that it may be at
_LANDMARKS = {joint: [landmark] for joint, landmark in LANDMARK_OF_JOINT.items()} | {
    Joint.HAND_LEFT: [15, 17, 19], Joint.HAND_RIGHT: [16, 18, 20],
    Joint.HANDTIP_LEFT: [17, 19], Joint.HANDTIP_RIGHT: [18, 20]}


def match_bodies(frame: BodyFrame, people: Sequence[np.ndarray]) -> list[int | None]:
    """Return the index of the body of each person with joints (32, 3); each body is of one."""
    distances = np.array([
        [float(np.linalg.norm(body.positions[Joint.SPINE_CHEST] - joints[Joint.SPINE_CHEST]))
         for body in frame.bodies] for joints in people]).reshape(len(people), len(frame.bodies))
    matches: list[int | None] = [None] * len(people)
    while distances.size and distances.min() < _MAX_CHEST_DISTANCE_M:
        person, body = np.unravel_index(int(distances.argmin()), distances.shape)
        matches[person] = int(body)
        distances[person], distances[:, body] = np.inf, np.inf
    return matches


def sight_error(joint: Joint, position: np.ndarray, rays: np.ndarray) -> float:
    """
    Return how far a joint is from the nearest line of sight of its landmarks, meters.

    That is its error if the depth of every landmark were known, and no limb were moved; 0 for a
    joint of the trunk, which has no landmark.

    :param position: (3,) of the joint, meters.
    :param rays: (33, 3) of length 1, see `SightedEstimator`.
    """
    if joint not in _LANDMARKS:
        return 0.0
    candidates = rays[_LANDMARKS[joint]]
    across = position - (candidates @ position)[:, np.newaxis] * candidates
    return float(np.linalg.norm(across, axis=1).min())


@dataclass(eq=False)
class Score:
    """
    Errors of a tracker.

    ``errors``: meters, one per visible joint, and ``medium``: whether the tracker gives it
    confidence MEDIUM; ``medium_errors``: meters, of all joints with MEDIUM, visible or not;
    ``sight_errors``: meters, see `sight_error`, one per visible joint if lines of sight are known;
    ``ids``: the body ids that each person has had; ``overlaps``: intersection over union of the
    index map, one per body; ``people``: how many had to be found, in all images;
    ``missed``: how many of those were not; ``extra``: bodies where there is no person.
    """

    errors: list[float] = field(default_factory=list)
    medium: list[bool] = field(default_factory=list)
    medium_errors: list[float] = field(default_factory=list)
    sight_errors: list[float] = field(default_factory=list)
    ids: dict[int, set[int]] = field(default_factory=dict)
    overlaps: list[float] = field(default_factory=list)
    people: int = 0
    missed: int = 0
    extra: int = 0

    def add(
        self, frame: BodyFrame, shot: Shot, rays: Mapping[int, np.ndarray] | None = None,
    ) -> None:
        """
        Add the result for one shot.

        :param rays: lines of sight by body id, see `SightedEstimator`.
        """
        bodies = match_bodies(frame, [joints for joints, _ in shot.people])
        for number, (joints, visible) in enumerate(shot.people):
            index = bodies[number]
            owned = shot.owners == number
            if owned.sum() < MIN_VISIBLE_PIXELS:
                continue
            self.people += 1
            if index is None:
                self.missed += 1
                continue
            body = frame.bodies[index]
            errors = np.linalg.norm(body.positions - joints, axis=1)
            medium = body.confidences == Confidence.MEDIUM
            self.errors += errors[visible].tolist()
            self.medium += medium[visible].tolist()
            self.medium_errors += errors[medium].tolist()
            if rays is not None:
                self.sight_errors += [
                    sight_error(Joint(joint), joints[joint], rays[body.body_id])
                    for joint in np.flatnonzero(visible).tolist()]
            self.ids.setdefault(number, set()).add(body.body_id)
            found = frame.index_map == index
            self.overlaps.append(float((found & owned).sum() / (found | owned).sum()))
        self.extra += len(frame.bodies) - sum(index is not None for index in bodies)

    def merge(self, other: Score) -> None:
        """Add the score of another scene, except for the ids, which are per scene."""
        self.errors += other.errors
        self.medium += other.medium
        self.medium_errors += other.medium_errors
        self.sight_errors += other.sight_errors
        self.overlaps += other.overlaps
        self.people += other.people
        self.missed += other.missed
        self.extra += other.extra

    def error_percentile(self, percentile: float) -> float:
        """Return a percentile of the errors, meters."""
        return float(np.percentile(self.errors, percentile))

    def share_within(self, limit: float, *, medium_only: bool = False) -> float:
        """Return the share of errors below a limit in meters: of visible joints, or of MEDIUM."""
        errors = np.array(self.medium_errors if medium_only else self.errors)
        return float((errors < limit).mean())
