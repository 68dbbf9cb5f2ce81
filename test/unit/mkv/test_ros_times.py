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

"""ROS times are found in any order, and only those that the file has."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import ImuSamples
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np
import pytest
from support.recordings import random_capture
from support.recordings import write_recording

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, fps=5)
START_US = 700_000
COUNT = 80


def to_ros(device_us: int) -> int:
    return 10**18 + 1000 * device_us + device_us // 10_000


@pytest.fixture(scope='module')
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of 16 seconds."""
    path = tmp_path_factory.mktemp('times') / 'a.mkv'
    capture = random_capture(np.random.default_rng(0), CONFIG, START_US)
    with RecordingWriter(path, CONFIG, nominal_calibration(), ros_time=True) as writer:
        for index in range(COUNT):
            us = START_US + index * CONFIG.period_us
            writer.write(type(capture)(*(
                type(image)(image.data, us + delay) for image, delay in zip(
                    (capture.depth, capture.ir, capture.color), (0, 0, 100), strict=True))),
                to_ros)
            times = np.arange(us, us + CONFIG.period_us, 5000)
            zeros = np.zeros((len(times), 3), np.float32)
            writer.write_imu(
                ImuSamples(zeros, times, zeros, times, np.full(len(times), np.nan, np.float32)),
                np.array([to_ros(int(each)) for each in times]))
    return path


@pytest.mark.parametrize('order', [
    list(range(COUNT)), list(range(COUNT))[::-1], [70, 3, 4, 5, 40, 39, 79, 0]])
def test_times_are_found_in_any_order(recording: Path, order: list[int]) -> None:
    with RecordingReader(str(recording)) as reader:
        assert reader.missing == ''
        times = reader.ros_times
        for index in order:
            us = START_US + index * CONFIG.period_us
            for stream, delay in ((TimedStream.DEPTH, 0), (TimedStream.IR, 0),
                                  (TimedStream.COLOR, 100)):
                found = times.find(stream, np.array([us + delay, us + delay + 1]))
                assert found.tolist() == [to_ros(us + delay), 0]
            samples = np.arange(us, us + CONFIG.period_us, 5000)
            assert times.find(TimedStream.IMU, samples).tolist() == [
                to_ros(int(each)) for each in samples]
        assert times.find(TimedStream.DEPTH, np.zeros(0, np.int64)).tolist() == []


def test_few_entries_are_kept(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('k4a_ros.mkv.ros_times._MAX_ENTRIES', 400)
    with RecordingReader(str(recording)) as reader:
        for index in (*range(COUNT), 2, 50):
            us = START_US + index * CONFIG.period_us
            assert reader.ros_times.find(TimedStream.DEPTH, np.array([us])) == [to_ros(us)]
            assert len(reader.ros_times._entries) < 800


def test_recording_without_ros_times_has_none(tmp_path: Path) -> None:
    with RecordingReader(str(write_recording(tmp_path / 'a.mkv', count=1).path)) as reader:
        assert reader.ros_times is None
