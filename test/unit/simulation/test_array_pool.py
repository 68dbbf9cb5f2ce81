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

"""Reuse of arrays."""

from __future__ import annotations

from k4a_ros.simulation.array_pool import ArrayPool
import numpy as np


def test_array_is_reused_once_unreferenced() -> None:
    pool = ArrayPool((4,), np.uint8)
    first = pool.take()
    first[:] = 7
    second = pool.take()
    second[:] = 8
    assert first.tolist() == [7] * 4
    address = first.ctypes.data
    del first
    assert pool.take().ctypes.data == address


def test_array_is_not_reused_while_a_view_or_a_buffer_of_it_is_left() -> None:
    pool = ArrayPool((2, 4), np.uint16)
    for keep in (lambda array: array[1, 1:], lambda array: array.view(np.uint8).reshape(-1),
                 lambda array: memoryview(array).cast('B')):
        array = pool.take()
        assert array.shape == (2, 4) and array.dtype == np.uint16 and array.flags.writeable
        array[:] = 5
        kept = keep(array)
        before = bytes(kept)
        del array
        others = [pool.take() for _ in range(3)]
        for other in others:
            other[:] = 9
        assert bytes(kept) == before


def test_unused_arrays_are_limited() -> None:
    pool = ArrayPool((4,), np.uint8)
    arrays = [pool.take() for _ in range(50)]
    del arrays
    assert len(pool._unused) == 8
