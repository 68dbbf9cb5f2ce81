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

"""Reuse arrays, because writing to memory that is new to a process is several times slower."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

#: arrays of each pool at most; more are allocated while others are in use
_CAPACITY = 8


class ArrayPool:
    """Arrays of one shape, each of which is reused once no reference to it is left."""

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._shape = shape
        self._dtype = dtype
        self._arrays: list[npt.NDArray[Any]] = []

    def take(self) -> npt.NDArray[Any]:
        """Return an uninitialized array to which there is no other reference."""
        for array in self._arrays:
            # references: the list, this variable, and the argument of getrefcount
            if sys.getrefcount(array) <= 3:
                return array
        new: npt.NDArray[Any] = np.empty(self._shape, self._dtype)
        self._arrays = [*self._arrays[-(_CAPACITY - 1):], new]
        return new
