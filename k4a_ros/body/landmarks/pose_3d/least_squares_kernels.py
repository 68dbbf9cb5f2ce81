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

"""Normal equations of least squares, compiled with numba: residuals and limits."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled


@compiled
def add(
    matrix: Any, right: Any, residual: float, weight: float, first: int, first_slope: Any,
    second: int, second_slope: Any,
) -> None:
    """Add one residual, with its derivatives (3,) by the positions of two nodes."""
    a, b = 3 * first, 3 * second
    for i in range(3):
        right[a + i] -= weight * residual * first_slope[i]
        right[b + i] -= weight * residual * second_slope[i]
        for j in range(3):
            matrix[a + i, a + j] += weight * first_slope[i] * first_slope[j]
            matrix[b + i, b + j] += weight * second_slope[i] * second_slope[j]
            matrix[a + i, b + j] += weight * first_slope[i] * second_slope[j]
            matrix[b + i, a + j] += weight * second_slope[i] * first_slope[j]


@compiled
def add_limit(
    matrix: Any, right: Any, margin: float, sigma: float, outlier: float, node: int, slope: Any,
    reference: int,
) -> float:
    """
    Add the violation of a limit, if there is one, and return its cost.

    :param margin: meters of the node's position within the limit, negative beyond it.
    :param sigma: standard deviation of a violation, meters.
    :param outlier: meters of violation from which on it counts less.
    :param slope: (3,) derivative of the margin by the position of the node; that by the position
        of ``reference``, relative to which it is, is the opposite.
    """
    if margin >= 0:
        return 0.0
    weight, square = geman_mcclure((margin / outlier) ** 2, 1.0)
    x, y, z = slope
    add(matrix, right, margin, weight / sigma ** 2, node, (x, y, z), reference, (-x, -y, -z))
    cost: float = square * (outlier / sigma) ** 2
    return cost


@compiled
def geman_mcclure(square: float, outlier: float) -> Any:
    """
    Return the weight and the cost of a deviation, after Geman and McClure.

    :param square: of the deviation, in standard deviations.
    :param outlier: standard deviations from which on it counts less.
    """
    worse = 1 + square / (outlier * outlier)
    return 1 / (worse * worse), square / worse
