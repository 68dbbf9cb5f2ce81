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

"""The poses of cameras are found from what they see together, and their errors are known."""

from __future__ import annotations

import math
import re

from k4a_ros.errors import CalibrationError
from k4a_ros.rig_calibration.graph import angle_between
from k4a_ros.rig_calibration.graph import first_poses
from k4a_ros.rig_calibration.observations import Observations
from k4a_ros.rig_calibration.solution import solve
from k4a_ros.rig_calibration.solution import warnings
import numpy as np
import pytest
from support.boards import arc
from support.boards import BOARD
from support.boards import facing
from support.boards import models
from support.boards import seen


def errors(solution, truth):
    """Return the errors of all cameras but the first: (N, 2), meters and degrees."""
    expected = [truth[0].inverse() @ pose for pose in truth]
    return np.array([
        (np.linalg.norm(found.translation - pose.translation),
         math.degrees(angle_between(found, pose)))
        for found, pose in zip(solution.cameras, expected, strict=True)])[1:]


def boards(cameras, count):
    """Return boards that face each camera in turn."""
    return [facing(cameras[i % len(cameras)], i) for i in range(count)]


def test_exact_corners_give_exact_poses():
    cameras = arc(4)
    solution = solve(BOARD, seen(cameras, boards(cameras, 12)))
    assert errors(solution, cameras).max() < 1e-6
    assert all(residual.px < 1e-5 for residual in solution.by_sensor.values())


def test_circle_of_cameras_of_which_few_see_the_same_board():
    cameras = arc(8)
    observations = seen(cameras, boards(cameras, 32), noise_px=0.2, depth_noise_m=0.002)
    assert max(len(view) for view in observations.views) < 6
    solution = solve(BOARD, observations)
    found = errors(solution, cameras)
    assert np.median(found[:, 0]) < 0.001
    assert np.median(found[:, 1]) < 0.05
    assert solution.bundle.sigma_px['color'] == pytest.approx(0.2, rel=0.15)
    # the errors are as large as the uncertainties say
    ratios = [found[c - 1, 0] / solution.sigma_m(c) for c in range(1, 8)]
    assert 0.2 < np.median(ratios) < 2.0
    assert not warnings(solution)


def test_depth_makes_poses_better():
    cameras = arc(3)
    shown = boards(cameras, 5)
    exact = {'noise_px': 1.0, 'depth_noise_m': 0.001}
    with_depth, without = (
        np.mean([errors(solve(BOARD, seen(cameras, shown, **exact, seed=i), depth=depth),
                        cameras).mean(axis=0) for i in range(3)], axis=0)
        for depth in (True, False))
    assert (with_depth < 0.9 * without).all()


def test_wrong_corners_do_little_harm():
    cameras = arc(3)
    observations = seen(cameras, boards(cameras, 10), noise_px=0.1)
    for view in observations.views[::2]:
        for sighting in view.values():
            sighting.corners[0].rays[::7] += 0.02  # 12 pixels
    assert errors(solve(BOARD, observations), cameras)[:, 0].max() < 0.002


def test_cameras_without_common_view_are_named():
    cameras = arc(4, step_deg=25.0)
    both = seen(cameras, boards(cameras, 12)).views
    apart = tuple({c: s for c, s in view.items() if c in group}
                  for view in both for group in ((0, 1), (2, 3)))
    observations = Observations(models(4), tuple(view for view in apart if view))
    with pytest.raises(CalibrationError, match='connects c, d to a, b;'):
        first_poses(BOARD, observations)


def test_camera_that_sees_no_board_is_named():
    cameras = arc(3)
    views = tuple({c: s for c, s in view.items() if c != 1}
                  for view in seen(cameras, boards(cameras, 4)).views)
    with pytest.raises(CalibrationError, match=r'^b did not see the board'):
        solve(BOARD, Observations(models(3), views))


def test_what_makes_poses_worse_is_said():
    cameras = arc(2)
    shown = [facing(cameras[0], 3)] * 2
    text = '\n'.join(warnings(solve(BOARD, seen(cameras, shown, noise_px=2.0))))
    assert 'a has 2 views of the board' in text
    assert 'b has only 2 view(s) in common' in text
    assert 'the pose of b is uncertain by' in text
    assert re.search(r'the corners of a in color are off by 2\.\d\d px', text)
    shown = [facing(cameras[0], 3)] * 9
    text = '\n'.join(warnings(solve(BOARD, seen(cameras, shown, noise_px=0.1))))
    assert 'a sees the board from one side only' in text
