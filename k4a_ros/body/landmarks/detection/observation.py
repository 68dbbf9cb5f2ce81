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

"""Estimate the 2D pose of one person in a region of the infrared image."""

from __future__ import annotations

from dataclasses import dataclass

from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.pose_2d.blazepose import EARS
from k4a_ros.body.landmarks.pose_2d.blazepose import LandmarkModel
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.crop import crop_image
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_2d.flip_test import mean_distance
from k4a_ros.body.landmarks.pose_2d.flip_test import merge_flip_test
from k4a_ros.body.landmarks.pose_2d.flip_test import unflip
from k4a_ros.body.landmarks.tracking.track import GrowingLimit
from k4a_ros.body.landmarks.tracking.track import Track
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PresenceThresholds:
    """Minimum scores, 0 to 1, with which the model reports a person."""

    present: float = 0.5
    #: in the first estimate of a new person, whose crop is not centered yet
    possible: float = 0.3
    #: of an estimate that needs no confirmation by another one
    certain: float = 0.8


PRESENCE = PresenceThresholds()
#: mean distance from the prediction up to which landmarks need no flip test
_POSE_MATCH = GrowingLimit(base_m=0.03, growth_m_per_s=0.5, max_m=0.10)
#: percentile of a person's infrared that becomes white in the crop
_WHITE_PERCENTILE = 98


@dataclass(frozen=True, eq=False)
class Observation:
    """
    One person in one frame.

    ``track``: None for a new person; ``landmarks``: in ``view``; ``mask`` (height, width) at the
    resolution of the segmentation: the pixels that show the person.
    """

    track: Track | None
    landmarks: Landmarks
    view: CropView
    mask: Mask

    @property
    def head(self) -> npt.NDArray[np.float64]:
        """Return the head, (3,) meters, at the distance of the whole person."""
        ray = self.view.rays(self.landmarks.pixels[EARS].mean(axis=0))
        region = self.view.region
        return ray * float(np.linalg.norm(region.center) / np.linalg.norm(ray))


class PoseEstimator:
    """Runs the landmark model on crops of the infrared image."""

    def __init__(self, model: LandmarkModel) -> None:
        self._model = model

    def estimate(
        self, frame: FrameContext, region: Region, mask: Mask, excluded: Mask,
        track: Track | None = None,
    ) -> tuple[Landmarks, CropView]:
        """
        Estimate the landmarks of one person in a region.

        Runs the flip test, unless the landmarks match the prediction of the track.

        :param mask: the pixels of the person, which set the exposure of the crop.
        :param excluded: pixels that are grayed out, such as those of other people.
        :return: the landmarks, and the view whose pixels they are in.
        """
        step, infrared = frame.segmentation.step, frame.images.infrared
        view = CropView(region, frame.segmentation.up)
        white = float(np.percentile(infrared[::step, ::step][mask], _WHITE_PERCENTILE))
        crop = crop_image(
            infrared, excluded.astype(np.uint8), max(white, 1.0), view.sampling_maps(frame.lens),
            step)
        landmarks = self._model(crop)
        expected, as_expected = None, False
        if track is not None:
            expected = view.project(track.predict_points(frame.now_us))
            limit = _POSE_MATCH.after(track.seconds_unseen(frame.now_us)) * view.pixels_per_meter
            as_expected = (landmarks.presence > PRESENCE.certain
                           and mean_distance(landmarks.pixels, expected) < limit)
        if landmarks.presence <= PRESENCE.present or as_expected:
            return landmarks, view
        flipped = unflip(self._model(np.ascontiguousarray(crop[:, ::-1])))
        if flipped.presence > PRESENCE.present:
            landmarks = merge_flip_test(landmarks, flipped, view.pixels_per_meter, expected)
        return landmarks, view
