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

"""Reading: equality with libk4arecord, files that are cut or damaged, positions, lifetimes."""

from __future__ import annotations

from dataclasses import replace
import errno
import gc
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
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.source import Source
from k4a_ros.process import files
import numpy as np
import pytest
from support.processes import open_files
from support.recordings import assert_same_capture
from support.recordings import COMBINATIONS
from support.recordings import move_cluster
from support.recordings import SERIAL
from support.recordings import without
from support.recordings import write_recording
from support.recordings import Written
from support.reference import assert_equals_reference
from support.time_limits import promptly


@pytest.fixture(scope='module')
def small(tmp_path_factory) -> Written:
    """Return a recording of six captures."""
    return write_recording(tmp_path_factory.mktemp('small') / 'a.mkv', count=6)


def read_all(path: Path) -> tuple[list[Capture], ImuSamples | None, RecordingReader]:
    """Return the captures and the samples of a file, and its closed reader."""
    with RecordingReader(str(path)) as reader:
        return list(reader.captures), reader.imu.read(10**9), reader


def assert_rejected(path: Path, reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Assert that opening quickly raises one line with path and reason, and prints nothing."""
    with promptly(3.0), pytest.raises(RecordingError, match=reason) as caught:
        RecordingReader(str(path))
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)
    assert capfd.readouterr() == ('', '')


# ---- equality with libk4arecord

@pytest.mark.parametrize('modes', COMBINATIONS, ids=lambda modes: '-'.join(
    str(getattr(mode, 'name', mode)) for mode in modes))
def test_every_mode_equals_libk4arecord(tmp_path, modes):
    path = write_recording(tmp_path / 'a.mkv', CameraConfig.of_modes(*modes), count=2).path
    assert assert_equals_reference(path) == 2


def test_real_recording_equals_libk4arecord(real_recording):
    assert assert_equals_reference(real_recording) == 1


@pytest.mark.parametrize('start_us', [0, 1, 4_300_000_000, 1_730_796_756_988_167])
def test_any_start_time_equals_libk4arecord(tmp_path, start_us):
    """Including those that wrap its 32-bit offset."""
    assert_equals_reference(write_recording(tmp_path / 'a.mkv', start_us=start_us).path)


COLOR = CameraConfig.of_modes(
    DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG, imu=False)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    images=st.lists(st.tuples(*[st.one_of(st.none(), st.integers(-12_000, 45_000))] * 3),
                    min_size=1, max_size=6),
    delay_us=st.sampled_from([0, 160, -160, 16_000, -33_000]))
def test_assembly_of_captures_equals_libk4arecord(tmp_path, images, delay_us):
    """Images are missing, early or late; which ones belong together is decided alike."""
    latest = [0, 0, 0]
    times: list[list[int | None]] = []
    for index, jitter in enumerate(images):
        us = 1_000_000 + 33_333 * index
        row = [None if each is None else us + each for each in jitter]
        for stream, each in enumerate(row):
            if each is not None and each <= latest[stream]:
                row[stream] = None  # times of a stream increase
            latest[stream] = max(latest[stream], row[stream] or 0)
        if any(each is not None for each in row):
            times.append(row)
    if not times:
        return

    def edit(index: int, capture: Capture) -> Capture:
        return Capture(*(
            None if us is None else replace(image, device_us=us) for us, image in zip(
                times[index], (capture.depth, capture.ir, capture.color), strict=True)))
    path = tmp_path / 'a.mkv'
    path.unlink(missing_ok=True)
    write_recording(path, replace(COLOR, depth_delay_off_color_usec=delay_us), count=len(times),
                    edit=edit)
    assert_equals_reference(path)


def test_recording_with_missing_images_equals_libk4arecord(tmp_path):
    missing = [('depth',), ('ir',), ('color',), ('depth', 'ir'), (), ('color',)]
    written = write_recording(
        tmp_path / 'a.mkv', replace(COLOR, imu=True), count=6,
        edit=lambda index, capture: without(capture, *missing[index]))
    assert assert_equals_reference(written.path) == 6


# ---- files that are refused

@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'the file is empty'),
    (b'This is not a recording.\n' * 50, 'not a Matroska file'),
    (b'\x1a\x45\xdf\xa3', 'truncated within its header'),
    (b'\x1a\x45\xdf\xa3\x93\x42\x82', 'truncated within its header'),
    (b'\x1a\x45\xdf\xa3\x87\x42\x82\x84webm', 'not a Matroska file'),
    (b'\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska', 'truncated within its header'),
    (b'\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska\x15\x49\xa9\x66\x80', 'no segment'),
    (b'\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska\x18\x53\x80\x67\xff', 'no such tracks'),
    (b'\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska\x18\x53\x80\x67\x82\xec\x80', 'no such tracks'),
])
def test_file_that_is_no_recording_is_rejected(tmp_path, capfd, content, reason):
    path = tmp_path / 'bad.mkv'
    path.write_bytes(content)
    assert_rejected(path, reason, capfd)


def test_missing_file_and_directory_are_rejected(tmp_path, capfd):
    assert_rejected(tmp_path / 'none.mkv', 'no such file', capfd)
    assert_rejected(tmp_path, 'is a directory', capfd)
    os.mkfifo(tmp_path / 'pipe')
    assert_rejected(tmp_path / 'pipe', 'named pipe', capfd)


def test_unreadable_file_is_rejected(small, monkeypatch, capfd):
    def deny(path: str, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(files, 'os', SimpleNamespace(
        **{name: getattr(os, name) for name in dir(os)} | {'open': deny}))
    assert_rejected(small.path, 'permission denied', capfd)


def test_recording_without_calibration_can_be_read(small, tmp_path):
    path = tmp_path / 'a.mkv'
    data = small.path.read_bytes().replace(b'calibration.json', b'calibration.gone')
    path.write_bytes(data.replace(b'K4A_CALIBRATION_FILE', b'K4A_CALIBRATION_GONE'))
    with RecordingReader(str(path)) as reader:
        assert (reader.calibration, reader.serial) == (b'', SERIAL)
        assert_same_capture(reader.captures.read(), small.captures[0])


def test_recording_without_frames_is_rejected(tmp_path, capfd):
    written = write_recording(tmp_path / 'a.mkv', count=0)
    assert_rejected(written.path, 'no frames', capfd)


def test_other_matroska_file_is_rejected(small, tmp_path, capfd):
    path = tmp_path / 'a.mkv'
    data = small.path.read_bytes()
    for name in (b'DEPTH', b'K4A_IR_TRACK', b'IMU'):
        data = data.replace(name, b'X' * len(name))
    path.write_bytes(data.replace(b'\x53\x6e\x82IR', b'\x53\x6e\x82XX'))
    assert_rejected(path, 'not an Azure Kinect recording', capfd)


def test_absurd_start_time_is_rejected(tmp_path, capfd):
    """Stamps in nanoseconds would overflow."""
    latest = write_recording(tmp_path / 'a.mkv', count=1, start_us=2**53 - 10)
    with RecordingReader(str(latest.path)) as reader:
        assert reader.start_us == 2**53 - 10
    absurd = write_recording(tmp_path / 'b.mkv', count=1, start_us=2**53 + 10)
    assert_rejected(absurd.path, f'K4A_START_OFFSET_NS, {(2**53 + 10) * 1000}, is not a', capfd)


# ---- files that are cut, unfinished or damaged

@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_file_truncated_anywhere_is_read_up_to_there(small, tmp_path, data):
    content = small.path.read_bytes()
    sizes = st.integers(0, 6000) | st.integers(0, len(content) - 1) | st.integers(
        len(content) - 400, len(content) - 1)
    size = data.draw(sizes)
    path = tmp_path / 'truncated.mkv'
    path.write_bytes(content[:size])
    try:
        captures, samples, reader = read_all(path)
    except RecordingError as error:
        assert str(path) in str(error)
        assert size < content.index(b'\x1f\x43\xb6\x75') + 190_000  # within the first image
        return
    assert not reader.complete
    assert f'it has {size} of {len(content)} bytes' in reader.missing
    images = [name for capture in captures for name in ('depth', 'ir') if getattr(capture, name)]
    assert len(images) >= 12 * size // len(content) - 2
    for capture, expected in zip(captures, small.captures, strict=False):
        for name in ('depth', 'ir'):
            if image := getattr(capture, name):
                np.testing.assert_array_equal(image.data, getattr(expected, name).data)
    if samples is not None:
        np.testing.assert_array_equal(samples.acc, small.imu.acc[:len(samples)])


@pytest.mark.parametrize('length', [b'\x01' + bytes(7), b'\x01' + b'\xff' * 7])
def test_unfinished_recording_is_read(small, tmp_path, length):
    """A killed recorder leaves a segment of size 0, or of unknown size."""
    data = small.path.read_bytes()
    at = data.index(b'\x18\x53\x80\x67') + 4
    path = tmp_path / 'a.mkv'
    path.write_bytes(data[:at] + length + data[at + 8:])
    captures, samples, reader = read_all(path)
    assert not reader.complete
    assert 'was not finished' in reader.missing
    assert len(captures) == 6
    assert len(samples) == len(small.imu)
    assert reader.end_us == int(small.imu.acc_us[-1])


def test_damage_within_a_file_costs_what_it_hits(small, tmp_path, caplog):
    data = bytearray(small.path.read_bytes())
    at = -1
    for _ in range(4):
        at = data.index(b'\x1f\x43\xb6\x75', at + 1)
    data[at:at + 500] = bytes(500)
    path = tmp_path / 'a.mkv'
    path.write_bytes(data)
    captures, _, _ = read_all(path)
    assert len(captures) == 5
    assert_same_capture(captures[-1], small.captures[-1])
    record, = caplog.records
    assert f'recording {path} is damaged: bytes {at}' in record.message


def test_image_of_wrong_size_raises_camera_lost(tmp_path):
    config = CameraConfig.of_modes(
        DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config, count=1)
    written.path.write_bytes(written.path.read_bytes().replace(b'NV12', b'YUY2'))
    with RecordingReader(str(written.path)) as reader:
        with pytest.raises(CameraLostError, match=r'color image .* 1382400 bytes, not 1843200'):
            reader.captures.read()


def test_images_whose_time_goes_back_end_the_recording(tmp_path):
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config, count=6)
    move_cluster(written.path, 3, 1)
    with RecordingReader(str(written.path)) as reader:
        for expected in written.captures[:3]:
            assert_same_capture(reader.captures.read(), expected)
        with pytest.raises(CameraLostError, match=(
                f'{written.path} is damaged: the time of its depth images goes back from 566666 '
                'to 500001 us; it can only be played up to there')):
            reader.captures.read()


@pytest.mark.parametrize('gyroscope', [False, True])
def test_imu_samples_whose_time_goes_back_end_the_recording(tmp_path, gyroscope):
    written = write_recording(tmp_path / 'a.mkv')
    name = 'gyroscope' if gyroscope else 'accelerometer'
    times_ns = (written.imu.gyro_us if gyroscope else written.imu.acc_us) * 1000
    data = written.path.read_bytes()
    sample = int(times_ns[100]).to_bytes(8, 'little')
    assert data.count(sample) == 1
    written.path.write_bytes(data.replace(sample, int(times_ns[50]).to_bytes(8, 'little')))
    with RecordingReader(str(written.path)) as reader:
        samples = reader.imu.read(1024)
        np.testing.assert_array_equal(samples.acc_us, written.imu.acc_us[:100])
        for _ in range(2):
            with pytest.raises(CameraLostError, match=f'the time of its {name} samples goes back'):
                reader.imu.read(1024)


# ---- positions

def test_rewind_returns_to_the_first_capture(small):
    with RecordingReader(str(small.path)) as reader:
        for _ in range(3):
            for expected in small.captures:
                assert_same_capture(reader.captures.read(), expected)
            assert reader.captures.read() is None
            assert len(reader.imu.read(10**9)) == len(small.imu)
            reader.rewind()


def test_items_are_read_in_the_order_of_time(small):
    times: list[int] = []
    captures = 0
    with RecordingReader(str(small.path)) as reader:
        while (item := reader.read()) is not None:
            if isinstance(item, Capture):
                assert_same_capture(item, small.captures[captures])
                captures += 1
                times.append(item.device_us)
            else:
                times.extend(item.acc_us.tolist())
    assert captures == 6
    assert len(times) == 6 + len(small.imu)
    assert times == sorted(times)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(400_000, 800_000), min_size=1, max_size=5))
def test_seek_is_exact(small, targets):
    with RecordingReader(str(small.path)) as reader:
        for target in targets:
            reader.seek(target)
            expected = [each for each in small.captures if each.device_us >= target]
            capture, samples = reader.captures.read(), reader.imu.read(10**9)
            assert (capture is None) == (not expected)
            if capture is not None:
                assert_same_capture(capture, expected[0])
            times = small.imu.acc_us[small.imu.acc_us >= target]
            assert (samples is None) == (not len(times))
            if samples is not None:
                np.testing.assert_array_equal(samples.acc_us, times)


def test_closed_reader_raises_end_of_recording(small):
    with RecordingReader(str(small.path)) as reader:
        assert not reader.closed
    assert reader.closed
    reader.close()
    for use in (reader.read, reader.rewind, lambda: reader.captures, lambda: reader.imu,
                lambda: reader.seek(0)):
        with pytest.raises(EndOfRecording, match='is closed'):
            use()


def test_images_remain_valid_after_close_and_close_the_file_last(small, tmp_path):
    path = tmp_path / 'copy.mkv'
    path.write_bytes(small.path.read_bytes())
    with RecordingReader(str(path)) as reader:
        capture = reader.captures.read()
    path.unlink()
    np.testing.assert_array_equal(capture.depth.data, small.captures[0].depth.data)
    assert str(path) in open_files()
    del capture, reader
    gc.collect()
    assert str(path) not in open_files()


def test_only_images_that_are_accessed_are_read(small, monkeypatch):
    read: list[int] = []
    read_into = Source.read_into

    def counted(source: Source, out: np.ndarray, position: int) -> None:
        read.append(out.nbytes)
        read_into(source, out, position)
    monkeypatch.setattr(Source, 'read_into', counted)
    with RecordingReader(str(small.path)) as reader:
        captures = list(reader.captures)
        assert not read
        for _ in range(2):
            np.testing.assert_array_equal(captures[1].ir.data, small.captures[1].ir.data)
        assert sum(read) == captures[1].ir.data.nbytes
        shifted = captures[2].depth.shifted(7)
        assert shifted.device_us == captures[2].depth.device_us + 7
        assert sum(read) == captures[1].ir.data.nbytes
        assert shifted.data is captures[2].depth.data


def test_file_that_becomes_shorter_raises_camera_lost(small, tmp_path):
    path = tmp_path / 'a.mkv'
    path.write_bytes(small.path.read_bytes())
    with RecordingReader(str(path)) as reader:
        capture = reader.captures.read()
        os.truncate(path, 8000)
        with pytest.raises(CameraLostError, match=f'{path} cannot be read: it has become shorter'):
            _ = capture.depth.data
