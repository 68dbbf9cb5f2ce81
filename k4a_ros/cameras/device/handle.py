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
One open device handle of libk4a: which calls go through pyk4a, and which through ctypes.

pyk4a opens and closes the camera, starts and stops it, sets controls, and reads the jacks. It is
created with ``thread_safe=False``, its name for releasing the interpreter lock in native calls.
Where pyk4a 1.5.0 is unsuitable, ctypes calls the same library with the same handle:

- captures: pyk4a leaks one k4a_capture_t for each, reads the camera's calibration before the
  first, has no temperature, and holds the interpreter lock while it reads metadata;
- images: a missing image steals a reference to ``None``, which crashes Python before 3.12;
- IMU samples: so does a timeout; besides, each of 1666 samples a second becomes a dictionary;
- ranges of controls: a failed query steals a reference to ``None``, others one to ``True``;
- values of controls: a failed query is reported as the value 0 in automatic mode;
- serial number: pyk4a returns without the interpreter lock, and crashes, if the camera is
  unplugged between its two native calls;
- calibration: pyk4a reads past the end of a calibration without a terminating NUL;
- firmware versions: not available in pyk4a.

Of the remaining calls, only a failed ``open`` steals a reference to ``None``; it is restored here.

Every call is registered in `NATIVE_CALLS` while it runs, so that one that hangs can be named.
"""

from __future__ import annotations

import ctypes
from ctypes import byref
from dataclasses import dataclass
import sys
from typing import Any
from typing import cast

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

#: k4a_color_control_mode_t: K4A_COLOR_CONTROL_MODE_AUTO
_AUTO = 0
#: name of the PyCapsule in which pyk4a keeps a k4a_device_t
_CAPSULE = b'pyk4a device handle'

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
        import pyk4a
        self._failure = pyk4a.K4AException
        self._config = cast(Any, pyk4a.Config())
        self._camera = cast(Any, pyk4a.PyK4A(
            self._config, device_id=index, thread_safe=False))
        with _native('k4a_device_open'), log_lines(quiet=True) as lines:
            try:
                self._camera.open()
            except self._failure:
                _restore_none_reference()
                raise OpenError(
                    index, _counted(explain(lines), f'cannot open camera {index}')) from None
        self._handle = _native_handle(self._camera._device_handle)
        self.index = index

    def close(self) -> None:
        """Close the camera; may be called twice."""
        if self._camera.opened:
            with _native('k4a_device_close'):
                self._camera.close()

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
        with _native('k4a_device_get_sync_jack'):
            try:
                return SyncJacks(*self._camera.sync_jack_status)
            except self._failure:
                return None

    def start_cameras(self, config: CameraConfig, *, disable_streaming_indicator: bool) -> None:
        """
        Start the cameras.

        :raises CameraLostError: the camera is disconnected.
        :raises CameraError: it cannot be started; the message says why.
        """
        native = self._config
        native.color_format = config.color_format
        native.color_resolution = config.color_resolution
        native.depth_mode = config.depth_mode
        native.camera_fps = FPS_CODES[config.fps]
        native.synchronized_images_only = config.synchronized_images_only
        native.depth_delay_off_color_usec = config.depth_delay_off_color_usec
        native.wired_sync_mode = config.wired_sync_mode
        native.subordinate_delay_off_master_usec = config.subordinate_delay_off_master_usec
        native.disable_streaming_indicator = disable_streaming_indicator
        self._start('k4a_device_start_cameras', self._camera._start_cameras, str(config))

    def start_imu(self) -> None:
        """
        Start the IMU; the cameras must be running.

        :raises CameraLostError: the camera is disconnected.
        :raises CameraError: it cannot be started; the message says why.
        """
        self._start('k4a_device_start_imu', self._camera._start_imu, 'the IMU')

    def _start(self, name: str, function: Any, what: str) -> None:
        with _native(name), log_lines() as lines:
            try:
                function()
            except self._failure:
                explanation = explain(lines)
                text = f'camera {self.index} cannot start {what}: {explanation.hint}'
                if explanation.disconnected:
                    raise _lost(text, explanation) from None
                raise CameraError(text, explanation.reasons) from None

    def stop_imu(self) -> None:
        """Stop the IMU; no-op if it is not running."""
        with _native('k4a_device_stop_imu'):
            self._camera._stop_imu()

    def stop_cameras(self) -> None:
        """
        Stop the cameras; no-op if they are not running.

        References to images do not delay this: on Linux the SDK copies every frame out of the USB
        buffers (uvc_camerareader.cpp), and the remark in k4a.h about waiting for images applies
        to Windows.
        """
        with _native('k4a_device_stop_cameras'):
            self._camera._stop_cameras()

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
            try:
                self._camera._set_color_control(command, value, 0 if auto else 1)
            except self._failure:
                explanation = _counted(explain(lines), 'cannot set a control')
                raise CameraError(explanation.hint, explanation.reasons) from None


def _lost(text: str, explanation: Explanation) -> CameraLostError:
    """Count a call that failed because the camera is lost, and return the exception to raise."""
    USB_COUNTER.add_failed_call(text)
    return CameraLostError(text, explanation.reasons)


def _counted(explanation: Explanation, what: str) -> Explanation:
    """Count a failed call if the camera is disconnected, and return its explanation."""
    if explanation.disconnected:
        USB_COUNTER.add_failed_call(f'{what}: {explanation.hint}')
    return explanation


def _native_handle(capsule: object) -> int:
    """Return the k4a_device_t in pyk4a's PyCapsule."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    address = ctypes.cast(pointer(capsule, _CAPSULE), ctypes.POINTER(ctypes.c_void_p))
    return int(address.contents.value or 0)


def _restore_none_reference() -> None:
    """Restore the reference to None that a failed call of pyk4a has stolen (since pyk4a 1.0)."""
    if sys.version_info < (3, 12):
        increment = ctypes.pythonapi.Py_IncRef
        increment.restype, increment.argtypes = None, (ctypes.py_object,)
        increment(None)
