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

"""The recording camera: identity, data, and files that cannot be played."""

from __future__ import annotations

from dataclasses import replace
import re

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np
import pytest
from support.player import assert_played
from support.player import play
from support.player import Player
from support.recordings import assert_same_capture
from support.recordings import COMBINATIONS
from support.recordings import FIRMWARE
from support.recordings import move_cluster
from support.recordings import SERIAL
from support.recordings import without
from support.recordings import write_recording
from support.reference import Reference
from support.time_limits import PATIENCE

SMALL = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)


def test_attributes_are_read_from_the_file(small):
    with RecordingCamera(small.path) as camera:
        assert camera.lossless
        assert camera.config == small.config
        assert camera.info.kind == 'recording'
        assert camera.info.serial == SERIAL
        assert camera.info.source == str(small.path)
        assert camera.info.firmware == FIRMWARE
        assert camera.calibration.raw == small.calibration.rstrip(b'\0')


@pytest.mark.parametrize('modes', COMBINATIONS, ids=lambda modes: '-'.join(
    str(getattr(mode, 'name', mode)) for mode in modes))
def test_every_mode_is_played_bit_identical(tmp_path, modes):
    written = write_recording(tmp_path / 'a.mkv', CameraConfig.of_modes(*modes), count=2)
    assert_played(play(written.path, rate=0), written)


def test_real_recording_equals_libk4arecord(real_recording):
    with Reference(real_recording) as reference:
        expected, = reference.captures()
        sample, = reference.imu()
    player = play(real_recording)
    (_, capture), = player.captures
    for name in ('depth', 'ir', 'color'):
        image = getattr(capture, name)
        assert (image.device_us, image.data.tobytes()) == expected[name]
    (_, imu), = player.imu
    assert imu.acc_us.tolist() == [sample['acc_us']]
    assert imu.gyro_us.tolist() == [sample['gyro_us']]
    np.testing.assert_array_equal(imu.acc[0], sample['acc'])
    np.testing.assert_array_equal(imu.gyro[0], sample['gyro'])
    assert np.isnan(imu.temperature).all()
    camera = player.camera
    assert camera.config.fps == 5
    assert camera.info.firmware == {'color': '1.6.110', 'depth': '1.6.79'}
    assert camera.info.serial == camera.calibration.serial == '001514394512'
    # the file starts with the sample; the capture is 463,945 us later
    assert player.captures[0][0] == pytest.approx(0.464, abs=0.1)


@pytest.mark.parametrize('track', ['depth', 'ir'])
def test_track_may_be_empty(tmp_path, track):
    written = write_recording(
        tmp_path / 'a.mkv', edit=lambda index, capture: without(capture, track))
    assert_played(play(written.path, rate=0), written)


def test_captures_may_lack_images(tmp_path):
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)
    missing = [('color',), (), ('depth', 'ir'), ('depth',), ()]
    written = write_recording(
        tmp_path / 'a.mkv', config, count=5,
        edit=lambda index, capture: without(capture, *missing[index]))
    assert_played(play(written.path, rate=0), written)


def test_images_are_played_without_imu(tmp_path):
    config = replace(SMALL, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config)
    with RecordingCamera(written.path, rate=0) as camera:
        assert not camera.config.imu
        player = Player(camera).join()
    assert_played(player, written)


def test_imu_is_played_without_images(tmp_path):
    written = write_recording(tmp_path / 'a.mkv', count=1)
    with RecordingWriter(tmp_path / 'b.mkv', SMALL, written.calibration) as writer:
        writer.write_imu(written.imu)
    player = play(tmp_path / 'b.mkv', rate=0)
    assert not player.captures
    assert player.imu_us == written.imu.acc_us.tolist()


def test_home_and_relative_paths_are_expanded(small, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(small.path.parent))
    monkeypatch.chdir(small.path.parent)
    for path in ('~/a.mkv', 'a.mkv', './a.mkv'):
        with RecordingCamera(path) as camera:
            assert camera.info.serial == SERIAL


@pytest.mark.parametrize('serial', ['', SERIAL, SERIAL.lstrip('0'), '0' + SERIAL])
def test_matching_serial_number_is_accepted(small, serial):
    RecordingCamera(small.path, serial=serial).close()


def test_other_serial_number_is_rejected(small):
    reason = f'as 000999: the serial number of its camera is {SERIAL}'
    with pytest.raises(DeviceNotFoundError, match=reason):
        RecordingCamera(small.path, serial='000999')


@pytest.mark.parametrize(('name', 'value'), [
    ('playback_rate', -1.0), ('playback_rate', float('nan')), ('playback_rate', True),
    ('playback_paused', 1.0), ('exposure_time', 500),
])
def test_invalid_control_is_rejected(small, name, value):
    with RecordingCamera(small.path) as camera:
        with pytest.raises(ConfigError, match=name):
            camera.set_control(name, value)


def test_invalid_option_is_rejected(small):
    with pytest.raises(ConfigError, match='playback_rate'):
        RecordingCamera(small.path, rate=-1)
    with pytest.raises(ConfigError, match="'exit' or 'pause'"):
        RecordingCamera(small.path, at_end='stop')
    with pytest.raises(ConfigError, match="loop_stamps is 'back'; it must be 'continue' or 're"):
        RecordingCamera(small.path, loop_stamps='back')


def test_start_after_close_raises(small):
    camera = RecordingCamera(small.path)
    camera.close()
    with pytest.raises(RecordingError, match='closed'):
        camera.start()


def test_unusable_file_is_rejected(small, tmp_path):
    path = tmp_path / 'truncated.mkv'
    path.write_bytes(small.path.read_bytes()[:3000])
    with pytest.raises(RecordingError, match=rf'cannot open recording {path}: it '):
        RecordingCamera(path)


@pytest.mark.parametrize('calibration', [b'', b'{"a": 1}'])
def test_recording_without_calibration_takes_that_of_the_user(tmp_path, calibration):
    written = write_recording(tmp_path / 'a.mkv', count=1, calibration=calibration)
    reason = rf'{written.path}: .*factory calibration.*; give one, .*, as calibration_file'
    with pytest.raises(RecordingError, match=reason):
        RecordingCamera(written.path)
    mine = tmp_path / 'mine.json'
    with pytest.raises(CalibrationError, match=rf'cannot read calibration {mine}: '):
        RecordingCamera(written.path, calibration=str(mine))
    mine.write_bytes(nominal_calibration('000123456712'))
    with RecordingCamera(written.path, calibration=str(mine)) as camera:
        assert (camera.calibration.serial, camera.info.serial) == ('000123456712', SERIAL)
        camera.start()
        assert_same_capture(camera.read(PATIENCE), written.captures[0])


def test_calibration_of_the_recording_comes_first(small, tmp_path):
    (tmp_path / 'mine.json').write_bytes(nominal_calibration('000123456712'))
    with RecordingCamera(small.path, calibration=str(tmp_path / 'mine.json')) as camera:
        assert camera.calibration.serial == SERIAL


def test_truncated_file_is_played_with_a_warning(small, tmp_path, caplog):
    path = tmp_path / 'truncated.mkv'
    path.write_bytes(small.path.read_bytes()[:-400_000])
    player = play(path, rate=0)
    assert 3 <= len(player.captures) < 6
    assert_same_capture(player.captures[2][1], small.captures[2])
    assert [record.message for record in caplog.records] == [
        f'recording {path}: it is truncated: it has {path.stat().st_size} of '
        f'{small.path.stat().st_size} bytes']


@pytest.mark.parametrize('imu', [False, True])
def test_damaged_first_image_leaves_imu_samples(tmp_path, caplog, imu):
    """An image of the wrong size, in a file that is complete otherwise."""
    config = CameraConfig.of_modes(
        DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12, imu=imu)
    written = write_recording(tmp_path / 'a.mkv', config, count=1)
    written.path.write_bytes(written.path.read_bytes().replace(b'NV12', b'YUY2'))
    message = f'recording {written.path} is damaged: the color image .*, so no images are played'
    if not imu:
        with pytest.raises(RecordingError, match=message):
            RecordingCamera(written.path)
        return
    player = play(written.path, rate=0)
    assert not player.captures
    assert len(player.imu_us) == len(written.imu)
    assert re.fullmatch(message, caplog.records[-1].message)


def test_images_before_a_time_that_goes_back_are_played(tmp_path):
    """Also those that are later than the last one in the file."""
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config, count=3)
    move_cluster(written.path, 2, 1)
    with RecordingCamera(written.path, rate=0) as camera:
        camera.start()
        for expected in written.captures[:2]:
            assert_same_capture(camera.read(1.0), expected)
        with pytest.raises(CameraLostError, match='the time of its depth images goes back'):
            camera.read(1.0)
