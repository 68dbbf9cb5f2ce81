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

"""Warm up the kernels of the depth filters: compile them, or load them from numba's cache."""

from __future__ import annotations

from k4a_ros.images.filters.options import DepthFilterOptions
from k4a_ros.images.filters.pipeline import DepthFilters
from k4a_ros.jit.announce import warms_up
import numpy as np


@warms_up('depth filters')
def warm_up_filters() -> None:
    """Call all kernels of the depth filters with the argument types that the driver uses."""
    filters = DepthFilters(np.zeros((2, 2, 2), np.float32))
    filters.apply(np.zeros((2, 2), np.uint16), 0, DepthFilterOptions(
        flying_angle=1.0, speckle_size=2, temporal_frames=2, hole_size=1))
