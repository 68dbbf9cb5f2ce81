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

"""A recording is played with the stamps that it was made with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.writer import RecordingWriter
from k4a_ros.streaming.host_clock import HostClock
from k4a_ros.streaming.stamper import Stamper
import numpy as np
import pytest
from support.player import Player
from support.recordings import random_capture
from support.recordings import Written

START_US, PERIOD_US, COUNT = 2_000_000, 200_000, 50
EPOCH_NS = 1_700_000_000_123_456_789
CONFIG = CameraConfig.of_modes(
    DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG, 5)


def recorded_ns(device_us: int) -> int:
    """Return the ROS time of a device time: with a drift, and a step of 10 s after 5 s."""
    elapsed_us = device_us - START_US
    return (EPOCH_NS + elapsed_us * 1000 + elapsed_us // 20
            + 10_000_000_000 * (elapsed_us > 5_000_000))


def write(path: Path) -> None:
    """Write a recording with the ROS times of all images and samples but those of one capture."""
    random = np.random.default_rng(1)
    with RecordingWriter(path, CONFIG, nominal_calibration(), ros_time=True) as writer:
        for index in range(COUNT):
            now_us = START_US + index * PERIOD_US
            to_ros: Callable[[int], int] | None = None if index == 7 else recorded_ns
            writer.write(random_capture(random, CONFIG, now_us), to_ros)
            times = np.arange(now_us, now_us + PERIOD_US, 5000)
            axes = np.zeros((len(times), 3), np.float32)
            samples = ImuSamples(
                axes, times, axes, times, np.full(len(times), np.nan, np.float32))
            writer.write_imu(samples, np.array([recorded_ns(us) for us in times.tolist()]))


@pytest.fixture(scope='module')
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = tmp_path_factory.mktemp('recorded') / 'a.mkv'
    write(result)
    return result


def stamper(camera: RecordingCamera) -> Stamper:
    result = Stamper(HostClock(lambda: 5 * 10 ** 9), lambda step_ns: None)
    result.start_timeline(True, camera.playback.origin_ns)
    return result


def test_images_and_samples_have_the_stamps_they_had(path: Path) -> None:
    """In a second pass, those are later by the period of the loop."""
    with RecordingCamera(path, rate=0, loop=True, loop_period=40.0, stamps='recorded') as camera:
        player = Player(camera, captures=2 * COUNT, samples=2 * COUNT * 40).join()
        stamps = stamper(camera)
    assert camera.playback.origin_ns == recorded_ns(START_US) - START_US * 1000
    for number, (_, capture) in enumerate(player.captures[:2 * COUNT]):
        turn, index = divmod(number, COUNT)
        to_ros = stamps.capture(capture)
        for image in (capture.depth, capture.color):
            expected = recorded_ns(image.device_us - turn * 40_000_000) + turn * 40 * 10 ** 9
            found = to_ros(image.device_us)
            # the capture without times: with the distance to the one before
            assert abs(found - expected) <= (0 if index != 7 else 20_000)
    for _, samples in player.imu:
        stamps.observe_imu(samples)
        for us, found in zip(samples.acc_us, stamps.imu(samples.acc_us), strict=True):
            turn = int(us >= START_US + 40_000_000)
            assert found == recorded_ns(us - turn * 40_000_000) + turn * 40 * 10 ** 9
    assert stamps.corrections == 0


@pytest.mark.parametrize('index', [0, 1, 6, 8, 24, 25, 26, 27, 40, 49])
@pytest.mark.parametrize('early_ns', [0, 1, 90_000_000])
def test_position_of_a_stamp_is_exact(path: Path, index: int, early_ns: int) -> None:
    with RecordingCamera(path, paused=True, stamps='recorded') as camera:
        playback = camera.playback
        device_us = START_US + index * PERIOD_US
        ros_ns = recorded_ns(device_us) - early_ns * bool(index)
        first_ns, last_ns = playback.ros_range_ns()
        assert first_ns <= ros_ns <= last_ns
        assert playback.find_us(ros_ns) == device_us


def test_recording_without_ros_times_is_refused(small: Written) -> None:
    with pytest.raises(RecordingError, match=r'playback_stamps is recorded, but it has no ROS ti'):
        RecordingCamera(small.path, stamps='recorded')
