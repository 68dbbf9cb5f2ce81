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

"""The picture of a solution shows all cameras, boards and residuals."""

from __future__ import annotations

from k4a_ros.rig_calibration.picture import picture
from k4a_ros.rig_calibration.solution import solve
import pytest
from support.boards import arc
from support.boards import BOARD
from support.boards import facing
from support.boards import seen


@pytest.mark.parametrize('count', [2, 5])
def test_picture_has_a_tile_for_each_camera(count):
    cameras = arc(count, step_deg=30.0)
    boards = [facing(cameras[i % count], i) for i in range(6)]
    image = picture(solve(BOARD, seen(cameras, boards, noise_px=0.5)))
    assert image.shape == (560 + 300 * (1 if count == 2 else 2), 1600, 3)
    above, tiles = image[:560, :800], image[560:860]
    for color in ((80, 200, 255), (150, 150, 90)):  # cameras, boards; lines are smooth
        assert (abs(above.astype(int) - color) < 60).all(axis=2).sum() > 100
    for i in range(min(count, 4)):
        tile = tiles[30:, 400 * i:400 * (i + 1)]
        assert ((tile[..., 1] > 120) & (tile[..., 0] < 80)).sum() > 20  # residuals, green
