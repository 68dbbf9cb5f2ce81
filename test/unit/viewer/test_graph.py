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

"""Cameras in a ROS graph."""

from __future__ import annotations

from k4a_ros.viewer.graph import find_cameras

IMAGE, INFO, IMU = (f'sensor_msgs/msg/{kind}' for kind in ('Image', 'CameraInfo', 'Imu'))
SERVICES = ('start', 'stop', 'reconnect', 'set_parameters', 'start_recording')


def services(node: str, *more: str) -> list[str]:
    """Return the services of a driver."""
    return [f'{node}/{name}' for name in (*SERVICES, *more)]


def test_two_drivers_and_a_bag() -> None:
    topics = {
        '/left/depth/image_raw': [IMAGE], '/left/imu': [IMU], '/left/other': ['std_msgs/msg/Bool'],
        '/right/rgb/image_raw': [IMAGE], '/right/depth/camera_info': [INFO],
        '/depth/image_raw': [IMAGE], '/chatter': ['std_msgs/msg/String'],
        '/diagnostics': ['diagnostic_msgs/msg/DiagnosticArray']}
    found = find_cameras(topics, services('/left/k4a_driver') + services(
        '/right/k4a_driver', 'pause', 'seek'))
    assert [(c.namespace, c.driver) for c in found] == [
        ('', ''), ('/left', '/left/k4a_driver'), ('/right', '/right/k4a_driver')]
    assert dict(found[0].topics) == {'/depth/image_raw': IMAGE}
    assert dict(found[1].topics) == {'/left/depth/image_raw': IMAGE, '/left/imu': IMU}
    assert found[1].services == ('start', 'stop', 'reconnect', 'start_recording')
    assert found[2].services[-2:] == ('pause', 'seek')


def test_driver_without_topics_is_a_camera() -> None:
    assert [c.driver for c in find_cameras({}, services('/k4a_driver'))] == ['/k4a_driver']


def test_nothing_is_no_camera() -> None:
    assert find_cameras({'/imu': [IMU]}, ['/other/start', '/set_parameters', '']) == ()
