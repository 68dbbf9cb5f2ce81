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
The elements before the first image of a recording: what it is, its tracks, attachments and tags.

They are those of libk4arecord 1.4 (record.cpp, matroska_write.cpp), in the same order, so that
every program that reads Azure Kinect recordings finds them. Structure: RFC 9559 (Matroska).
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
import secrets
import struct
import time
import zlib

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.mkv.element import element
from k4a_ros.mkv.element import header
from k4a_ros.mkv.element import identifier
from k4a_ros.mkv.element import integer
from k4a_ros.mkv.element import text
from k4a_ros.mkv.element import UNKNOWN_LENGTH
from k4a_ros.mkv.element import void
from k4a_ros.mkv.ros_time_track import CODEC_ID
from k4a_ros.mkv.ros_time_track import TRACK_NAME

#: name of the attachment with the factory calibration
CALIBRATION_FILE = 'calibration.json'

#: tags that are written for the tracks, the attachments and the first data, whatever is given
DERIVED_TAGS = frozenset({
    'K4A_COLOR_TRACK', 'K4A_COLOR_MODE', 'K4A_DEPTH_TRACK', 'K4A_DEPTH_MODE', 'K4A_IR_TRACK',
    'K4A_IR_MODE', 'K4A_IMU_TRACK', 'K4A_IMU_MODE', 'K4A_START_OFFSET_NS', 'K4A_CALIBRATION_FILE',
    f'K4A_CUSTOM_TRACK_{TRACK_NAME}'})

_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_INFO, _TRACKS, _TRACK, _VIDEO = 0x1549A966, 0x1654AE6B, 0xAE, 0xE0
_ATTACHMENTS, _ATTACHED_FILE = 0x1941A469, 0x61A7
_TAGS, _TAG, _TARGETS, _SIMPLE_TAG = 0x1254C367, 0x7373, 0x63C0, 0x67C8
_CRC32 = 0xBF
_CUES, _CUE_POINT, _CUE_POSITIONS = 0x1C53BB6B, 0xBB, 0xB7

#: what libk4arecord reserves for elements that it completes at the end
_SEEK_BYTES, _INFO_BYTES, _TAGS_SPARE_BYTES = 1024, 256, 1024
#: types of tracks
_VIDEO_TRACK, _SUBTITLE_TRACK = 1, 17
#: bits per pixel, code of the format, and bits per pixel in the size of an image; 0: it varies
_COLOR_CODECS = {
    ColorFormat.MJPG: (24, b'MJPG', 0), ColorFormat.NV12: (12, b'NV12', 12),
    ColorFormat.YUY2: (16, b'YUY2', 16), ColorFormat.BGRA32: (32, b'BGRA', 32)}
_DEPTH_CODEC = (16, b'b16g', 16)


@dataclass(frozen=True)
class Track:
    """
    A track to be written.

    :param codec_private: initialization data of the codec.
    :param size: width and height of a video, pixels; None for other tracks.
    :param tags: tags of the track, by name; '' for the ID of the track.
    """

    number: int
    name: str
    codec: str
    codec_private: bytes
    size: tuple[int, int] | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Head:
    """
    Everything before the first cluster.

    ``segment`` is the position of the content of the segment, ``seek`` and ``info`` those of the
    elements that `close_edits` replaces.
    """

    data: bytes
    segment: int
    positions: Mapping[int, int]
    created_s: float

    def close_edits(self, end: int, cues: int, length_us: int) -> list[tuple[int, bytes]]:
        """
        Return what to write where to complete the file, in this order.

        :param end: size of the file.
        :param cues: position of the index, 0 if there is none.
        :param length_us: time of the last data, microseconds since the first.
        """
        positions = {**self.positions, **({_CUES: cues - self.segment} if cues else {})}
        seek = self.segment
        return [
            (self.segment + self.positions[_INFO], _info(self.created_s, length_us)),
            (seek, _seek_head(positions)),
            (self.segment - 8, (1 << 56 | end - self.segment).to_bytes(8, 'big'))]


def tracks_of(config: CameraConfig, *, ros_time: bool) -> list[Track]:
    """
    Return the tracks of a recording.

    Depth modes other than PASSIVE_IR always have both a depth and an infrared track.

    :param ros_time: add the track with ROS times.
    """
    mode, found = config.depth_mode, []
    if config.color_resolution:
        color = f'{config.color_format.name.removesuffix("32")}_{config.color_resolution.label}'
        found.append(('COLOR', _COLOR_CODECS[config.color_format], config.color_resolution.size,
                      {'K4A_COLOR_TRACK': '', 'K4A_COLOR_MODE': color}))
    if mode.has_depth:
        found.append(('DEPTH', _DEPTH_CODEC, mode.size,
                      {'K4A_DEPTH_TRACK': '', 'K4A_DEPTH_MODE': mode.name}))
    if mode:
        active = 'PASSIVE' if mode is DepthMode.PASSIVE_IR else 'ACTIVE'
        found.append(('IR', _DEPTH_CODEC, mode.size,
                      {'K4A_IR_TRACK': '', 'K4A_IR_MODE': active}))
    tracks = [Track(number, name, 'V_MS/VFW/FOURCC', _bitmap_header(size, *codec), size, tags)
              for number, (name, codec, size, tags) in enumerate(found, 1)]
    if config.imu:
        tracks.append(Track(len(tracks) + 1, 'IMU', 'S_K4A/IMU', b'', None,
                            {'K4A_IMU_TRACK': '', 'K4A_IMU_MODE': 'ON'}))
    if ros_time:
        tracks.append(Track(len(tracks) + 1, TRACK_NAME, CODEC_ID, b'', None,
                            {f'K4A_CUSTOM_TRACK_{TRACK_NAME}': ''}))
    return tracks


def tags_of(
    config: CameraConfig, serial: str, firmware: Mapping[str, str], start_us: int,
) -> dict[str, str]:
    """
    Return the tags of a recording that are not about a track or an attachment.

    :param start_us: device time of the first data, microseconds.
    """
    tags = {}
    if config.depth_mode is DepthMode.PASSIVE_IR:
        tags['K4A_DEPTH_MODE'] = config.depth_mode.name
    if config.depth_mode and config.color_resolution:
        tags['K4A_DEPTH_DELAY_NS'] = str(config.depth_delay_off_color_usec * 1000)
    tags['K4A_WIRED_SYNC_MODE'] = config.wired_sync_mode.name
    if config.wired_sync_mode is WiredSyncMode.SUBORDINATE:
        tags['K4A_SUBORDINATE_DELAY_NS'] = str(config.subordinate_delay_off_master_usec * 1000)
    for part in ('color', 'depth'):
        if firmware.get(part):
            tags[f'K4A_{part.upper()}_FIRMWARE_VERSION'] = firmware[part]
    if serial:
        tags['K4A_DEVICE_SERIAL_NUMBER'] = serial
    tags['K4A_START_OFFSET_NS'] = str(start_us * 1000)
    return tags


def compose(
    tracks: Iterable[Track], fps: int, tags: Mapping[str, str], attachments: Mapping[str, bytes],
) -> Head:
    """
    Return everything before the first cluster.

    :param attachments: content by name.
    """
    tracks = list(tracks)
    identifiers = {track.number: secrets.randbits(60) | 1 for track in tracks}
    files = {name: secrets.randbits(60) | 1 for name in attachments}
    created_s = time.time()
    start = _ebml_header() + header(0x18538067, UNKNOWN_LENGTH, 8)
    parts = {
        _INFO: _info(created_s, None),
        _TRACKS: element(_TRACKS, *(_track(t, identifiers[t.number], fps) for t in tracks)),
        _ATTACHMENTS: element(_ATTACHMENTS, *(
            _attached_file(name, content, files[name]) for name, content in attachments.items())),
        _TAGS: _tags(tracks, identifiers, tags, files)}
    positions, position = {}, _SEEK_BYTES
    for kind, part in parts.items():
        positions[kind] = position
        position += len(part)
    data = start + _seek_head(positions) + b''.join(parts.values()) + void(_TAGS_SPARE_BYTES)
    return Head(data, len(start), positions, created_s)


def cue_point(time_us: int, track: int, position: int) -> bytes:
    """
    Return an entry of the index.

    :param time_us: time since the first data, microseconds.
    :param track: number of the track of the block.
    :param position: of the cluster in the segment.
    """
    return element(_CUE_POINT, integer(0xB3, time_us), element(
        _CUE_POSITIONS, integer(0xF7, track), integer(0xF1, position)))


def cues(points: Iterable[bytes]) -> bytes:
    """Return the index."""
    return element(_CUES, *points)


def _ebml_header() -> bytes:
    return element(
        0x1A45DFA3, integer(0x4286, 1), integer(0x42F7, 1), integer(0x42F2, 4),
        integer(0x42F3, 8), text(0x4282, 'matroska'), integer(0x4287, 2), integer(0x4285, 2))


def _seek_head(positions: Mapping[int, int]) -> bytes:
    """Return the positions of the other elements in the segment, in a fixed number of bytes."""
    entries = element(_SEEK_HEAD, *(
        element(_SEEK, element(_SEEK_ID, identifier(kind)), integer(_SEEK_POSITION, position))
        for kind, position in positions.items()))
    return entries + void(_SEEK_BYTES - len(entries))


def _info(created_s: float, length_us: int | None) -> bytes:
    """Return what the file is and how long, in a fixed number of bytes; None: unknown length."""
    since_2001_ns = int((created_s - 978_307_200) * 1e9)
    info = element(
        _INFO, integer(0x2AD7B1, 1000), text(0x4D80, 'k4a_ros'), text(0x5741, 'k4a_ros'),
        integer(0x4461, since_2001_ns, 8), text(0x7BA9, 'Azure Kinect'),
        b'' if length_us is None else element(0x4489, struct.pack('>d', length_us)))
    return info + void(_INFO_BYTES - len(info))


def _bitmap_header(size: tuple[int, int], bits: int, code: bytes, stored_bits: int) -> bytes:
    """Return a BITMAPINFOHEADER."""
    width, height = size
    return struct.pack('<IiiHH4sIiiII', 40, width, height, 1, bits, code,
                       width * height * stored_bits // 8, 0, 0, 0, 0)


def _track(track: Track, uid: int, fps: int) -> bytes:
    content = [
        integer(0xD7, track.number), integer(0x73C5, uid, 8),
        integer(0x83, _VIDEO_TRACK if track.size else _SUBTITLE_TRACK), text(0x86, track.codec),
        text(0x536E, track.name)]
    if track.codec_private:
        content.append(element(0x63A2, track.codec_private))
    if track.size:
        content += [
            integer(0x23E383, 1_000_000_000 // fps),
            element(_VIDEO, integer(0xB0, track.size[0]), integer(0xBA, track.size[1]))]
    return element(_TRACK, *content)


def _attached_file(name: str, content: bytes, uid: int) -> bytes:
    return element(
        _ATTACHED_FILE, text(0x466E, name), text(0x4660, 'application/octet-stream'),
        element(0x465C, content), integer(0x46AE, uid, 8))


def _tags(
    tracks: Iterable[Track], identifiers: Mapping[int, int], tags: Mapping[str, str],
    files: Mapping[str, int],
) -> bytes:
    """Return all tags, with a checksum."""
    found = [
        _tag(name, value or str(identifiers[track.number]), 'TRACK', 0x63C5,
             identifiers[track.number])
        for track in tracks for name, value in track.tags.items()]
    found += [_tag(name, value) for name, value in tags.items()]
    if CALIBRATION_FILE in files:
        found.append(_tag('K4A_CALIBRATION_FILE', CALIBRATION_FILE, 'ATTACHMENT', 0x63C6,
                          files[CALIBRATION_FILE]))
    content = b''.join(found)
    return element(_TAGS, element(_CRC32, zlib.crc32(content).to_bytes(4, 'little')), content)


def _tag(name: str, value: str, target: str = '', kind: int = 0, uid: int = 0) -> bytes:
    targets = [text(0x63CA, target), integer(kind, uid, 8)] if target else []
    return element(_TAG, element(_TARGETS, *targets),
                   element(_SIMPLE_TAG, text(0x45A3, name), text(0x4487, value)))
