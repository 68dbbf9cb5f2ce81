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
The streams of an Azure Kinect recording: which tracks they are in, and the modes of the camera.

Rules: Azure Kinect documentation, "Azure Kinect Sensor SDK recording file format", and
parse_recording_config in Microsoft's matroska_read.cpp. A stream that cannot be played is left out
and said so; only a recording without any is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
import math
import re

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import FPS_CODES
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.mkv.head_reader import Head
from k4a_ros.mkv.head_reader import LIBK4ARECORD_SCALE_NS
from k4a_ros.mkv.head_reader import Tag
from k4a_ros.mkv.head_reader import Track
from k4a_ros.mkv.ros_time_track import TRACK_NAME

_VIDEO, _SUBTITLES = 1, 17
_FORMATS = {'MJPG': ColorFormat.MJPG, 'NV12': ColorFormat.NV12, 'YUY2': ColorFormat.YUY2,
            'BGRA': ColorFormat.BGRA32}
#: Formats of depth and infrared: big endian, without name if FFmpeg has rewritten the file; early
#: recordings are little endian.
_BIG_ENDIAN, _LITTLE_ENDIAN = ('b16g', '\0\0\0\0'), ('YUY2',)
#: stream -> names of its track, and the tag with the id of its track
_TRACKS = {
    'color': (('COLOR',), 'K4A_COLOR_TRACK'), 'depth': (('DEPTH',), 'K4A_DEPTH_TRACK'),
    'ir': (('IR', 'DEPTH_IR'), 'K4A_IR_TRACK'), 'imu': (('IMU',), 'K4A_IMU_TRACK')}
_WORDS = {'color': 'color', 'depth': 'depth', 'ir': 'infrared', 'imu': 'IMU'}
#: range of frame rates, and the rate that is assumed if the file does not have it
_MIN_FPS, _MAX_FPS, _DEFAULT_FPS = 1, 120, 30
#: a JPEG image is not larger than this number of bytes per pixel
_MAX_JPEG_BYTES_PER_PIXEL = 4
#: largest delay of the depth camera that is accepted: far above one frame period
_MAX_DELAY_NS = 1_000_000_000
#: latest start: 285 years after the device has started
MAX_START_NS = 2 ** 53 * 1000


class Unplayable(Exception):
    """The file has nothing that can be played; the message says why."""


@dataclass(frozen=True)
class ImageTrack:
    """
    The track of a stream of images.

    ``number`` in blocks. ``shape`` and dtype as `Image` describes them, the shape of a JPEG empty.
    ``max_bytes`` of an image, which all have unless they are JPEG. ``delay_ns`` is added to times
    to compare them between streams.
    """

    stream: str
    number: int
    shape: tuple[int, ...]
    max_bytes: int
    big_endian: bool
    delay_ns: int


@dataclass
class Streams:
    """
    What can be played.

    ``period_ns`` of captures, 0 if the file does not have it. ``imu`` and ``ros_time``: numbers of
    their tracks. ``start_ns``: device time at the start of the file, None if it does not have it.
    ``notes``: what is left out and why, and what is unusual, as clauses about the file.
    """

    config: CameraConfig = field(default_factory=CameraConfig)
    images: list[ImageTrack] = field(default_factory=list)
    imu: int | None = None
    ros_time: int | None = None
    period_ns: int = 0
    start_ns: int | None = 0
    notes: list[str] = field(default_factory=list)


class Tags:
    """The tags of a file by name; the first of each name counts."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self._tags: dict[str, Tag] = {}
        for tag in tags:
            self._tags.setdefault(tag.name, tag)

    def values(self) -> dict[str, str]:
        """Return all values by name."""
        return {name: tag.value for name, tag in self._tags.items()}

    def value(self, name: str) -> str:
        """Return a value, '' if there is none."""
        tag = self._tags.get(name)
        return tag.value if tag else ''

    def number(self, name: str) -> int | None:
        """Return a value that starts with an integer; None if it does not."""
        found = re.match(r'\s*([+-]?\d{1,20})', self.value(name))
        return int(found[1]) if found else None

    def track_uids(self, name: str) -> list[int]:
        """Return the ids of the track that a tag may mean: its target, and its value."""
        tag = self._tags.get(name)
        uids = [tag.track_uid if tag else 0, self.number(name) or 0]
        return [uid for uid in uids if uid]

    def attachment_uid(self, name: str) -> int:
        """Return the id of the attachment that a tag belongs to; 0 for none."""
        tag = self._tags.get(name)
        return tag.attachment_uid if tag else 0


def find_streams(head: Head) -> Streams:
    """
    Find the streams of a file.

    :raises Unplayable: there are none.
    """
    return _Finder(head).find()


class _Finder:
    """Finds the streams of one file."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._tags = Tags(head.tags)
        self._found = Streams()

    def find(self) -> Streams:
        found = self._found
        tracks = {stream: self._track(stream, *names) for stream, names in _TRACKS.items()}
        if not any(tracks.values()):
            raise Unplayable('it is not an Azure Kinect recording: it has no such tracks')
        self._note_other_tracks([track for track in tracks.values() if track])
        scale_ns = self._head.scale_ns
        if scale_ns > LIBK4ARECORD_SCALE_NS:
            found.notes.append(f'another program has rounded its times to {scale_ns / 1e6:g} ms')
        delay_ns = self._delay_ns()
        resolution, color_format = self._color(tracks['color'], delay_ns)
        mode = self._depth(tracks, delay_ns)
        imu = tracks['imu']
        found.imu = imu.number if imu else None
        found.ros_time = next((track.number for track in self._head.tracks
                               if track.name == TRACK_NAME and not track.encoded), None)
        if not found.images and found.imu is None:
            raise Unplayable(f'nothing of it can be played: {"; ".join(found.notes)}')
        streams = {track.stream for track in found.images}
        role, after_master_us = self._wired_sync()
        found.config = CameraConfig(
            depth_mode=mode, color_resolution=resolution, color_format=color_format,
            fps=self._fps([tracks[stream] for stream in ('color', 'depth', 'ir')
                           if stream in streams]),
            depth='depth' in streams, ir='ir' in streams, color='color' in streams,
            imu=imu is not None, depth_delay_off_color_usec=int(delay_ns / 1000),
            wired_sync_mode=role, subordinate_delay_off_master_usec=after_master_us)
        found.start_ns = self._start_ns()
        return found

    def _track(self, stream: str, names: tuple[str, ...], tag: str) -> Track | None:
        """Return the track of a stream: by the tag that has its id, or by its name."""
        tracks = self._head.tracks
        for uid in self._tags.track_uids(tag):
            for track in tracks:
                if track.uid == uid:
                    return self._usable(stream, track)
        for name in names:
            for track in tracks:
                if track.name == name:
                    return self._usable(stream, track)
        return None

    def _usable(self, stream: str, track: Track) -> Track | None:
        kind = _SUBTITLES if stream == 'imu' else _VIDEO
        problem = ('is not of its kind' if track.kind != kind else
                   'is compressed or encrypted' if track.encoded else '')
        if problem:
            self._leave_out(stream, f'its track {problem}')
            return None
        return track

    def _leave_out(self, stream: str, reason: str) -> None:
        what = 'IMU samples' if stream == 'imu' else f'{_WORDS[stream]} images'
        self._found.notes.append(f'its {what} are not played because {reason}')

    def _note_other_tracks(self, known: list[Track]) -> None:
        numbers = {track.number for track in known}
        names = [track.name or str(track.number) for track in self._head.tracks
                 if track.number not in numbers and track.name != TRACK_NAME]
        if names:
            more = f' and {len(names) - 5} more' if len(names) > 5 else ''
            self._found.notes.append(
                f'tracks that are not of the camera are not played: {", ".join(names[:5])}{more}')

    def _delay_ns(self) -> int:
        delay_ns = self._tags.number('K4A_DEPTH_DELAY_NS') or 0
        if abs(delay_ns) > _MAX_DELAY_NS:
            self._found.notes.append(f'its tag K4A_DEPTH_DELAY_NS, {delay_ns}, is ignored')
            return 0
        return delay_ns

    def _color(
        self, track: Track | None, delay_ns: int,
    ) -> tuple[ColorResolution, ColorFormat]:
        off = ColorResolution.OFF, ColorFormat.MJPG
        if track is None:
            return off
        width, height = track.width, track.height
        sizes = {resolution.size: resolution for resolution in ColorResolution}
        resolution = sizes.get((width, height), ColorResolution.OFF)
        color_format = _FORMATS.get(track.fourcc)
        if resolution is ColorResolution.OFF:
            self._leave_out('color', f'the Azure Kinect does not have {width} x {height} pixels')
            return off
        if color_format is None:
            self._leave_out('color', f'the Azure Kinect does not have their format, '
                                     f'{track.fourcc or track.codec!r}')
            return off
        shape: tuple[int, ...] = {
            ColorFormat.MJPG: (), ColorFormat.NV12: (height * 3 // 2, width),
            ColorFormat.YUY2: (height, width, 2), ColorFormat.BGRA32: (height, width, 4),
        }[color_format]
        most = math.prod(shape) if shape else width * height * _MAX_JPEG_BYTES_PER_PIXEL
        self._found.images.append(ImageTrack(
            'color', track.number, shape, most, False, max(0, delay_ns)))
        return resolution, color_format

    def _depth(self, tracks: dict[str, Track | None], delay_ns: int) -> DepthMode:
        """Find the depth and infrared images, and return their mode."""
        mode = self._depth_mode(tracks)
        for stream in ('depth', 'ir'):
            track = tracks[stream]
            if track is None:
                continue
            width, height = size = track.width, track.height
            if mode is DepthMode.OFF or size != mode.size:
                self._leave_out(stream, f'the depth mode has no {width} x {height} pixels')
            elif track.fourcc not in _BIG_ENDIAN + _LITTLE_ENDIAN:
                self._leave_out(stream, 'the Azure Kinect does not have their format, '
                                        f'{track.fourcc or track.codec!r}')
            else:
                self._found.images.append(ImageTrack(
                    stream, track.number, (height, width), 2 * width * height,
                    track.fourcc in _BIG_ENDIAN, max(0, -delay_ns)))
        return mode

    def _depth_mode(self, tracks: dict[str, Track | None]) -> DepthMode:
        """Return the depth mode of the tag, or the one that fits the size of the images."""
        track = tracks['depth'] or tracks['ir']
        if track is None:
            return DepthMode.OFF
        size = track.width, track.height
        name = self._tags.value('K4A_DEPTH_MODE')
        tagged = DepthMode.__members__.get(name.upper(), DepthMode.OFF)
        if tagged is not DepthMode.OFF and tagged.size == size:
            return tagged
        fitting = [mode for mode in DepthMode if mode.size == size and mode is not DepthMode.OFF]
        if len(fitting) > 1:  # WFOV_UNBINNED and PASSIVE_IR
            fitting = [mode for mode in fitting if mode.has_depth == bool(tracks['depth'])]
        if fitting:
            self._found.notes.append(
                f'its depth mode is taken from the size of the images, {fitting[0].name}, because '
                f'its tag K4A_DEPTH_MODE {f"says {name[:40]!r}" if name else "is missing"}')
            return fitting[0]
        return DepthMode.OFF

    def _fps(self, tracks: list[Track | None]) -> int:
        periods = [track.period_ns for track in tracks if track]
        self._found.period_ns = period_ns = next((period for period in periods if period), 0)
        if not period_ns:
            return _DEFAULT_FPS
        fps = 1_000_000_000 // period_ns
        if fps not in FPS_CODES:  # of another program, which may have rounded
            fps = round(1e9 / period_ns)
        if not _MIN_FPS <= fps <= _MAX_FPS:
            raise Unplayable(f'its frame rate, {1e9 / period_ns:.4g} Hz, is not one of a camera')
        if any(period != period_ns for period in periods):
            self._found.notes.append(f'its tracks have different frame rates; {fps} Hz is used')
        return fps

    def _wired_sync(self) -> tuple[WiredSyncMode, int]:
        """Return the role of the camera, and its delay after the master in microseconds."""
        name = self._tags.value('K4A_WIRED_SYNC_MODE')
        role = WiredSyncMode.__members__.get(name)
        if role is None:
            if name:
                self._found.notes.append(f'its tag K4A_WIRED_SYNC_MODE, {name[:40]!r}, is ignored')
            return WiredSyncMode.STANDALONE, 0
        delay_ns = self._tags.number('K4A_SUBORDINATE_DELAY_NS') or 0
        if role is not WiredSyncMode.SUBORDINATE or not 0 <= delay_ns <= _MAX_DELAY_NS:
            return role, 0
        return role, delay_ns // 1000

    def _start_ns(self) -> int | None:
        value = self._tags.value('K4A_START_OFFSET_NS')
        start_ns = self._tags.number('K4A_START_OFFSET_NS')
        if start_ns is None:
            return None
        if not 0 <= start_ns <= MAX_START_NS + 999:
            raise Unplayable(
                f'its tag K4A_START_OFFSET_NS, {value[:40]}, is not a time of a camera')
        return start_ns
