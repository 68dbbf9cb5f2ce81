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
Write captures and IMU samples to an Azure Kinect recording (.mkv), without a device.

The caller supplies what k4arecorder reads from the device (factory calibration, serial number,
firmware versions). It is stored where libk4arecord stores it (record.cpp, k4a_record_create), so
that the files are compatible with all programs that read Azure Kinect recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
import contextlib
import ctypes
from dataclasses import replace
import os

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import FPS_CODES
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.calibration_tag import add_calibration_tag
from k4a_ros.sdk import abi
from k4a_ros.sdk import libk4a
import numpy as np
import numpy.typing as npt

#: bytes per pixel in the first plane, 0 for compressed images
_BYTES_PER_PIXEL = {
    ColorFormat.MJPG: 0, ColorFormat.NV12: 1, ColorFormat.YUY2: 2, ColorFormat.BGRA32: 4,
}


class RecordingWriter(contextlib.AbstractContextManager['RecordingWriter']):
    """
    An Azure Kinect recording open for writing.

    Timestamps of each stream must increase. libk4arecord writes in the order of timestamps, and
    rejects data that is more than two seconds older than the newest data of all streams. The file
    format does not store host times and temperatures.

    :param path: the file; ``~`` is expanded.
    :param config: determines the tracks. Depth modes other than PASSIVE_IR always create both a
        depth and an infrared track, which may remain empty.
    :param calibration: factory calibration, JSON; most programs reject files without it.
    :param serial: serial number of the device, empty for none.
    :param firmware: versions of 'color' and 'depth', each optional.
    :param overwrite: replace an existing file instead of raising.
    :raises RecordingError: the file cannot be created.
    """

    def __init__(
        self, path: str | os.PathLike[str], config: CameraConfig, calibration: bytes,
        serial: str = '', firmware: Mapping[str, str] | None = None, overwrite: bool = False,
    ) -> None:
        """Create the file and write its header."""
        self.path = os.path.expanduser(os.fspath(path))
        self.config = config
        self._handle: ctypes.c_void_p | None = None
        self._last_us: dict[str, int] = {}
        self._sdk = libk4a.library()
        if config.fps not in FPS_CODES:
            raise self._error(f'fps is {config.fps}; it must be one of {sorted(FPS_CODES)}')
        if not (config.depth or config.ir or config.color or config.imu):
            raise self._error('all streams are disabled in the configuration')
        try:
            with open(self.path, 'wb' if overwrite else 'xb'):
                pass
        except FileExistsError as error:
            raise self._error('the file exists; choose another name, or remove it') from error
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error
        self._create()
        try:
            self._write_header(calibration.rstrip(b'\0'), serial, firmware or {})
        except RecordingError:
            self._sdk.k4a_record_close(self._handle)
            self._handle = None
            raise

    def _write_header(self, calibration: bytes, serial: str, firmware: Mapping[str, str]) -> None:
        tags = {'K4A_DEVICE_SERIAL_NUMBER': serial}
        for name, version in firmware.items():
            tags[f'K4A_{name.upper()}_FIRMWARE_VERSION'] = version
        for name, value in tags.items():
            if value:
                self._call('k4a_record_add_tag', name.encode(), value.encode())
        self._call(
            'k4a_record_add_attachment', b'calibration.json', calibration, len(calibration))
        if self.config.imu:
            self._call('k4a_record_add_imu_track')
        self._call('k4a_record_write_header')

    def _create(self) -> None:
        config = self.config
        native = abi.DeviceConfiguration(
            color_format=config.color_format, color_resolution=config.color_resolution,
            depth_mode=config.depth_mode, camera_fps=FPS_CODES[config.fps],
            depth_delay_off_color_usec=config.depth_delay_off_color_usec,
            wired_sync_mode=config.wired_sync_mode,
            subordinate_delay_off_master_usec=config.subordinate_delay_off_master_usec)
        handle = ctypes.c_void_p()
        if self._sdk.k4a_record_create(
                os.fsencode(self.path), None, native, ctypes.byref(handle)) != abi.SUCCEEDED:
            raise self._error(f'libk4arecord rejects the configuration ({config})')
        self._handle = handle

    def write(self, capture: Capture) -> None:
        """
        Append one capture.

        :param capture: images of disabled streams must be None.
        :raises RecordingError: an image does not match the configuration, or its timestamp does
            not increase.
        """
        images = {
            'depth': capture.depth, 'ir': capture.ir, 'color': capture.color}
        present = {
            name: replace(image, data=np.ascontiguousarray(image.data))
            for name, image in images.items() if image is not None}
        if not present:
            raise self._error('the capture has no image')
        for name, image in present.items():
            self._check_image(name, image)
            self._check_timestamps(name, np.array([image.device_us]))
        sdk = self._sdk
        native = ctypes.c_void_p()
        if sdk.k4a_capture_create(ctypes.byref(native)) != abi.SUCCEEDED:
            raise self._error('out of memory')
        try:
            for name, image in present.items():
                handle = self._native_image(name, image)
                getattr(sdk, f'k4a_capture_set_{name}_image')(native, handle)
                sdk.k4a_image_release(handle)
            self._call('k4a_record_write_capture', native)
        finally:
            sdk.k4a_capture_release(native)

    def write_imu(self, samples: ImuSamples) -> None:
        """
        Append IMU samples.

        :raises RecordingError: the IMU is disabled in the configuration, shapes or dtypes are
            wrong, or timestamps do not increase.
        """
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
        self._check_timestamps('acc_us', samples.acc_us)
        self._check_timestamps('gyro_us', samples.gyro_us)
        for i in range(count):
            self._call('k4a_record_write_imu_sample', abi.ImuSample(
                acc=tuple(samples.acc[i].tolist()), acc_us=int(samples.acc_us[i]),
                gyro=tuple(samples.gyro[i].tolist()), gyro_us=int(samples.gyro_us[i])))

    def close(self) -> None:
        """
        Write pending data and the index, and close the file; may be called twice.

        :raises RecordingError: the end of the file cannot be written; the disk may be full.
        """
        handle, self._handle = self._handle, None
        if handle is None:
            return
        flushed = self._sdk.k4a_record_flush(handle)
        self._sdk.k4a_record_close(handle)
        if flushed != abi.SUCCEEDED:
            raise self._error('the end of the file is missing; check whether the disk is full')
        try:
            add_calibration_tag(self.path)
        except OSError as error:
            raise self._error(f'its tags cannot be completed: {error.strerror}') from error

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def _error(self, reason: str) -> RecordingError:
        return RecordingError(f'cannot write recording {self.path}: {reason}')

    def _call(self, function: str, *arguments: object) -> None:
        if self._handle is None:
            raise self._error('the file is closed')
        if getattr(self._sdk, function)(self._handle, *arguments) != abi.SUCCEEDED:
            raise self._error(
                f'{function} failed: the disk is full, or the data is more than two seconds older '
                'than other data in the file')

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
            raise self._error(
                f'timestamps of {stream} must be positive and increase: {wrong} us does not '
                f'follow {previous} us')
        if len(times_us):
            self._last_us[stream] = int(times_us[-1])

    def _native_image(self, name: str, image: Image) -> ctypes.c_void_p:
        """Return a k4a_image_t that refers to the array; k4a_record_write_capture copies it."""
        config = self.config
        array = image.data
        if name == 'color':
            width, height = config.color_resolution.size
            code: int = config.color_format
            stride = width * _BYTES_PER_PIXEL[config.color_format]
        else:
            width, height = config.depth_mode.size
            code = abi.DEPTH16 if name == 'depth' else abi.IR16
            stride = 2 * width
        handle = ctypes.c_void_p()
        if self._sdk.k4a_image_create_from_buffer(
                code, width, height, stride, array.ctypes.data, array.nbytes, None, None,
                ctypes.byref(handle)) != abi.SUCCEEDED:
            raise self._error(f'libk4a rejects the {name} image')
        self._sdk.k4a_image_set_device_timestamp_usec(handle, image.device_us)
        return handle
