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

from k4a_ros.body.landmarks.pose_2d.blazepose import LANDMARK_COUNT
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_2d.flip_test import left_right_swap
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
from k4a_ros.body.landmarks.tracking.front_back import distance
from k4a_ros.body.landmarks.tracking.front_back import Facing
from k4a_ros.body.landmarks.tracking.front_back import Reversal
from k4a_ros.body.landmarks.tracking.front_back import straight
from k4a_ros.body.landmarks.tracking.motion_filter import Motion
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

#: seconds after which somebody who is not seen any more is given up
PATIENCE = 1.0
#: meters between where somebody is expected and found, and what is added per second unseen
_GATE, _GATE_PER_SECOND = 0.45, 0.6
#: the fastest anybody moves here, m/s, and the seconds over which a velocity is averaged
_FASTEST = 3.0
_AVERAGE = 0.15
#: share of a new measurement of a bone in its length
_LENGTH_SHARE = 0.1
#: bones that come in pairs of equal length, left and right following each other
_PAIRS = len(BONES) // 2
#: seconds after which left and right are what the model says: for somebody who has not been seen;
#: for somebody new; and the most that may be known against it
_TANGLED, _FIRST_TRUST, _TRUST = 0.5, 0.1, 0.4
_ARMS, _LEGS = range(13, 23, 2), range(25, 33, 2)
#: what may be exchanged, and what that has to be better by, m²
_ORDERS = (np.arange(LANDMARK_COUNT), left_right_swap(_ARMS), left_right_swap(_LEGS),
           left_right_swap(_ARMS, _LEGS))
_COSTS = (0.0, 0.002, 0.002, 0.004)


@dataclass(eq=False)
class Track:
    """
    Somebody who is followed.

    ``points`` (33, 3) meters, the landmarks when seen last, at ``seen_us`` of the camera's clock;
    ``velocity`` (3,) m/s of the trunk; ``region`` is where to look for him then; ``lengths``
    (18,) meters of the bones, NaN where unknown. ``positions`` (32, 3) and ``orientations``
    (32, 4) are what was given out last. ``is_seen``: in the last image. ``trust``: for how
    many seconds the model may take left for right until it is believed. ``motion`` of the
    landmarks.
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
    trust: float = _FIRST_TRUST
    facing: Facing = field(default_factory=Facing)
    motion: Motion = field(default_factory=Motion)

    def ahead(self, now_us: int) -> Vectors:
        """Return how far he is expected to have moved at a time since he was seen, (3,)."""
        return self.velocity * min(max((now_us - self.seen_us) * 1e-6, 0.0), PATIENCE)

    def expected(self, now_us: int) -> Vectors:
        """Return where his landmarks are expected to be at a time, (33, 3) meters."""
        expected = self.motion.expected(now_us)
        return self.points + self.ahead(now_us) if expected is None else expected

    def untangled(
        self, seen: Landmarks, view: CropView, evidence: Reversal, now_us: int,
    ) -> Landmarks:
        """
        Return what is seen of him in an image, with front and back, left and right as before.

        :param evidence: see `k4a_ros.body.landmarks.tracking.front_back.reversal`.
        """
        seconds = (now_us - self.seen_us) * 1e-6
        if seconds > _TANGLED:
            return straight(seen, evidence)
        expected = view.project(self.expected(now_us))
        before = view.project(self.points + self.ahead(now_us))
        seen, turned = self.facing.settle(
            seen, expected, before, view.pixels_per_meter, evidence, float(self.velocity[2]),
            seconds)
        if turned:
            self._begin_anew()
            return seen
        better = untangle(seen, expected, view.pixels_per_meter)
        self.trust = min(self.trust + (seconds if better is seen else -seconds), _TRUST)
        if self.trust < 0:
            # the model has said so for long enough
            self._begin_anew()
            return seen
        return better

    def _begin_anew(self) -> None:
        self.trust, self.motion = _FIRST_TRUST, Motion()

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


def untangle(seen: Landmarks, expected: Vectors, unit: float) -> Landmarks:
    """
    Exchange left and right of arms, of legs or of both if they are expected the other way round.

    From the side the model takes one leg for the other now and then, for an image or some more.

    :param expected: (33, 2) pixels.
    :param unit: pixels that a meter is.
    """
    found = min(range(len(_ORDERS)), key=lambda one: distance(
        seen.pixels[_ORDERS[one]], expected, unit) + _COSTS[one])
    if found == 0:
        return seen
    order = _ORDERS[found]
    return replace(seen, pixels=seen.pixels[order], visibility=seen.visibility[order],
                   world=seen.world[order])


class PersonTracker:
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

    def recognize(self, places: Sequence[Vectors]) -> list[Track | None]:
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
