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

"""Round trips of recordings, and rejection of input that the SDK must not get."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.writer import RecordingWriter
from k4a_ros.sdk.imu_samples import IMU_DTYPE
from k4a_ros.sdk.imu_samples import imu_samples
import numpy as np
import pytest
from support.recordings import assert_same_capture
from support.recordings import COMBINATIONS
from support.recordings import FIRMWARE
from support.recordings import random_capture
from support.recordings import SERIAL
from support.recordings import without
from support.recordings import write_recording
from support.recordings import Written

SMALL = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)


def assert_reads_back(written: Written) -> None:
    """Assert that the file contains exactly what was written."""
    reader = RecordingReader(str(written.path))
    assert reader.config == written.config
    assert reader.serial == SERIAL
    assert reader.firmware == FIRMWARE
    assert reader.calibration == written.calibration.rstrip(b'\0')
    for expected in written.captures:
        assert_same_capture(reader.next_capture(), expected)
    assert reader.next_capture() is None
    if written.config.imu:
        buffer = np.zeros(len(written.imu) + 1, IMU_DTYPE)
        assert reader.read_imu(buffer) == len(written.imu)
        found = imu_samples(buffer[:-1], 0)
        for name in ('acc', 'acc_us', 'gyro', 'gyro_us', 'temperature'):
            np.testing.assert_array_equal(getattr(found, name), getattr(written.imu, name))
    reader.close()


@pytest.mark.parametrize('modes', COMBINATIONS, ids=lambda modes: '-'.join(
    str(getattr(mode, 'name', mode)) for mode in modes))
def test_every_mode_round_trips(tmp_path, modes):
    assert_reads_back(
        write_recording(tmp_path / 'a.mkv', CameraConfig.of_modes(*modes), count=2))


@pytest.mark.parametrize('start_us', [0, 1, 336_277, 4_300_000_000, 1_730_796_756_988_167])
def test_any_start_time_round_trips(tmp_path, start_us):
    """Including those that wrap libk4arecord's 32-bit offset: 71 minutes, epoch time (Orbbec)."""
    assert_reads_back(write_recording(tmp_path / 'a.mkv', start_us=start_us))


def test_missing_images_round_trip(tmp_path):
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG)
    missing = [('depth',), ('ir',), ('color',), ('depth', 'ir'), ()]
    assert_reads_back(write_recording(
        tmp_path / 'a.mkv', config, count=5,
        edit=lambda index, capture: without(capture, *missing[index])))


def test_wired_sync_and_delays_round_trip(tmp_path):
    config = replace(
        CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P),
        depth_delay_off_color_usec=-160, wired_sync_mode=WiredSyncMode.SUBORDINATE,
        subordinate_delay_off_master_usec=320)
    assert_reads_back(write_recording(tmp_path / 'a.mkv', config))


def test_non_contiguous_images_round_trip(tmp_path):
    def edit(index: int, capture: Capture) -> Capture:
        return replace(capture, ir=replace(capture.ir, data=capture.ir.data[::-1, ::-1]))

    assert_reads_back(write_recording(tmp_path / 'a.mkv', edit=edit))


def test_pyk4a_reads_written_file(tmp_path):
    from pyk4a import CalibrationType
    from pyk4a import PyK4APlayback
    written = write_recording(tmp_path / 'a.mkv', count=1)
    playback = PyK4APlayback(written.path, thread_safe=False)
    playback.open()
    capture = playback.get_next_capture()
    np.testing.assert_array_equal(capture.depth, written.captures[0].depth.data)
    np.testing.assert_array_equal(capture.ir, written.captures[0].ir.data)
    assert playback.get_next_imu_sample()['acc_timestamp'] == written.imu.acc_us[0]
    assert playback.calibration.get_camera_matrix(CalibrationType.DEPTH).shape == (3, 3)
    playback.close()


def test_existing_file_is_kept_unless_overwrite(tmp_path):
    path = tmp_path / 'a.mkv'
    path.write_text('precious')
    with pytest.raises(RecordingError, match='exists'):
        RecordingWriter(path, SMALL, nominal_calibration())
    assert path.read_text() == 'precious'
    with RecordingWriter(path, SMALL, nominal_calibration(), overwrite=True) as writer:
        writer.write(random_capture(np.random.default_rng(0), SMALL, 5))
    assert RecordingReader(str(path)).next_capture() is not None


def test_unwritable_path_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r'none/a\.mkv: No such file'):
        RecordingWriter(tmp_path / 'none/a.mkv', SMALL, nominal_calibration())


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    write_recording(Path('~/a.mkv'))
    assert (tmp_path / 'a.mkv').stat().st_size > 100_000


@pytest.mark.parametrize(('config', 'reason'), [
    (replace(SMALL, fps=25), 'fps is 25'),
    (CameraConfig(), 'all streams are disabled'),
])
def test_invalid_configuration_is_rejected(tmp_path, config, reason):
    with pytest.raises(RecordingError, match=reason):
        RecordingWriter(tmp_path / 'a.mkv', config, nominal_calibration())
    assert not (tmp_path / 'a.mkv').exists()


def image(shape: tuple[int, ...], dtype: str = 'uint16', device_us: int = 10) -> Image:
    """Return a black image."""
    return Image(np.zeros(shape, dtype), device_us)


@pytest.mark.parametrize(('capture', 'reason'), [
    (Capture(), 'no image'),
    (Capture(depth=image((288, 321))), r'depth image is uint16 \(288, 321\)'),
    (Capture(depth=image((320, 288))), r'must be uint16 \(288, 320\)'),
    (Capture(ir=image((288, 320), 'float32')), 'ir image is float32'),
    (Capture(depth=image((288, 320), 'uint8')), 'depth image is uint8'),
    (Capture(depth=image((288, 320), device_us=-1)), 'positive'),
    (Capture(color=image((100,), 'uint8')), 'color is disabled'),
])
def test_image_that_does_not_match_config_is_rejected(tmp_path, capture, reason):
    with RecordingWriter(tmp_path / 'a.mkv', SMALL, nominal_calibration()) as writer:
        with pytest.raises(RecordingError, match=reason):
            writer.write(capture)


@pytest.mark.parametrize(('color_format', 'shape'), [
    (ColorFormat.MJPG, (720, 1280)), (ColorFormat.MJPG, (0,)),
    (ColorFormat.NV12, (720, 1280)), (ColorFormat.YUY2, (720, 1280)),
    (ColorFormat.BGRA32, (720, 1280, 3)),
])
def test_color_image_that_does_not_match_config_is_rejected(tmp_path, color_format, shape):
    config = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P, color_format)
    with RecordingWriter(tmp_path / 'a.mkv', config, nominal_calibration()) as writer:
        with pytest.raises(RecordingError, match='color image is uint8'):
            writer.write(Capture(color=image(shape, 'uint8')))


def samples(acc_us: list[int], **changes: object) -> ImuSamples:
    """Return IMU samples with these timestamps."""
    count = len(acc_us)
    arrays = {
        'acc': np.zeros((count, 3), np.float32), 'acc_us': np.array(acc_us, np.int64),
        'gyro': np.zeros((count, 3), np.float32), 'gyro_us': np.array(acc_us, np.int64),
        'temperature': np.zeros(count, np.float32)}
    return ImuSamples(**{**arrays, **changes})


@pytest.mark.parametrize(('batch', 'reason'), [
    (samples([1, 2], acc=np.zeros((2, 2), np.float32)), r'acc of the IMU is float32 \(2, 2\)'),
    (samples([1, 2], gyro_us=np.zeros(2)), 'gyro_us of the IMU is float64'),
    (samples([2, 1]), 'increase'),
    (samples([1, 1]), 'increase'),
    (samples([-5]), 'positive'),
])
def test_invalid_imu_samples_are_rejected(tmp_path, batch, reason):
    with RecordingWriter(tmp_path / 'a.mkv', SMALL, nominal_calibration()) as writer:
        with pytest.raises(RecordingError, match=reason):
            writer.write_imu(batch)


def test_timestamps_must_increase_between_calls(tmp_path):
    with RecordingWriter(tmp_path / 'a.mkv', SMALL, nominal_calibration()) as writer:
        writer.write(Capture(depth=image((288, 320), device_us=100)))
        writer.write(Capture(ir=image((288, 320), device_us=90)))
        with pytest.raises(RecordingError, match='100 us does not follow 100 us'):
            writer.write(Capture(depth=image((288, 320), device_us=100)))
        writer.write_imu(samples([5]))
        with pytest.raises(RecordingError, match='increase'):
            writer.write_imu(samples([5]))


def test_disabled_imu_and_closed_file_are_rejected(tmp_path):
    config = replace(SMALL, imu=False)
    writer = RecordingWriter(tmp_path / 'a.mkv', config, nominal_calibration())
    with pytest.raises(RecordingError, match='IMU is disabled'):
        writer.write_imu(samples([1]))
    writer.close()
    writer.close()
    with pytest.raises(RecordingError, match='closed'):
        writer.write(Capture(depth=image((288, 320))))


def test_full_disk_is_reported():
    with pytest.raises(RecordingError, match=r'/dev/full: .*disk'):
        with RecordingWriter(
                '/dev/full', SMALL, nominal_calibration(), overwrite=True) as writer:
            writer.write(Capture(depth=image((288, 320))))
