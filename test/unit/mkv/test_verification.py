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

"""Verification finds single wrong bytes, by the checksums in the file."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.mkv.verification import verify
from support.recordings import write_recording


def test_real_recording_is_verified(real_recording: Path) -> None:
    times: list[int] = []
    result = verify(str(real_recording), times.append)
    assert result.problems == []
    assert (result.clusters, result.checksums, result.images) == (2, 2, 3)
    assert result.size > 1_600_000
    assert len(times) == 2


def test_single_wrong_byte_is_found(tmp_path: Path) -> None:
    written = write_recording(tmp_path / 'in.mkv', count=4)
    good = verify(str(written.path))
    assert (good.problem_count, good.images) == (0, 8)
    assert good.checksums == good.clusters >= 4
    data = bytearray(written.path.read_bytes())
    data[len(data) // 2] ^= 1
    written.path.write_bytes(data)
    bad = verify(str(written.path))
    [problem] = bad.problems
    assert problem.startswith('the checksum of the cluster at byte ')
    assert bad.images == 8


def test_cut_jpeg_is_found(tmp_path: Path) -> None:
    config = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P, ColorFormat.MJPG, 30)
    written = write_recording(tmp_path / 'in.mkv', config)  # random bytes, not JPEG
    result = verify(str(written.path))
    assert result.problem_count == 3
    assert 'the color image at 500100 us is no whole JPEG' in result.problems
