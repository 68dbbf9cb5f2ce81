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

"""Unit tests of what all stages of detection share of one frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from support.detection import RoomFrame


def test_pixels_without_depth_are_not_hidden():
    """A dark shirt has no depth far away, and is the person nevertheless."""
    frame = RoomFrame().context
    points = np.ones_like(frame.segmentation.points)
    points[10:20] = 0
    frame = replace(frame, segmentation=replace(frame.segmentation, points=points))
    mask = np.zeros(points.shape[:2], bool)
    mask[:5] = True
    hidden = frame.hidden(mask)
    assert not hidden[:5].any()
    assert not hidden[10:20].any()
    assert hidden[5:10].all()
    assert hidden[20:].all()
