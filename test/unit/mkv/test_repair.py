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

"""Repair of recordings that were cut, killed or damaged."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
from pathlib import Path
import subprocess
import sys

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.repair import repair
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np
import pytest
from support.killed_k4arecorder import write_and_kill
from support.recordings import FIRMWARE
from support.recordings import random_capture
from support.recordings import SERIAL
from support.reference import assert_equals_reference
from support.reference import Reference
from support.time_limits import PATIENCE

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)
COUNT = 12
ROS_NS = 1_790_000_000_000_000_000


@dataclass
class Original:
    """A complete recording, and what is in it."""

    path: Path
    captures: list[Capture]


def samples_of(capture: Capture) -> ImuSamples:
    """Return the IMU samples in the period of a capture."""
    times = capture.device_us + np.arange(0, CONFIG.period_us, 600)
    zeros = np.zeros((len(times), 3), np.float32)
    return ImuSamples(zeros, times, zeros, times, np.zeros(len(times), np.float32))


@pytest.fixture(scope='module')
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    path = tmp_path_factory.mktemp('original') / 'a.mkv'
    random = np.random.default_rng(3)
    captures = [random_capture(random, CONFIG, 700_000 + i * CONFIG.period_us)
                for i in range(COUNT)]
    with RecordingWriter(
            path, CONFIG, nominal_calibration(), SERIAL, FIRMWARE, ros_time=True,
            tags={'LAB': 'seven'}, attachments={'notes.txt': b'cold'}) as writer:
        for capture in captures:
            writer.write(capture, lambda us: ROS_NS + us * 1001)
            samples = samples_of(capture)
            writer.write_imu(samples, ROS_NS + samples.acc_us * 1001)
    return Original(path, captures)


def assert_prefix(path: Path, captures: list[Capture]) -> int:
    """Assert that a file has the first ones of some captures, with stamps; return how many."""
    with RecordingReader(str(path)) as reader:
        count = 0
        while (capture := reader.captures.read()) is not None:
            for name in ('depth', 'ir', 'color'):
                image = getattr(capture, name)
                if image is not None:  # the last capture may have been cut
                    found = reader.ros_times.find(
                        TimedStream[name.upper()], np.array([image.device_us]))
                    assert found[0] == ROS_NS + image.device_us * 1001
                    np.testing.assert_array_equal(
                        image.data, getattr(captures[count], name).data)
            count += 1
        samples = reader.imu.read(10 ** 6)
        assert samples is None or (
            reader.ros_times.find(TimedStream.IMU, samples.acc_us)
            == ROS_NS + samples.acc_us * 1001).all()
        assert reader.serial == SERIAL and reader.firmware == FIRMWARE
        assert reader.calibration == nominal_calibration().rstrip(b'\0')
        assert reader.tags['LAB'] == 'seven'
        assert reader.attachments['notes.txt'] == b'cold'
    return count


def test_complete_recording_is_copied(original, tmp_path):
    result = repair(str(original.path), tmp_path / 'b.mkv')
    assert (result.captures, result.losses) == (COUNT, [])
    assert set(result.attachments) == {'notes.txt', 'calibration.json'}
    assert assert_equals_reference(tmp_path / 'b.mkv') == COUNT
    assert assert_prefix(tmp_path / 'b.mkv', original.captures) == COUNT


def cuts(size: int) -> Iterator[int]:
    """Return the lengths to which a file is cut: some of its head, and many behind that."""
    random = np.random.default_rng(8)
    yield from (0, 1, 40, 60, 1000, 2000, 5000, 7000)
    yield from map(int, random.integers(8000, size, 30))
    yield from (size - 1, size - 20)


def test_recording_cut_at_any_byte_is_repaired(original, tmp_path):
    data = original.path.read_bytes()
    found = set()
    for length in cuts(len(data)):
        cut, fixed = tmp_path / f'{length}.mkv', tmp_path / f'{length}_fixed.mkv'
        cut.write_bytes(data[:length])
        try:
            result = repair(str(cut), fixed)
        except RecordingError:
            assert length < 200_000  # there is not one image
            continue
        assert 'truncated' in result.losses[0]
        assert assert_equals_reference(fixed) == result.captures
        count = assert_prefix(fixed, original.captures)
        # up to the last whole block: a capture has nearly the same share of the bytes
        assert count >= COUNT * length // len(data) - 1
        found.add(count)
    assert len(found) > 8


def test_damaged_recording_is_repaired(original, tmp_path):
    data = bytearray(original.path.read_bytes())
    data[len(data) // 2:len(data) // 2 + 300_000] = bytes(300_000)
    damaged = tmp_path / 'damaged.mkv'
    damaged.write_bytes(data)
    result = repair(str(damaged), tmp_path / 'b.mkv')
    assert COUNT - 4 <= result.captures <= COUNT
    assert assert_equals_reference(tmp_path / 'b.mkv') == result.captures


def test_what_is_no_recording_is_refused(tmp_path):
    (tmp_path / 'a.mkv').write_bytes(bytes(1000))
    with pytest.raises(RecordingError, match='not a Matroska file'):
        repair(str(tmp_path / 'a.mkv'), tmp_path / 'b.mkv')
    assert not (tmp_path / 'b.mkv').exists()


@pytest.mark.parametrize('flushed', [0, 70])
def test_recording_of_a_killed_k4arecorder_is_repaired(tmp_path, flushed):
    """libk4arecord has written all but the last two seconds, and refuses the file."""
    broken, fixed = tmp_path / 'a.mkv', tmp_path / 'b.mkv'
    write_and_kill(broken, nominal_calibration(), 120, flushed)
    with contextlib.nullcontext() if flushed else pytest.raises(OSError, match='rejects'):
        Reference(broken).__exit__()
    result = repair(str(broken), fixed)
    assert result.captures >= max(flushed, 120 - 65)
    assert assert_equals_reference(fixed) == result.captures
    with RecordingReader(str(fixed)) as reader:
        times = [capture.device_us for capture in reader.captures]
    start_us = 1_000_000 if flushed else 0  # the time of the start is written at the first flush
    assert times == [start_us + number * 33_333 for number in range(len(times))]


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig, ColorResolution, DepthMode
from k4a_ros.capture import Capture, Image, ImuSamples
from k4a_ros.mkv.writer import RecordingWriter

config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)
pixels = np.random.default_rng(0).integers(0, 4000, (288, 320), np.uint16)
zeros = np.zeros((50, 3), np.float32)
random.seed(5)
for number in range(20):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        writer = RecordingWriter(f'{sys.argv[1]}/{number}.mkv', config, nominal_calibration())
        for i in range(10_000):
            times = i * config.period_us + np.arange(50) * 660
            writer.write_imu(ImuSamples(zeros, times, zeros, times, np.zeros(50, np.float32)))
            image = Image(pixels, i * config.period_us)
            writer.write(Capture(image, image))
            os.write(write, b'.')
    os.close(write)
    count = len(os.read(read, 1))
    time.sleep(random.uniform(0.0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while data := os.read(read, 10_000):
        count += len(data)
    print(count, flush=True)
    os.close(read)
"""


def test_recording_of_a_killed_process_lacks_no_more_than_three_captures(tmp_path):
    """Of 20 that are killed at random moments; with `kill -9`, what was written is not lost."""
    output = subprocess.run(
        [sys.executable, '-c', KILLED, str(tmp_path)], check=True, timeout=PATIENCE,
        stdout=subprocess.PIPE).stdout
    counts = [int(line) for line in output.split()]
    assert len(counts) == 20 and max(counts) > 10
    for number, count in enumerate(counts):
        path = tmp_path / f'{number}.mkv'
        if count <= 3:  # all of it may be lost
            continue
        with RecordingReader(str(path)) as reader:
            assert sum(1 for _ in reader.captures) >= count - 3
            assert not reader.complete
        result = repair(str(path), tmp_path / f'{number}_fixed.mkv')
        assert result.captures >= count - 3
        assert 'killed' in result.losses[0]
        if number % 5 == 0:
            assert assert_equals_reference(tmp_path / f'{number}_fixed.mkv') == result.captures
