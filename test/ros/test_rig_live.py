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

"""A board in front of a running driver is seen as in its recordings."""

from __future__ import annotations

from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.rig.rig_file import parse_rig
from k4a_ros.rig_calibration.observations import CameraModel
from k4a_ros.rig_calibration.observations import COLOR
from k4a_ros.rig_calibration.observations import INFRARED
from k4a_ros.rig_calibration.single_view import poses
from k4a_ros.rig_calibration.views import ViewCollector
from k4a_ros.tools import rig_live
import numpy as np
from support.boards import CONFIG
from support.boards import NOMINAL
from support.ros import DriverProcess
from support.ros import new_domain
from support.time_limits import PROCESS_TIMEOUT_S

BOARD = CharucoBoard(5, 4, 0.1)
SCENE = ('boards: [{name: b, squares: [5, 4], square: 0.1, path: {position: [0, 0.1, 1.2]}}]\n')
RIG = ('parameters: {depth_mode: NFOV_UNBINNED, color_resolution: 720P}\n'
       'cameras: [{name: a, simulated: true}]\n')


def test_board_in_front_of_a_driver_is_seen_where_it_is(tmp_path, monkeypatch):
    (tmp_path / 'scene.yaml').write_text(SCENE)
    domain = new_domain()
    monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
    monkeypatch.setattr(rig_live, 'WAIT_S', PROCESS_TIMEOUT_S)
    with DriverProcess.with_parameters(
            domain, '-r', '__ns:=/a', camera='simulated', tf_prefix='a_', fps=5,
            imu_enabled=False, color_resolution='720P', depth_mode='NFOV_UNBINNED',
            simulation_scene=tmp_path / 'scene.yaml'):
        with rig_live.LiveRig(parse_rig(RIG, 'rig.yaml')) as live:
            model, = live.cameras
            collector = ViewCollector(BOARD, live.cameras)
            complete = 0
            for _, frames in live.moments(20, PROCESS_TIMEOUT_S):
                found = {name for _, name in collector.add(frames)}
                whole = found == {COLOR, INFRARED} and frames[0].depth_mm is not None
                complete = complete + 1 if whole else 0
                if complete == 2:
                    break
    expected = CameraModel.of('a', NOMINAL, CONFIG)
    for name in (COLOR, INFRARED):
        for a, b in zip(*(np.vstack((sensor.from_base.rotation, sensor.from_base.translation))
                          for sensor in (model.sensors[name], expected.sensors[name])),
                        strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    sighting = collector.observations().views[0][0]
    board = poses(BOARD, model, sighting)[0]
    # 1.2 m in front of camera_base and 0.1 m below it; its origin is a corner
    middle = board.apply((0.25, 0.2, 0.0))
    np.testing.assert_allclose(middle, (1.2, 0.0, -0.1), atol=0.015)
    assert sighting.plane is not None
