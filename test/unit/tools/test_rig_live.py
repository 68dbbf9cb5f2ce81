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

"""Messages become what the board is looked for in; drivers that do not run are named."""

from __future__ import annotations

from k4a_ros.errors import CalibrationError
from k4a_ros.rig.rig_file import parse_rig
from k4a_ros.tools import rig_live
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from support.boards import CONFIG
from support.boards import NOMINAL
from support.ros import new_domain


def message(encoding: str, pixels: np.ndarray, padding: int = 0) -> Image:
    """Return an image, whose rows may end with padding."""
    rows = pixels.reshape(len(pixels), -1).view(np.uint8)
    data = np.pad(rows, ((0, 0), (0, padding)))
    return Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
                 step=data.shape[1], data=data.tobytes())


@pytest.mark.parametrize(('encoding', 'color'), [
    ('bgra8', (10, 200, 30, 255)), ('bgr8', (10, 200, 30)), ('rgb8', (30, 200, 10))])
def test_color_is_gray(encoding, color):
    pixels = np.full((4, 6, len(color)), color, np.uint8)
    gray = rig_live.gray_of(message(encoding, pixels, padding=5))
    assert gray.shape == (4, 6) and abs(int(gray[2, 3]) - 128) <= 1


def test_luma_is_gray():
    luma = np.arange(24, dtype=np.uint8).reshape(4, 6)
    yuy2 = np.stack((luma, np.full_like(luma, 128)), axis=-1)
    assert (rig_live.gray_of(message('yuv422_yuy2', yuy2)) == luma).all()
    nv12 = message('nv12', np.vstack((luma, np.full((2, 6), 128, np.uint8))))
    nv12.height = 4
    assert (rig_live.gray_of(nv12) == luma).all()
    assert rig_live.gray_of(message('bayer_rggb8', luma)) is None


def test_depth_is_in_millimeters():
    meters = np.array([[0.0, np.nan, 1.2344]], np.float32)
    assert rig_live.millimeters_of(message('32FC1', meters)).tolist() == [[0, 0, 1234]]
    millimeters = np.array([[0, 1, 1234]], np.uint16)
    assert rig_live.millimeters_of(message('16UC1', millimeters)).tolist() == [[0, 1, 1234]]


def test_infrared_is_numbers():
    assert rig_live.numbers_of(message('mono16', np.array([[7, 900]], np.uint16))).tolist() == [
        [7, 900]]
    assert rig_live.numbers_of(message('mono8', np.array([[7, 90]], np.uint8))).tolist() == [
        [7, 90]]


def test_lens_is_that_of_camera_info():
    lens = NOMINAL.color(CONFIG.color_resolution)
    values = lens.camera_info
    info = CameraInfo(width=values.width, height=values.height, distortion_model=values.model,
                      d=values.d, k=values.k, r=values.r, p=values.p)
    points = [(0.1, 0.2, 1.0), (-0.4, 0.3, 1.0)]
    np.testing.assert_allclose(
        rig_live.lens_of(info).project(points)[0], lens.project(points)[0], atol=1e-6)


def test_driver_that_does_not_run_is_named(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', str(new_domain()))
    monkeypatch.setattr(rig_live, 'WAIT_S', 0.1)
    rig = parse_rig('namespace: cell\ncameras: [{name: a, simulated: true}]\n', 'rig.yaml')
    with pytest.raises(CalibrationError, match='/cell/a/rgb/image_raw; start the cameras'):
        rig_live.LiveRig(rig)
