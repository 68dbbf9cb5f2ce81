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

"""First poses of all cameras and boards, by going from camera to camera over common views."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
import itertools
import math

from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.errors import CalibrationError
from k4a_ros.rig_calibration.observations import Observations
from k4a_ros.rig_calibration.single_view import error_px
from k4a_ros.rig_calibration.single_view import poses
import numpy as np

#: two poses of one camera relative to another agree within this
_AGREE_M, _AGREE_RAD = 0.05, math.radians(3.0)

#: poses of the board in camera_base of each camera, by its index, for one view
Candidates = Mapping[int, Sequence[RigidTransform]]


@dataclass(frozen=True)
class Poses:
    """
    Poses in the frame of the first camera, camera_base: of the cameras, and of the board in views.

    ``boards`` are by the index of the view, which lacks those that no pose fits.
    """

    cameras: tuple[RigidTransform, ...]
    boards: Mapping[int, RigidTransform]


@dataclass(frozen=True)
class _Link:
    """The pose of a second camera in the frame of a first one, and how many views agree on it."""

    pose: RigidTransform
    views: int


def angle_between(a: RigidTransform, b: RigidTransform) -> float:
    """Return the angle between two orientations, radians."""
    difference = a.rotation.T @ b.rotation
    sine = np.linalg.norm((
        difference[2, 1] - difference[1, 2], difference[0, 2] - difference[2, 0],
        difference[1, 0] - difference[0, 1])) / 2
    return math.atan2(float(sine), float(np.trace(difference) - 1) / 2)


def first_poses(board: CharucoBoard, seen: Observations) -> Poses:
    """
    Return first poses of all cameras, and of the board in all views.

    :raises CalibrationError: common views do not connect all cameras; names them.
    """
    candidates: list[Candidates] = [
        {camera: found for camera, sighting in view.items()
         if (found := poses(board, seen.cameras[camera], sighting))}
        for view in seen.views]
    cameras = _connected(seen, candidates)
    boards = {}
    for i, view in enumerate(seen.views):
        best = min(
            ((sum(min(error_px(board, seen.cameras[c], view[c], cameras[c].inverse() @ pose), 50.0)
                  for c in view), pose)
             for camera, found in candidates[i].items()
             for pose in (cameras[camera] @ each for each in found)),
            key=lambda item: item[0], default=None)
        if best is not None:
            boards[i] = best[1]
    return Poses(tuple(cameras), boards)


def _connected(seen: Observations, candidates: Sequence[Candidates]) -> list[RigidTransform]:
    """Return the poses of the cameras over the links on which most views agree (Prim, 1957)."""
    count = len(seen.cameras)
    links = {}
    for a, b in itertools.combinations(range(count), 2):
        link = _link(a, b, candidates)
        if link is not None:
            links[a, b] = link
            links[b, a] = _Link(link.pose.inverse(), link.views)
    known = {0: RigidTransform.identity()}
    while len(known) < count:
        edges = [(link.views, a, b) for (a, b), link in links.items()
                 if a in known and b not in known]
        if not edges:
            raise CalibrationError(_not_connected(seen, known, candidates))
        _, a, b = max(edges)
        known[b] = known[a] @ links[a, b].pose
    return [known[i] for i in range(count)]


def _link(a: int, b: int, candidates: Sequence[Candidates]) -> _Link | None:
    """Return the pose of camera b in the frame of camera a on which most views agree."""
    by_view = [[pose_a @ pose_b.inverse() for pose_a in view[a] for pose_b in view[b]]
               for view in candidates if a in view and b in view]
    best: tuple[int, float, RigidTransform] | None = None
    for pose in itertools.chain.from_iterable(by_view):
        distances = [min(_distance(pose, other) for other in others) for others in by_view]
        agree = [distance for distance in distances if distance <= 1.0]
        rank = (len(agree), -sum(agree))
        if best is None or rank > best[:2]:
            best = (*rank, pose)
    return None if best is None else _Link(best[2], best[0])


def _distance(a: RigidTransform, b: RigidTransform) -> float:
    """Return how much two poses differ; 1 is the most at which they agree."""
    return max(float(np.linalg.norm(a.translation - b.translation)) / _AGREE_M,
               angle_between(a, b) / _AGREE_RAD)


def _not_connected(
    seen: Observations, known: Mapping[int, object], candidates: Sequence[Candidates],
) -> str:
    """Return the sentence that names the cameras which no common view connects."""
    names = [camera.name for camera in seen.cameras]
    blind = [names[c] for c in range(len(names)) if not any(c in view for view in candidates)]
    if blind:
        return (f'{", ".join(blind)} did not see the board; show it to each camera, near enough '
                'that it fills a fifth of the image, and check its squares and dictionary')
    rest = [name for c, name in enumerate(names) if c not in known]
    return (f'no view of the board connects {", ".join(rest)} to '
            f'{", ".join(names[c] for c in sorted(known))}; hold the board still where a camera '
            'of each group sees it at the same time')
