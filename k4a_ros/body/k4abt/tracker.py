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


"""Body tracking with libk4abt of Microsoft's Azure Kinect Body Tracking SDK."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import ctypes
from ctypes import byref
import math
import os
import threading
import time
from typing import Any

from k4a_ros.body.k4abt import library as k4abt_library
from k4a_ros.body.k4abt.library import SUCCEEDED
from k4a_ros.body.k4abt.library import WAIT_FOREVER
from k4a_ros.body.k4abt.library import WAIT_TIMEOUT
from k4a_ros.body.options import PROCESSING_MODES
from k4a_ros.body.options import SENSOR_ORIENTATIONS
from k4a_ros.body.options import TrackerOptions
from k4a_ros.body.tracker import Body
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import TrackerClosed
from k4a_ros.sdk.abi import DEPTH16
from k4a_ros.sdk.abi import IR16
import numpy as np
import numpy.typing as npt

_MM_PER_M = np.float32(1000.0)
_MAX_TIMEOUT_MS = 2**31 - 1
_LOG_HINT = ('set the environment variable K4ABT_ENABLE_LOG_TO_STDOUT=1 to see the log of '
             'libk4abt')
_JOINTS = np.dtype([
    ('position', np.float32, 3), ('orientation', np.float32, 4), ('confidence', np.int32)])

#: held by the open tracker of this process
_tracker_lock = threading.Lock()


class K4abtTracker(BodyTracker):
    """
    A tracker of libk4abt, which supports one per process.

    :param calibration: factory calibration of the camera that delivers the images.
    :param config: streams of that camera.
    :param options: library, model, processing mode, GPU, mounting and smoothing.
    :raises BodyTrackingError: libk4abt is missing, or cannot create a tracker; says why.
    """

    def __init__(
        self, calibration: FactoryCalibration, config: CameraConfig, options: TrackerOptions,
    ) -> None:
        if not (config.depth and config.ir):
            raise BodyTrackingError(
                f'cannot track bodies with {config}: the tracker needs depth and infrared images; '
                'set depth_mode to NFOV_UNBINNED or WFOV_2X2BINNED, or play a recording with both')
        library = k4abt_library.load(options.library_path)
        model = library.find_model(options.model_path)
        self.library_file = library.file
        self._sdk: Any = library.sdk
        self._size = config.depth_mode.size
        self._changed = threading.Condition()
        self._active_calls = 0  # calls that are using the handle
        self._shut_down = False
        native_calibration = self._native_calibration(calibration, config)
        configuration = k4abt_library.TrackerConfiguration(
            SENSOR_ORIENTATIONS[options.sensor_orientation],
            PROCESSING_MODES[options.processing_mode], options.gpu_device_id,
            os.fsencode(model) if model else None)
        if not _tracker_lock.acquire(blocking=False):
            raise BodyTrackingError(
                'cannot track bodies: this process already has a body tracker of libk4abt, which '
                'supports only one; run the second driver in a process of its own')
        handle = ctypes.c_void_p()
        result = self._sdk.k4abt_tracker_create(native_calibration, configuration, byref(handle))
        if result != SUCCEEDED:
            _tracker_lock.release()
            raise BodyTrackingError(
                f'cannot track bodies: {library.file} failed to create a tracker with '
                f'body_tracking_processing_mode {options.processing_mode}, GPU '
                f'{options.gpu_device_id} and model {model or k4abt_library.MODEL_NAME}; without '
                f"such a GPU, set the mode to 'cpu'; {_LOG_HINT}")
        self._handle: ctypes.c_void_p | None = handle
        self.set_smoothing(options.smoothing_factor)

    def _native_calibration(self, calibration: FactoryCalibration, config: CameraConfig) -> Any:
        """Return the calibration as a k4a_calibration_t."""
        raw = ctypes.create_string_buffer(calibration.raw)  # NUL-terminated
        native = (ctypes.c_uint64 * (k4abt_library.CALIBRATION_SIZE // 8))()
        result = self._sdk.k4a_calibration_get_from_raw(
            raw, len(raw), config.depth_mode, config.color_resolution, native)
        if result != SUCCEEDED:
            raise BodyTrackingError(
                'cannot track bodies: libk4a rejects the factory calibration of camera '
                f'{calibration.serial} for {config}; read it again from the camera')
        return native

    def enqueue(self, images: BodyInput, timeout: float | None) -> bool:
        """Copy the images of one capture to libk4abt; see `BodyTracker.enqueue`."""
        with self._using_handle() as handle:
            if self._shut_down:
                raise _closed_error()
            with self._capture(images) as capture:
                result = self._sdk.k4abt_tracker_enqueue_capture(
                    handle, capture, _milliseconds(timeout))
            if result in (SUCCEEDED, WAIT_TIMEOUT):
                return bool(result == SUCCEEDED)
            if self._shut_down:
                raise _closed_error()
            raise BodyTrackingError(
                f'libk4abt failed to enqueue the images with device timestamp {images.device_us} '
                f'us; {_LOG_HINT}')

    def pop(self, timeout: float | None) -> BodyFrame | None:
        """Remove and return the oldest result; see `BodyTracker.pop`."""
        frame = ctypes.c_void_p()
        with self._using_handle() as handle:
            result = self._sdk.k4abt_tracker_pop_result(
                handle, byref(frame), _milliseconds(timeout))
            if result == WAIT_TIMEOUT:
                return None
            if result != SUCCEEDED:
                if self._shut_down:
                    raise _closed_error()
                raise BodyTrackingError(f'libk4abt has stopped tracking; {_LOG_HINT}')
            try:
                return self._read_frame(frame)
            finally:
                self._sdk.k4abt_frame_release(frame)

    def set_smoothing(self, factor: float) -> None:
        """Set the temporal smoothing, from 0 to 1; no-op once closed."""
        with contextlib.suppress(TrackerClosed), self._using_handle() as handle:
            self._sdk.k4abt_tracker_set_temporal_smoothing(handle, factor)

    def shutdown(self) -> None:
        """Refuse further images, and wake threads that wait in `pop` or `enqueue`."""
        with self._changed:
            if self._shut_down or self._handle is None:
                return
            self._shut_down = True
            self._sdk.k4abt_tracker_shutdown(self._handle)

    def close(self) -> None:
        """Shut down, wait for calls of other threads to return, and destroy the tracker."""
        self.shutdown()
        with self._changed:
            self._changed.wait_for(lambda: self._active_calls == 0)
            if self._handle is None:
                return
            handle, self._handle = self._handle, None
        self._sdk.k4abt_tracker_destroy(handle)
        _tracker_lock.release()

    @contextlib.contextmanager
    def _using_handle(self) -> Iterator[ctypes.c_void_p]:
        """Yield the handle, and keep it from being destroyed meanwhile."""
        with self._changed:
            if self._handle is None:
                raise _closed_error()
            self._active_calls += 1
            handle = self._handle
        try:
            yield handle
        finally:
            with self._changed:
                self._active_calls -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def _capture(self, images: BodyInput) -> Iterator[ctypes.c_void_p]:
        """Yield a k4a_capture_t that holds copies of the images."""
        sdk = self._sdk
        capture = ctypes.c_void_p()
        if sdk.k4a_capture_create(byref(capture)) != SUCCEEDED:
            raise _out_of_memory_error()
        try:
            for data, image_format, set_image in (
                    (images.depth, DEPTH16, sdk.k4a_capture_set_depth_image),
                    (images.infrared, IR16, sdk.k4a_capture_set_ir_image)):
                image = self._image(data, image_format, images.device_us)
                set_image(capture, image)
                sdk.k4a_image_release(image)
            yield capture
        finally:
            sdk.k4a_capture_release(capture)

    def _image(
        self, data: npt.NDArray[np.uint16], image_format: int, device_us: int,
    ) -> ctypes.c_void_p:
        """Return a k4a_image_t with a copy of an image; the caller must release it."""
        width, height = self._size
        if data.shape != (height, width) or data.dtype != np.uint16:
            raise BodyTrackingError(
                f'cannot track bodies in an image of {data.shape} {data.dtype}: the tracker was '
                f'opened for ({height}, {width}) uint16')
        image = ctypes.c_void_p()
        if self._sdk.k4a_image_create(
                image_format, width, height, width * 2, byref(image)) != SUCCEEDED:
            raise _out_of_memory_error()
        pixels = np.ascontiguousarray(data)
        ctypes.memmove(self._sdk.k4a_image_get_buffer(image), pixels.ctypes.data, pixels.nbytes)
        self._sdk.k4a_image_set_device_timestamp_usec(image, device_us)
        self._sdk.k4a_image_set_system_timestamp_nsec(image, time.monotonic_ns())
        return image

    def _read_frame(self, frame: ctypes.c_void_p) -> BodyFrame:
        """Return a copy of a k4abt_frame_t."""
        sdk = self._sdk
        count = sdk.k4abt_frame_get_num_bodies(frame)
        return BodyFrame(
            sdk.k4abt_frame_get_device_timestamp_usec(frame),
            tuple(self._body(frame, index) for index in range(count)), self._index_map(frame))

    def _body(self, frame: ctypes.c_void_p, index: int) -> Body:
        skeleton = k4abt_library.Skeleton()
        if self._sdk.k4abt_frame_get_body_skeleton(frame, index, byref(skeleton)) != SUCCEEDED:
            raise BodyTrackingError(
                f'libk4abt failed to return the skeleton of body {index}; {_LOG_HINT}')
        joints = np.frombuffer(bytes(skeleton), _JOINTS)
        positions = np.divide(joints['position'], _MM_PER_M, dtype=np.float32)
        return Body(
            self._sdk.k4abt_frame_get_body_id(frame, index), positions,
            joints['orientation'].copy(), joints['confidence'].astype(np.uint8))

    def _index_map(self, frame: ctypes.c_void_p) -> npt.NDArray[np.uint8]:
        sdk = self._sdk
        image = sdk.k4abt_frame_get_body_index_map(frame)
        if not image:
            raise BodyTrackingError(f'libk4abt returned no body index map; {_LOG_HINT}')
        try:
            width, height, stride = (int(get(image)) for get in (
                sdk.k4a_image_get_width_pixels, sdk.k4a_image_get_height_pixels,
                sdk.k4a_image_get_stride_bytes))
            data = ctypes.string_at(sdk.k4a_image_get_buffer(image), height * stride)
        finally:
            sdk.k4a_image_release(image)
        rows = np.frombuffer(data, np.uint8).reshape(height, stride)
        return np.ascontiguousarray(rows[:, :width])


def _milliseconds(timeout: float | None) -> int:
    """Return a timeout, seconds or None, in libk4abt's representation."""
    if timeout is None:
        return WAIT_FOREVER
    return min(_MAX_TIMEOUT_MS, max(0, math.ceil(timeout * 1000)))


def _closed_error() -> TrackerClosed:
    return TrackerClosed('the body tracker has been shut down')


def _out_of_memory_error() -> BodyTrackingError:
    return BodyTrackingError('cannot track bodies: libk4a is out of memory for images')
