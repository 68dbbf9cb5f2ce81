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

"""Read an Azure Kinect recording (.mkv) from start to end, without pacing."""

from __future__ import annotations

import contextlib
import ctypes
import enum
import os
import threading
from typing import TypeVar

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import FPS_CODES
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.integrity import check_complete
from k4a_ros.mkv.timeline import MAX_START_US
from k4a_ros.mkv.timeline import Timeline
from k4a_ros.sdk import abi
from k4a_ros.sdk import libk4a
import numpy as np

E = TypeVar('E', bound=enum.IntEnum)

_FPS = {code: fps for fps, code in FPS_CODES.items()}


class RecordingReader(contextlib.AbstractContextManager['RecordingReader']):
    """
    An open recording; thread-safe: ``close`` waits for a read in progress.

    ``config``: modes and tracks. ``calibration``: raw factory calibration. ``serial``: serial
    number, empty if unknown. ``firmware``: versions by component. ``start_us`` and ``end_us``:
    device time of the first and of the last data in the file, microseconds.

    :param path: the file; ``~`` is not expanded.
    :raises RecordingError: it is not a complete Azure Kinect recording with a calibration.
    """

    def __init__(self, path: str) -> None:
        """Open the file and read its header."""
        self.path = path
        #: referenced here because libk4arecord keeps the pointer for error messages (playback.cpp)
        self._native_path = os.fsencode(path)
        self._sdk = libk4a.library()
        self._lock = threading.Lock()
        handle = self._open()
        self._handle: ctypes.c_void_p | None = handle
        try:
            self._read_header(handle)
        except BaseException:
            self.close()
            raise

    def _open(self) -> ctypes.c_void_p:
        """Return a new native handle."""
        check_complete(self.path)  # libk4arecord may abort the process if it is not
        handle = ctypes.c_void_p()
        if self._sdk.k4a_playback_open(
                self._native_path, ctypes.byref(handle)) != abi.SUCCEEDED:
            raise self._open_error(
                'libk4arecord rejects it: it has no frames, is not an Azure Kinect recording, or '
                'is damaged; set K4A_ENABLE_LOG_TO_STDOUT=1 to see the reason')
        return handle

    def _read_header(self, handle: ctypes.c_void_p) -> None:
        native = abi.RecordConfiguration()
        self._sdk.k4a_playback_get_record_configuration(handle, ctypes.byref(native))
        self.config = self._config(native)
        raw = libk4a.read_bytes(self._sdk.k4a_playback_get_raw_calibration, handle)
        if not raw:
            raise self._open_error(
                'it has no factory calibration (attachment calibration.json), which is needed to '
                'interpret its images')
        self.calibration = raw
        self.serial = self._tag('K4A_DEVICE_SERIAL_NUMBER')
        versions = {
            name: self._tag(f'K4A_{name.upper()}_FIRMWARE_VERSION') for name in ('color', 'depth')}
        self.firmware = {name: version for name, version in versions.items() if version}
        # The 32-bit offset in the native configuration, which libk4arecord adds to the timestamps
        # of images, wraps after 71 minutes; the tag holds the full value.
        offset_ns = self._tag('K4A_START_OFFSET_NS')
        wrapped_us = int(native.start_timestamp_offset_usec)
        self.start_us = int(offset_ns) // 1000 if offset_ns.isdecimal() else wrapped_us
        if self.start_us > MAX_START_US:
            raise self._open_error(
                f'its tag K4A_START_OFFSET_NS, {offset_ns}, is not a time of a camera')
        self._timeline = Timeline(self.start_us)
        self._imu_problem = ''
        self._image_shift_us = self.start_us - wrapped_us
        self.end_us = self.start_us + int(
            self._sdk.k4a_playback_get_recording_length_usec(handle))

    def _config(self, native: abi.RecordConfiguration) -> CameraConfig:
        if native.camera_fps not in _FPS:
            raise self._open_error(
                f'its frame rate (code {native.camera_fps}) is not one of the Azure Kinect')
        config = CameraConfig(
            depth_mode=self._member(DepthMode, native.depth_mode),
            color_resolution=self._member(ColorResolution, native.color_resolution),
            color_format=(
                self._member(ColorFormat, native.color_format) if native.color_track_enabled
                else ColorFormat.MJPG),
            fps=_FPS[native.camera_fps],
            depth=native.depth_track_enabled, ir=native.ir_track_enabled,
            color=native.color_track_enabled, imu=native.imu_track_enabled,
            depth_delay_off_color_usec=native.depth_delay_off_color_usec,
            wired_sync_mode=self._member(WiredSyncMode, native.wired_sync_mode),
            subordinate_delay_off_master_usec=native.subordinate_delay_off_master_usec)
        if not (config.depth or config.ir or config.color or config.imu):
            raise self._open_error('it is not an Azure Kinect recording: it has no such tracks')
        if config.color and config.color_resolution is ColorResolution.OFF:
            raise self._open_error('the Azure Kinect does not have its color resolution')
        return config

    def _member(self, kind: type[E], value: int) -> E:
        """Return the member of an enumeration with a native value."""
        try:
            return kind(value)
        except ValueError as error:
            raise self._open_error(
                f'its {kind.__name__} (code {value}) is not one of the Azure Kinect') from error

    def _tag(self, name: str) -> str:
        value = libk4a.read_bytes(self._sdk.k4a_playback_get_tag, self._handle, name.encode())
        return (value or b'').decode(errors='replace')

    def _open_error(self, reason: str) -> RecordingError:
        return RecordingError(f'cannot open recording {self.path}: {reason}')

    def _open_handle(self) -> ctypes.c_void_p:
        if self._handle is None:
            raise EndOfRecording(f'recording {self.path} is closed')
        return self._handle

    def next_capture(self) -> Capture | None:
        """
        Return the next capture that has an image; None at the end of the file.

        :raises CameraLostError: the file is damaged at this position.
        :raises EndOfRecording: the recording is closed.
        """
        while True:
            native = ctypes.c_void_p()
            with self._lock:
                result = self._sdk.k4a_playback_get_next_capture(
                    self._open_handle(), ctypes.byref(native))
            if result == abi.STREAM_EOF:
                return None
            if result != abi.SUCCEEDED:
                raise CameraLostError(
                    f'recording {self.path} is damaged: cannot read its next capture')
            try:
                images = [self._image(name, native) for name in ('depth', 'ir', 'color')]
            finally:
                self._sdk.k4a_capture_release(native)
            if any(image is not None for image in images):
                self._check_times(*images)
                return Capture(*images)

    def _check_times(self, *images: Image | None) -> None:
        for name, image in zip(('depth images', 'infrared images', 'color images'), images,
                               strict=True):
            problem = image is not None and self._timeline.problem(name, image.device_us)
            if problem:
                raise self._time_error(problem)

    def _time_error(self, problem: str) -> CameraLostError:
        return CameraLostError(
            f'recording {self.path} is damaged: {problem}; it can only be played up to there')

    def _image(self, name: str, capture: ctypes.c_void_p) -> Image | None:
        handle = getattr(self._sdk, f'k4a_capture_get_{name}_image')(capture)
        if not handle:
            return None
        native = libk4a.NativeImage(handle)
        data = native.array()
        config = self.config
        width, height = (config.color_resolution if name == 'color' else config.depth_mode).size
        device_us = native.device_us + self._image_shift_us
        try:
            if name != 'color':
                return Image(data.view('<u2').reshape(height, width), device_us)
            if config.color_format is ColorFormat.NV12:
                data = data.reshape(height * 3 // 2, width)
            elif config.color_format is ColorFormat.YUY2:
                data = data.reshape(height, width, 2)
            elif config.color_format is ColorFormat.BGRA32:
                data = data.reshape(height, width, 4)
        except ValueError as error:
            raise CameraLostError(
                f'recording {self.path} is damaged: the {name} image at {device_us} us has '
                f'{native.size} bytes, which do not make {width} x {height} pixels') from error
        return Image(data, device_us)

    def read_imu(self, out: np.ndarray[tuple[int], np.dtype[np.void]]) -> int:
        """
        Read the next IMU samples.

        :param out: (N,) IMU_DTYPE, contiguous; filled from its start.
        :return: number of samples, less than N only at the end of the file or before damage.
        :raises CameraLostError: the file is damaged at this position.
        :raises EndOfRecording: the recording is closed.
        """
        address, step = out.ctypes.data, out.itemsize
        with self._lock:
            handle = self._open_handle()
            if self._imu_problem:
                raise self._time_error(self._imu_problem)
            for i in range(len(out)):
                result = self._sdk.k4a_playback_get_next_imu_sample(handle, address + i * step)
                if result == abi.STREAM_EOF:
                    return i
                if result != abi.SUCCEEDED:
                    raise CameraLostError(
                        f'recording {self.path} is damaged: cannot read its next IMU sample')
                self._imu_problem = self._timeline.problem(
                    'accelerometer samples', int(out['acc_us'][i])) or self._timeline.problem(
                    'gyroscope samples', int(out['gyro_us'][i]))
                if self._imu_problem and i:
                    return i
                if self._imu_problem:
                    raise self._time_error(self._imu_problem)
        return len(out)

    def rewind(self) -> None:
        """
        Return to the start of the file.

        The file is reopened, because k4a_playback_seek_timestamp may crash: the read-ahead threads
        of libk4arecord share weak pointers to clusters without a lock (load_cluster_internal in
        matroska_read.cpp, confirmed with helgrind), a data race once a cluster is loaded again.

        :raises CameraLostError: the file can no longer be opened.
        :raises EndOfRecording: the recording is closed.
        """
        with self._lock:
            previous = self._open_handle()
            try:
                self._handle = self._open()
            except RecordingError as error:
                raise CameraLostError(f'cannot rewind recording {self.path}: {error}') from error
            self._sdk.k4a_playback_close(previous)
            self._timeline.rewind()

    @property
    def closed(self) -> bool:
        """Whether ``close`` has been called."""
        return self._handle is None

    def close(self) -> None:
        """Close the file; images that were read remain valid. May be called twice."""
        with self._lock:
            handle, self._handle = self._handle, None
            if handle is not None:
                self._sdk.k4a_playback_close(handle)

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()
