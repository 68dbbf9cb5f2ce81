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

"""URLs of the files of camera_info."""

from __future__ import annotations

from pathlib import Path
import re

from ament_index_python.packages import get_package_share_directory
from hypothesis import given
from hypothesis import strategies as st
from k4a_ros.calibration.camera_info_url import camera_name
from k4a_ros.calibration.camera_info_url import resolve
from k4a_ros.errors import ConfigError
import pytest


def test_url_without_value_is_that_of_camera_info_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_HOME', '/data/ros')
    assert resolve('', 'left') == Path('/data/ros/camera_info/left.yaml')
    monkeypatch.delenv('ROS_HOME')
    monkeypatch.setenv('HOME', '/home/me')
    assert resolve('', 'left') == Path('/home/me/.ros/camera_info/left.yaml')


@pytest.mark.parametrize(('url', 'path'), [
    ('file:///etc/camera.yaml', '/etc/camera.yaml'),
    ('file:///etc/${NAME}/${NAME}.yaml', '/etc/left/left.yaml'),
    ('file://${ROS_HOME}/a', '/data/ros/a'), ('file:///cost: 5$', '/cost: 5$')])
def test_file_url_is_resolved(url: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_HOME', '/data/ros')
    assert resolve(url, 'left') == Path(path)


def test_package_url_is_in_its_share_folder() -> None:
    share = Path(get_package_share_directory('sensor_msgs'))
    assert resolve('package://sensor_msgs/a/${NAME}.yaml', 'left') == share / 'a/left.yaml'


@pytest.mark.parametrize(('url', 'reason'), [
    ('file://relative', 'it must be'), ('http://host/a', 'it must be'), ('a.yaml', 'it must be'),
    ('package://sensor_msgs', 'it must be'), ('package://no_such_package/a', 'no package'),
    ('file:///${HOME}/a', re.escape('no variable ${HOME}')),
    ('file:///${NAME', re.escape('no variable ${NAME'))])
def test_other_url_is_refused(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        resolve(url, 'left')
    assert url in str(caught.value)


def test_name_has_lens_serial_and_mode() -> None:
    assert camera_name('rgb', '000123456712', '720P') == 'azure_kinect_rgb_000123456712_720P'


@given(st.text())
def test_serial_of_a_recording_cannot_leave_the_folder(serial: str) -> None:
    assert re.fullmatch('[A-Za-z0-9_]{1,80}', camera_name('ir', serial, 'NFOV_UNBINNED'))
