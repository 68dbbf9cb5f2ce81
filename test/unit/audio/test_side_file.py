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
from typing import Any
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


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([960, 1920, 24000]), min_size=60, max_size=300),
       st.integers(0, 3600 * RATE))
def test_times_are_within_five_milliseconds_over_an_hour_of_drift(
    tmp_path_factory: Any, lengths: list[int], sample: int,
) -> None:
    path = tmp_path_factory.mktemp('sound') / 'a.wav'
    writer = SoundWriter(path)
    stamps = []
    first = 0
    for length in lengths:  # the times that a file has, without its sound
        if first >= writer._next_stamp:
            stamps.append((first, taken_ns(first)))
        first += length * 20
    side_file.stamps_path(path).write_text(''.join(f'{a} {b}\n' for a, b in stamps))
    writer.close()
    sample %= first
    assert abs(stamp_of(sample, read_stamps(path)) - taken_ns(sample)) < 5_000_000


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
