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

"""The terms of the cost that limbs are fitted by."""

from __future__ import annotations

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.body.landmarks.pose_3d import fitting
from k4a_ros.body.landmarks.pose_3d import fitting_kernels
from k4a_ros.body.landmarks.pose_3d.depth_assignment import BONES
import numpy as np
import pytest
from support.fitting import FittedPerson

PERSON = FittedPerson()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_right_side_is_minus_half_the_gradient_of_the_cost(seed: int) -> None:
    """For each term of the cost, where it is not limited."""
    random = np.random.default_rng(seed)
    start = PERSON.points[fitting_kernels.NODES] + random.normal(0, 0.05, (16, 3))
    pose = PERSON.pose(PERSON.points + random.normal(0, 0.05, (33, 3)))
    expected = start + random.normal(0, 0.1, (16, 3))
    evidence = fitting._evidence(pose, PERSON.cloud, np.full(len(BONES), np.nan), None)
    terms = [(fitting_kernels._add_landmarks, (evidence,)),
             (fitting_kernels._add_expected, (expected,)),
             (fitting_kernels._add_lengths, (evidence,)),
             (fitting_kernels._add_legs, ()), (fitting_kernels._add_feet, ())]
    # the directions of limits depend on other nodes, which their derivatives neglect
    differentiated = {
        fitting_kernels._add_legs: (10, 11, 12, 13), fitting_kernels._add_feet: (14, 15)}
    for term, arguments in terms:
        right = np.zeros(48)
        term(start, *arguments, np.zeros((48, 48)), right)
        for number in random.integers(0, 48, 8).tolist():
            if number // 3 not in differentiated.get(term, range(16)):
                continue
            costs = []
            for off in (-1e-6, 1e-6):
                nodes = start.copy()
                nodes.reshape(-1)[number] += off
                costs.append(term(nodes, *arguments, np.zeros((48, 48)), np.zeros(48)))
            slope = (costs[1] - costs[0]) / 2e-6
            assert right[number] == pytest.approx(-slope / 2, rel=1e-3, abs=1e-2)
