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

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

#: unused arrays that each pool keeps
_CAPACITY = 8

Array = npt.NDArray[Any]


class ArrayPool:
    """Arrays of one shape, the memory of which is reused once no reference to them is left."""

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._shape = shape
        self._dtype = dtype
        self._unused: deque[Array] = deque(maxlen=_CAPACITY)

    def take(self) -> Array:
        """Return an uninitialized array to which there is no other reference."""
        try:
            memory = self._unused.pop()
        except IndexError:
            memory = np.empty(self._shape, self._dtype)
        return np.asarray(_Loan(memory, self._unused))


class _Loan:
    """Memory of a pool, which takes it back when the last array that refers to it is deleted."""

    def __init__(self, memory: Array, unused: deque[Array]) -> None:
        self._memory = memory
        self._unused = unused

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Describe the memory to numpy; every view of it keeps this object alive."""
        return self._memory.__array_interface__

    def __del__(self) -> None:
        """Give the memory back; may run in any thread."""
        self._unused.append(self._memory)
