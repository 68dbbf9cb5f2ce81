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

"""Recordings of other programs, and of programs that were killed: what they lack is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader
import numpy as np
import pytest
from support.recordings import assert_same_capture
from support.recordings import write_recording
from support.recordings import Written

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Return a recording of three captures with all streams."""
    return write_recording(tmp_path_factory.mktemp('written') / 'a.mkv', CONFIG)


@pytest.fixture()
def edited(written: Written, tmp_path: Path) -> Callable[..., RecordingReader]:
    """Return a function that opens the recording with bytes replaced by others."""
    def edit(*pairs: tuple[bytes, bytes]) -> RecordingReader:
        content = written.path.read_bytes()
        for old, new in pairs:
            assert old in content and len(old) == len(new)
            content = content.replace(old, new)
        path = tmp_path / 'edited.mkv'
        path.write_bytes(content)
        return RecordingReader(str(path))
    return edit


def captures(reader: RecordingReader) -> list[Capture]:
    with reader:
        return list(reader.captures)


def rewrite_with_ffmpeg(source: Path, target: Path) -> None:
    """Copy the images, tags and attachments as `ffmpeg -c copy` does."""
    with av.open(str(source)) as old, av.open(
            str(target), 'w', format='matroska', options={'allow_raw_vfw': '1'}) as new:
        new.metadata.update(old.metadata)
        streams = {}
        for stream in old.streams.video:
            streams[stream.index] = new.add_stream_from_template(stream, opaque=True)
            streams[stream.index].metadata.update(stream.metadata)
        for attachment in old.streams.attachments:
            new.add_attachment(attachment.name, attachment.mimetype, attachment.data)
        for packet in old.demux(list(old.streams.video)):
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                new.mux(packet)


def test_recording_rewritten_by_ffmpeg_is_played(written: Written, tmp_path: Path) -> None:
    rewrite_with_ffmpeg(written.path, tmp_path / 'b.mkv')
    reader = RecordingReader(str(tmp_path / 'b.mkv'))
    assert reader.complete
    assert reader.missing == 'another program has rounded its times to 1 ms'
    assert not reader.config.imu
    for capture, expected in zip(captures(reader), written.captures, strict=True):
        for name in ('depth', 'ir', 'color'):
            image, other = getattr(capture, name), getattr(expected, name)
            np.testing.assert_array_equal(image.data, other.data)
            assert abs(image.device_us - other.device_us) <= 500


def test_file_of_killed_libk4arecord_is_played(written, edited):
    """It writes the unit of times, their start and the size of the segment at the end."""
    content = written.path.read_bytes()
    info = content.index(b'\x15\x49\xa9\x66')
    size = content[info:info + 5]
    segment = content.index(b'\x18\x53\x80\x67')
    reader = edited(
        (content[segment:segment + 12], b'\x18\x53\x80\x67\x01' + bytes(7)),
        (size, b'\xec\x40' + size[4:5] + b'\0\0'),
        (b'K4A_START_OFFSET_NS', b'K4A_START_OFFSET_XX'))
    assert not reader.complete
    assert 'was not finished' in reader.missing
    assert 'its start is taken from its first IMU sample' in reader.missing
    assert reader.start_us == 500_000
    for capture, expected in zip(captures(reader), written.captures, strict=True):
        assert_same_capture(capture, expected)


def test_data_behind_the_end_of_the_segment_is_played(written, tmp_path):
    """A flush corrects the size, and what follows it is lost to libk4arecord."""
    content = written.path.read_bytes()
    segment = content.index(b'\x18\x53\x80\x67')
    cluster = content.index(b'\x1f\x43\xb6\x75', content.index(b'\x1f\x43\xb6\x75') + 4)
    size = (1 << 56 | cluster - segment - 12).to_bytes(8, 'big')
    path = tmp_path / 'a.mkv'
    path.write_bytes(content[:segment + 4] + size + content[segment + 12:])
    reader = RecordingReader(str(path))
    assert not reader.complete
    assert 'was not finished' in reader.missing
    assert len(captures(reader)) == 3


def test_recording_without_start_and_imu_starts_at_0(edited):
    reader = edited((b'K4A_START_OFFSET_NS', b'K4A_START_OFFSET_XX'),
                    (b'IMU', b'XXX'), (b'K4A_XXX_TRACK', b'K4A_YYY_TRACK'))
    assert reader.start_us == 0
    assert 'its images are stamped from 0' in reader.missing
    assert 'tracks that are not of the camera are not played: XXX' in reader.missing
    assert captures(reader)[0].depth.device_us == 0


def test_depth_mode_without_tag_is_taken_from_the_size(edited, written):
    reader = edited((b'K4A_DEPTH_MODE', b'K4A_DEPTH_XXXX'))
    assert reader.config.depth_mode is DepthMode.NFOV_2X2BINNED
    assert 'its depth mode is taken from the size of the images, NFOV_2X2BINNED' in reader.missing
    assert_same_capture(captures(reader)[0], written.captures[0])


@pytest.mark.parametrize(('old', 'new', 'reason'), [
    (b'MJPG\0', b'H264\0', "the Azure Kinect does not have their format, 'H264'"),
    (b'\xb0\x82\x05\x00', b'\xb0\x82\x05\x01', 'the Azure Kinect does not have 1281 x 720 pixels'),
])
def test_color_that_cannot_be_played_is_left_out(edited, written, old, new, reason):
    reader = edited((old, new))
    assert reader.missing == f'its color images are not played because {reason}'
    assert not reader.config.color
    for capture, expected in zip(captures(reader), written.captures, strict=True):
        assert capture.color is None
        np.testing.assert_array_equal(capture.depth.data, expected.depth.data)


@pytest.mark.parametrize(('period_ns', 'fps'), [(40_000_000, 25), (33_333_333, 30)])
def test_any_frame_rate_is_played(edited, written, period_ns, fps):
    """Orbbec's cameras have 25 Hz, too."""
    reader = edited(((33_333_333).to_bytes(4, 'big'), period_ns.to_bytes(4, 'big')))
    assert (reader.config.fps, reader.missing) == (fps, '')
    assert len(captures(reader)) == 3


def test_missing_frame_rate_is_estimated(edited, written):
    reader = edited((b'\x23\xe3\x83\x84', b'\x23\xe3\x84\x84'))
    assert (reader.config.fps, reader.missing) == (30, '')
    for capture, expected in zip(captures(reader), written.captures, strict=True):
        assert_same_capture(capture, expected)


def test_absurd_frame_rate_is_refused(edited):
    with pytest.raises(RecordingError, match='its frame rate, 1e'):
        edited(((33_333_333).to_bytes(4, 'big'), (1000).to_bytes(4, 'big')))


def test_damaged_track_is_lost_and_others_are_played(edited, written):
    reader = edited((b'\xd7\x81\x01\x73', b'\xd7\xff\x01\x73'))
    assert 'its head is damaged' in reader.missing
    assert (reader.config.color, reader.config.depth) == (False, True)
    assert len(captures(reader)) == 3


def test_damage_before_the_tracks_is_skipped(edited, written):
    reader = edited((b'\x11\x4d\x9b\x74', b'\0\0\0\0'))
    assert 'its head is damaged' in reader.missing
    assert reader.config == written.config
    for capture, expected in zip(captures(reader), written.captures, strict=True):
        assert_same_capture(capture, expected)
