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

"""How far cameras have moved since their poses were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.rig_calibration.graph import angle_between
from k4a_ros.rig_calibration.observations import Floats
import numpy as np


@dataclass(frozen=True)
class Limits:
    """Distance, meters, and angle, degrees, within which a camera has not moved."""

    meters: float
    degrees: float


@dataclass(frozen=True)
class Movement:
    """Distance, meters, and angle, degrees, of a camera from its pose; whether it has moved."""

    meters: float
    degrees: float
    moved: bool


def movements(
    known: Sequence[RigidTransform], found: Sequence[RigidTransform], limits: Limits,
) -> list[Movement]:
    """
    Compare poses.

    Poses that were found are relative to each other only. They are moved as a whole so that as
    many cameras as possible are where they were; the others have moved.

    :param known: of the cameras before, in one frame.
    :param found: of the same cameras now, in any frame.
    """
    candidates = []
    for a, b in zip(known, found, strict=True):
        compared = _compared(known, found, a @ b.inverse(), limits)
        still = [i for i, each in enumerate(compared) if not each.moved]
        candidates.append((len(still), -sum(compared[i].meters for i in still), still))
    _, _, still = max(candidates)
    mean = _mean([known[i] @ found[i].inverse() for i in still],
                 [known[i].translation for i in still], [found[i].translation for i in still])
    return _compared(known, found, mean, limits)


def _compared(
    known: Sequence[RigidTransform], found: Sequence[RigidTransform], move: RigidTransform,
    limits: Limits,
) -> list[Movement]:
    result = []
    for before, now in zip(known, (move @ pose for pose in found), strict=True):
        meters = float(np.linalg.norm(now.translation - before.translation))
        degrees = math.degrees(angle_between(now, before))
        result.append(Movement(
            meters, degrees, meters > limits.meters or degrees > limits.degrees))
    return result


def _mean(
    moves: Sequence[RigidTransform], before: Sequence[Floats], now: Sequence[Floats],
) -> RigidTransform:
    """Return the mean of transforms, which takes the mean position to where it was."""
    rotation = RigidTransform(
        np.mean([move.rotation for move in moves], axis=0), np.zeros(3)).normalized().rotation
    return RigidTransform(
        rotation, np.mean(before, axis=0) - rotation @ np.mean(now, axis=0))
