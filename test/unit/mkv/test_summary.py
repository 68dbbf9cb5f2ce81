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

"""Contents of recordings: counts, gaps, damage."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.summary import summarize
import pytest
from support.recordings import IMU_PERIOD_US
from support.recordings import without
from support.recordings import write_recording

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)


def test_counts_are_those_of_the_recording(tmp_path: Path) -> None:
    def edit(index: int, capture: Capture) -> Capture:
        return without(capture, 'color') if index in (2, 3) else (
            without(capture, 'depth') if index == 5 else capture)

    written = write_recording(tmp_path / 'in.mkv', CONFIG, 8, edit=edit)
    found = summarize(str(written.path))
    assert (found.captures, found.incomplete_captures) == (8, 3)
    assert found.frames == {'depth': 7, 'ir': 8, 'color': 6}
    assert found.imu_samples == len(written.imu)
    assert found.complete and found.problems == []
    assert found.size == written.path.stat().st_size
    assert found.attachments == {'calibration.json': len(written.calibration.rstrip(b'\0'))}
    assert found.tags['K4A_DEPTH_MODE'] == 'NFOV_2X2BINNED'
    blocks = {each.track.name: each.blocks for each in found.tracks}
    assert blocks.pop('IMU') > 0
    assert blocks == {'COLOR': 6, 'DEPTH': 7, 'IR': 8}
    [color, depth] = sorted(found.gaps, key=lambda gap: gap.stream)
    first_us = written.captures[0].device_us
    assert (color.stream, color.missing, color.at_us) == (
        'color', 2, first_us + CONFIG.period_us + 100)
    assert (depth.stream, depth.missing, depth.length_us) == ('depth', 1, 2 * CONFIG.period_us)


def test_a_stream_without_images_does_not_make_captures_incomplete(tmp_path: Path) -> None:
    """From a bag without infrared images, whose track every recording with depth has."""
    written = write_recording(
        tmp_path / 'in.mkv', CONFIG, 4,
        edit=lambda index, capture: without(without(capture, 'ir'), *['color'] * (index == 2)))
    found = summarize(str(written.path))
    assert found.frames == {'depth': 4, 'ir': 0, 'color': 3}
    assert found.incomplete_captures == 1
    assert 'IR' in {each.track.name for each in found.tracks}


def test_gaps_of_the_imu_are_found(tmp_path: Path) -> None:
    config = CameraConfig.of_modes(DepthMode.PASSIVE_IR, ColorResolution.OFF, fps=30)
    written = write_recording(tmp_path / 'in.mkv', config, 4)
    from k4a_ros.mkv.writer import RecordingWriter
    with RecordingWriter(tmp_path / 'gap.mkv', config, written.calibration) as writer:
        for capture in written.captures:
            writer.write(capture)
        writer.write_imu(written.imu[:50])
        writer.write_imu(written.imu[70:])
    [gap] = summarize(str(tmp_path / 'gap.mkv')).gaps
    assert (gap.stream, gap.missing, gap.length_us) == ('imu', 20, 21 * IMU_PERIOD_US)
    assert gap.at_us == written.imu.acc_us[49]


def test_cut_recording_is_not_complete(tmp_path: Path) -> None:
    written = write_recording(tmp_path / 'in.mkv', count=6)
    data = written.path.read_bytes()
    written.path.write_bytes(data[:len(data) // 2])
    found = summarize(str(written.path))
    assert not found.complete
    assert 0 < found.captures < 6
    assert any('truncated' in problem for problem in found.problems)


def test_damaged_cluster_is_a_problem(tmp_path: Path) -> None:
    written = write_recording(tmp_path / 'in.mkv', count=6)
    data = bytearray(written.path.read_bytes())
    at = data.index(b'\x1f\x43\xb6\x75', len(data) // 2)
    data[at:at + 40] = bytes(40)
    written.path.write_bytes(data)
    found = summarize(str(written.path))
    assert not found.complete
    assert any('it is damaged at byte ' in problem for problem in found.problems)
    assert 0 < found.captures < 6


def test_other_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'text.mkv').write_text('no recording')
    with pytest.raises(RecordingError):
        summarize(str(tmp_path / 'text.mkv'))
