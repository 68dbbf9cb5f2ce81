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

"""Play recordings with a thread for each stream, like the driver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import threading
import time

from k4a_ros.audio.source import RecordedAudio
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
import numpy as np
from support.recordings import assert_same_capture
from support.recordings import Written
from support.time_limits import PATIENCE


class Player:
    """Reads a camera with a thread for each stream, and records what arrives when."""

    def __init__(
        self, camera: RecordingCamera, captures: int = 10**9, samples: int = 0,
    ) -> None:
        """
        Start the camera and the threads.

        :param captures: number of captures after which the threads may end; default: none.
        :param samples: number of IMU samples after which they may end.
        """
        self.camera = camera
        self.begin = time.monotonic()
        self.captures: list[tuple[float, Capture]] = []
        self.imu: list[tuple[float, ImuSamples]] = []
        self.sound: list[tuple[float, RecordedAudio]] = []
        self.order: list[tuple[int, str]] = []
        self.errors: list[Exception] = []
        self._enough = lambda: len(self.captures) >= captures and len(self.imu_us) >= samples
        camera.start()
        self._threads = [
            threading.Thread(target=self._play, args=job) for job in (
                (camera.read, self.captures), (camera.read_imu, self.imu),
                *([(camera.read_sound, self.sound)] if camera.plays_sound else []))]
        for thread in self._threads:
            thread.start()

    def _play(self, read: Callable[[float], object], out: list[tuple[float, object]]) -> None:
        while not self._enough():
            try:
                item = read(0.05)
            except ReadTimeout:
                continue
            except Exception as error:
                self.errors.append(error)
                return
            out.append((time.monotonic() - self.begin, item))
            if isinstance(item, Capture):
                self.order.append((item.device_us, 'capture'))
            elif isinstance(item, RecordedAudio):
                self.order.append((item.device_us, 'sound'))
            else:
                self.order.extend((int(us), 'imu') for us in item.acc_us)

    def join(self, timeout: float = PATIENCE) -> Player:
        """Wait for the threads, and assert that no error has stopped them."""
        for thread in self._threads:
            thread.join(timeout)
            assert not thread.is_alive()
        for error in self.errors:
            assert isinstance(error, EndOfRecording), error
        return self

    @property
    def imu_us(self) -> list[int]:
        """Return the timestamps of all IMU samples."""
        return [int(us) for _, samples in self.imu for us in samples.acc_us]


def play(path: Path, **options: object) -> Player:
    """Play a file to its end."""
    with RecordingCamera(path, **options) as camera:
        return Player(camera).join()


def assert_played(player: Player, written: Written) -> None:
    """Assert that all data was played once and in order."""
    assert len(player.captures) == len(written.captures)
    for (_, actual), expected in zip(player.captures, written.captures, strict=True):
        assert_same_capture(actual, expected)
    assert len(player.imu_us) == len(written.imu)
    for name in ('acc', 'acc_us', 'gyro', 'gyro_us'):
        if player.imu:
            found = np.concatenate([getattr(samples, name) for _, samples in player.imu])
            np.testing.assert_array_equal(found, getattr(written.imu, name))
