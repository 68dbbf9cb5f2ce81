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

"""Read sound beside recordings: also rewritten by others, killed, damaged."""

from __future__ import annotations

from pathlib import Path
import shutil
import struct
import subprocess
import wave

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.audio.side_file import SoundWriter
from k4a_ros.audio.sound_file import SoundFile
from k4a_ros.errors import AudioError
import numpy as np
import pytest
from support.sound import Clocks
from support.sound import numbered_samples
from support.sound import write_sound

CLOCKS = Clocks(microphones_ppm=80.0)


@pytest.fixture(scope='module')
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a recording that has 3 s of sound beside it."""
    path = tmp_path_factory.mktemp('sound') / 'a.mkv'
    write_sound(path, 3.0, CLOCKS)
    return path


def rewritten(recording: Path, tmp_path: Path, content: bytes) -> Path:
    """Return a recording with other content of the sound file, and the same times."""
    (tmp_path / 'b.wav').write_bytes(content)
    shutil.copy(recording.with_name('a.wav.stamps'), tmp_path / 'b.wav.stamps')
    return tmp_path / 'b.mkv'


def test_samples_and_times_are_those_that_were_written(recording: Path) -> None:
    with SoundFile(recording) as sound:
        assert sound.samples == 144_000
        for first, count in ((0, 960), (47_999, 10), (143_990, 10)):
            np.testing.assert_array_equal(
                sound.read(first, count), numbered_samples(first, count))
            assert abs(sound.stamp_of(first) - CLOCKS.sample_ns(first)) < 100_000
        assert len(sound.read(143_990, 960)) == 10 and len(sound.read(200_000, 960)) == 0
        for sample in (0, 1, 960, 48_000, 100_001, 143_999, 150_000):
            assert sound.sample_at(sound.stamp_of(sample)) == sample
        assert sound.sample_at(sound.stamp_of(0) - 10 ** 9) == -48_000
        sound.close()
        with pytest.raises(AudioError):
            sound.read(0, 960)


def test_file_of_a_killed_driver_is_read_to_its_end(tmp_path: Path) -> None:
    writer = SoundWriter(tmp_path / 'a.wav')
    for first in range(0, 60_000, 960):
        writer.write(numbered_samples(first, 960), CLOCKS.sample_ns(first))
    writer._sound.flush()
    with SoundFile(tmp_path / 'a.mkv') as sound:
        assert sound.samples == 60_480
        np.testing.assert_array_equal(sound.read(59_000, 480), numbered_samples(59_000, 480))
    writer.close()


def test_file_that_others_have_rewritten_is_read(recording: Path, tmp_path: Path) -> None:
    samples = numbered_samples(0, 960)
    with wave.open(str(tmp_path / 'plain.wav'), 'wb') as file:
        file.setparams((7, 2, 48_000, 0, 'NONE', ''))
        file.writeframes(samples.tobytes())
    plain = (tmp_path / 'plain.wav').read_bytes()
    listed = plain[:36] + struct.pack('<4sI', b'LIST', 3) + b'abc\0' + plain[36:]
    for content in (plain, listed, plain + b'LIST\x04\0\0\0abcd'):
        with SoundFile(rewritten(recording, tmp_path, content)) as sound:
            assert sound.samples == 960
            np.testing.assert_array_equal(sound.read(0, 960), samples)


@pytest.mark.skipif(shutil.which('ffmpeg') is None, reason='FFmpeg is not installed')
def test_file_of_ffmpeg_is_read(recording: Path, tmp_path: Path) -> None:
    subprocess.run(['ffmpeg', '-v', 'error', '-i', str(recording.with_suffix('.wav')),
                    '-rf64', 'always', str(tmp_path / 'ffmpeg.wav')], check=True)
    content = (tmp_path / 'ffmpeg.wav').read_bytes()
    with SoundFile(rewritten(recording, tmp_path, content)) as sound:
        assert sound.samples == 144_000
        np.testing.assert_array_equal(sound.read(140_000, 960), numbered_samples(140_000, 960))


@pytest.mark.parametrize('channels, width, rate', [(1, 2, 48_000), (7, 4, 48_000), (7, 2, 44_100)])
def test_other_formats_are_refused(
    recording: Path, tmp_path: Path, channels: int, width: int, rate: int,
) -> None:
    with wave.open(str(tmp_path / 'other.wav'), 'wb') as file:
        file.setparams((channels, width, rate, 0, 'NONE', ''))
        file.writeframes(bytes(channels * width))
    with pytest.raises(AudioError, match=f'{channels} channels of {8 * width} bit at {rate} Hz'):
        SoundFile(rewritten(recording, tmp_path, (tmp_path / 'other.wav').read_bytes()))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 130), st.binary(min_size=1, max_size=8)), max_size=4),
       st.integers(0, 400), st.binary(max_size=60))
def test_no_damage_is_anything_but_an_audio_error(
    recording: Path, tmp_path_factory: pytest.TempPathFactory,
    changes: list[tuple[int, bytes]], length: int, stamps: bytes,
) -> None:
    content = bytearray(recording.with_suffix('.wav').read_bytes()[:length])
    for at, data in changes:
        content[at:at + len(data)] = data
    path = rewritten(recording, tmp_path_factory.mktemp('damaged'), bytes(content))
    if stamps:
        path.with_name('b.wav.stamps').write_bytes(stamps)
    try:
        with SoundFile(path) as sound:
            assert 0 <= sound.samples * 14 <= len(content)
            sound.read(0, 960)
            sound.sample_at(sound.stamp_of(10))
    except AudioError as error:
        assert '\n' not in str(error)
