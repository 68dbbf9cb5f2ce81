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

"""Keep the identity of people from image to image."""

from __future__ import annotations

from collections.abc import Sequence
import itertools

from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.tracking.track import GrowingLimit
from k4a_ros.body.landmarks.tracking.track import MAX_LOST_S
from k4a_ros.body.landmarks.tracking.track import Track
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]


#: distance up to which the trunk of a new person may be that of a lost one
_GATE = GrowingLimit(base_m=0.45, growth_m_per_s=0.6, max_m=1.05)
#: what a new person costs who continues no track, more than all distances; and the nearest tracks
#: that are tried for each
_UNMATCHED_M, _MAX_CANDIDATES = 100.0, 3


class PersonTracker:
    """The tracks of people. A ``body_id`` is never used twice."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._next_id = 1
        self._now_us = 0

    def start_frame(self, now_us: int) -> None:
        """Drop the tracks of people lost for too long; all, if a recording has started again."""
        if now_us < self._now_us:
            self.tracks = []
        self._now_us = now_us
        self.tracks = [
            track for track in self.tracks if track.seconds_unseen(now_us) <= MAX_LOST_S]

    def match_lost(self, trunks: Sequence[Vectors]) -> list[Track | None]:
        """
        Return the lost track that each new person continues, None for a person not known yet.

        As many as possible are matched, at the least sum of distances.

        :param trunks: (3,) meters each: the centers of the trunks of new people.
        """
        lost = [
            (track, track.points[TRUNK].mean(axis=0) + track.predict_offset(self._now_us),
             _GATE.after(track.seconds_unseen(self._now_us)))
            for track in self.tracks if not track.is_seen]
        options: list[list[tuple[float, Track | None]]] = []
        for trunk in trunks:
            near: list[tuple[float, Track | None]] = []
            for track, expected, limit_m in lost:
                distance = float(np.linalg.norm(trunk - expected))
                if distance < limit_m:
                    near.append((distance, track))
            near.sort(key=lambda option: option[0])
            options.append([*near[:_MAX_CANDIDATES], (_UNMATCHED_M, None)])
        best = min(
            (choice for choice in itertools.product(*options) if _is_distinct(choice)),
            key=lambda choice: sum(distance for distance, _ in choice))
        return [track for _, track in best]

    def start_track(self, points: Vectors, region: Region) -> Track:
        """Start the track of a person not known yet: landmarks and region, as of `Track`."""
        track = Track(self._next_id, points, region, self._now_us)
        self._next_id += 1
        self.tracks.append(track)
        return track

    def clear(self) -> None:
        """Drop all tracks."""
        self.tracks = []


def _is_distinct(choice: Sequence[tuple[float, Track | None]]) -> bool:
    """Return whether no track is chosen twice."""
    ids = [track.body_id for _, track in choice if track is not None]
    return len(set(ids)) == len(ids)
