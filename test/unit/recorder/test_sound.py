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

"""Which file of a recording sound is written beside."""

from __future__ import annotations

import logging
from pathlib import Path
import threading
import wave

from k4a_ros.audio.side_file import read_stamps
from k4a_ros.audio.side_file import sound_path
from k4a_ros.audio.sound_file import SoundFile
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.recorder.part import Source
from k4a_ros.recorder.recorder import Recorder
from k4a_ros.recorder.sequence import PartSequence
from k4a_ros.recorder.sequence import RecordingOptions
from k4a_ros.recorder.sound import Sound
import numpy as np
import pytest
from support.sound import BLOCK
from support.sound import Clocks
from support.sound import numbered_samples
from support.time_limits import wait_for

CONFIG = CameraConfig.of_modes(
    DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=5, imu=False)
SOURCE = Source(CONFIG, nominal_calibration(), '000123456712', {})
IMAGE = np.zeros((288, 320), np.uint16)
CLOCKS = Clocks(begin_us=0, microphones_ppm=50.0)


def sound(number: int) -> Sound:
    """Return a block of sound by its number; there are 50 in a second."""
    return Sound(numbered_samples(number * BLOCK, BLOCK), CLOCKS.sample_ns(number * BLOCK), 0)


def capture(device_us: int) -> Capture:
    """Return a capture without anything to see."""
    return Capture(Image(IMAGE, device_us), None)


def run(parts: PartSequence, begin_us: int, captures: int, image_delay_us: int = 100_000) -> None:
    """Deliver sound when it was made, and captures a while later."""
    end_us = begin_us + captures * CONFIG.period_us
    events = [(begin_us + i * CONFIG.period_us + image_delay_us, 1,
               begin_us + i * CONFIG.period_us) for i in range(captures)]
    events += [(block * 20_000 + 40_000, 0, block)
               for block in range(begin_us // 20_000 - 20, end_us // 20_000 + 3)]
    for _, is_capture, value in sorted(events):
        if is_capture:
            parts.write(SOURCE, capture(value), CLOCKS.ros_ns)
        else:
            parts.write_sound(sound(value))


def assert_sound_of(path: Path) -> None:
    """Assert that sound is beside a file, that of its time and no other."""
    with RecordingReader(str(path)) as reader, SoundFile(path) as file:
        samples = file.read(0, file.samples)
        first_us, end_us = reader.start_us, reader.end_us + CONFIG.period_us
        begin_us = (file.stamp_of(0) - CLOCKS.ros_ns(0)) / 1000
    assert first_us - 20_000 <= begin_us <= first_us
    assert begin_us + len(samples) / 48e-3 == pytest.approx(end_us, abs=25_000)
    number = round(begin_us / 20_000)
    np.testing.assert_array_equal(samples, numbered_samples(number * BLOCK, len(samples)))


@pytest.mark.parametrize('image_delay_us', [0, 50_000, 150_000])
def test_each_file_of_a_split_recording_has_its_sound(
    tmp_path: Path, image_delay_us: int,
) -> None:
    parts = PartSequence(RecordingOptions('', split_us=1_000_000), tmp_path / 'a.mkv')
    run(parts, 10_000_000, 12, image_delay_us)
    parts.end_session()
    assert [path.name for path in parts.files] == ['a.mkv', 'a_2.mkv', 'a_3.mkv']
    for path in parts.files:
        assert_sound_of(path)


def test_sound_goes_on_in_the_next_file_when_the_camera_starts_again(tmp_path: Path) -> None:
    parts = PartSequence(RecordingOptions(''), tmp_path / 'a.mkv')
    run(parts, 10_000_000, 5)
    parts.end_session()
    run(parts, 20_000_000, 5)
    parts.end_session()
    for name in ('a.mkv', 'a_2.mkv'):
        assert_sound_of(tmp_path / name)


def test_recording_that_is_started_at_once_again_has_a_file_of_its_own(tmp_path: Path) -> None:
    """While sound arrives every millisecond, as fast as recordings can be started."""
    recorder = Recorder()
    recorder.set_source(SOURCE)
    stopping = threading.Event()

    def deliver() -> None:
        number = 0
        while not stopping.wait(0.001):
            block = sound(number)
            recorder.sound(block.samples, block.stamp_ns, 0)
            recorder.capture(capture(number * 20_000 + 1), CLOCKS.ros_ns)
            number += 1

    thread = threading.Thread(target=deliver)
    thread.start()
    paths = []
    try:
        for i in range(5):
            paths.append(recorder.start(RecordingOptions(str(tmp_path / f'{i}.mkv'))))
            wait_for(lambda: recorder.status().captures > 20, 'captures')
            assert recorder.stop(10.0) is not None
    finally:
        stopping.set()
        thread.join()
    ends = [0]
    for path in paths:
        with RecordingReader(str(path)) as reader:
            first_us, last_us = reader.start_us, reader.end_us
        stamps = read_stamps(sound_path(path))
        begin_us = (int(stamps[0, 1]) - CLOCKS.ros_ns(0)) // 1000
        with wave.open(str(sound_path(path))) as file:
            length_us = file.getnframes() / 48e-3
        assert ends[-1] <= begin_us and abs(begin_us - first_us) < 40_000
        assert begin_us + length_us == pytest.approx(last_us, abs=300_000)
        ends.append(begin_us + int(length_us) - 1000)


def test_without_sound_there_is_no_file_and_no_wait(tmp_path: Path) -> None:
    parts = PartSequence(RecordingOptions(''), tmp_path / 'a.mkv')
    parts.write(SOURCE, capture(1_000_000), CLOCKS.ros_ns)
    parts.stop()
    assert parts.finished
    parts.end_session()
    assert not list(tmp_path.glob('*.wav*'))


def test_stop_waits_for_the_sound_of_the_last_capture(tmp_path: Path) -> None:
    parts = PartSequence(RecordingOptions(''), tmp_path / 'a.mkv')
    for number in range(50, 53):
        parts.write_sound(sound(number))
    parts.write(SOURCE, capture(1_000_000), CLOCKS.ros_ns)
    parts.stop()
    assert not parts.finished
    for number in range(53, 61):
        parts.write_sound(sound(number))
    assert parts.finished
    parts.end_session()
    assert_sound_of(tmp_path / 'a.mkv')


def test_sound_that_cannot_be_written_is_one_line_and_images_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / 'a.wav').write_text('of somebody else')
    parts = PartSequence(RecordingOptions(''), tmp_path / 'a.mkv')
    run(parts, 10_000_000, 5)
    parts.end_session()
    assert parts.captures == 5 and (tmp_path / 'a.wav').read_text() == 'of somebody else'
    errors = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == [f'Sound is not recorded: cannot write {tmp_path / "a.wav"}: File exists']
