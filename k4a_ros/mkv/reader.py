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
Read an Azure Kinect recording (.mkv), without pacing.

The file is parsed here, in Python, and not by libk4arecord, which files from elsewhere can crash
or hang, and which refuses one that is not complete. Only the positions of images
are read in advance; an image itself is read when its pixels are accessed.
"""

from __future__ import annotations

from collections.abc import Mapping
import contextlib
import logging

from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import FileError
from k4a_ros.errors import RecordingError
from k4a_ros.mkv import estimates
from k4a_ros.mkv.captures import CaptureCursor
from k4a_ros.mkv.cluster_walk import Clusters
from k4a_ros.mkv.head_reader import Head
from k4a_ros.mkv.head_reader import NotMatroska
from k4a_ros.mkv.head_reader import read_head
from k4a_ros.mkv.header import CALIBRATION_FILE
from k4a_ros.mkv.imu_track import ImuCursor
from k4a_ros.mkv.ros_times import RosTimes
from k4a_ros.mkv.source import Source
from k4a_ros.mkv.streams import find_streams
from k4a_ros.mkv.streams import Streams
from k4a_ros.mkv.streams import Tags
from k4a_ros.mkv.streams import Unplayable

_log = logging.getLogger(__name__)


class RecordingReader(contextlib.AbstractContextManager['RecordingReader']):
    """
    An open recording.

    ``config``: modes and tracks. ``calibration``: raw factory calibration, empty if there is none.
    ``serial``: serial number, empty if unknown. ``firmware``: versions by component. ``start_us``
    and ``end_us``: device time of the first and of the last data in the file, microseconds.
    ``tags``: their values by name. ``attachments``: attached files by name. ``complete``: the file
    was not cut, and the program that wrote it was not killed. ``missing``: what cannot be played
    and why, as clauses about the file; empty if nothing is.

    Captures and IMU samples have positions of their own, `captures` and `imu`, so that each thread
    that reads one of them does not wait for the other, and data without a reader costs nothing.
    `read` returns both in the order of time. ``ros_times`` has the ROS time of each, None if the
    file does not.

    :param path: the file; ``~`` is not expanded.
    :raises RecordingError: nothing of it can be played.
    """

    def __init__(self, path: str) -> None:
        """Open the file and read its head."""
        self.path = path
        try:
            source = Source(path)
            head = read_head(source)
            streams = find_streams(head)
        except (FileError, NotMatroska, Unplayable) as error:
            raise self._open_error(str(error)) from error
        self._reported_damage = False
        clusters = Clusters(source, head, self._report_damage)
        tracks = [track.number for track in streams.images]
        tracks += [] if streams.imu is None else [streams.imu]
        if next(clusters.blocks(clusters.start, tracks), None) is None:
            raise self._open_error('it has no frames')
        self._describe(head, streams)
        self.start_us = (estimates.start_ns(source, clusters, streams)
                         if streams.start_ns is None else streams.start_ns) // 1000
        self.end_us = self.start_us + clusters.last_time_ns() // 1000
        self.complete, self.missing = _missing(source, head, streams)
        self._captures: CaptureCursor | None = CaptureCursor(
            source, clusters, streams.images, self.start_us,
            estimates.period_ns(clusters, streams))
        self._imu: ImuCursor | None = ImuCursor(source, clusters, streams.imu, self.start_us)
        self.ros_times = None if streams.ros_time is None else RosTimes(
            source, clusters, streams.ros_time, self.start_us)
        self._capture: Capture | None = None
        self._samples: ImuSamples | None = None

    def _describe(self, head: Head, streams: Streams) -> None:
        tags = Tags(head.tags)
        self.config = streams.config
        self.tags: Mapping[str, str] = tags.values()
        self.attachments: Mapping[str, bytes] = {
            attachment.name: attachment.content for attachment in reversed(head.attachments)}
        uid = tags.attachment_uid('K4A_CALIBRATION_FILE')
        tagged = [each.content for each in head.attachments if uid and each.uid == uid]
        self.calibration = (
            tagged or [self.attachments.get(CALIBRATION_FILE, b'')])[0].rstrip(b'\0')
        self.serial = tags.value('K4A_DEVICE_SERIAL_NUMBER')
        versions = {name: tags.value(f'K4A_{name.upper()}_FIRMWARE_VERSION')
                    for name in ('color', 'depth')}
        self.firmware = {name: version for name, version in versions.items() if version}

    def _open_error(self, reason: str) -> RecordingError:
        return RecordingError(f'cannot open recording {self.path}: {reason}')

    def _report_damage(self, start: int, end: int) -> None:
        if not self._reported_damage:
            self._reported_damage = True
            _log.warning('recording %s is damaged: bytes %d to %d are skipped, and perhaps others',
                         self.path, start, end)

    @property
    def captures(self) -> CaptureCursor:
        """
        Return the position among the captures.

        :raises EndOfRecording: the recording is closed.
        """
        if self._captures is None:
            raise EndOfRecording(f'recording {self.path} is closed')
        return self._captures

    @property
    def imu(self) -> ImuCursor:
        """
        Return the position among the IMU samples.

        :raises EndOfRecording: the recording is closed.
        """
        if self._imu is None:
            raise EndOfRecording(f'recording {self.path} is closed')
        return self._imu

    def read(self) -> Capture | ImuSamples | None:
        """
        Return the next capture, or the IMU samples before it; None at the end of the file.

        For one thread; a thread that reads only captures, or only IMU samples, uses `captures` or
        `imu`.

        :raises CameraLostError: the file is damaged at this position, or cannot be read.
        :raises EndOfRecording: the recording is closed.
        """
        if self._capture is None:
            self._capture = self.captures.read()
        if self._samples is None:
            self._samples = self.imu.read()
        capture, samples = self._capture, self._samples
        if capture is None or samples is None:
            self._capture = self._samples = None
            return samples if capture is None else capture
        count = int(samples.acc_us.searchsorted(capture.device_us, side='right'))
        if not count:
            self._capture = None
            return capture
        self._samples = samples[count:] if count < len(samples) else None
        return samples[:count]

    def seek(self, device_us: int) -> None:
        """
        Continue with the first capture and the first IMU sample at a time or later.

        :param device_us: device time, microseconds.
        :raises CameraLostError: the file cannot be read.
        :raises EndOfRecording: the recording is closed.
        """
        self._capture = self._samples = None
        self.captures.seek(device_us)
        self.imu.seek(device_us)

    def rewind(self) -> None:
        """
        Return to the start of the file.

        :raises EndOfRecording: the recording is closed.
        """
        self._capture = self._samples = None
        self.captures.rewind()
        self.imu.rewind()

    @property
    def closed(self) -> bool:
        """Whether ``close`` has been called."""
        return self._captures is None

    def close(self) -> None:
        """Close the file; captures that were read remain valid. May be called twice."""
        self._captures = self._imu = self._capture = self._samples = self.ros_times = None

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()


def _missing(source: Source, head: Head, streams: Streams) -> tuple[bool, str]:
    """Return whether a file is complete, and what of it cannot be played."""
    notes = []
    if head.segment_end is None or head.segment_end < source.size:
        notes.append('it was not finished, because the program that wrote it was killed or the '
                     'disk was full: it ends with the last data that was written')
    elif head.segment_end > source.size:
        notes.append(f'it is truncated: it has {source.size} of {head.segment_end} bytes')
    complete = not notes
    if head.damaged:
        notes.append('its head is damaged, so that some of its properties may be unknown')
    return complete, '; '.join([*notes, *streams.notes])
