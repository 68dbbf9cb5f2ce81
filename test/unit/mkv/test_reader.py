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

"""Files that are not complete recordings are rejected, and reading after close."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.process import files
from k4a_ros.sdk.imu_samples import IMU_DTYPE
import numpy as np
import pytest
from support.recordings import assert_same_capture
from support.recordings import move_cluster
from support.recordings import write_recording
from support.recordings import Written
from support.time_limits import promptly


@pytest.fixture(scope='module')
def small(tmp_path_factory) -> Written:
    """Return a recording of two captures."""
    return write_recording(tmp_path_factory.mktemp('small') / 'a.mkv', count=2)


def assert_rejected(path: Path, reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Assert that opening quickly raises one line with path and reason, and prints nothing."""
    with promptly(3.0), pytest.raises(RecordingError, match=reason) as caught:
        RecordingReader(str(path))
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'the file is empty'),
    (b'This is not a recording.\n' * 50, 'not a Matroska file'),
    (b'\x1a\x45\xdf\xa3', 'truncated within its header'),
    (b'\x1a\x45\xdf\xa3\x93\x42\x82', 'truncated within its header'),
    (b'\x1a\x45\xdf\xa3\x87\x42\x82\x84webm', 'not a Matroska file'),
    (b'\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska', 'truncated within its header'),
    (b'\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska\x15\x49\xa9\x66\x80', 'no segment'),
    (b'\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska\x18\x53\x80\x67\xff', 'not finished'),
    (b'\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska\x18\x53\x80\x67\x82\xec\x80', 'libk4arecord'),
])
def test_file_that_is_no_recording_is_rejected(tmp_path, capfd, content, reason):
    path = tmp_path / 'bad.mkv'
    path.write_bytes(content)
    assert_rejected(path, reason, capfd)


def test_missing_file_and_directory_are_rejected(tmp_path, capfd):
    assert_rejected(tmp_path / 'none.mkv', 'no such file', capfd)
    assert_rejected(tmp_path, 'is a directory', capfd)


def test_unreadable_file_is_rejected(small, monkeypatch, capfd):
    def deny(path: str, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(files, 'os', SimpleNamespace(
        **{name: getattr(os, name) for name in dir(os)} | {'open': deny}))
    assert_rejected(small.path, 'permission denied', capfd)


def test_missing_calibration_is_rejected(small, tmp_path, capfd):
    path = tmp_path / 'a.mkv'
    data = small.path.read_bytes().replace(b'calibration.json', b'calibration.gone')
    path.write_bytes(data.replace(b'K4A_CALIBRATION_FILE', b'K4A_CALIBRATION_GONE'))
    assert_rejected(path, 'no factory calibration', capfd)


def test_empty_calibration_is_rejected(tmp_path, capfd):
    written = write_recording(tmp_path / 'a.mkv', count=1, calibration=b'')
    assert_rejected(written.path, 'factory calibration', capfd)


def test_recording_without_frames_is_rejected(tmp_path, capfd):
    written = write_recording(tmp_path / 'a.mkv', count=0)
    assert_rejected(written.path, 'no frames', capfd)


def test_unfinished_recording_is_rejected(small, tmp_path, capfd):
    """A killed recorder leaves a segment of size 0."""
    data = small.path.read_bytes()
    at = data.index(b'\x18\x53\x80\x67') + 4
    path = tmp_path / 'a.mkv'
    path.write_bytes(data[:at] + b'\x01' + bytes(7) + data[at + 8:])
    assert_rejected(path, 'not finished', capfd)


def test_other_matroska_file_is_rejected(small, tmp_path, capfd):
    path = tmp_path / 'a.mkv'
    data = small.path.read_bytes()
    for name in (b'K4A_DEPTH_TRACK', b'K4A_IR_TRACK', b'K4A_IMU_TRACK', b'K4A_DEPTH_MODE'):
        data = data.replace(name, b'X' * len(name))
    path.write_bytes(data)
    assert_rejected(path, 'not an Azure Kinect recording', capfd)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_file_truncated_anywhere_is_rejected(small, tmp_path, data):
    """libk4arecord would abort the process for some of these files."""
    content = small.path.read_bytes()
    sizes = st.integers(0, 300) | st.integers(0, len(content) - 1) | st.integers(
        len(content) - 40, len(content) - 1)
    path = tmp_path / 'truncated.mkv'
    path.write_bytes(content[:data.draw(sizes)])
    with pytest.raises(RecordingError, match=str(path)):
        RecordingReader(str(path))


def test_truncated_file_reports_missing_bytes(small, tmp_path, capfd):
    content = small.path.read_bytes()
    path = tmp_path / 'truncated.mkv'
    path.write_bytes(content[:len(content) // 2])
    assert_rejected(path, f'{len(content) // 2} of {len(content)} bytes', capfd)


def test_image_of_wrong_size_raises_camera_lost(tmp_path):
    config = CameraConfig.of_modes(
        DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config, count=1)
    written.path.write_bytes(written.path.read_bytes().replace(b'NV12', b'YUY2'))
    with RecordingReader(str(written.path)) as reader:
        with pytest.raises(CameraLostError, match=r'damaged: the color image .* 1280 x 720'):
            reader.next_capture()


def test_rewind_returns_to_the_first_capture(small):
    with RecordingReader(str(small.path)) as reader:
        for _ in range(3):
            for expected in small.captures:
                assert_same_capture(reader.next_capture(), expected)
            assert reader.next_capture() is None
            reader.rewind()


def test_rewind_of_removed_file_raises_camera_lost(tmp_path):
    written = write_recording(tmp_path / 'a.mkv', count=1)
    with RecordingReader(str(written.path)) as reader:
        written.path.unlink()
        with pytest.raises(CameraLostError, match='cannot rewind recording'):
            reader.rewind()


def test_closed_reader_raises_end_of_recording(small):
    with RecordingReader(str(small.path)) as reader:
        assert not reader.closed
    assert reader.closed
    reader.close()
    for read in (reader.next_capture, reader.rewind,
                 lambda: reader.read_imu(np.zeros(1, IMU_DTYPE))):
        with pytest.raises(EndOfRecording, match='is closed'):
            read()


def test_images_whose_time_goes_back_end_the_recording(tmp_path):
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config, count=6)
    move_cluster(written.path, 3, 1)
    with RecordingReader(str(written.path)) as reader:
        for expected in written.captures[:3]:
            assert_same_capture(reader.next_capture(), expected)
        with pytest.raises(CameraLostError, match=(
                f'{written.path} is damaged: the time of its depth images goes back from 566666 '
                'to 500001 us; it can only be played up to there')):
            reader.next_capture()


@pytest.mark.parametrize('gyroscope', [False, True])
def test_imu_samples_whose_time_goes_back_end_the_recording(tmp_path, gyroscope):
    written = write_recording(tmp_path / 'a.mkv')
    name = 'gyroscope' if gyroscope else 'accelerometer'
    times_ns = (written.imu.gyro_us if gyroscope else written.imu.acc_us) * 1000
    data = written.path.read_bytes()
    sample = int(times_ns[100]).to_bytes(8, 'little')
    assert data.count(sample) == 1
    written.path.write_bytes(data.replace(sample, int(times_ns[50]).to_bytes(8, 'little')))
    out = np.zeros(1024, IMU_DTYPE)
    with RecordingReader(str(written.path)) as reader:
        assert reader.read_imu(out) == 100
        np.testing.assert_array_equal(out['acc_us'][:100], written.imu.acc_us[:100])
        for _ in range(2):
            with pytest.raises(CameraLostError, match=f'the time of its {name} samples goes back'):
                reader.read_imu(out)


def test_absurd_start_time_is_rejected(tmp_path, capfd):
    """Stamps in nanoseconds would overflow."""
    latest = write_recording(tmp_path / 'a.mkv', count=1, start_us=2**53 - 10)
    with RecordingReader(str(latest.path)) as reader:
        assert reader.start_us == 2**53 - 10
    absurd = write_recording(tmp_path / 'b.mkv', count=1, start_us=2**53 + 10)
    assert_rejected(absurd.path, f'K4A_START_OFFSET_NS, {(2**53 + 10) * 1000}, is not a', capfd)
