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

"""
Measure how long a seek in a long recording takes, from the call to the capture.

    python benchmark/seek.py [--minutes 20] [--seeks 200] [--recording FILE]

Without FILE, a recording of 720P color images of 4 kB at 30 Hz and of IMU samples is written to a
temporary directory. Playback is paused; the positions are random. The time is that of
`Playback.seek`, which returns when the thread that reads captures has got the one that was sought.
Every tenth position is checked with a reader of its own.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import tempfile
import threading
import time

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np

IMU_PERIOD_US = 600


def write(path: Path, minutes: float) -> None:
    """Write a recording of small images and IMU samples."""
    config = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P)
    pixels = np.zeros(4000, np.uint8)
    period_us = config.period_us
    with RecordingWriter(path, config, nominal_calibration()) as writer:
        for now_us in range(0, round(minutes * 60e6), period_us):
            writer.write(Capture(color=Image(pixels, now_us)))
            times = np.arange(-(-now_us // IMU_PERIOD_US) * IMU_PERIOD_US, now_us + period_us,
                              IMU_PERIOD_US)
            axes = np.zeros((len(times), 3), np.float32)
            writer.write_imu(ImuSamples(
                axes, times, axes, times, np.full(len(times), np.nan, np.float32)))


class Seeks:
    """Seeks in a paused recording, with the threads of a session."""

    def __init__(self, path: Path) -> None:
        self._camera = RecordingCamera(path, paused=True)
        self.captures: list[Capture] = []
        self._camera.start()
        self._threads = [threading.Thread(target=self._read, args=[read]) for read in (
            lambda: self.captures.append(self._camera.read(0.25)),
            lambda: self._camera.read_imu(0.25))]
        for thread in self._threads:
            thread.start()

    def _read(self, step: object) -> None:
        while True:
            try:
                step()  # type: ignore[operator]
            except ReadTimeout:
                continue
            except EndOfRecording:
                return

    def times_ms(self, count: int) -> np.ndarray:
        """Seek to random positions; return the durations, ms."""
        playback = self._camera.playback
        first_us, last_us = playback.range_us
        found = []
        for us in np.random.default_rng(1).integers(first_us, last_us - 100_000, count).tolist():
            begin_s = time.perf_counter()
            playback.seek(us)
            found.append(time.perf_counter() - begin_s)
            assert 0 <= self.captures[-1].device_us - us < self._camera.config.period_us
        return np.array(found) * 1e3

    def close(self) -> None:
        """End the threads."""
        self._camera.close()
        for thread in self._threads:
            thread.join()


def check(path: Path, captures: list[Capture]) -> None:
    """Compare captures with those of a reader of its own."""
    with RecordingReader(str(path)) as reader:
        for capture in captures[::10]:
            reader.captures.seek(capture.device_us)
            expected = reader.captures.read()
            assert expected is not None and expected.device_us == capture.device_us


def main() -> None:
    """Print a row of a table: median and maximum."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=20.0)
    parser.add_argument('--seeks', type=int, default=200)
    parser.add_argument('--recording', type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = arguments.recording or Path(directory) / 'long.mkv'
        if arguments.recording is None:
            write(path, arguments.minutes)
        begin_s = time.perf_counter()
        seeks = Seeks(path)
        opened_ms = (time.perf_counter() - begin_s) * 1e3
        cpu_s = time.process_time()
        times = seeks.times_ms(arguments.seeks)
        cpu_ms = (time.process_time() - cpu_s) * 1e3 / arguments.seeks
        seeks.close()
        check(path, seeks.captures)
        print(f'| {path.stat().st_size / 1e6:.0f} MB | {opened_ms:.0f} ms | '
              f'{np.median(times):.1f} ms ({times.min():.1f} to {times.max():.1f}) | '
              f'{cpu_ms:.1f} ms |')


if __name__ == '__main__':
    main()
