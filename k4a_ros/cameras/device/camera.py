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
A live camera: the Azure Kinect DK, or another one that speaks the ABI of libk4a.

What differs between them is told by what is observed, not by asking who made the camera: which
controls it reports, which clock its images carry, whether it measures its temperature.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
import ctypes
import logging
import math
import threading
import time
from typing import TypeVar

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import validate
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import ControlListener
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.base import UsbErrors
from k4a_ros.cameras.controls import ControlRange
from k4a_ros.cameras.device.controls import DeviceControls
from k4a_ros.cameras.device.discovery import open_device
from k4a_ros.cameras.device.error_hints import USB
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import CameraError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import ReadTimeout
from k4a_ros.sdk import libk4a
from k4a_ros.sdk.imu_samples import IMU_DTYPE
from k4a_ros.sdk.imu_samples import imu_samples
import numpy as np
import numpy.typing as npt

#: longest native call, milliseconds: as long may `stop` take to get hold of the camera
_SLICE_MS = 100
#: most inertial samples of one read; the SDK keeps 833, half a second
_IMU_BATCH = 1024
#: how far in the past an image may have arrived, nanoseconds
_OLDEST = 10_000_000_000
#: a camera that has not told its temperature as often does not measure it
_TEMPERATURE_TRIES = 3

_log = logging.getLogger('k4a_ros.device')
_T = TypeVar('_T')


class DeviceCamera(Camera):
    """
    A camera on USB.

    It is opened at once, and streams from `start` to `stop`, again if need be. ``config`` may be
    set to another one between `stop` and `start`: that is faster than opening the camera anew.

    Each of the two reads may be called by one thread, the other methods by any. No native call
    takes longer than a tenth of a second, and none is under way when the camera is stopped or
    closed. Images stay valid for as long as somebody holds them, also after `close`.

    Color controls stay as they are in the camera, whoever opens it, until it loses power.

    :param config: what to stream.
    :param serial: serial number of the camera, '' for any.
    :param index: number of the camera among those that are plugged in, None for any.
    :param disable_streaming_indicator: leave the light off that shows that the camera streams.
    :param on_control: called with name and value of a control that another one has changed.
    :raises ConfigError: no camera can stream this.
    :raises DeviceNotFoundError: there is no such camera, or it is in use; names those there are.
    :raises CameraLostError: it is gone again.
    :raises CameraError: there is no SDK, or the camera's calibration cannot be used.
    """

    def __init__(
        self, config: CameraConfig, *, serial: str = '', index: int | None = None,
        disable_streaming_indicator: bool = False, on_control: ControlListener | None = None,
    ) -> None:
        super().__init__(on_control)
        _check(config)
        self.config = config
        self._dark = disable_streaming_indicator
        self._handle = open_device(serial, index)
        try:
            self.info = self._handle.info()
            self.calibration = FactoryCalibration.from_raw(self._handle.calibration())
            self._controls = DeviceControls(self._handle)
        except CalibrationError as error:
            self._handle.close()
            raise CameraError(f'cannot use camera {self.info.serial}: {error}') from error
        except BaseException:
            self._handle.close()
            raise
        self._closed = self._streaming = False
        # Whoever makes a native call holds one of these; whoever ends streaming, all of them.
        self._control = threading.RLock()
        self._reading = threading.Lock()
        self._reading_imu = threading.Lock()
        self._sdk = libk4a.library()
        self._samples = np.zeros(_IMU_BATCH, IMU_DTYPE)
        self._no_temperature = 0

    def start(self) -> None:
        """
        Start the cameras, and then the IMU: their clock starts anew with the color camera.

        :raises ConfigError: no camera can stream this.
        :raises CameraLostError: the camera is gone.
        :raises CameraError: it streams already, is closed, or does not start; says why.
        """
        with self._control:
            if self._closed or self._streaming:
                raise CameraError(f'cannot start camera {self.info.serial}: it is '
                                  + ('closed' if self._closed else 'streaming already'))
            _check(self.config)
            self._handle.start_cameras(self.config, disable_streaming_indicator=self._dark)
            if self.config.imu:
                try:
                    self._handle.start_imu()
                except BaseException:
                    self._handle.stop_cameras()
                    raise
            self._streaming = True

    def read(self, timeout: float) -> Capture:
        """
        Return the next capture.

        :raises ReadTimeout: none came in this time.
        :raises CameraLostError: the camera is gone.
        :raises CameraError: the camera is not streaming.
        """
        return self._poll(self._reading, self._next_capture, timeout, 'capture')

    def read_imu(self, timeout: float) -> ImuSamples:
        """
        Return the inertial samples that have come since the last call.

        Parameters and errors as ``read``.
        """
        if not self.config.imu:
            raise CameraError('the IMU is not streaming: it is off in the configuration')
        return self._poll(self._reading_imu, self._next_samples, timeout, 'inertial sample')

    def _poll(
        self, lock: threading.Lock, take: Callable[[int], _T | None], timeout: float, what: str,
    ) -> _T:
        """Wait in short native calls, between which the camera may be stopped."""
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            with lock:
                if not self._streaming:
                    raise CameraError(f'camera {self.info.serial} is not streaming: it has been '
                                      'stopped, or not been started')
                found = take(min(_SLICE_MS, math.ceil(left * 1000)))
            if found is not None:
                return found
            if time.monotonic() >= deadline:
                raise ReadTimeout(
                    f'no {what} came from camera {self.info.serial} in {timeout:g} s')

    def _next_capture(self, timeout_ms: int) -> Capture | None:
        """Return a capture that has an image; None if none came in time."""
        native = self._handle.capture(timeout_ms)
        if native is None:
            return None
        try:
            depth, ir, color = (self._image(name, native) for name in ('depth', 'ir', 'color'))
            if depth is None and ir is None and color is None:
                return None
            return Capture(depth, ir, color, temperature=self._temperature(native))
        finally:
            self._sdk.k4a_capture_release(native)

    def _image(self, name: str, capture: ctypes.c_void_p) -> Image | None:
        handle = getattr(self._sdk, f'k4a_capture_get_{name}_image')(capture)
        if not handle:
            return None
        native = libk4a.NativeImage(handle)
        data = shaped(native.array(), self.config, color=name == 'color')
        if data is None:
            _log.warning('Left out a %s image of %d bytes, which is not its size', name,
                         native.size)
            return None
        arrival = arrival_ns(native.system_ns, time.monotonic_ns(), time.time_ns())
        if name != 'color':
            return Image(data, native.device_us, arrival)
        return Image(data, native.device_us, arrival, exposure_us=native.exposure_us(),
                     white_balance=native.white_balance(), iso_speed=native.iso_speed())

    def _temperature(self, capture: ctypes.c_void_p) -> float:
        """Return the camera's temperature; cameras without one log a warning at each question."""
        if self._no_temperature >= _TEMPERATURE_TRIES:
            return math.nan
        celsius = float(self._sdk.k4a_capture_get_temperature_c(capture))
        if math.isfinite(celsius) and celsius != 0.0:
            return celsius
        self._no_temperature += 1
        return math.nan

    def _next_samples(self, timeout_ms: int) -> ImuSamples | None:
        count = self._handle.samples(self._samples, timeout_ms)
        return imu_samples(self._samples[:count], 0) if count else None

    def controls(self) -> Mapping[str, ControlRange]:
        """Return the controls that this camera reports, with its own ranges."""
        with self._control:
            return self._controls.ranges()

    def get_control(self, name: str) -> float | bool:
        """
        Return the value that a control has now; in automatic mode, what the camera has chosen.

        :raises ConfigError: there is none of this name, or it cannot be read.
        """
        with self._control:
            self._check_open(name)
            return self._controls.get(name)

    def set_control(self, name: str, value: float | bool) -> float | bool:
        """
        Set a control, and return the value that the camera now has.

        The camera rounds lengths of exposure up to one that its sensor has. A value ends the
        automatic mode. What changes besides ``name`` is told to ``on_control``.

        :raises ConfigError: there is none of this name, it cannot have this value, or the camera
            refuses it.
        """
        with self._control:
            self._check_open(name)
            values = self._controls.change(name, value)
        for other, now in values.items():
            if other != name:
                self._report_control(other, now)
        return values[name]

    def sync_jacks(self) -> SyncJacks | None:
        """Return the state of the synchronization jacks; None where it cannot be read."""
        with self._control:
            return None if self._closed else self._handle.jacks()

    def usb_errors(self) -> UsbErrors:
        """Return what has gone wrong on USB since the process began."""
        return USB.now()

    def _check_open(self, name: str) -> None:
        if self._closed:
            raise ConfigError(f'{name}: camera {self.info.serial} is closed')

    def stop(self) -> None:
        """Stop the IMU, and then the cameras; returns when no read is under way any more."""
        with self._control:
            streaming, self._streaming = self._streaming, False
            if not streaming:
                return
            with self._reading, self._reading_imu:
                if self.config.imu:
                    self._handle.stop_imu()
                self._handle.stop_cameras()

    def close(self) -> None:
        """Stop, and close the camera; may be called twice."""
        with self._control:
            self.stop()
            self._closed = True
            self._handle.close()


def _check(config: CameraConfig) -> None:
    found = validate(config)
    if found:
        raise ConfigError(*found)


def arrival_ns(system_ns: int, monotonic_ns: int, realtime_ns: int) -> int:
    """
    Return when an image arrived at the host, CLOCK_MONOTONIC, nanoseconds.

    Microsoft's library stamps with CLOCK_MONOTONIC, Orbbec's with the time of day in whole
    milliseconds. Only one of the two can have been within the last seconds.

    :param system_ns: k4a_image_get_system_timestamp_nsec.
    :param monotonic_ns: CLOCK_MONOTONIC now; returned where the stamp is of neither clock.
    :param realtime_ns: CLOCK_REALTIME now.
    """
    if 0 <= monotonic_ns - system_ns < _OLDEST:
        return system_ns
    if 0 <= realtime_ns - system_ns < _OLDEST:
        return monotonic_ns - (realtime_ns - system_ns)
    return monotonic_ns


def shaped(
    data: npt.NDArray[np.uint8], config: CameraConfig, *, color: bool,
) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | None:
    """
    Return an image's bytes in the shape that `Image` promises, as a view.

    :param data: (N,) the image as the SDK has it; it may have padding at its end.
    :param color: whether it is the color image, or depth or infrared.
    :return: None if there are too few bytes.
    """
    if color and config.color_format is ColorFormat.MJPG:
        return data if len(data) else None
    width, height = (config.color_resolution if color else config.depth_mode).size
    shape: tuple[int, ...] = (height, width, 2)
    if color and config.color_format is ColorFormat.NV12:
        shape = (height * 3 // 2, width)
    elif color and config.color_format is ColorFormat.BGRA32:
        shape = (height, width, 4)
    size = math.prod(shape)
    if len(data) < size:
        return None
    found = data[:size].reshape(shape)
    return found if color else found.view('<u2')[..., 0]
