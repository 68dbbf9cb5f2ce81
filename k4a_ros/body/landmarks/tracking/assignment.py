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

"""Optimal assignment between a few rows and columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: the cheapest columns of each row that are tried; exact for as many rows
_MAX_CANDIDATES = 4


def min_cost_assignment(costs: npt.NDArray[np.float64]) -> list[int | None]:
    """
    Assign a column to as many rows as possible, at the lowest total cost.

    Exhaustive search, as there are only a few people.

    :param costs: (N, M), infinite where a row and a column cannot be matched.
    :return: the column of each row, None for an unmatched one.
    """
    best: list[int | None] = [None] * len(costs)
    # minus the number of matched rows, and their cost
    best_score = (0, 0.0)

    def search(row: int, chosen: list[int | None], matched: int, total: float) -> None:
        nonlocal best, best_score
        if matched + len(costs) - row < -best_score[0]:
            return
        if row == len(costs):
            if (-matched, total) < best_score:
                best, best_score = list(chosen), (-matched, total)
            return
        for column in np.argsort(costs[row])[:_MAX_CANDIDATES].tolist():
            if column not in chosen and np.isfinite(costs[row, column]):
                search(row + 1, [*chosen, column], matched + 1,
                       total + float(costs[row, column]))
        search(row + 1, [*chosen, None], matched, total)

    search(0, [], 0, 0.0)
    return best
