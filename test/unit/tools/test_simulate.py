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


"""k4a_simulate: recordings of the simulated camera, and their ground truth."""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path
import sys

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.errors import ConfigError
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.tools import simulate
from k4a_ros.tools.simulate import SimulationOptions
from k4a_ros.tools.simulate import write_simulation
import numpy as np
import pytest
from support.recordings import assert_same_capture
from support.reference import Reference
from support.simulated import stepped_device

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)


def test_recording_equals_the_stream_of_the_camera(tmp_path: Path) -> None:
    config = replace(CONFIG, depth_delay_off_color_usec=2500)
    path = tmp_path / 'room.mkv'
    write_simulation(path, config, 5, SimulationOptions(seed=7))
    factory = FactoryCalibration.from_raw(nominal_calibration())
    sensor = Sensor(default_scene(), factory, config, seed=7)
    with SimulatedCamera(config, factory, sensor, stepped_device()) as camera:
        camera.start()
        captures = [camera.read(2.0) for _ in range(5)]
        samples = camera.read_imu(1.0)
        firmware = camera.info.firmware
    with RecordingCamera(path, rate=0) as recording:
        assert recording.config == config
        assert recording.info.serial == '000000000000'
        assert recording.info.firmware['color'] == firmware['color']
    with RecordingReader(path) as file:
        for capture in captures:
            found = file.captures.read()
            assert found is not None
            assert_same_capture(found, capture)
        assert file.captures.read() is None
        recorded = file.imu.read(1000)
    count = min(len(recorded), len(samples))
    assert count > 50
    np.testing.assert_array_equal(recorded.acc_us[:count], samples.acc_us[:count])
    np.testing.assert_array_equal(recorded.acc[:count], samples.acc[:count])


def test_recording_is_read_by_libk4arecord(tmp_path: Path) -> None:
    path = tmp_path / 'room.mkv'
    write_simulation(path, CONFIG, 2)
    with Reference(path) as playback:
        images = next(playback.captures())
        assert len(images['depth'][1]) == 288 * 320 * 2
        assert images['color'][1].startswith(b'\xff\xd8')
        assert playback.config.camera_fps == 2  # K4A_FRAMES_PER_SECOND_30


def test_ground_truth_matches_the_captures(tmp_path: Path) -> None:
    config = replace(CONFIG, depth_delay_off_color_usec=-3000)
    path = write_simulation(tmp_path / 'room.mkv', config, 3)
    assert path == tmp_path / 'room.truth.json'
    truth = json.loads(path.read_text())
    assert truth['format'] == 1
    assert truth['recording'] == 'room.mkv'
    assert 'persons' in truth['scene']
    assert len(truth['joints']) == 32
    assert [frame['number'] for frame in truth['frames']] == [0, 1, 2]
    with RecordingReader(tmp_path / 'room.mkv') as file:
        camera = SimulatedCamera(config)
        sensor = Sensor(default_scene(), camera.calibration, config)
        for frame in truth['frames']:
            capture = file.captures.read()
            assert capture is not None
            assert frame['depth_us'] == capture.depth.device_us
            assert frame['color_us'] == capture.color.device_us
            expected = sensor.truth(frame['depth_us'])
            assert len(frame['persons']) == len(expected.persons) >= 1
            for person, other in zip(frame['persons'], expected.persons, strict=True):
                assert person['id'] == other.body_id
                np.testing.assert_allclose(person['positions'], other.positions, atol=1e-6)
                assert np.shape(person['orientations']) == (32, 4)
            np.testing.assert_allclose(
                frame['depth_camera']['translation'], expected.depth_camera.translation)
            np.testing.assert_allclose(
                frame['color_camera']['translation'],
                sensor.truth(frame['color_us']).color_camera.translation)
            assert set(frame['objects']) == set(expected.objects)


@pytest.mark.parametrize('config', [
    CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12, 30, False),
    CameraConfig.of_modes(DepthMode.PASSIVE_IR, ColorResolution.OFF, fps=30)])
def test_ground_truth_with_one_camera_off(tmp_path: Path, config: CameraConfig) -> None:
    frame = json.loads(write_simulation(tmp_path / 'a.mkv', config, 1).read_text())['frames'][0]
    assert (frame['depth_us'] is None) == (not config.ir)
    assert (frame['color_us'] is None) == (not config.color)
    assert frame['persons']


def test_invalid_modes_and_unwritable_files_raise(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='3072P'):
        write_simulation(tmp_path / 'a.mkv', CameraConfig.of_modes(
            DepthMode.OFF, ColorResolution.R3072P), 1)
    assert not (tmp_path / 'a.mkv').exists()
    (tmp_path / 'b.truth.json').mkdir()
    with pytest.raises(RecordingError, match=r'b\.truth\.json'):
        write_simulation(tmp_path / 'b.mkv', CONFIG, 1)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, 'argv', ['k4a_simulate', *map(str, arguments)])
    return simulate.main()


def test_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / 'a.mkv'
    options = ['--seconds', 0.2, '--fps', 15, '--depth-mode', 'WFOV_2X2BINNED',
               '--color-resolution', 'OFF', '--seed', 3, '--no-noise']
    assert run(monkeypatch, path, *options) == 0
    assert '3 captures, depth WFOV_2X2BINNED, 15 fps, IMU; ground truth: a.truth.json' in (
        capsys.readouterr().out)
    truth = json.loads((tmp_path / 'a.truth.json').read_text())
    assert (truth['seed'], truth['noise']) == (3, False)
    assert run(monkeypatch, path, *options) == 1
    assert 'exists' in capsys.readouterr().err
    assert run(monkeypatch, path, *options, '--force') == 0
    assert run(monkeypatch, path, '--force', '--scene', tmp_path / 'no.yaml') == 1
    assert 'no.yaml' in capsys.readouterr().err
    assert run(monkeypatch, path, '--force', '--calibration', tmp_path / 'no.json') == 1
    assert 'no.json' in capsys.readouterr().err
