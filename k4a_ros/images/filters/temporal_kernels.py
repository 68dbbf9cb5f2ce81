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

"""Inner loops of the temporal filter, compiled with numba."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

_HALF = np.float32(0.5)
_ONE = np.float32(1)
_NONE = np.uint8(0)
_NEXT = np.uint8(1)
_SHIFT = np.int32(16)


@compiled
def _update(
    depth: Any, mean: Any, count: Any, missing: Any, frames: Any, min_gate: Any, slope: Any,
    out: Any,
) -> None:
    """Average the pixels that have been measured; see ``average``. Everything is (N,)."""
    # all integers are int32, as wide as the floats, for the compiler to vectorize the loop
    most, one, zero = np.int32(frames), np.int32(1), np.int32(0)
    least = _ONE / np.float32(frames)
    for i in range(depth.size):
        value = np.int32(depth[i])
        number = np.int32(count[i])
        old = mean[i]
        gate = np.float32(max(min_gate, np.int32((value * slope) >> _SHIFT)))
        change = np.float32(value) - old
        still = (number != zero) & (abs(change) <= gate)
        number = np.int32(min(number, most - one) + one) if still else one
        weight = max(_ONE / np.float32(number), least)
        new = old + weight * change if still else np.float32(value)
        measured = value != zero
        mean[i] = new if measured else old
        count[i] = np.uint8(number) if measured else count[i]
        missing[i] = _NONE if measured else missing[i]
        out[i] = np.uint16(np.int32(new + _HALF)) if measured else np.uint16(zero)


@compiled
def _near(depth: Any, out: Any, row: int, column: int, mean: Any, gate: Any) -> int:
    """Return 1 if a pixel has been measured, and its average is near ``mean``, otherwise 0."""
    height, width = depth.shape
    if row < 0 or row >= height or column < 0 or column >= width or depth[row, column] == 0:
        return 0
    return 1 if abs(np.float32(out[row, column]) - mean) <= gate else 0


@compiled
def average(
    depth: Any, mean: Any, count: Any, missing: Any, frames: int, hold: int, min_gate: int,
    slope: int, min_step: int, step_slope: int, out: Any,
) -> None:
    """
    Average each pixel over time, from the beginning where it has moved.

    The weight of a measurement is 1 / n for the n-th one, and at least about 2 / (frames + 1): a
    recursive filter with the noise of the mean of ``frames`` frames that starts as a mean. A pixel
    without a measurement keeps its average for some frames, but only while two of its four
    neighbors have been measured and show the same surface: a surface that goes leaves nothing.

    :param depth: (height, width) uint16 millimeters, 0 for invalid.
    :param mean: (height, width) float32 millimeters: state, as are ``count``, number of
        measurements in the mean, 0 for none, and ``missing``, number of frames since the last one,
        (height, width) uint8.
    :param hold: number of frames for which an average is kept.
    :param min_gate: a measurement that differs by at most this, millimeters, or ``slope`` / 65536
        of itself, is averaged.
    :param min_step: neighbors show the same surface if their averages differ by at most this,
        millimeters, or ``step_slope`` / 65536 of the average.
    :param out: (height, width) uint16: written; another array than ``depth``.
    """
    _update(depth.reshape(-1), mean.reshape(-1), count.reshape(-1), missing.reshape(-1),
            frames // 2 + 1, np.int32(min_gate), np.int32(slope), out.reshape(-1))
    height, width = depth.shape
    for row in range(height):
        for column in range(width):
            if depth[row, column] != 0 or count[row, column] == _NONE:
                continue
            kept = mean[row, column]
            gate = np.float32(max(min_step, (int(kept) * step_slope) >> 16))
            near = (_near(depth, out, row - 1, column, kept, gate)
                    + _near(depth, out, row + 1, column, kept, gate)
                    + _near(depth, out, row, column - 1, kept, gate)
                    + _near(depth, out, row, column + 1, kept, gate))
            if missing[row, column] < hold and near >= 2:
                missing[row, column] += _NEXT
                out[row, column] = np.uint16(kept + _HALF)
            else:
                count[row, column] = _NONE
