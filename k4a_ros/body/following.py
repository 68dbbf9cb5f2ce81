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


"""Who is who from image to image: predicting people, and giving them numbers that stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
import math

from k4a_ros.body.landmark_depths import BONES
from k4a_ros.body.landmark_mirror import MIRRORED
from k4a_ros.body.landmark_mirror import offset
from k4a_ros.body.landmark_model import LANDMARKS
from k4a_ros.body.landmark_model import Landmarks
from k4a_ros.body.landmark_model import TRUNK
from k4a_ros.body.landmark_view import Region
from k4a_ros.body.landmark_view import View
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

#: seconds after which somebody who is not seen any more is given up
PATIENCE = 1.0
#: metres between where somebody is expected and found, and what is added per second unseen
_GATE, _GATE_PER_SECOND = 0.45, 0.6
#: the fastest anybody moves here, m/s, and the seconds over which a velocity is averaged
_FASTEST = 3.0
_AVERAGE = 0.15
#: share of a new measurement of a bone in its length
_LENGTH_SHARE = 0.1
#: bones that come in pairs of equal length, left and right following each other
_PAIRS = len(BONES) // 2
#: left landmarks, each followed by its right one, of arms and legs and of where these begin
_SIDES = ((range(13, 23, 2), range(11, 13, 2)), (range(25, 33, 2), range(23, 25, 2)))
#: metres by which sides have to be nearer to what is expected when they are exchanged, in the mean
#: of a limb and where it begins, and at most how far off then, as a share
_TANGLED, _TANGLED_BASE = 0.06, 0.03
_BETTER = 0.6
#: microseconds after which the model is believed that left and right are as it says
_TANGLED_US = 500_000
#: metres, in the mean, from which on landmarks are not where they are expected, with left and
#: right exchanged or not: what they say about left and right is not to be relied on
_UNSURE = 0.09


@dataclass(eq=False)
class Track:
    """
    Somebody who is followed.

    ``points`` (33, 3) metres, the landmarks when seen last, at ``seen_us`` of the camera's clock;
    ``velocity`` (3,) m/s of the trunk; ``region`` is where to look for him then; ``lengths``
    (18,) metres of the bones, NaN where unknown. ``positions`` (32, 3) and ``orientations``
    (32, 4) are what was given out last. ``is_seen``: in the last image. ``tangled_us``: since when
    the model takes left for right. ``is_unsure``: left and right of ``points`` may be wrong.
    """

    body_id: int
    points: Vectors
    region: Region
    seen_us: int
    velocity: Vectors = field(default_factory=lambda: np.zeros(3))
    lengths: Vectors = field(default_factory=lambda: np.full(len(BONES), np.nan))
    positions: Vectors | None = None
    orientations: Floats | None = None
    is_seen: bool = True
    tangled_us: int | None = None
    is_unsure: bool = False

    def ahead(self, now_us: int) -> Vectors:
        """Return how far he is expected to have moved at a time since he was seen, (3,)."""
        return self.velocity * min(max((now_us - self.seen_us) * 1e-6, 0.0), PATIENCE)

    def untangled(self, seen: Landmarks, view: View, now_us: int) -> Landmarks:
        """Return what is seen of him in an image, with left and right as they were before."""
        if now_us - self.seen_us > _TANGLED_US:
            return seen
        expected = view.project(self.points + self.ahead(now_us))
        better, changed = untangle(seen, expected, view.unit)
        was_unsure = self.is_unsure
        self.is_unsure = offset(better.pixels, expected) > _UNSURE * view.unit
        if was_unsure:
            self.tangled_us = None
            return seen
        if not changed:
            self.tangled_us = None
        elif self.tangled_us is None:
            self.tangled_us = now_us
        elif now_us - self.tangled_us > _TANGLED_US:
            self.tangled_us = None
            return seen
        return better

    def found(
        self, points: Vectors, region: Region, lengths: Vectors, now_us: int,
    ) -> None:
        """Take what has been seen of him at a time."""
        seconds = (now_us - self.seen_us) * 1e-6
        if seconds > 0:
            moved = (points[TRUNK].mean(axis=0) - self.points[TRUNK].mean(axis=0)) / seconds
            speed = float(np.linalg.norm(moved))
            moved = moved * min(1.0, _FASTEST / max(speed, 1e-9))
            self.velocity = self.velocity + (moved - self.velocity) * (
                1 - math.exp(-seconds / _AVERAGE))
        pairs = lengths.reshape(_PAIRS, 2)
        known = ~np.isnan(pairs)
        mean = np.where(known, pairs, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        both = np.repeat(np.where(known.any(axis=1), mean, np.nan), 2)
        fresh = np.isnan(self.lengths)
        self.lengths = np.where(
            fresh | np.isnan(both), np.where(fresh, both, self.lengths),
            self.lengths + _LENGTH_SHARE * (both - self.lengths))
        self.points, self.region, self.seen_us, self.is_seen = points, region, now_us, True


def untangle(seen: Landmarks, expected: Vectors, unit: float) -> tuple[Landmarks, bool]:
    """
    Exchange left and right of arms or legs if they are expected the other way round.

    From the side the model takes one leg for the other now and then, for an image or two.

    :param expected: (33, 2) pixels.
    :param unit: pixels that a metre is.
    :return: the landmarks, and whether they had to be changed.
    """
    order = np.arange(LANDMARKS)
    for limb, base in _SIDES:
        for landmarks, least in ((limb, _TANGLED), (base, _TANGLED_BASE)):
            left = np.array(landmarks)
            pair, other = np.concatenate([(left, left + 1), (left + 1, left)], axis=1)
            kept, exchanged = (
                float(np.linalg.norm(seen.pixels[to] - expected[pair], axis=1).mean())
                for to in (pair, other))
            if kept - exchanged < least * unit or exchanged > _BETTER * kept:
                break
            order[pair] = other
    if _twist(seen.world[order]) < min(_twist(seen.world), 0.0):
        # hips do not turn against shoulders so far: all of the body, or none of it
        kept, exchanged = (
            offset(seen.pixels[to], expected) for to in (np.arange(LANDMARKS), MIRRORED))
        order = np.arange(LANDMARKS) if kept <= exchanged else MIRRORED
    changed = bool((order != np.arange(LANDMARKS)).any())
    if changed:
        seen = replace(seen, pixels=seen.pixels[order], visibility=seen.visibility[order],
                       world=seen.world[order])
    return seen, changed


def _twist(points: Floats) -> float:
    """Return how alike the directions across shoulders and hips are, below 0 if opposite."""
    return float((points[11] - points[12]) @ (points[23] - points[24]))


class Follower:
    """Keeps the tracks; a number that has been given is not given again."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._next_id = 1
        self._now_us = 0

    def begin(self, now_us: int) -> None:
        """Go on to an image of a time: give up who has not been seen for too long."""
        if now_us < self._now_us:
            # a recording that begins anew
            self.tracks = []
        self._now_us = now_us
        self.tracks = [
            track for track in self.tracks if (now_us - track.seen_us) * 1e-6 <= PATIENCE]

    def recognise(self, places: Sequence[Vectors]) -> list[Track | None]:
        """
        Return who of those who are not seen is at places (3,), the middles of trunks.

        None where it is nobody who is known.
        """
        lost = [track for track in self.tracks if not track.is_seen]
        costs = np.full((len(places), len(lost)), np.inf)
        for column, track in enumerate(lost):
            expected = track.points[TRUNK].mean(axis=0) + track.ahead(self._now_us)
            unseen = (self._now_us - track.seen_us) * 1e-6
            for row, place in enumerate(places):
                distance = float(np.linalg.norm(place - expected))
                if distance < _GATE + _GATE_PER_SECOND * unseen:
                    costs[row, column] = distance
        return [None if column is None else lost[column] for column in assign(costs)]

    def add(self, points: Vectors, region: Region) -> Track:
        """Begin to follow somebody."""
        track = Track(self._next_id, points, region, self._now_us)
        self._next_id += 1
        self.tracks.append(track)
        return track


def assign(costs: Vectors) -> list[int | None]:
    """
    Return a column for each row, such that as many as can have one and the sum is least.

    Exact, by trying what can be; there are never many rows.

    :param costs: (N, M), infinite where row and column do not go together.
    """
    best: list[int | None] = [None] * len(costs)
    best_score = (0, 0.0)

    def go_on(row: int, chosen: list[int | None], count: int, total: float) -> None:
        nonlocal best, best_score
        if count + len(costs) - row < -best_score[0]:
            return
        if row == len(costs):
            if (-count, total) < best_score:
                best, best_score = list(chosen), (-count, total)
            return
        for column in np.argsort(costs[row])[:4].tolist():
            if column not in chosen and np.isfinite(costs[row, column]):
                go_on(row + 1, [*chosen, column], count + 1, total + float(costs[row, column]))
        go_on(row + 1, [*chosen, None], count, total)

    go_on(0, [], 0, 0.0)
    return best
