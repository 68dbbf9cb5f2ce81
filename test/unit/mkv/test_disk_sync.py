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

"""Recordings reach the disk while they are written, in the background."""

from __future__ import annotations

from collections.abc import Callable
import errno
import itertools
import os
from pathlib import Path
import threading

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.errors import RecordingError
from k4a_ros.mkv import disk_sync
from k4a_ros.mkv.disk_sync import DiskSync
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.writer import RecordingWriter
from k4a_ros.recorder.part import Part
from k4a_ros.recorder.part import Source
import numpy as np
import pytest
from support.processes import open_files
from support.recordings import nominal_calibration
from support.recordings import random_capture
from support.time_limits import PATIENCE
from support.time_limits import wait_for

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=False)


class Disk:
    """
    Stands for fdatasync; notes what it is called for, and can be slow or fail.

    Files of other tests, which may still be brought to the disk, are ignored.

    :param folder: of the files of this test.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sizes: list[int] = []
        self.error: OSError | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()

    def sync(self, file: int) -> None:
        """Take the place of os.fdatasync."""
        if self._folder not in Path(os.readlink(f'/proc/self/fd/{file}')).parents:
            return
        size = os.fstat(file).st_size
        assert self.goes_on.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        self.sizes.append(size)


@pytest.fixture()
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Disk:
    """Return the disk, to which a sync is due at once."""
    found = Disk(tmp_path)
    monkeypatch.setattr(os, 'fdatasync', found.sync)
    monkeypatch.setattr(disk_sync, '_PERIOD_S', 0.0)
    return found


@pytest.fixture()
def capture() -> Callable[[int], Capture]:
    """Return what gives the capture with a number."""
    random = np.random.default_rng(0)
    return lambda number: random_capture(random, CONFIG, 500_000 + number * CONFIG.period_us)


def writer(path: Path) -> RecordingWriter:
    return RecordingWriter(path, CONFIG, nominal_calibration('1'), durable=True)


def test_data_is_brought_to_the_disk_while_it_is_written(disk, capture, tmp_path):
    numbers = itertools.count()
    with writer(tmp_path / 'a.mkv') as file:
        def write_more() -> bool:
            file.write(capture(next(numbers)))
            return len({*disk.sizes}) > 2

        wait_for(write_more, 'what was written to be on the disk')
        assert 0 < disk.sizes[-1] <= file.size
    wait_for(lambda: disk.sizes[-1] == file.size, 'the end to be on the disk')


def test_writing_and_closing_do_not_wait_for_the_disk(disk, capture, tmp_path):
    disk.goes_on.clear()
    with writer(tmp_path / 'a.mkv') as file:
        for number in range(20):
            file.write(capture(number))
    with RecordingReader(str(tmp_path / 'a.mkv')) as reader:
        assert sum(1 for _ in reader.captures) == 20
    assert not disk.sizes
    del reader
    disk.goes_on.set()
    wait_for(lambda: disk.sizes and disk.sizes[-1] == file.size, 'the end to be on the disk')
    assert len(disk.sizes) == 2
    wait_for(lambda: str(tmp_path / 'a.mkv') not in open_files(), 'the file to be closed')


def test_data_that_the_disk_has_lost_ends_the_recording(disk, capture, tmp_path):
    disk.error = OSError(errno.EIO, os.strerror(errno.EIO))

    def write_many() -> None:
        for number in range(10_000):
            file.write(capture(number))

    with writer(tmp_path / 'a.mkv') as file:
        with pytest.raises(RecordingError, match=(
                r'a\.mkv: input/output error; the disk has lost a part of what was written')):
            write_many()


def test_file_system_without_sync_is_recorded_to(disk, capture, tmp_path):
    disk.error = OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    with writer(tmp_path / 'a.mkv') as file:
        for number in range(5):
            file.write(capture(number))
    with RecordingReader(str(tmp_path / 'a.mkv')) as reader:
        assert sum(1 for _ in reader.captures) == 5


def test_name_of_the_file_is_brought_to_the_disk_once(disk, monkeypatch, tmp_path):
    folders = []
    monkeypatch.setattr(
        os, 'fsync', lambda file: folders.append(os.readlink(f'/proc/self/fd/{file}')))
    descriptor = os.open(tmp_path / 'a', os.O_WRONLY | os.O_CREAT)
    sync = DiskSync(str(tmp_path / 'a'), descriptor)
    os.close(descriptor)
    sync.poll()
    wait_for(lambda: disk.sizes, 'the first sync')
    sync.close()
    wait_for(lambda: len(disk.sizes) >= 2, 'the last sync')
    assert folders.count(str(tmp_path)) == 1


def test_slow_disk_is_reported_once(disk, monkeypatch, capture, tmp_path, caplog):
    monkeypatch.setattr(disk_sync, '_SLOW_S', -1.0)
    with writer(tmp_path / 'a.mkv') as file:
        file.write(capture(0))
        file.write(capture(1))
    wait_for(lambda: disk.sizes and disk.sizes[-1] == file.size, 'the end to be on the disk')
    # the last syncs of files of other tests may come now, too
    wait_for(lambda: str(tmp_path) in caplog.text, 'a warning')
    assert caplog.text.count(f'{tmp_path}/a.mkv took 0 s to store what was recorded') == 1


def test_recordings_of_a_camera_are_durable(disk, capture, tmp_path):
    part = Part(tmp_path / 'a.mkv', Source(CONFIG, nominal_calibration('1'), '1', {}), 500_000)
    for number in range(4):
        part.write(capture(number), lambda device_us: device_us * 1000)
    part.close()
    wait_for(lambda: disk.sizes and disk.sizes[-1] == part.size, 'the end to be on the disk')
