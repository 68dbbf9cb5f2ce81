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
Write captures and IMU samples to an Azure Kinect recording (.mkv), without a device or its SDK.

The caller supplies what k4arecorder reads from the device (factory calibration, serial number,
firmware versions). Everything is where libk4arecord has it, so that all programs that read Azure
Kinect recordings read these. In contrast to libk4arecord, which completes a file at its end only,
everything is final when it is written, except for the index and the length: a file whose writer
was killed is complete up to its last 32 ms, and if the power was cut, one that is ``durable`` up
to its last seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import errno
import os

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import RecordingError
from k4a_ros.mkv import header
from k4a_ros.mkv.clusters import Block
from k4a_ros.mkv.clusters import Buffer
from k4a_ros.mkv.clusters import Cluster
from k4a_ros.mkv.clusters import ClusterQueue
from k4a_ros.mkv.disk_sync import DiskSync
from k4a_ros.mkv.ros_time_track import encode
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.mkv.ros_time_track import TRACK_NAME
import numpy as np
import numpy.typing as npt

#: distance of entries in the index, as in files of libk4arecord
_CUE_DISTANCE_US = 1_000_000
#: highest frame rate; libk4arecord opens files with 5, 15 or 30 only
_MAX_FPS = 120
#: buffers that writev accepts at once (IOV_MAX)
_MAX_PARTS = 1024

#: maps device microseconds to ROS nanoseconds
ToRos = Callable[[int], int]


class OutOfOrderError(RecordingError):
    """Data is older than data in the file: the clock of the camera has started again."""


class RecordingWriter(contextlib.AbstractContextManager['RecordingWriter']):
    """
    An Azure Kinect recording open for writing; not thread-safe.

    Timestamps of each stream must increase. Data is written in the order of timestamps across
    streams, as soon as every stream has passed it; a stream that is two seconds behind the newest
    data is not waited for, and its data is rejected. The arrays of captures are copied. The file
    format does not store host times and temperatures.

    ``size`` is the number of bytes in the file.

    :param path: the file; ``~`` is expanded.
    :param config: determines the tracks. Depth modes other than PASSIVE_IR always create both a
        depth and an infrared track, which may remain empty.
    :param calibration: factory calibration, JSON; empty for none, but then most programs reject
        the file.
    :param serial: serial number of the device, empty for none.
    :param firmware: versions of 'color' and 'depth', each optional.
    :param overwrite: replace an existing file instead of raising.
    :param ros_time: add a track with the ROS time of images and samples.
    :param tags: more tags, or other values of those that follow from the other parameters.
    :param attachments: more attached files, by name.
    :param durable: see `DiskSync`.
    :raises RecordingError: the file cannot be created.
    """

    def __init__(
        self, path: str | os.PathLike[str], config: CameraConfig, calibration: bytes,
        serial: str = '', firmware: Mapping[str, str] | None = None, overwrite: bool = False, *,
        ros_time: bool = False, tags: Mapping[str, str] | None = None,
        attachments: Mapping[str, bytes] | None = None, durable: bool = False,
    ) -> None:
        """Create the file; its header is written with its first data."""
        self.path = os.path.expanduser(os.fspath(path))
        self.config = config
        self.size = 0
        self._file: int | None = None
        self._failed = False
        if not 1 <= config.fps <= _MAX_FPS:
            raise self._error(f'fps is {config.fps}; it must be between 1 and {_MAX_FPS}')
        if not (config.depth or config.ir or config.color or config.imu):
            raise self._error('all streams are disabled in the configuration')
        tracks = header.tracks_of(config, ros_time=ros_time)
        self._numbers = {track.name.lower(): track.number for track in tracks}
        self._last_us: dict[str, int] = {}
        self._pending = ClusterQueue(
            name for name in ('depth', 'ir', 'color', 'imu') if getattr(config, name))
        self._buffers = _Buffers()
        self._cues: list[bytes] = []
        self._cued_us = -_CUE_DISTANCE_US
        self._head: header.Head | None = None
        self._start_us = self._end_us = 0
        files = dict(attachments or {})
        if calibration.rstrip(b'\0'):
            files[header.CALIBRATION_FILE] = calibration.rstrip(b'\0')

        def compose(start_us: int) -> header.Head:
            found = header.tags_of(config, serial, firmware or {}, start_us)
            return header.compose(tracks, config.fps, found | dict(tags or {}), files)

        self._compose = compose
        try:
            self._file = os.open(
                self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
                | (os.O_TRUNC if overwrite else os.O_EXCL), 0o666)
        except FileExistsError as error:
            raise self._error('the file exists; choose another name, or remove it') from error
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error
        self._sync = DiskSync(self.path, self._file) if durable else None

    @property
    def length_us(self) -> int:
        """Return the time from the first to the last data in the file, microseconds."""
        return self._end_us - self._start_us

    @property
    def written_us(self) -> int:
        """Return the device time, microseconds, before which data is rejected as too late."""
        return self._pending.written_us

    def write(self, capture: Capture, to_ros: ToRos | None = None) -> None:
        """
        Append one capture.

        :param capture: images of disabled streams must be None.
        :param to_ros: maps the timestamps of its images to ROS time, 0 if that is unknown; None
            if none is known.
        :raises OutOfOrderError: the timestamp of an image does not increase.
        :raises RecordingError: an image does not match the configuration, or cannot be written.
        """
        images = {name: image for name, image in (
            ('depth', capture.depth), ('ir', capture.ir), ('color', capture.color))
            if image is not None}
        if not images:
            raise self._error('the capture has no image')
        self._check_open()
        for name, image in images.items():
            self._check_image(name, image)
            self._check_timestamps(name, np.array([image.device_us]))
        if to_ros is not None:
            self._add_ros_times(capture.device_us, b''.join(
                encode(TimedStream[name.upper()], np.array([image.device_us]),
                       np.array([to_ros(image.device_us)])) for name, image in images.items()))
        for name, image in images.items():
            self._last_us[name] = image.device_us
            self._pending.add(name, Block(
                image.device_us, self._numbers[name], self._buffers.copy(image.data)))
        self._write_clusters(self._pending.take())

    def write_imu(
        self, samples: ImuSamples, ros_ns: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """
        Append IMU samples.

        :param ros_ns: (N,) ROS times, nanoseconds, 0 if unknown; None if none is known.
        :raises OutOfOrderError: timestamps do not increase.
        :raises RecordingError: the IMU is disabled in the configuration, shapes or dtypes are
            wrong, or the file cannot be written.
        """
        self._check_open()
        if not self.config.imu:
            raise self._error('the IMU is disabled in the configuration')
        count = len(samples.acc_us)
        shapes = {
            'acc': (count, 3), 'gyro': (count, 3), 'acc_us': (count,), 'gyro_us': (count,)}
        for name, shape in shapes.items():
            array = getattr(samples, name)
            kind = 'i' if name.endswith('_us') else 'f'
            if array.shape != shape or array.dtype.kind != kind:
                raise self._error(
                    f'{name} of the IMU is {array.dtype} {array.shape}; it must be '
                    f"{'int64' if kind == 'i' else 'float32'} {shape}")
        if not count:
            return
        self._check_timestamps('acc_us', samples.acc_us)
        self._check_timestamps('gyro_us', samples.gyro_us)
        self._last_us |= {'acc_us': int(samples.acc_us[-1]), 'gyro_us': int(samples.gyro_us[-1])}
        if ros_ns is not None:
            self._add_ros_times(
                int(samples.acc_us[0]), encode(TimedStream.IMU, samples.acc_us, ros_ns))
        self._pending.add_imu(samples)
        self._write_clusters(self._pending.take())

    def _add_ros_times(self, device_us: int, entries: bytes) -> None:
        if entries:
            self._pending.add('', Block(device_us, self._numbers[TRACK_NAME.lower()], entries))

    def close(self) -> None:
        """
        Write pending data and the index, and close the file; may be called twice.

        :raises RecordingError: the end of the file cannot be written; the disk may be full. What
            was written before can be read.
        """
        if self._file is None:
            return
        try:
            if not self._failed:
                self._write_clusters(self._pending.take(everything=True))
        finally:
            file, self._file = self._file, None
            try:
                self._complete(file)
            except OSError as error:
                raise self._error(
                    f'{_reason(error)}; its index is missing, but what was written before can be '
                    'read') from error
            finally:
                if self._sync is not None:
                    self._sync.close()
                os.close(file)

    def _complete(self, file: int) -> None:
        """Write the index and the length; raise OSError."""
        if self._head is None:
            self._head = self._compose(0)
            _write(file, [self._head.data], 0)
            self.size = len(self._head.data)
        position = 0
        try:
            if self._cues:
                index = header.cues(self._cues)
                _write(file, [index], self.size)
                position, self.size = self.size, self.size + len(index)
        finally:  # these do not need space on the disk
            for place, data in self._head.close_edits(self.size, position, self.length_us):
                _write(file, [data], place)

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def _error(self, reason: str) -> RecordingError:
        return RecordingError(f'cannot write recording {self.path}: {reason}')

    def _check_open(self) -> None:
        if self._file is None or self._failed:
            raise self._error('writing failed before' if self._failed else 'the file is closed')

    def _write_clusters(self, clusters: list[Cluster]) -> None:
        for cluster in clusters:
            parts: list[Buffer] = []
            if self._head is None:
                self._start_us = cluster.start_us
                self._head = self._compose(self._start_us)
                parts.append(self._head.data)
            position = max(self.size, len(self._head.data)) - self._head.segment
            parts += cluster.parts(self._start_us, self._numbers.get('imu', 0))
            assert self._file is not None
            try:
                _write(self._file, parts, self.size)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self.size)  # up to the last whole cluster
                if not self.size:
                    self._head = None
                self._failed = True
                raise self._error(
                    f'{_reason(error)}; what was written before can be read') from error
            self.size += sum(map(len, parts))
            self._end_us = cluster.last_us
            self._add_cue(cluster, position)
            for block in cluster.blocks:
                self._buffers.give_back(block.data)
        if self._sync is not None:
            try:
                self._sync.poll()
            except OSError as error:
                self._failed = True
                raise self._error(
                    f'{_reason(error)}; the disk has lost a part of what was written') from error

    def _add_cue(self, cluster: Cluster, position: int) -> None:
        """Add a cluster to the index, if the last one in the index is not too close."""
        first_us = cluster.first_us(1)
        if first_us is not None and first_us - self._start_us >= self._cued_us + _CUE_DISTANCE_US:
            self._cued_us = first_us - self._start_us
            self._cues.append(header.cue_point(self._cued_us, 1, position))

    def _check_image(self, name: str, image: Image) -> None:
        config = self.config
        if not getattr(config, name):
            raise self._error(f'{name} is disabled in the configuration ({config})')
        width, height = (config.color_resolution if name == 'color' else config.depth_mode).size
        array = image.data
        shape: tuple[int, ...] = (height, width)
        if name == 'color':
            shape = {
                ColorFormat.MJPG: (max(1, array.size),),
                ColorFormat.NV12: (height * 3 // 2, width),
                ColorFormat.YUY2: (height, width, 2),
                ColorFormat.BGRA32: (height, width, 4),
            }[config.color_format]
        kind = 'uint8' if name == 'color' else 'uint16'
        if array.shape != shape or array.dtype.name != kind:
            raise self._error(
                f'the {name} image is {array.dtype} {array.shape}; it must be {kind} {shape}')

    def _check_timestamps(self, stream: str, times_us: npt.NDArray[np.int64]) -> None:
        previous = self._last_us.get(stream, -1)
        steps = np.diff(times_us, prepend=previous)
        if (steps <= 0).any():
            wrong = int(times_us[np.argmax(steps <= 0)])
            raise OutOfOrderError(
                f'cannot write recording {self.path}: timestamps of {stream} must be positive and '
                f'increase: {wrong} us does not follow {previous} us')
        if stream != 'gyro_us' and times_us[0] < self._pending.written_us:
            raise OutOfOrderError(
                f'cannot write recording {self.path}: {stream} is at {times_us[0]} us, more than '
                'two seconds behind other data')


class _Buffers:
    """Copies of images, whose memory is reused: pages that are new cost more than the copy."""

    def __init__(self) -> None:
        self._free: dict[int, list[memoryview]] = {}

    def copy(self, array: npt.NDArray[np.uint8 | np.uint16]) -> memoryview:
        """Return the bytes of an array, those of 16 bits in big endian, as the format has them."""
        if array.ndim == 1:  # a JPEG, whose size varies
            return memoryview(array.tobytes())
        free = self._free.setdefault(array.nbytes, [])
        buffer = free.pop() if free else np.empty(array.nbytes, np.uint8).data
        copy = np.frombuffer(buffer, array.dtype.newbyteorder('>')).reshape(array.shape)
        np.copyto(copy, array)
        return buffer

    def give_back(self, buffer: Buffer) -> None:
        """Reuse a buffer, if it may be needed again."""
        if isinstance(buffer, memoryview) and len(buffer) in self._free:
            self._free[len(buffer)].append(buffer)


def _reason(error: OSError) -> str:
    return 'the disk is full' if error.errno == errno.ENOSPC else str(error.strerror).lower()


def _write(file: int, parts: list[Buffer], position: int) -> None:
    """Write all parts at a position; raise OSError."""
    views = [memoryview(part) for part in parts]
    while views:
        written = os.pwritev(file, views[:_MAX_PARTS], position)
        position += written
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if written:
            views[0] = views[0][written:]
