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
Measure reading of recordings, compared with libk4arecord.

    python benchmark/recordings.py [--recording FILE] [--rounds 5] [--minutes 20]

First, processor time per capture of FILE, by default 2 s of the simulated camera. 'Everything' is
all images and IMU samples, in the byte order of the host; 'depth' is what a driver needs whose
only subscriber is one of depth; 'nothing' what it needs without subscribers. Ways take turns, and
ratios are of neighboring rounds.

Then, the time that seeking takes, to a random capture of a long recording and including its
images, whole and cut within the last cluster. Its images are holes in the file, which take no
space on the disk.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Iterable
import os
from pathlib import Path
import random
import sys
import tempfile
import time

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.mkv import header
from k4a_ros.mkv.element import element
from k4a_ros.mkv.element import header as element_header
from k4a_ros.mkv.element import integer
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.process.allocator import retain_freed_memory
import numpy as np
from processes import simulate

if (tests := str(Path(__file__).resolve().parents[1] / 'test')) not in sys.path:
    sys.path.insert(0, tests)

from support.reference import Reference

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
#: sizes of the images of the long recording: color, depth, infrared
IMAGE_BYTES = (150_000, 737_280, 737_280)
START_US, SEEKS = 500_000, 40


def libk4arecord(path: str) -> int:
    """Read everything with libk4arecord."""
    with Reference(path) as reference:
        count = sum(1 for _ in reference.captures())
        reference.imu()
    return count


def ours(path: str, *wanted: str) -> int:
    """Read some images of all captures, and all IMU samples."""
    with RecordingReader(path) as reader:
        count = 0
        for capture in reader.captures:
            count += 1
            for name in wanted:
                if image := getattr(capture, name):
                    _ = image.data
        while reader.imu.read(100) is not None:
            pass
    return count


WAYS: dict[str, Callable[[str], int]] = {
    'libk4arecord, everything': libk4arecord,
    'k4a_ros, everything': lambda path: ours(path, 'depth', 'ir', 'color'),
    'k4a_ros, depth': lambda path: ours(path, 'depth'),
    'k4a_ros, nothing': ours,
}


def compare(path: str, rounds: int) -> None:
    """Print the cost of each way."""
    costs: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, read in WAYS.items():
            began = time.process_time()
            count = read(path)
            costs[name].append(1000 * (time.process_time() - began) / count)
    print('| reading | ms of CPU per capture | ratio |\n|---|---|---|')
    first = costs[next(iter(WAYS))]
    for name, found in costs.items():
        ratios = [new / old for new, old in zip(found, first, strict=True)]
        print(f'| {name} | {spread(found)} | {spread(ratios)} |')


def write_long(path: Path, minutes: float) -> None:
    """Write a recording whose images are holes."""
    tracks = header.tracks_of(CONFIG, ros_time=False)
    head = header.compose(tracks, CONFIG.fps, header.tags_of(CONFIG, '', {}, START_US),
                          {'calibration.json': nominal_calibration().rstrip(b'\0')})
    with path.open('wb') as file:
        file.write(head.data)
        for index in range(round(minutes * 60 * CONFIG.fps)):
            content: list[bytes | int] = [integer(0xE7, index * CONFIG.period_us)]
            for track, size in enumerate(IMAGE_BYTES, 1):
                block = bytes([0x80 | track, 0, 0, 0x80])
                content += [element_header(0xA3, size + len(block)), block, size]
            samples = np.zeros(55, 'V40').tobytes()
            content.append(element(0xA0, element(
                0xA1, bytes([0x84, 0, 0, 4, 54]), samples), integer(0x9B, 33_000)))
            file.write(element_header(0x1F43B675, sum(
                part if isinstance(part, int) else len(part) for part in content)))
            for part in content:
                if isinstance(part, int):
                    file.seek(part, os.SEEK_CUR)
                else:
                    file.write(part)
        end = file.tell()
        for position, data in head.close_edits(end, 0, round(minutes * 60e6)):
            file.seek(position)
            file.write(data)


def seek(path: Path, name: str) -> None:
    """Print how long it takes to seek and to read the capture there."""
    generator, times, cpu = random.Random(1), [], []
    began = time.perf_counter()
    with RecordingReader(str(path)) as reader:
        opened = time.perf_counter() - began
        for _ in range(SEEKS):
            index = generator.randrange((reader.end_us - START_US) // CONFIG.period_us)
            began, used = time.perf_counter(), time.process_time()
            reader.captures.seek(START_US + index * CONFIG.period_us)
            capture = reader.captures.read()
            assert capture is not None and capture.depth and capture.ir and capture.color
            _ = capture.depth.data, capture.ir.data, capture.color.data
            times.append(1000 * (time.perf_counter() - began))
            cpu.append(1000 * (time.process_time() - used))
            assert capture.device_us == START_US + index * CONFIG.period_us
    print(f'{name}: opened in {1000 * opened:.0f} ms; seek and read {spread(times)} ms, '
          f'{spread(cpu)} ms of CPU')


def spread(values: Iterable[float]) -> str:
    """Return median and range."""
    low, middle, high = np.percentile(list(values), [0, 50, 100])
    return f'{middle:.2f} ({low:.2f} to {high:.2f})'


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--recording', default='', help='which to read')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--minutes', type=float, default=20.0, help='length of the long one')
    options = parser.parse_args()
    retain_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        recording = options.recording
        if not recording:
            recording = str(Path(folder, 'simulated.mkv'))
            simulate(Path(recording), 2, 30)
        compare(recording, options.rounds)
        long = Path(folder, 'long.mkv')
        write_long(long, options.minutes)
        size = long.stat().st_size
        print(f'\n{options.minutes:g} minutes, {size / 1e9:.0f} GB')
        seek(long, 'complete')
        os.truncate(long, size - 1_000_000)
        seek(long, 'cut')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
