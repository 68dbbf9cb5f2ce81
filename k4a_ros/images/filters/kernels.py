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

"""Selects the kernels of the depth filters: compiled where numba works, otherwise in numpy."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple

from k4a_ros.jit.kernels import use_numba


class FilterKernels(NamedTuple):
    """The kernels of all filters; `k4a_ros.images.filters.fallback` has the same functions."""

    remove_flying: Any
    remove_speckles: Any
    average: Any
    fill_holes: Any


def filter_kernels(compiled: bool | None = None) -> FilterKernels:
    """Return the kernels of all filters; see `use_numba`."""
    if use_numba(compiled):
        from k4a_ros.images.filters.flying_kernels import remove_flying
        from k4a_ros.images.filters.hole_kernels import fill_holes
        from k4a_ros.images.filters.speckle_kernels import remove_speckles
        from k4a_ros.images.filters.temporal_kernels import average
        return FilterKernels(remove_flying, remove_speckles, average, fill_holes)
    from k4a_ros.images.filters import fallback
    return FilterKernels(
        fallback.remove_flying, fallback.remove_speckles, fallback.average, fallback.fill_holes)
