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

"""A board in the scene is seen where it is, in color, infrared and depth."""

from __future__ import annotations

import cv2
from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.rig_calibration.detection import BoardDetector
from k4a_ros.rig_calibration.detection import infrared_gray
from k4a_ros.simulation.board import BoardObject
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np
import pytest
from support.boards import CONFIG
from support.boards import NOMINAL

BOARD = CharucoBoard(5, 4, 0.1)
PATH = CameraPath((Waypoint(0.0, (0.1, 0.1, 1.3), 0.3, 0.2, 0.1),
                   Waypoint(1.0, (-0.1, 0.1, 1.4), -0.3, -0.2, 0.1)))


@pytest.mark.parametrize('device_us', [0, 1_000_000])
def test_board_is_seen_where_it_is(device_us):
    scene = Scene((), boards=(BoardObject('board', BOARD, PATH),))
    sensor = Sensor(scene, NOMINAL, CONFIG)
    truth = sensor.truth(device_us)
    depth, infrared = sensor.depth_and_ir(device_us)
    color = cv2.cvtColor(sensor.color(device_us), cv2.COLOR_BGR2GRAY)
    for gray, lens, camera in (
            (color, NOMINAL.color(CONFIG.color_resolution), truth.color_camera),
            (infrared_gray(infrared), NOMINAL.depth(CONFIG.depth_mode), truth.depth_camera)):
        in_camera = (camera.inverse() @ truth.objects['board']).apply(BOARD.corners)
        pixels, _ = lens.project(in_camera)
        found = BoardDetector(BOARD).find(gray)
        assert len(found.ids) >= 9
        assert np.linalg.norm(found.pixels - pixels[found.ids], axis=1).mean() < 0.6
    column, row = np.round(pixels[5]).astype(int)
    assert abs(depth[row, column] - 1000 * in_camera[5, 2]) < 25


def test_still_board_is_static():
    scene = Scene((), boards=(BoardObject('board', BOARD, CameraPath()),))
    assert len(scene.static[0]) > 100 and not scene.moving(0.0)
    assert len(scene.static[1]) == len(scene.static[0])
