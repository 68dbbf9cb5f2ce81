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

"""Sound beside a recording, and its times."""

from __future__ import annotations

from pathlib import Path
import shutil
import subprocess
import wave

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.audio import side_file
from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.side_file import read_stamps
from k4a_ros.audio.side_file import SoundWriter
from k4a_ros.audio.side_file import stamp_of
from k4a_ros.errors import AudioError
import numpy as np
import pytest

SAMPLES = np.arange(960 * CHANNELS, dtype=np.int16).reshape(960, CHANNELS)
DRIFT = 100e-6
START_NS = 1_700_000_000_123_456_789


def taken_ns(sample: int) -> int:
    """Return when a sample was taken by a clock that drifts."""
    return START_NS + round(sample / (RATE * (1 + DRIFT)) * 1e9)


def test_file_is_read_by_others_and_lost_samples_are_silent(tmp_path: Path) -> None:
    path = tmp_path / 'a.wav'
    writer = SoundWriter(path)
    writer.write(SAMPLES, taken_ns(0))
    writer.write(SAMPLES, taken_ns(1460), lost=500)
    writer.close()
    writer.close()
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (7, 48000, 2)
        assert file.getnframes() == 2420
        read = np.frombuffer(file.readframes(2420), '<i2').reshape(-1, 7)
    assert np.array_equal(read[:960], SAMPLES) and np.array_equal(read[1460:], SAMPLES)
    assert not read[960:1460].any()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([960, 1920, 24000]), min_size=60, max_size=300),
       st.integers(0, 3600 * RATE), st.sampled_from([0, 128_000_000, -3_000_000_000]))
def test_times_of_samples_are_kept_also_if_ros_time_was_set(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], sample: int, step_ns: int,
) -> None:
    """Between the lines, and from there back to the sample."""
    path = tmp_path_factory.mktemp('sound') / 'a.wav'
    writer = SoundWriter(path)
    firsts = [sum(lengths[:i]) for i in range(len(lengths))]
    stepped = firsts[len(firsts) // 2]

    def ros_ns(number: int) -> int:
        return taken_ns(number) + step_ns * (number >= stepped)

    for first in firsts:
        writer._write_times(ros_ns(first))  # as `write` does, without the sound
        writer.samples = next((later for later in firsts if later > first), first)
    writer.close()
    stamps = read_stamps(path)
    before = firsts[len(firsts) // 2 - 1]
    sample %= firsts[-1]
    if not before < sample < stepped:
        assert abs(stamp_of(sample, stamps) - ros_ns(sample)) < 1_000_000


def test_killed_writer_leaves_a_file_with_all_but_the_last_second(tmp_path: Path) -> None:
    path = tmp_path / 'a.wav'
    writer = SoundWriter(path)
    for i in range(150):
        writer.write(SAMPLES, taken_ns(960 * i))
    with wave.open(str(path)) as file:
        assert file.getnframes() >= 96000
    assert [sample for sample, _ in read_stamps(path)] == [0, 48000, 96000]
    writer.close()


def test_header_beyond_4_gigabytes_is_rf64() -> None:
    assert side_file._header(1000)[:4] == b'RIFF'
    large = side_file._header(2 ** 32)
    assert large[:4] == b'RF64' and large[12:16] == b'ds64'
    assert int.from_bytes(large[28:36], 'little') == 2 ** 32 * 14


@pytest.mark.skipif(shutil.which('ffprobe') is None, reason='FFmpeg is not installed')
def test_ffmpeg_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / 'a.wav'
    writer = SoundWriter(path)
    writer.write(SAMPLES, taken_ns(0))
    writer.close()
    out = subprocess.run(
        ['ffprobe', '-v', 'error', '-show_entries', 'stream=channels,sample_rate,duration_ts',
         '-of', 'csv=p=0', str(path)], capture_output=True, text=True, check=True).stdout
    assert out.strip() == '48000,7,960'


def test_existing_file_and_damaged_times_are_errors(tmp_path: Path) -> None:
    path = tmp_path / 'a.wav'
    path.touch()
    with pytest.raises(AudioError, match='File exists'):
        SoundWriter(path)
    for text in ('', 'x y\n', '5 6\n5 7\n', '1 2 3\n'):
        side_file.stamps_path(path).write_text(text)
        with pytest.raises(AudioError, match='cannot read'):
            read_stamps(path)
