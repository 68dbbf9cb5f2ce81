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

"""Which depth filters are on, and how strong they are."""

from __future__ import annotations

from dataclasses import dataclass
import functools


@dataclass(frozen=True)
class DepthFilterOptions:
    """
    The filters in the order in which they run; the default is none.

    ``flying_angle``: remove pixels whose surface would be seen at less than this angle, degrees,
    0 for off. ``speckle_size``: remove surfaces of fewer pixels than this, 0 for off.
    ``temporal_frames``: average each pixel over about this many frames, 0 or 1 for off.
    ``temporal_hold``: number of frames for which a missing pixel keeps its average.
    ``motion_step``: a pixel whose depth differs from its average by more than this fraction of it,
    and at least `MIN_MOTION_MM`, has moved. ``hole_size``: fill holes of up to this many pixels,
    0 for off. ``surface_step``: neighbors whose depths differ by more than this fraction of the
    nearer one, and at least `MIN_STEP_MM`, belong to different surfaces.

    :raises ValueError: a value is out of range.
    """

    flying_angle: float = 0.0
    speckle_size: int = 0
    temporal_frames: int = 0
    temporal_hold: int = 2
    motion_step: float = 0.01
    hole_size: int = 0
    surface_step: float = 0.02

    def __post_init__(self) -> None:
        """Check the values."""
        limits = (('flying_angle', 45), ('speckle_size', 1 << 20), ('temporal_frames', 100),
                  ('temporal_hold', 100), ('motion_step', 1), ('hole_size', 1 << 20),
                  ('surface_step', 1))
        for name, limit in limits:
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f'{name} is {getattr(self, name)}, expected 0 to {limit}')

    @property
    def averages(self) -> bool:
        """Return whether the temporal filter is on."""
        return self.temporal_frames > 1

    @functools.cached_property
    def active(self) -> bool:
        """Return whether any filter is on."""
        return bool(self.flying_angle or self.speckle_size > 1 or self.averages or self.hole_size)
