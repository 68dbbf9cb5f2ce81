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

"""Which file of a recording captures and samples are written to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.recorder.part import Source
from k4a_ros.recorder.sequence import PartSequence
from k4a_ros.recorder.sequence import RecordingOptions
import numpy as np
import pytest
from support.recorded import read_recorded

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=5)
PERIOD_US = CONFIG.period_us
SOURCE = Source(CONFIG, nominal_calibration(), '000123456712', {})
WITHOUT_IMU = replace(SOURCE, config=replace(CONFIG, imu=False))
PIXELS = np.zeros((288, 320), np.uint16)


class Camera:
    """A camera at 5 fps and 100 IMU samples a second, which arrive in batches of 4."""

    def __init__(self, parts: PartSequence, source: Source = SOURCE) -> None:
        self._parts = parts
        self._source = source

    def run(self, start_us: int, captures: int, imu_lead_us: int = 0) -> None:
        """Deliver captures; samples arrive earlier than captures of the same time by a lead."""
        if self._source.config.imu:
            self._samples(start_us - 240_000)(0)
        end_us = start_us + captures * PERIOD_US
        events = [(start_us + i * PERIOD_US, self._capture) for i in range(captures)]
        if self._source.config.imu:
            events += [(time_us + 30_000 - imu_lead_us + 1, self._samples(time_us))
                       for time_us in range(start_us - 200_000, end_us + 40_000, 40_000)]
        for time_us, deliver in sorted(events, key=lambda event: event[0]):
            deliver(time_us)

    def _capture(self, time_us: int) -> None:
        image = Image(PIXELS, time_us)
        self._parts.write(self._source, Capture(image, image), lambda us: us + 7)

    def _samples(self, first_us: int):
        times = first_us + 10_000 * np.arange(4)
        zeros = np.zeros((4, 3), np.float32)
        samples = ImuSamples(zeros, times, zeros, times, np.zeros(4, np.float32))
        return lambda _: self._parts.write_imu(samples, times + 9)


def sequence(tmp_path: Path, **options: int) -> PartSequence:
    """Return a sequence that writes to a.mkv."""
    return PartSequence(RecordingOptions('', **options), tmp_path / 'a.mkv')


def content(path: Path) -> tuple[list[int], list[int]]:
    """Return the times of depth images and of samples, and check the ROS times of all."""
    found = read_recorded(path)
    depth_us, acc_us = list(found.images['DEPTH']), found.acc_us
    assert found.ros_ns == {
        **{(stream, us): us + 7 for stream in (0, 1) for us in depth_us},
        **{(3, us): us + 9 for us in acc_us}}
    return depth_us, acc_us


def expected(start_us: int, captures: int) -> tuple[list[int], list[int]]:
    """Return what a file with these captures has."""
    return ([start_us + i * PERIOD_US for i in range(captures)],
            list(range(start_us, start_us + captures * PERIOD_US, 10_000)))


LEADS = pytest.mark.parametrize('lead_us', [0, 60_000, 400_000, -60_000, -300_000])


@LEADS
def test_file_has_the_samples_of_its_captures(tmp_path, lead_us):
    parts = sequence(tmp_path)
    Camera(parts).run(1_000_000, 5, lead_us)
    parts.end_session()
    assert content(tmp_path / 'a.mkv') == expected(1_000_000, 5)
    assert (parts.captures, parts.samples, parts.seconds) == (5, 100, 1.0)
    assert parts.files == [tmp_path / 'a.mkv']
    assert parts.size == (tmp_path / 'a.mkv').stat().st_size


@LEADS
def test_split_by_time_loses_nothing(tmp_path, lead_us):
    parts = sequence(tmp_path, split_us=3 * PERIOD_US)
    Camera(parts).run(1_000_000, 8, lead_us)
    parts.end_session()
    assert [path.name for path in parts.files] == ['a.mkv', 'a_2.mkv', 'a_3.mkv']
    for i, count in enumerate((3, 3, 2)):
        assert content(parts.files[i]) == expected(1_000_000 + 3 * i * PERIOD_US, count)


def test_split_by_size(tmp_path):
    parts = sequence(tmp_path, split_bytes=1_000_000)
    Camera(parts, WITHOUT_IMU).run(1_000_000, 8)
    parts.end_session()
    assert len(parts.files) >= 2
    assert all(1_000_000 < path.stat().st_size < 2_000_000 for path in parts.files[:-1])
    assert sum(len(content(path)[0]) for path in parts.files) == 8


@LEADS
def test_length_is_exact(tmp_path, lead_us):
    parts = sequence(tmp_path, length_us=3 * PERIOD_US)
    Camera(parts).run(1_000_000, 9, lead_us)
    assert parts.finished
    assert content(tmp_path / 'a.mkv') == expected(1_000_000, 3)


def test_length_is_that_of_all_files(tmp_path):
    parts = sequence(tmp_path, length_us=5 * PERIOD_US, split_us=2 * PERIOD_US)
    Camera(parts, WITHOUT_IMU).run(1_000_000, 9)
    assert parts.finished
    assert [len(content(path)[0]) for path in parts.files] == [2, 2, 1]


def test_length_does_not_wait_for_a_dead_imu(tmp_path):
    parts = sequence(tmp_path, length_us=3 * PERIOD_US)
    camera = Camera(parts)
    for i in range(20):  # one second at the begin and at the end
        camera._capture(1_000_000 + i * PERIOD_US)
    assert parts.finished
    assert len(content(tmp_path / 'a.mkv')[0]) == 3


def test_samples_that_are_two_seconds_late_are_counted(tmp_path):
    parts = sequence(tmp_path)
    camera = Camera(parts)
    camera._samples(960_000)(0)
    for time_us in expected(1_000_000, 20)[0]:
        camera._capture(time_us)
    for time_us in range(1_000_000, 5_000_000, 40_000):
        camera._samples(time_us)(0)
    parts.end_session()
    depth_us, acc_us = content(tmp_path / 'a.mkv')
    assert depth_us == expected(1_000_000, 20)[0]
    assert acc_us == expected(1_000_000, 20)[1][-len(acc_us):]
    assert 190 < len(acc_us) == parts.samples == 400 - parts.late_samples


def test_stop_takes_the_samples_of_the_last_capture(tmp_path):
    parts = sequence(tmp_path)
    camera = Camera(parts)
    camera._samples(920_000)(0)
    for time_us in expected(1_000_000, 3)[0]:
        camera._capture(time_us)
    parts.stop()
    camera._capture(1_000_000 + 3 * PERIOD_US)
    for time_us in range(960_000, 1_640_000, 40_000):
        assert not parts.finished
        camera._samples(time_us)(0)
    assert parts.finished
    assert content(tmp_path / 'a.mkv') == expected(1_000_000, 3)


def test_first_file_begins_with_samples(tmp_path):
    """Those of the first captures may have come before the recording was started."""
    parts = sequence(tmp_path)
    camera = Camera(parts)
    camera._capture(1_000_000)
    camera._samples(1_040_000)(0)
    camera._capture(1_030_000)
    camera._capture(1_200_000)
    for time_us in range(1_080_000, 1_400_000, 40_000):
        camera._samples(time_us)(0)
    parts.end_session()
    assert content(tmp_path / 'a.mkv') == expected(1_200_000, 1)


def test_stop_before_the_first_capture(tmp_path):
    parts = sequence(tmp_path)
    Camera(parts)._samples(5)(0)
    parts.stop()
    assert parts.finished
    assert not parts.files


@pytest.mark.parametrize('lead_us', [0, 60_000, -60_000])
def test_new_session_begins_a_new_file(tmp_path, lead_us):
    parts = sequence(tmp_path)
    camera = Camera(parts)
    for start_us in (5_000_000, 300_000):
        camera.run(start_us, 3, lead_us)
        parts.end_session()
    assert content(tmp_path / 'a.mkv') == expected(5_000_000, 3)
    assert content(tmp_path / 'a_2.mkv') == expected(300_000, 3)


@pytest.mark.parametrize('lead_us', [0, 60_000, 200_000])
def test_clock_reset_begins_a_new_file(tmp_path, lead_us):
    parts = sequence(tmp_path)
    camera = Camera(parts)
    camera.run(5_000_000, 3, lead_us)
    camera.run(300_000, 3, lead_us)
    parts.end_session()
    depth_us, acc_us = content(tmp_path / 'a.mkv')
    assert depth_us == expected(5_000_000, 3)[0]
    assert acc_us[:60] == expected(5_000_000, 3)[1]
    assert content(tmp_path / 'a_2.mkv') == expected(300_000, 3)


def test_existing_files_are_kept(tmp_path):
    for name in ('a.mkv', 'a_2.mkv'):
        (tmp_path / name).write_text('precious')
    parts = sequence(tmp_path)
    Camera(parts, WITHOUT_IMU).run(1_000_000, 1)
    parts.end_session()
    assert parts.files == [tmp_path / 'a_3.mkv']
    assert (tmp_path / 'a.mkv').read_text() == 'precious'
