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

"""Surfaces around landmarks, grouped from depth samples."""

from __future__ import annotations

from k4a_ros.body.landmarks.pose_3d.surface_candidates import find_surfaces
import numpy as np
import pytest


def test_samples_are_grouped_by_depth_and_owner() -> None:
    own = np.array([[2.0, 2.02, 2.01, 0, 0, 2.5, 2.51, 2.49, 0], [0, 0, 0, 0, 0, 0, 0, 0, 1.0]])
    unassigned = np.array([
        [0, 0, 0, 3.0, 0, 0, 0, 0, 0], [3.0, 3.0, 3.01, 0, 0, 0, 0, 0, 0]])
    found = find_surfaces(own, unassigned, np.full(9, 1 / 9), np.array([0.1, 0.0]))
    # single samples are no surface
    assert found.depths == pytest.approx(np.array([[2.11, 2.6], [3.0, 0.0]]))
    assert found.own.tolist() == [[True, True], [False, False]]
    assert found.fills == pytest.approx(np.array([[1 / 3, 1 / 3], [1 / 3, 0.0]]))


def test_unassigned_surface_costs_more_than_own_surface() -> None:
    own = np.array([[2.0, 2.02, 2.01, 0, 0, 0, 0, 0, 0], [0.0] * 9])
    found = find_surfaces(own, own[::-1].copy(), np.full(9, 1 / 9), np.zeros(2))
    assert found.costs[1, 0] > found.costs[0, 0] > 0


def test_candidates_are_in_order_of_cost() -> None:
    """The larger surface comes first, even if it is farther away."""
    own = np.array([[1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]])
    found = find_surfaces(own, np.zeros((1, 9)), np.full(9, 1 / 9), np.zeros(1))
    assert found.depths[0, :2].tolist() == [2.0, 1.0]
    assert found.fills[0, :2] == pytest.approx([2 / 3, 1 / 3])
