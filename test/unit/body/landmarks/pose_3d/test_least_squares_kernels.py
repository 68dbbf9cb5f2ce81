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

"""The solver of normal equations."""

from __future__ import annotations

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.body.landmarks.pose_3d.least_squares_kernels import cholesky
import numpy as np


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_cholesky_solves_the_equations(seed: int) -> None:
    random = np.random.default_rng(seed)
    root = random.normal(size=(48, 48))
    matrix, right = root @ root.T + 0.1 * np.eye(48), random.normal(size=48)
    expected = np.linalg.solve(matrix, right)
    cholesky(matrix, right)
    assert np.allclose(right, expected, 1e-8, 1e-8)
