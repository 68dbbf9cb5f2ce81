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

"""What all stages of detection share of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.landmarks.segmentation.segments import Segmentation
from k4a_ros.body.tracker import BodyInput
from k4a_ros.calibration.lens import Intrinsics
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

#: every Nth row and column is used for the exposure
_EXPOSURE_STEP = 8
#: percentile of the reflectivity that becomes white
_WHITE_PERCENTILE = 90


@dataclass(frozen=True, eq=False)
class FrameContext:
    """
    The images of one capture, their segmentation, and the lens of the depth camera.

    ``rays`` are its `Intrinsics.rays`, which take long to compute. Masks are at the resolution of
    the segmentation unless said otherwise.
    """

    images: BodyInput
    segmentation: Segmentation
    lens: Intrinsics
    rays: npt.NDArray[np.float32]

    @property
    def now_us(self) -> int:
        """Return the time of the frame, microseconds of the device clock."""
        return self.images.device_us

    @cached_property
    def white_level(self) -> float:
        """Return the reflectivity that becomes white, infrared value times square meters."""
        part = (slice(None, None, _EXPOSURE_STEP), slice(None, None, _EXPOSURE_STEP))
        z = self.images.depth[part].astype(np.float32) * np.float32(0.001)
        bright = (self.images.infrared[part] * z * z)[z > 0]
        return float(np.percentile(bright, _WHITE_PERCENTILE)) if bright.size else 1.0

    def enlarge(self, mask: Mask) -> Mask:
        """Return a mask at the resolution of the depth image."""
        size = self.lens.width, self.lens.height
        enlarged = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        return np.asarray(enlarged > 0)

    def hidden(self, mask: Mask) -> Mask:
        """Return the pixels outside of a mask, but those that are too dark or far for depth."""
        outside: Mask = ~mask & (self.segmentation.points[..., 2] > 0)
        return outside

    def person_depth(self, own: Mask, unassigned: Mask) -> PersonDepth:
        """Return the depth image with the pixels of one person: see `PersonDepth`."""
        return PersonDepth(self.images.depth, own, unassigned, self.lens)
