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

"""Depth images for tests of filters: drawn by hypothesis, and made of flat surfaces."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from k4a_ros.images.filters.pipeline import DepthFilters
import numpy as np

#: rays of a small pinhole camera with the pixels of NFOV_UNBINNED, 1 / 504 apart
SIZE = (24, 32)


def pinhole_rays(shape: tuple[int, int] = SIZE, focal: float = 504.0) -> np.ndarray:
    """Return the rays of a pinhole camera, (height, width, 2) float32."""
    rows, columns = np.indices(shape, np.float32)
    return np.dstack(((columns - shape[1] / 2) / focal, (rows - shape[0] / 2) / focal))


def flat(depth_mm: int, shape: tuple[int, int] = SIZE) -> np.ndarray:
    """Return the image of a wall in front of the camera."""
    return np.full(shape, depth_mm, np.uint16)


def filters(*, compiled: bool | None = None) -> DepthFilters:
    """Return filters for images of `SIZE`."""
    return DepthFilters(pinhole_rays(), compiled=compiled)


#: depths in three groups: no measurement, one near surface with noise, and anything
_DEPTHS = st.one_of(
    st.just(0), st.integers(990, 1030), st.sampled_from([1200, 2000, 2010]),
    st.integers(0, 65535))


def depth_images(shape: tuple[int, int] = SIZE) -> st.SearchStrategy[np.ndarray]:
    """Return a strategy of depth images with surfaces, holes and outliers."""
    return npst.arrays(np.uint16, shape, elements=_DEPTHS, fill=st.sampled_from([0, 1000, 2000]))
