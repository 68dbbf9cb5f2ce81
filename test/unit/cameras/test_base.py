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

"""Defaults of the camera interface, and comparison of serial numbers."""

from __future__ import annotations

from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import DeviceInfo
from k4a_ros.cameras.base import is_serial
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import ConfigError
import pytest


class MinimalCamera(Camera):
    """Implements only the abstract methods."""

    info = DeviceInfo('test camera', '000123456712')
    closed = False

    def start(self) -> None:
        """Do nothing."""

    def read(self, timeout: float) -> Capture:
        raise NotImplementedError

    def read_imu(self, timeout: float) -> ImuSamples:
        raise NotImplementedError

    def stop(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(('requested', 'actual', 'expected'), [
    ('000123456712', '000123456712', True),
    ('123456712', '000123456712', True),  # an integer in YAML
    ('21913034', '000123456712', True),  # an octal integer in YAML
    ('000123456789', '000123456712', False),
    ('21913034', '000123456789', False),  # 8 and 9 are no octal digits
    ('', '000123456712', False),
])
def test_serial_numbers_survive_yaml(requested: str, actual: str, expected: bool) -> None:
    assert is_serial(requested, actual) is expected


def test_with_block_closes_the_camera() -> None:
    camera = MinimalCamera()
    with camera as entered:
        assert entered is camera and not camera.closed
    assert camera.closed


def test_camera_without_controls_rejects_them() -> None:
    camera = MinimalCamera()
    assert not camera.controls()
    with pytest.raises(ConfigError, match='cannot read gain: a test camera has no such control'):
        camera.get_control('gain')
    with pytest.raises(ConfigError, match='cannot set gain: a test camera has no such control'):
        camera.set_control('gain', 1)


def test_camera_without_usb_jacks_and_ground_truth() -> None:
    camera = MinimalCamera()
    assert camera.sync_jacks() is None
    assert camera.usb_errors() is None
    with pytest.raises(BodyTrackingError, match='not from this test camera'):
        camera.open_ground_truth_tracker()


def test_listener_is_told_of_changed_controls() -> None:
    changes: list[tuple[str, float | bool]] = []
    camera = MinimalCamera(lambda name, value: changes.append((name, value)))
    camera._report_control('exposure_auto', False)
    assert changes == [('exposure_auto', False)]
    MinimalCamera()._report_control('exposure_auto', False)
