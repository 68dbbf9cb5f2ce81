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
A physical camera: the Azure Kinect DK, or another camera with the ABI of libk4a.

Differences between them are detected from what the camera does, not from its vendor: which
controls it reports, which clock its images are stamped with, whether it measures its temperature.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import ctypes
import logging
import math
import threading
import time
from typing import TypeVar

from k4a_ros.audio.source import AudioSource
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import validate
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import ControlListener
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.base import UsbErrors
from k4a_ros.cameras.controls import ControlRange
from k4a_ros.cameras.device.controls import DeviceControls
from k4a_ros.cameras.device.discovery import open_device
from k4a_ros.cameras.device.images import arrival_ns
from k4a_ros.cameras.device.images import shaped
from k4a_ros.cameras.device.usb_errors import USB_COUNTER
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import ReadTimeout
from k4a_ros.errors import StreamFailedError
from k4a_ros.process.native_calls import NATIVE_CALLS
from k4a_ros.sdk import libk4a
from k4a_ros.sdk.imu_samples import IMU_DTYPE
from k4a_ros.sdk.imu_samples import imu_samples
import numpy as np

#: maximum duration of a native call, which `stop` may have to wait for
_MAX_CALL_MS = 100
#: how long controls wait for another call to end: usually for the camera to start or stop
_MAX_WAIT_S = 2.0
#: maximum number of IMU samples of one read; the SDK queues 833, half a second
_MAX_IMU_SAMPLES = 1024
#: after this many captures without a temperature, the camera is assumed not to measure it
_TEMPERATURE_ATTEMPTS = 3

_log = logging.getLogger('k4a_ros.device')
_T = TypeVar('_T')


class DeviceCamera(Camera):
    """
    A camera connected by USB.

    The constructor opens it; it streams from `start` to `stop`, repeatedly if needed. ``config``
    may be changed between `stop` and `start`, which is faster than reopening the camera.

    `read` and `read_imu` may each be called from one thread, all other methods from any. A native
    call that reads takes at most 0.1 s, and none is in progress when the camera is stopped or
    closed. Controls wait only so long for another call to end: it may hang for ever. Images remain
    valid as long as they are referenced, even after `close`.

    Color controls keep their values in the camera until it loses power, also while it is closed.

    :param config: what to stream.
    :param serial: serial number of the camera, empty for any.
    :param index: index among the connected cameras, None for any.
    :param disable_streaming_indicator: keep the LED off that indicates streaming.
    :param library_path: libk4a to use; empty for the default, see `k4a_ros.sdk.locate`.
    :param on_control: called with name and value of a control that changed as a side effect.
    :raises ConfigError: no camera supports this configuration.
    :raises DeviceNotFoundError: there is no such camera, or it cannot be opened; lists connected
        cameras.
    :raises CameraLostError: the camera was disconnected while it was opened.
    :raises CameraError: the SDK is not installed, or the camera's calibration is unusable.
    """

    def __init__(
        self, config: CameraConfig, *, serial: str = '', index: int | None = None,
        disable_streaming_indicator: bool = False, library_path: str = '',
        on_control: ControlListener | None = None,
    ) -> None:
        super().__init__(on_control)
        _check(config)
        self.config = config
        self._disable_streaming_indicator = disable_streaming_indicator
        self._sdk = libk4a.load(library_path).sdk
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
        self._imu_error: CameraError | None = None
        # A thread holds one of these locks during a native call; `stop` acquires all of them.
        self._control_lock = threading.RLock()
        self._read_lock = threading.Lock()
        self._imu_lock = threading.Lock()
        self._samples = np.zeros(_MAX_IMU_SAMPLES, IMU_DTYPE)
        self._missing_temperatures = 0

    def start(self) -> None:
        """
        Start the cameras and then the IMU; the device clock starts again with the color camera.

        If only the IMU cannot be started, `read_imu` raises StreamFailedError.

        :raises ConfigError: no camera supports ``config``.
        :raises CameraLostError: the camera is disconnected.
        :raises CameraError: it is streaming, closed, or cannot be started; the message says why.
        """
        with self._control_lock:
            if self._closed or self._streaming:
                raise CameraError(f'cannot start camera {self.info.serial}: it is '
                                  + ('closed' if self._closed else 'already streaming'))
            _check(self.config)
            self._handle.start_cameras(
                self.config, disable_streaming_indicator=self._disable_streaming_indicator)
            if self.config.imu:
                try:
                    self._start_imu()
                except CameraLostError:
                    self._handle.stop_cameras()
                    raise
            self._streaming = True

    def _start_imu(self) -> None:
        """Start the IMU, or keep the error for `read_imu`; raise CameraLostError."""
        self._imu_error = None
        try:
            self._handle.start_imu()
        except CameraLostError:
            raise
        except CameraError as error:
            self._imu_error = error

    def restart_imu(self) -> None:
        """
        Stop and start the IMU while images go on.

        :raises CameraLostError: the camera is disconnected.
        :raises CameraError: the camera is not streaming, or busy.
        :raises StreamFailedError: the IMU cannot be started.
        """
        with self._access('the IMU'), self._imu_lock:
            if not self._streaming:
                raise CameraError(f'cannot restart the IMU: camera {self.info.serial} is not '
                                  'streaming')
            self._handle.stop_imu()
            self._start_imu()
            self._check_imu()

    def _check_imu(self) -> None:
        if self._imu_error is not None:
            raise StreamFailedError(
                str(self._imu_error), self._imu_error.reasons) from self._imu_error

    def read(self, timeout: float) -> Capture:
        """
        Return the next capture.

        :raises ReadTimeout: no capture arrived within the timeout.
        :raises CameraLostError: the camera is disconnected.
        :raises CameraError: the camera is not streaming.
        """
        return self._poll(self._read_lock, self._next_capture, timeout, 'capture')

    def read_imu(self, timeout: float) -> ImuSamples:
        """
        Return the IMU samples that arrived since the last call.

        Parameters and exceptions are those of ``read``.

        :raises StreamFailedError: the IMU could not be started, or failed.
        """
        if not self.config.imu:
            raise CameraError('cannot read the IMU: it is disabled in the configuration')
        self._check_imu()
        return self._poll(self._imu_lock, self._next_samples, timeout, 'IMU sample')

    def _poll(
        self, lock: threading.Lock, take: Callable[[int], _T | None], timeout: float, what: str,
    ) -> _T:
        """Wait for data in short native calls, between which the camera may be stopped."""
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            with lock:
                if not self._streaming:
                    raise CameraError(f'cannot read from camera {self.info.serial}: it is not '
                                      'streaming, start it first')
                found = take(min(_MAX_CALL_MS, math.ceil(left * 1000)))
            if found is not None:
                return found
            if time.monotonic() >= deadline:
                raise ReadTimeout(
                    f'no {what} from camera {self.info.serial} within {timeout:g} s')

    def _next_capture(self, timeout_ms: int) -> Capture | None:
        """Return the next capture; None after the timeout, or if it has no usable image."""
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
            _log.warning('Dropped a %s image of %d bytes: incomplete', name, native.size)
            return None
        arrival = arrival_ns(native.system_ns, time.monotonic_ns(), time.time_ns())
        if name != 'color':
            return Image(data, native.device_us, arrival)
        return Image(data, native.device_us, arrival, exposure_us=native.exposure_us(),
                     white_balance=native.white_balance(), iso_speed=native.iso_speed())

    def _temperature(self, capture: ctypes.c_void_p) -> float:
        """Return the temperature in degrees Celsius; NaN if the camera does not measure it."""
        # A camera without a temperature logs a warning for each query: stop querying it.
        if self._missing_temperatures >= _TEMPERATURE_ATTEMPTS:
            return math.nan
        celsius = float(self._sdk.k4a_capture_get_temperature_c(capture))
        if math.isfinite(celsius) and celsius != 0.0:
            return celsius
        self._missing_temperatures += 1
        return math.nan

    def _next_samples(self, timeout_ms: int) -> ImuSamples | None:
        count = self._handle.samples(self._samples, timeout_ms)
        return imu_samples(self._samples[:count], 0) if count else None

    def controls(self) -> Mapping[str, ControlRange]:
        """Return the controls and ranges that this camera reports."""
        with self._access('its controls'):
            return self._controls.ranges()

    def get_control(self, name: str) -> float | bool:
        """
        Return the current value of a control; in automatic mode, the value chosen by the camera.

        :raises ConfigError: the camera has no such control, is busy, or it cannot be read.
        """
        with self._access(name):
            self._check_open(name)
            return self._controls.get(name)

    def set_control(self, name: str, value: float | bool) -> float | bool:
        """
        Set a control, and return the value that the camera accepted.

        The camera rounds exposure times up to one that its sensor supports. Setting a value
        disables its automatic mode. Side effects are reported to ``on_control``.

        :raises ConfigError: the camera has no such control, the value is invalid, or the camera
            rejects it or is busy.
        """
        with self._access(name):
            self._check_open(name)
            values = self._controls.change(name, value)
        for other, new_value in values.items():
            if other != name:
                self._report_control(other, new_value)
        return values[name]

    def open_microphones(self) -> AudioSource:
        """
        Open the microphones, which are another USB device in the same housing.

        :raises AudioError: the package sounddevice is missing, or they cannot be opened.
        """
        from k4a_ros.audio.portaudio import PortAudioMicrophones
        return PortAudioMicrophones.of_camera(self.info.serial)

    def sync_jacks(self) -> SyncJacks | None:
        """Return the state of the synchronization jacks; None if it cannot be read."""
        with self._access('the sync jacks'):
            return None if self._closed else self._handle.jacks()

    def usb_errors(self) -> UsbErrors:
        """Return the USB errors of all cameras since the process started."""
        return USB_COUNTER.snapshot()

    @contextlib.contextmanager
    def _access(self, what: str) -> Iterator[None]:
        """
        Hold the lock of starting, stopping and controls.

        :raises ConfigError: another call has held it for too long.
        """
        if not self._control_lock.acquire(timeout=_MAX_WAIT_S):
            raise ConfigError(
                f'cannot access {what}: camera {self.info.serial} is busy '
                f'({NATIVE_CALLS.oldest() or "starting or stopping"}); try again, and plug the '
                'camera in anew if that persists')
        try:
            yield
        finally:
            self._control_lock.release()

    def _check_open(self, name: str) -> None:
        if self._closed:
            raise ConfigError(
                f'cannot access {name}: camera {self.info.serial} is closed')

    def stop(self) -> None:
        """Stop the IMU and then the cameras; waits for reads in other threads to return."""
        with self._control_lock:
            streaming, self._streaming = self._streaming, False
            if not streaming:
                return
            with self._read_lock, self._imu_lock:
                if self.config.imu:
                    self._handle.stop_imu()
                self._handle.stop_cameras()

    def close(self) -> None:
        """Stop and close the camera; may be called twice."""
        with self._control_lock:
            self.stop()
            self._closed = True
            self._handle.close()


def _check(config: CameraConfig) -> None:
    problems = validate(config)
    if problems:
        raise ConfigError(*problems)
