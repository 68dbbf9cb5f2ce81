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
One open device handle of libk4a, and all calls of it.

Every call is registered in `NATIVE_CALLS` while it runs, so that one that hangs can be named.
"""

from __future__ import annotations

import ctypes
from ctypes import byref
from dataclasses import dataclass

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import FPS_CODES
from k4a_ros.cameras.base import DeviceInfo
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.device.error_hints import explain
from k4a_ros.cameras.device.error_hints import Explanation
from k4a_ros.cameras.device.usb_errors import USB_COUNTER
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import StreamFailedError
from k4a_ros.process.native_calls import NATIVE_CALLS
from k4a_ros.sdk import abi
from k4a_ros.sdk import libk4a
from k4a_ros.sdk.log import add_log_listener
from k4a_ros.sdk.log import log_lines
import numpy as np

_native = NATIVE_CALLS.running

#: k4a_color_control_mode_t
_AUTO, _MANUAL = 0, 1

add_log_listener(USB_COUNTER.add_log_line)


class OpenError(DeviceNotFoundError):
    """A connected camera cannot be opened; ``hint`` says why and what to do."""

    def __init__(self, index: int, explanation: Explanation) -> None:
        super().__init__(
            f'cannot open camera {index}: {explanation.hint}', explanation.reasons)
        self.hint = explanation.hint


@dataclass(frozen=True)
class Capability:
    """Range of a control, as k4a_device_get_color_control_capabilities returns it."""

    supports_auto: bool
    minimum: int
    maximum: int
    step: int
    default: int
    default_auto: bool


class DeviceHandle:
    """
    An open camera of the SDK; the caller is responsible for the order of calls and for locking.

    :param index: index among the connected cameras.
    :raises OpenError: the camera cannot be opened.
    :raises CameraError: the SDK is not installed.
    """

    def __init__(self, index: int) -> None:
        self._sdk = libk4a.library()
        handle = ctypes.c_void_p()
        with _native('k4a_device_open'), log_lines(quiet=True) as lines:
            result = self._sdk.k4a_device_open(index, byref(handle))
        if result != abi.SUCCEEDED:
            raise OpenError(index, _counted(explain(lines), f'cannot open camera {index}'))
        self._handle: int | None = handle.value
        self.index = index

    def close(self) -> None:
        """Close the camera; may be called twice."""
        if self._handle is not None:
            with _native('k4a_device_close'):
                self._sdk.k4a_device_close(self._handle)
            self._handle = None

    def serial(self) -> str:
        """
        Return the serial number.

        :raises CameraLostError: it cannot be read.
        """
        return self._read_bytes('k4a_device_get_serialnum', 'serial number').decode(
            errors='replace')

    def calibration(self) -> bytes:
        """
        Return the raw factory calibration.

        :raises CameraLostError: it cannot be read.
        """
        return self._read_bytes('k4a_device_get_raw_calibration', 'factory calibration')

    def _read_bytes(self, function: str, what: str) -> bytes:
        with _native(function), log_lines() as lines:
            content = libk4a.read_bytes(getattr(self._sdk, function), self._handle)
        if not content:
            explanation = explain(lines)
            raise _lost(
                f'cannot read the {what} of camera {self.index}: {explanation.hint}', explanation)
        return content

    def firmware(self) -> dict[str, str]:
        """Return the firmware versions by component; empty if the camera does not report them."""
        found = abi.HardwareVersion()
        with _native('k4a_device_get_version'):
            result = self._sdk.k4a_device_get_version(self._handle, byref(found))
        if result != abi.SUCCEEDED:
            return {}
        versions = {name: getattr(found, name) for name in ('color', 'depth', 'audio')}
        texts = {name: f'{v.major}.{v.minor}.{v.iteration}' for name, v in versions.items()}
        return texts | {'depth_sensor': f'{found.depth_sensor.major}.{found.depth_sensor.minor}'}

    def info(self) -> DeviceInfo:
        """
        Return the camera identity.

        :raises CameraLostError: it cannot be read.
        """
        return DeviceInfo('device', self.serial(), str(self.index), self.firmware())

    def jacks(self) -> SyncJacks | None:
        """Return the state of the synchronization jacks; None if it cannot be read."""
        sync_in, sync_out = ctypes.c_bool(), ctypes.c_bool()
        with _native('k4a_device_get_sync_jack'):
            result = self._sdk.k4a_device_get_sync_jack(
                self._handle, byref(sync_in), byref(sync_out))
        if result != abi.SUCCEEDED:
            return None
        return SyncJacks(sync_in.value, sync_out.value)

    def start_cameras(self, config: CameraConfig, *, disable_streaming_indicator: bool) -> None:
        """
        Start the cameras.

        :raises CameraLostError: the camera is disconnected.
        :raises CameraError: it cannot be started; the message says why.
        """
        native = abi.DeviceConfiguration(
            color_format=config.color_format, color_resolution=config.color_resolution,
            depth_mode=config.depth_mode, camera_fps=FPS_CODES[config.fps],
            synchronized_images_only=config.synchronized_images_only,
            depth_delay_off_color_usec=config.depth_delay_off_color_usec,
            wired_sync_mode=config.wired_sync_mode,
            subordinate_delay_off_master_usec=config.subordinate_delay_off_master_usec,
            disable_streaming_indicator=disable_streaming_indicator)
        self._start('k4a_device_start_cameras', str(config), byref(native))

    def start_imu(self) -> None:
        """
        Start the IMU; the cameras must be running.

        :raises CameraLostError: the camera is disconnected.
        :raises CameraError: it cannot be started; the message says why.
        """
        self._start('k4a_device_start_imu', 'the IMU')

    def _start(self, name: str, what: str, *arguments: object) -> None:
        with _native(name), log_lines() as lines:
            result = getattr(self._sdk, name)(self._handle, *arguments)
        if result == abi.SUCCEEDED:
            return
        explanation = explain(lines)
        text = f'camera {self.index} cannot start {what}: {explanation.hint}'
        if explanation.disconnected:
            raise _lost(text, explanation)
        raise CameraError(text, explanation.reasons)

    def stop_imu(self) -> None:
        """Stop the IMU; no-op if it is not running."""
        with _native('k4a_device_stop_imu'):
            self._sdk.k4a_device_stop_imu(self._handle)

    def stop_cameras(self) -> None:
        """
        Stop the cameras; no-op if they are not running.

        References to images do not delay this: on Linux the SDK copies every frame out of the USB
        buffers (uvc_camerareader.cpp), and the remark in k4a.h about waiting for images applies
        to Windows.
        """
        with _native('k4a_device_stop_cameras'):
            self._sdk.k4a_device_stop_cameras(self._handle)

    def capture(self, timeout_ms: int) -> ctypes.c_void_p | None:
        """
        Return the next k4a_capture_t, which the caller must release; None after the timeout.

        :raises CameraLostError: the camera is disconnected.
        """
        capture = ctypes.c_void_p()
        with _native('k4a_device_get_capture'), log_lines() as lines:
            result = self._sdk.k4a_device_get_capture(self._handle, byref(capture), timeout_ms)
        if result == abi.SUCCEEDED:
            return capture
        if result == abi.WAIT_TIMEOUT:
            return None
        explanation = self._explain_read(lines)
        raise _lost(
            f'camera {self.index} stopped delivering captures: {explanation.hint}', explanation)

    def _explain_read(self, lines: list[str]) -> Explanation:
        """Return why a read failed; if its log does not tell, ask if the camera is there."""
        explanation = explain(lines)
        if explanation.reasons:
            return explanation
        with log_lines(quiet=True) as lines:
            self.firmware()
        without_camera = explain(lines)
        return without_camera if without_camera.disconnected else explanation

    def samples(self, out: np.ndarray[tuple[int], np.dtype[np.void]], timeout_ms: int) -> int:
        """
        Read the IMU samples in the SDK's queue, waiting for the first one.

        :param out: (N,) IMU_DTYPE, contiguous; filled from its start.
        :return: number of samples, 0 after the timeout.
        :raises CameraLostError: the camera is disconnected, and the queue is empty.
        :raises StreamFailedError: the IMU failed, and the queue is empty.
        """
        address, read = out.ctypes.data, self._sdk.k4a_device_get_imu_sample
        with _native('k4a_device_get_imu_sample'), log_lines() as lines:
            result = read(self._handle, address, timeout_ms)
            count = 0
            while result == abi.SUCCEEDED:
                count += 1
                if count == len(out):
                    break
                result = read(self._handle, address + count * out.itemsize, 0)
        if count or result == abi.WAIT_TIMEOUT:
            return count
        explanation = self._explain_read(lines)
        text = f'camera {self.index} stopped delivering IMU samples: {explanation.hint}'
        if explanation.disconnected:
            raise _lost(text, explanation)
        raise StreamFailedError(text, explanation.reasons)

    def capability(self, command: int) -> Capability | None:
        """Return the range of a control; None if the camera does not have it."""
        auto, mode = ctypes.c_bool(), ctypes.c_int()
        low, high, step, default = (ctypes.c_int32() for _ in range(4))
        name = 'k4a_device_get_color_control_capabilities'
        with _native(name), log_lines(quiet=True):
            result = self._sdk.k4a_device_get_color_control_capabilities(
                self._handle, command, byref(auto), byref(low), byref(high), byref(step),
                byref(default), byref(mode))
        if result != abi.SUCCEEDED:
            return None
        return Capability(auto.value, low.value, high.value, max(1, step.value), default.value,
                          mode.value == _AUTO)

    def control(self, command: int) -> tuple[int, bool]:
        """
        Return the value of a control, and whether its automatic mode is enabled.

        :raises CameraError: it cannot be read; the message says why.
        """
        mode, value = ctypes.c_int(), ctypes.c_int32()
        with _native('k4a_device_get_color_control'), log_lines() as lines:
            result = self._sdk.k4a_device_get_color_control(
                self._handle, command, byref(mode), byref(value))
        if result != abi.SUCCEEDED:
            explanation = _counted(explain(lines), 'cannot read a control')
            raise CameraError(explanation.hint, explanation.reasons)
        return value.value, mode.value == _AUTO

    def set_control(self, command: int, value: int, *, auto: bool) -> None:
        """
        Set a control, or enable its automatic mode.

        :raises CameraError: the camera rejects the value; the message says why.
        """
        with _native('k4a_device_set_color_control'), log_lines() as lines:
            result = self._sdk.k4a_device_set_color_control(
                self._handle, command, _AUTO if auto else _MANUAL, value)
        if result != abi.SUCCEEDED:
            explanation = _counted(explain(lines), 'cannot set a control')
            raise CameraError(explanation.hint, explanation.reasons)


def _lost(text: str, explanation: Explanation) -> CameraLostError:
    """Count a call that failed because the camera is lost, and return the exception to raise."""
    USB_COUNTER.add_failed_call(text)
    return CameraLostError(text, explanation.reasons)


def _counted(explanation: Explanation, what: str) -> Explanation:
    """Count a failed call if the camera is disconnected, and return its explanation."""
    if explanation.disconnected:
        USB_COUNTER.add_failed_call(f'{what}: {explanation.hint}')
    return explanation
