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

"""The simulated device of the process, opened and disturbed through parameters."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.cameras.simulated import shared_device
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.node.backends import inject_faults
from k4a_ros.node.backends import open_camera
from k4a_ros.parameters.settings import Settings
import numpy as np
import pytest
from support.recordings import assert_same_capture
from support.simulated import read
from support.simulated import SteppedTime


@pytest.fixture(autouse=True)
def _stepped_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the device of the process independent of the machine's load."""
    monkeypatch.setattr(shared_device._device, 'host_time', SteppedTime())


def test_restarted_stream_repeats_the_same_bytes() -> None:
    settings = Settings.from_values({
        'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'simulation_seed': 3})
    takes = []
    for _ in range(2):
        with open_camera(settings) as camera:
            for _ in range(2):
                camera.start()
                takes.append((read(camera, 3), camera.read_imu(1.0)))
                camera.stop()
    captures, samples = takes[0]
    assert np.ptp(captures[0].depth.data) > 100
    for others, other_samples in takes[1:]:
        for capture, other in zip(captures, others, strict=True):
            assert_same_capture(other, capture)
        count = min(len(samples), len(other_samples))
        np.testing.assert_array_equal(samples.acc[:count], other_samples.acc[:count])
    other_seed = Settings.from_values({
        'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'simulation_seed': 4})
    with open_camera(other_seed) as camera:
        camera.start()
        assert (camera.read(1.0).depth.data != captures[0].depth.data).any()


def test_faults_persist_while_the_camera_is_closed() -> None:
    settings = Settings.from_values({
        'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': 'OFF'})
    try:
        with open_camera(settings) as camera:
            assert not camera.lossless
            assert camera.info.serial == '000000000000'
            assert set(camera.info.firmware) >= {'color', 'depth'}
            camera.start()
            inject_faults(settings, 'unplug')
            with pytest.raises(CameraLostError):
                camera.read(1.0)
        with pytest.raises(DeviceNotFoundError):
            open_camera(settings)
    finally:
        inject_faults(settings, 'replug')


def test_wrong_serial_number_raises() -> None:
    with pytest.raises(DeviceNotFoundError, match='123'):
        open_camera(Settings.from_values({'camera': 'simulated', 'sensor_sn': '123'}))


def test_faults_for_a_recording_raise() -> None:
    settings = Settings.from_values({'recording_file': 'a.mkv'})
    inject_faults(settings, '')
    with pytest.raises(ConfigError, match='camera:=simulated'):
        inject_faults(settings, 'unplug')


def test_unusable_calibration_file_raises_with_its_path(tmp_path: Path) -> None:
    invalid = tmp_path / 'invalid.json'
    invalid.write_text('{}')
    for path, reason in (
            (invalid, 'CalibrationInformation'), (tmp_path / 'absent.json', 'no such file')):
        with pytest.raises(CalibrationError, match=reason) as error:
            open_camera(Settings.from_values({
                'camera': 'simulated', 'simulation_calibration': str(path)}))
        assert str(path) in str(error.value)


def test_calibration_of_a_real_camera_can_be_simulated(test_data: Path) -> None:
    path = next(test_data.rglob('*calibration*.json'))
    settings = Settings.from_values({
        'camera': 'simulated', 'simulation_calibration': str(path),
        'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': 'OFF'})
    with open_camera(settings) as camera:
        assert camera.calibration.raw == path.read_bytes().rstrip(b'\0')
        camera.start()
        assert (camera.read(1.0).depth.data > 0).mean() > 0.3
