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

"""Unit tests of the assignment of rows to columns."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from k4a_ros.body.landmarks.tracking.assignment import min_cost_assignment
import numpy as np
import pytest


@given(st.lists(st.lists(st.one_of(st.just(np.inf), st.floats(0, 10)), min_size=3, max_size=3),
                max_size=4))
def test_assignment_is_optimal(rows):
    costs = np.array(rows).reshape(-1, 3)

    def score(columns):
        pairs = [(row, column) for row, column in enumerate(columns) if column is not None]
        return -len(pairs), sum(costs[pair] for pair in pairs)

    def is_unique(columns):
        used = [column for column in columns if column is not None]
        return len(used) == len(set(used))

    found = min_cost_assignment(costs)
    assert is_unique(found)
    assert np.isfinite(score(found)[1])
    best = min(score(columns) for columns in itertools.product([None, 0, 1, 2], repeat=len(costs))
               if is_unique(columns) and np.isfinite(score(columns)[1]))
    assert score(found)[0] == best[0]
    assert score(found)[1] == pytest.approx(best[1])
