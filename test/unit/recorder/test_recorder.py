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

"""Recording in a thread: queue, disk, start and end."""

from __future__ import annotations

from dataclasses import replace
import threading

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.writer import RecordingWriter
from k4a_ros.recorder import recorder as module
from k4a_ros.recorder.part import Source
from k4a_ros.recorder.recorder import Recorder
from k4a_ros.recorder.sequence import RecordingOptions
import numpy as np
import pytest
from support.recorded import read_recorded
from support.time_limits import PATIENCE
from support.time_limits import wait_for

CONFIG = replace(
    CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF), imu=False)
SOURCE = Source(CONFIG, nominal_calibration(), '000123456712', {})
PIXELS = np.zeros((288, 320), np.uint16)


def deliver(recorder: Recorder, number: int) -> None:
    """Deliver a capture by its number."""
    image = Image(PIXELS, 1000 + number * CONFIG.period_us)
    recorder.capture(Capture(image, image), lambda us: us)


@pytest.fixture
def recorder():
    recorder = Recorder()
    recorder.set_source(SOURCE)
    yield recorder
    recorder.stop(PATIENCE)


def depth_times(path: str) -> list[int]:
    return list(read_recorded(path).images['DEPTH'])


def test_everything_between_start_and_stop_is_recorded(tmp_path, recorder):
    deliver(recorder, 0)
    path = recorder.start(RecordingOptions(str(tmp_path / '%Y' / 'a')))
    assert path.parent.name.isdecimal() and path.name == 'a.mkv'
    assert recorder.active
    for number in range(1, 11):
        deliver(recorder, number)
    status = recorder.stop(PATIENCE)
    deliver(recorder, 11)
    assert not recorder.active
    assert (status.captures, status.queued, status.dropped) == (10, 0, 0)
    assert status.files == (str(path),) and status.written_bytes == path.stat().st_size
    assert status.seconds == pytest.approx(10 / 30, abs=1e-3)
    assert depth_times(path) == [1000 + number * CONFIG.period_us for number in range(1, 11)]


def test_recorder_can_be_started_again(tmp_path, recorder):
    for name in ('a', 'a_2'):
        recorder.start(RecordingOptions(str(tmp_path / 'a.mkv')))
        with pytest.raises(RecordingError, match='already; stop that first'):
            recorder.start(RecordingOptions(str(tmp_path / 'b.mkv')))
        deliver(recorder, 5)
        assert recorder.stop(PATIENCE).files == (str(tmp_path / f'{name}.mkv'),)
    assert not (tmp_path / 'b.mkv').exists()


def test_stop_without_a_capture_leaves_no_file(tmp_path, recorder):
    recorder.start(RecordingOptions(str(tmp_path / 'a.mkv')))
    assert recorder.stop(PATIENCE).files == ()
    assert not list(tmp_path.iterdir())


def test_slow_disk_drops_captures(tmp_path, recorder, monkeypatch, caplog):
    disk = threading.Event()
    write = RecordingWriter.write

    def slow_write(*arguments: object) -> None:
        assert disk.wait(PATIENCE)
        write(*arguments)

    monkeypatch.setattr(RecordingWriter, 'write', slow_write)
    monkeypatch.setattr(module, '_QUEUE_S', 0.0)
    monkeypatch.setattr(module, '_MIN_QUEUE_BYTES', 2 * 2 * PIXELS.nbytes)
    recorder.start(RecordingOptions(str(tmp_path / 'a.mkv')))
    deliver(recorder, 0)
    wait_for(lambda: recorder.status().queued == 0, 'the first capture to be taken')
    for number in range(1, 6):
        deliver(recorder, number)
    assert (recorder.status().queued, recorder.status().dropped) == (2, 3)
    disk.set()
    status = recorder.stop(PATIENCE)
    assert (status.captures, status.dropped) == (3, 3)
    assert caplog.text.count('drops captures') == 1


def test_recording_stops_before_the_disk_is_full(tmp_path, monkeypatch):
    ended, states = threading.Event(), []
    recorder = Recorder(lambda status: (states.append(status), ended.set()))
    recorder.set_source(SOURCE)
    room = [10 ** 9]
    monkeypatch.setattr(module, 'free_bytes', lambda folder: room[0])
    monkeypatch.setattr(module, '_CHECK_S', 0.0)
    path = recorder.start(RecordingOptions(str(tmp_path / 'a.mkv')))
    for number in range(3):
        deliver(recorder, number)
    wait_for(lambda: recorder.status().captures == 3, 'three captures')
    room[0] = 15 * 10 ** 6
    deliver(recorder, 3)
    assert ended.wait(PATIENCE)
    assert not recorder.active
    deliver(recorder, 4)
    assert recorder.status().problem == (
        f'only 15 MB are left on the disk of {path}; the 0.1 s that were recorded can be read')
    assert states == [recorder.status()]
    assert len(depth_times(path)) == 4


def test_no_room_is_refused(tmp_path, recorder, monkeypatch):
    monkeypatch.setattr(module, 'free_bytes', lambda folder: 27 * 10 ** 6)
    with pytest.raises(RecordingError, match='has 27 MB left, and 28 MB are needed to begin'):
        recorder.start(RecordingOptions(str(tmp_path / 'a.mkv')))
    assert not recorder.active


def test_folder_that_cannot_be_made_is_refused(tmp_path, recorder):
    (tmp_path / 'file').touch()
    with pytest.raises(RecordingError, match=r'cannot make its folder: (not a dir|file exists)'):
        recorder.start(RecordingOptions(str(tmp_path / 'file' / 'a.mkv')))


def test_slow_disk_is_announced(tmp_path, recorder, monkeypatch, caplog):
    monkeypatch.setattr(module, 'write_speed', lambda folder: 12.4e6)
    recorder.start(RecordingOptions(str(tmp_path / 'a.mkv')))
    recorder.stop(PATIENCE)
    assert 'writes 12 MB/s, and the camera delivers up to 11 MB/s' in caplog.text


def test_unexpected_error_ends_the_recording_only(tmp_path, recorder, monkeypatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    recorder.start(RecordingOptions(str(tmp_path / 'a.mkv')))
    deliver(recorder, 0)
    wait_for(lambda: recorder.status().captures == 1, 'the first capture')
    monkeypatch.setattr(RecordingWriter, 'write', fail)
    deliver(recorder, 1)
    wait_for(lambda: not recorder.active, 'the end')
    assert recorder.status().problem == 'unexpected ZeroDivisionError'
    assert len(depth_times(tmp_path / 'a.mkv')) == 1
