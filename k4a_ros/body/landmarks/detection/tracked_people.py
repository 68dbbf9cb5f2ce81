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

"""Observe tracked people where they are predicted."""

from __future__ import annotations

from collections.abc import Iterable

from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.observation import Observation
from k4a_ros.body.landmarks.detection.observation import PoseEstimator
from k4a_ros.body.landmarks.detection.observation import PRESENCE
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.segmentation.ownership import assign_segments
from k4a_ros.body.landmarks.tracking.track import Track
from k4a_ros.body.tracker import BACKGROUND

#: area of a tracked person that must be visible
_MIN_VISIBLE_AREA_M2 = 0.02


def observe_tracked_people(
    frame: FrameContext, tracks: Iterable[Track], estimator: PoseEstimator,
) -> list[Observation]:
    """
    Observe the people that were seen in the last frame; those not found again become lost.

    Lost people are not looked for here, but reserve the pixels at their predicted place.
    """
    tracks = sorted(tracks, key=lambda track: not track.is_seen)
    offsets = [track.predict_offset(frame.now_us) for track in tracks]
    owners = assign_segments(frame.segmentation, [
        track.points + offset for track, offset in zip(tracks, offsets, strict=True)])
    observations = []
    for index, (track, offset) in enumerate(zip(tracks, offsets, strict=True)):
        if not track.is_seen:
            break
        track.is_seen = False
        mask = owners == index
        if float(frame.segmentation.areas[mask].sum()) < _MIN_VISIBLE_AREA_M2:
            continue
        others = (owners != index) & (owners != BACKGROUND)
        region = Region(track.region.center + offset, track.region.radius, track.region.roll)
        landmarks, view = estimator.estimate(frame, region, mask, others, track)
        if landmarks.presence > PRESENCE.present:
            track.is_seen = True
            observations.append(Observation(track, landmarks, view, mask))
    return observations
