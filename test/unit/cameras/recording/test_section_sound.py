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

"""The sound of a recording, in step with its images."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
import logging
import os
from pathlib import Path
import re

from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.side_file import SAMPLE_BYTES
from k4a_ros.audio.side_file import sound_path
from k4a_ros.audio.side_file import SoundWriter
from k4a_ros.audio.side_file import stamps_path
from k4a_ros.audio.sound_file import SoundFile
from k4a_ros.audio.source import RecordedAudio
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.cameras.recording.section import Section
from k4a_ros.cameras.recording.section_sound import SectionSound
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.errors import ReadTimeout
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np
import pytest
from support.player import play
from support.player import Player
from support.recordings import SERIAL
from support.recordings import write_recording
from support.sound import Clocks
from support.sound import numbered_samples
from support.sound import write_sound
from support.time_limits import wait_for

CLOCKS = Clocks(camera_ppm=-60.0, microphones_ppm=100.0)
HOUR_S = 3600


@pytest.fixture(scope='module')
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of 0.5 s with its ROS times, and 0.6 s of sound beside it."""
    written = write_recording(
        tmp_path_factory.mktemp('sound') / 'a.mkv', count=15, to_ros=CLOCKS.ros_ns)
    write_sound(written.path, 0.6, CLOCKS)
    return written.path


def assert_consecutive(sound: list[RecordedAudio], first: int = 0) -> None:
    """Assert that blocks are the samples from one on, in step with the images."""
    for block in sound:
        assert block.first == first
        np.testing.assert_array_equal(block.samples, numbered_samples(first, len(block.samples)))
        first += len(block.samples)


def test_an_hour_of_drift_stays_in_step(tmp_path: Path) -> None:
    clocks = Clocks(camera_ppm=80.0, microphones_ppm=-100.0)
    path = tmp_path / 'hour.mkv'
    config = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P, imu=False)
    with RecordingWriter(
            path, config, nominal_calibration(SERIAL), SERIAL, ros_time=True) as writer:
        for device_us in range(500_000, HOUR_S * 1_000_000, 4_000_000):
            color = Image(np.zeros(100, np.uint8), device_us)
            writer.write(Capture(None, None, color), clocks.ros_ns)
    # times for an hour, and a sound file with a hole in place of its 2.4 GB
    writer = SoundWriter(sound_path(path))
    writer.write(numbered_samples(0, 960), clocks.sample_ns(0))
    writer.close()
    with writer.path.open('r+b') as file:
        header = bytearray(file.read(100))
        at = header.index(b'data') + 4
        size = HOUR_S * RATE * SAMPLE_BYTES
        header[at:at + 4] = size.to_bytes(4, 'little')
        file.seek(0)
        file.write(header)
        os.truncate(file.fileno(), at + 4 + size)
    stamps_path(writer.path).write_text(''.join(
        f'{sample} {clocks.sample_ns(sample)}\n' for sample in range(0, HOUR_S * RATE, RATE)))
    worst_us = 0.0
    with RecordingReader(str(path)) as reader, SoundFile(path) as file:
        assert reader.ros_times is not None
        sound = SectionSound(
            file, reader.ros_times, reader.start_us, reader.end_us, recorded=False)
        for number, at_s in enumerate([1, 7, *range(20, HOUR_S - 20, 61), 3595, 3, 1800]):
            section = Section(number, at_s * 1_000_000, 0)
            for _ in range(3):
                block = sound.peek(section)
                assert block is not None and abs(block.device_us - at_s * 1e6) < 100_000
                worst_us = max(worst_us, abs(block.device_us - clocks.sample_us(block.first)))
                sound.pop()
    assert worst_us < 500  # a tenth of what is required


@pytest.mark.parametrize('rate', [0, 20.0])
def test_sound_is_played_with_the_images_in_every_pass(path: Path, rate: float) -> None:
    with RecordingCamera(path, rate=rate, sound=True, loop=True) as camera:
        player = Player(camera, captures=31)
        wait_for(lambda: len(player.captures) >= 31, 'two passes')
        camera.stop()
        player.join()
    span_us = player.captures[15][1].device_us - player.captures[0][1].device_us
    blocks = [block for _, block in player.sound]
    for turn in (0, 1):
        played = [block for block in blocks if block.section == turn]
        assert_consecutive(played)
        assert 20 <= len(played) <= 30
        for block in played:
            assert block.device_us - turn * span_us == pytest.approx(
                CLOCKS.sample_us(block.first), abs=500)
    if not rate:  # in the order of their times
        items = [us for us, kind in player.order if kind != 'imu']
        assert items == sorted(items)


def test_recorded_stamps_are_those_of_the_samples(path: Path) -> None:
    player = play(path, rate=0, sound=True, stamps='recorded')
    assert player.sound
    for _, block in player.sound:
        assert abs(block.stamp_ns - CLOCKS.sample_ns(block.first)) < 100_000
        assert block.stamp_ns != 0 and abs(
            CLOCKS.ros_ns(block.device_us) - block.stamp_ns) < 500_000


def test_steps_and_seek_while_paused_play_the_sound_up_to_the_capture(path: Path) -> None:
    with RecordingCamera(path, sound=True, paused=True) as camera:
        player = Player(camera)
        assert not player.sound
        assert camera.playback.play_next(4) == 4
        shown_us = player.captures[-1][1].device_us
        wait_for(lambda: player.sound and player.sound[-1][1].device_us > shown_us - 20_000,
                 'the sound up to the capture')
        assert all(block.device_us <= shown_us for _, block in player.sound)
        assert_consecutive([block for _, block in player.sound])
        before = len(player.sound)
        camera.playback.seek(700_000)
        assert camera.playback.play_next(2) == 2
        wait_for(lambda: len(player.sound) > before, 'sound from there')
        block = player.sound[before][1]
        assert block.section == 1 and abs(block.device_us - 700_000) < 100
        assert abs(block.device_us - CLOCKS.sample_us(block.first)) < 500
        camera.set_control('playback_paused', False)
        wait_for(lambda: len(player.sound) > before + 5, 'sound after resuming')
        camera.stop()
        player.join()


def test_part_of_a_recording_has_its_part_of_the_sound(path: Path) -> None:
    player = play(path, rate=0, sound=True, start_offset=0.1, duration=0.2)
    first, last = player.sound[0][1], player.sound[-1][1]
    assert abs(first.device_us - 600_000) < 100
    assert 680_000 < last.device_us <= 800_000


def test_pause_and_rate_hold_and_scale_the_sound_with_the_images(path: Path) -> None:
    with RecordingCamera(path, rate=0.5, sound=True) as camera:
        player = Player(camera)
        wait_for(lambda: len(player.sound) > 15, 'sound')
        camera.set_control('playback_paused', True)
        with pytest.raises(ReadTimeout):
            camera.read_sound(0.05)
        count = len(player.sound)
        with pytest.raises(ReadTimeout):
            camera.read_sound(0.1)
        assert len(player.sound) == count
        camera.stop()
        player.join()
    played_s = len(player.sound[:-1]) * 0.02 / 0.5
    assert player.sound[-1][0] > played_s - 0.1


@pytest.mark.parametrize('break_file, reason', [
    (lambda path: path.unlink(), 'does not exist'),
    (lambda path: stamps_path(path).unlink(), 'No such file'),
    (lambda path: stamps_path(path).write_text('0 x\n'), 'cannot read .*stamps'),
    (lambda path: path.write_bytes(b'RIFF'), 'cannot read .*wav'),
    (lambda path: path.write_bytes(b''), 'cannot read .*wav')])
def test_missing_or_damaged_sound_is_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, break_file: Callable[[Path], object],
    reason: str,
) -> None:
    written = write_recording(tmp_path / 'a.mkv', to_ros=CLOCKS.ros_ns)
    break_file(write_sound(written.path, 0.1, CLOCKS))
    player = play(written.path, rate=0, sound=True)
    assert len(player.captures) == 3 and not player.camera.plays_sound
    line, = caplog.records
    assert line.levelno == logging.WARNING and '\n' not in line.message
    assert re.search(f'a.mkv is played without sound: .*{reason}', line.message)


def test_recording_of_another_program_cannot_be_in_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture,
) -> None:
    written = write_recording(tmp_path / 'a.mkv')
    write_sound(written.path, 0.1, CLOCKS)
    with RecordingCamera(written.path, sound=True) as camera:
        assert not camera.plays_sound
    assert 'has no ROS times' in caplog.text


def test_sound_that_is_cut_meanwhile_ends_and_images_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture,
) -> None:
    written = write_recording(tmp_path / 'a.mkv', count=15, to_ros=CLOCKS.ros_ns)
    sound = write_sound(written.path, 0.6, CLOCKS)
    with RecordingCamera(written.path, rate=0, sound=True) as camera:
        os.truncate(sound, 48000)
        player = Player(camera).join()
    assert len(player.captures) == 15
    assert_consecutive([block for _, block in player.sound])
    assert [record.message for record in caplog.records] == [
        f'cannot read {sound}: it has become shorter; the sound ends here']


def test_sound_follows_when_ros_time_was_set_while_recording(tmp_path: Path) -> None:
    def stepped(ros_ns: int) -> int:
        return ros_ns - 30_000_000_000 * (ros_ns > CLOCKS.ros_ns(800_000))

    written = write_recording(
        tmp_path / 'a.mkv', count=30, to_ros=lambda us: stepped(CLOCKS.ros_ns(us)))
    writer = SoundWriter(sound_path(written.path))
    for first in range(0, 48000, 960):
        writer.write(numbered_samples(first, 960), stepped(CLOCKS.sample_ns(first)))
    writer.close()
    player = play(written.path, rate=0, sound=True)
    assert_consecutive([block for _, block in player.sound])
    assert len(player.sound) >= 45
    for _, block in player.sound:
        assert abs(block.device_us - CLOCKS.sample_us(block.first)) < 5_000
    assert all(b.device_us > a.device_us for (_, a), (_, b) in pairwise(player.sound))


def test_sound_goes_on_in_step_after_the_microphones_were_gone(tmp_path: Path) -> None:
    written = write_recording(tmp_path / 'a.mkv', count=30, to_ros=CLOCKS.ros_ns)
    writer = SoundWriter(sound_path(written.path))
    numbers = [*range(20), *range(35, 50)]  # blocks of 20 ms
    for number in numbers:
        writer.write(numbered_samples(number * 960, 960), CLOCKS.sample_ns(number * 960))
    writer.close()
    player = play(written.path, rate=0, sound=True)
    assert len(player.sound) > 32
    for number, (_, block) in zip(numbers, player.sound, strict=False):
        assert block.samples[0, 0] == number * 960 % 32768
        assert abs(block.device_us - CLOCKS.sample_us(number * 960)) < 1_000
