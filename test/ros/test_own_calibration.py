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

"""A calibration of one's own, from the service to everything that is computed with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
import numpy as np
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from sensor_msgs.srv import SetCameraInfo
from support.recordings import SERIAL
from support.recordings import write_recording
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for

CALIBRATION = FactoryCalibration.from_raw(nominal_calibration())
TOPICS = {
    'depth_to_rgb/image_raw': Image, 'points2': PointCloud2,
    **{f'{name}/camera_info': CameraInfo
       for name in ('depth', 'ir', 'rgb', 'depth_to_rgb', 'rgb_to_depth', 'rgb_rect')}}
SIMULATED = {
    'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'fps': 5, 'imu_enabled': False,
    'simulation_noise': False}


def latest(listener: Listener) -> dict[str, Any]:
    """Return a message of each topic, those of depth of one image."""
    received = {topic: listener.subscribe(kind, f'/{topic}', depth=2)
                for topic, kind in TOPICS.items()}

    def complete() -> Any:
        common = set(stamps(received['points2'])) & set(stamps(received['depth_to_rgb/image_raw']))
        return common and all(received.values()) and {
            topic: messages[stamps(messages).index(max(common))]
            if topic in ('points2', 'depth_to_rgb/image_raw') else messages[-1]
            for topic, messages in received.items()}

    found: dict[str, Any] = wait_for(complete, 'all topics')
    return found


def values(messages: list[DiagnosticArray]) -> dict[str, str]:
    """Return all values of the last diagnostics."""
    return {each.key: each.value for message in messages[-1:] for status in message.status
            for each in status.values}


def content(info: CameraInfo) -> tuple[Any, ...]:
    """Return what a calibration consists of."""
    return (info.width, info.height, info.distortion_model,
            *(tuple(matrix) for matrix in (info.d, info.k, info.r, info.p)))


def points(cloud: PointCloud2) -> np.ndarray:
    """Return the points of a cloud, (height, width, 3)."""
    data = np.frombuffer(cloud.data, np.float32)
    return data.reshape(cloud.height, cloud.width, -1)[..., :3]


def changed(info: CameraInfo) -> CameraInfo:
    """Return the calibration of a lens that differs in everything, with P as image_proc has it."""
    info.distortion_model, info.d = 'plumb_bob', [0.06, -0.05, 0.002, -0.001, 1e-05]
    info.k[0], info.k[4] = 1.03 * info.k[0], 1.02 * info.k[4]
    info.k[2], info.k[5] = info.k[2] + 6.125, info.k[5] - 4.5
    info.p[0], info.p[5] = 0.9 * info.k[0], 0.91 * info.k[4]
    return info


def expected_rays(info: CameraInfo) -> np.ndarray:
    """Return x/z and y/z of all pixels of a camera, as OpenCV computes them."""
    pixels = np.stack(np.meshgrid(np.arange(info.width), np.arange(info.height)), -1)
    return cv2.undistortPointsIter(
        pixels.reshape(-1, 1, 2).astype(float), info.k.reshape(3, 3), np.array(info.d), None, None,
        (cv2.TERM_CRITERIA_COUNT, 100, 0)).reshape(info.height, info.width, 2)


def registration_error_mm(cloud: np.ndarray, image: Image, info: CameraInfo) -> float:
    """Return how far depth_to_rgb is from the points of a cloud, seen by a lens, median."""
    in_color = CALIBRATION.depth_to_color.apply(cloud)
    pixels = cv2.projectPoints(
        in_color, np.zeros(3), np.zeros(3), info.k.reshape(3, 3), np.array(info.d))[0][:, 0]
    pixels = np.rint(pixels).astype(int)
    inside = ((pixels >= 0) & (pixels < (image.width, image.height))).all(axis=1)
    depth = np.frombuffer(image.data, np.uint16).reshape(image.height, image.width)
    seen = depth[pixels[inside, 1], pixels[inside, 0]]
    assert (seen > 0).mean() > 0.9
    return float(np.median(np.abs(seen - 1000 * in_color[inside, 2])[seen > 0]))


def test_calibration_of_a_service_is_used_and_kept(tmp_path: Path) -> None:
    variables = {'ROS_HOME': str(tmp_path)}
    domain = new_domain()
    with listening(domain) as listener:
        with DriverProcess.with_parameters(domain, variables=variables, **SIMULATED) as driver:
            before = latest(listener)
            own = {'ir': changed(before['ir/camera_info']),
                   'rgb': changed(before['rgb/camera_info'])}
            for lens, info in own.items():
                response = listener.call(
                    SetCameraInfo, f'/{lens}/set_camera_info',
                    SetCameraInfo.Request(camera_info=info), node='/k4a_driver')
                assert response.success, response.status_message
                assert str(tmp_path / 'camera_info') in response.status_message
            refused = listener.call(
                SetCameraInfo, '/depth/set_camera_info',
                SetCameraInfo.Request(camera_info=own['rgb']), node='/k4a_driver')
            assert not refused.success
            assert 'images of 1280x720 pixels' in refused.status_message
            driver.wait_for_line('Using the calibration of the rgb camera')
    assert {path.name for path in tmp_path.glob('camera_info/*')} == {
        'azure_kinect_ir_000000000000_NFOV_2X2BINNED.yaml',
        'azure_kinect_rgb_000000000000_720P.yaml'}

    with listening(domain) as listener:
        with DriverProcess.with_parameters(domain, variables=variables, **SIMULATED):
            diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
            after = latest(listener)
            wait_for(lambda: str(tmp_path / 'camera_info/azure_kinect_rgb_000000000000_720P.yaml')
                     in values(diagnostics).get('calibration of the rgb camera', ''), 'the file')
    for name, lens in {'depth': 'ir', 'ir': 'ir', 'rgb_to_depth': 'ir', 'rgb': 'rgb',
                       'depth_to_rgb': 'rgb'}.items():
        assert content(after[f'{name}/camera_info']) == content(own[lens]), name
    rectified = after['rgb_rect/camera_info']
    assert list(rectified.d) == [0.0] * 5
    assert rectified.k[0] != before['rgb_rect/camera_info'].k[0]
    cloud = points(after['points2'])
    valid = ~np.isnan(cloud[..., 0])
    assert valid.mean() > 0.3
    rays = cloud[..., :2] / cloud[..., 2:]
    assert np.abs(rays - expected_rays(own['ir']))[valid].max() < 2e-5
    assert registration_error_mm(cloud[valid], after['depth_to_rgb/image_raw'], own['rgb']) < 5


def test_calibration_file_is_used_or_refused(tmp_path: Path) -> None:
    mine = nominal_calibration().rstrip(b'\0').replace(b'0.4925', b'0.4825')
    (tmp_path / 'mine.json').write_bytes(mine)
    (tmp_path / 'other.json').write_bytes(nominal_calibration('000123456712'))
    domain = new_domain()
    with listening(domain) as listener:
        with DriverProcess.with_parameters(
                domain, calibration_file='mine.json', cwd=tmp_path,
                variables={'ROS_HOME': str(tmp_path)}, **SIMULATED) as driver:
            info = latest(listener)['depth/camera_info']
            assert abs(info.k[0] - 0.4825 * 512) < 1e-4
            assert abs(info.p[0] - info.k[0]) < 1e-9
            assert 'Using the calibration in mine.json' in driver.output
        # a recording that has none
        recording = write_recording(tmp_path / 'a.mkv', calibration=b'').path
        (tmp_path / 'mine.json').write_bytes(mine.replace(b'000000000000', SERIAL.encode()))
        with DriverProcess.with_parameters(
                domain, recording_file=recording, recording_loop_enabled=True,
                calibration_file=tmp_path / 'mine.json'):
            infos = listener.subscribe(CameraInfo, '/depth/camera_info')
            wait_for(lambda: infos, 'camera_info')
            assert abs(infos[-1].k[0] - 0.4825 * 512) < 1e-4
    with DriverProcess.with_parameters(
            domain, calibration_file=tmp_path / 'other.json', **SIMULATED) as driver:
        assert driver.wait() == 1
    assert driver.lines[-1].count('cannot use calibration') == 1
    assert 'it is that of camera 000123456712' in driver.lines[-1]
