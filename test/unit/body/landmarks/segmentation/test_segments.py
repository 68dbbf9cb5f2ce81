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

"""Unit tests of the size of segments."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.landmarks.segmentation.segments import Segment
import numpy as np
import pytest


@pytest.mark.parametrize(('change', 'possible'), [
    ({}, True), ({'area': 0.05}, False), ({'area': 2.6}, False), ({'height': 0.3}, False)])
def test_person_gates_are_metric(change, possible):
    segment = Segment(
        1, 0.5, np.zeros(3), 1.7, np.zeros((1, 3), np.float32), np.full(1, 0.5, np.float32))
    assert replace(segment, **change).may_be_person is possible
