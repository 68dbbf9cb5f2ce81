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

"""The node with a live camera: pyk4a and libk4a are real, the device is the virtual one."""

from __future__ import annotations

import time
from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from support import virtual
from support.faults import assert_stamps_increase
from support.recordings import SERIAL
from support.recordings import write_recording
from support.recordings import Written
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import PATIENCE
from support.ros import stamps
from support.ros import wait_for

CONFIG = CameraConfig.of_modes(
    DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.NV12, 30)
TOPICS = {'/depth/image_raw': 'depth', '/ir/image_raw': 'ir', '/rgb/image_raw': 'color'}
MODES = {
    'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': '720P',
    'color_format': 'nv12', 'fps': 30, 'rgb_encoding': 'native', 'point_cloud': False,
}


@pytest.fixture(scope='module')
def written(tmp_path_factory: Any) -> Written:
    """Return the recording that the camera plays in a loop."""
    return write_recording(tmp_path_factory.mktemp('device') / 'a.mkv', CONFIG, 12)


@pytest.fixture()
def control(written, monkeypatch) -> str:
    """Give the processes of this test a virtual camera, and return its file of conditions."""
    variables = virtual.environment(written.path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables['K4A_VIRTUAL_CONTROL']


def subscribe(listener: Listener) -> dict[str, list[Any]]:
    messages = {topic: listener.subscribe(Image, topic) for topic in TOPICS}
    return messages | {'/imu': listener.subscribe(Imu, '/imu')}


def test_messages_equal_the_images_of_the_camera(written, control):
    domain = new_domain()
    with listening(domain) as listener:
        messages = subscribe(listener)
        with DriverProcess.with_parameters(domain, **MODES) as driver:
            driver.wait_for_line(f'serial number {SERIAL}')
            for topic in TOPICS:
                wait_for(lambda topic=topic: len(messages[topic]) >= 40, topic)
            wait_for(lambda: len(messages['/imu']) >= 2000, '/imu')
            assert driver.stop() == 0, driver.output
    for topic, name in TOPICS.items():
        recorded = {getattr(c, name).data.tobytes(): i for i, c in enumerate(written.captures)}
        numbers = [recorded.get(bytes(message.data), -1) for message in messages[topic]]
        assert -1 not in numbers, topic
        assert len(set(numbers)) == len(recorded), topic
        assert_stamps_increase(messages[topic])
        assert abs(stamps(messages[topic])[-1] - time.time_ns()) < 2 * PATIENCE * 1e9
    acc = {tuple(row) for row in written.imu.acc.tolist()}
    for m in messages['/imu']:
        a = m.linear_acceleration
        assert tuple(np.float32([a.x, a.y, a.z]).tolist()) in acc
    assert_stamps_increase(messages['/imu'])


def test_camera_that_cannot_be_opened_is_explained(written, control):
    virtual.set_conditions('unplugged', control=control)
    with DriverProcess.with_parameters(new_domain(), **MODES) as driver:
        assert driver.wait() != 0
    assert 'no Azure Kinect is connected' in driver.output
    assert 'k4a_info --check' in driver.output and 'recording_file:=' in driver.output
    virtual.set_conditions('busy', control=control)
    with DriverProcess.with_parameters(new_domain(), sensor_sn=SERIAL, **MODES) as driver:
        assert driver.wait() != 0
    assert f'cannot open the camera with serial number {SERIAL}' in driver.output
    assert 'in use by another program' in driver.output


def test_missing_opengl_is_explained(written, control):
    virtual.set_conditions('no-opengl', control=control)
    with DriverProcess.with_parameters(new_domain(), **MODES) as driver:
        driver.wait_for_line('OpenGL 4.4 context')
        driver.wait_for_line('DISPLAY=:0')
        assert driver.stop() in (0, 1)
