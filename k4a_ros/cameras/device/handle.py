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
One open handle of libk4a: which call goes through pyk4a, and which through ctypes.

pyk4a opens and closes the camera, starts and stops it, sets controls and asks for the jacks. It is
told not to be "thread-safe", which is its word for holding the interpreter lock in native calls.
Where pyk4a 1.5.0 does not do the job, ctypes calls the same library with the same handle:

- captures: pyk4a leaks one k4a_capture_t with each, asks the camera for its calibration before
  the first, and has neither its temperature nor, while it runs, the lock released for metadata;
- images: an absent one takes a reference from ``None``, which kills Python before 3.12;
- inertial samples: so does a time-out; moreover each of 1666 a second becomes a dictionary;
- capabilities of controls: a failing query takes a reference from ``None``, others from ``True``;
- values of controls: a failing query is reported as the value 0 in automatic mode;
- serial number: pyk4a returns without the interpreter lock, which crashes, where the camera is
  unplugged between its two native calls;
- calibration: pyk4a reads past a calibration that has no terminating NUL;
- firmware versions: pyk4a has none.

Of what remains, only a failed ``open`` takes a reference from ``None``; it is given back here.
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
from k4a_ros.cameras.device.error_hints import Problem
from k4a_ros.cameras.device.error_hints import USB
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraLostError
from k4a_ros.sdk import libk4a
import numpy as np

#: k4a_color_control_mode_t
_AUTO = 0
_CAPSULE = b'pyk4a device handle'
_EACH_SAMPLE = 48

libk4a.listen(USB.hear)


class OpenError(CameraError):
    """A camera that is there does not open; ``problem`` says why."""

    def __init__(self, index: int, problem: Problem) -> None:
        super().__init__(f'cannot open camera {index}: {problem.text}')
        self.problem = problem


@dataclass(frozen=True)
class Capability:
    """What k4a_device_get_color_control_capabilities says of one control."""

    supports_auto: bool
    minimum: int
    maximum: int
    step: int
    default: int
    default_auto: bool


class DeviceHandle:
    """
    An open camera, as the SDK has it; whoever uses it sees to the order of calls and to threads.

    :param index: the camera's number among those that are plugged in.
    :raises OpenError: it does not open.
    :raises CameraError: there is no SDK.
    """

    def __init__(self, index: int) -> None:
        self._sdk = libk4a.library()
        import pyk4a
        self._failure = pyk4a.K4AException
        self._config = cast(Any, pyk4a.Config())
        self._camera = cast(Any, pyk4a.PyK4A(
            self._config, device_id=index, thread_safe=False))
        with libk4a.log_lines(quiet=True) as lines:
            try:
                self._camera.open()
            except self._failure:
                _give_none_back()
                raise OpenError(index, _noted(explain(lines), 'it does not open')) from None
        self._handle = _native(self._camera._device_handle)
        self.index = index

    def close(self) -> None:
        """Close the camera; may be called twice."""
        if self._camera.opened:
            self._camera.close()

    def serial(self) -> str:
        """
        Return the serial number.

        :raises CameraLostError: it cannot be read.
        """
        return self._text('k4a_device_get_serialnum', 'serial number').decode(errors='replace')

    def calibration(self) -> bytes:
        """
        Return the raw factory calibration.

        :raises CameraLostError: it cannot be read.
        """
        return self._text('k4a_device_get_raw_calibration', 'factory calibration')

    def _text(self, function: str, what: str) -> bytes:
        with libk4a.log_lines() as lines:
            text = libk4a.text(getattr(self._sdk, function), self._handle)
        if not text:
            raise _lost(f'cannot read the {what} of camera {self.index}: {explain(lines).text}')
        return text

    def firmware(self) -> dict[str, str]:
        """Return the firmware versions, none where the camera does not tell them."""
        found = libk4a.HardwareVersion()
        if self._sdk.k4a_device_get_version(self._handle, byref(found)) != libk4a.SUCCEEDED:
            return {}
        versions = {name: getattr(found, name) for name in ('color', 'depth', 'audio')}
        texts = {name: f'{v.major}.{v.minor}.{v.iteration}' for name, v in versions.items()}
        return texts | {'depth_sensor': f'{found.depth_sensor.major}.{found.depth_sensor.minor}'}

    def info(self) -> DeviceInfo:
        """
        Return who the camera is.

        :raises CameraLostError: it cannot be read.
        """
        return DeviceInfo('device', self.serial(), str(self.index), self.firmware())

    def jacks(self) -> SyncJacks | None:
        """Return the state of the synchronization jacks; None where it cannot be read."""
        try:
            return SyncJacks(*self._camera.sync_jack_status)
        except self._failure:
            return None

    def start_cameras(self, config: CameraConfig, *, disable_streaming_indicator: bool) -> None:
        """
        Start the cameras.

        :raises CameraLostError: the camera is gone.
        :raises CameraError: it does not start; says why.
        """
        wanted = self._config
        wanted.color_format = config.color_format
        wanted.color_resolution = config.color_resolution
        wanted.depth_mode = config.depth_mode
        wanted.camera_fps = FPS_CODES[config.fps]
        wanted.synchronized_images_only = config.synchronized_images_only
        wanted.depth_delay_off_color_usec = config.depth_delay_off_color_usec
        wanted.wired_sync_mode = config.wired_sync_mode
        wanted.subordinate_delay_off_master_usec = config.subordinate_delay_off_master_usec
        wanted.disable_streaming_indicator = disable_streaming_indicator
        self._start(self._camera._start_cameras, str(config))

    def start_imu(self) -> None:
        """
        Start the IMU; the cameras must run.

        :raises CameraLostError: the camera is gone.
        :raises CameraError: it does not start; says why.
        """
        self._start(self._camera._start_imu, 'the IMU')

    def _start(self, function: Any, what: str) -> None:
        with libk4a.log_lines() as lines:
            try:
                function()
            except self._failure:
                problem = explain(lines)
                text = f'camera {self.index} does not start {what}: {problem.text}'
                raise (_lost(text) if problem.gone else CameraError(text)) from None

    def stop_imu(self) -> None:
        """Stop the IMU, if it runs."""
        self._camera._stop_imu()

    def stop_cameras(self) -> None:
        """
        Stop the cameras, if they run.

        Images that somebody still holds do not delay this: on Linux the SDK copies every frame
        out of the USB buffers (uvc_camerareader.cpp), and what k4a.h says about waiting for them
        is about Windows.
        """
        self._camera._stop_cameras()

    def capture(self, timeout_ms: int) -> ctypes.c_void_p | None:
        """
        Return the next k4a_capture_t, to be released by the caller; None if none came in time.

        :raises CameraLostError: the camera is gone.
        """
        capture = ctypes.c_void_p()
        with libk4a.log_lines() as lines:
            result = self._sdk.k4a_device_get_capture(self._handle, byref(capture), timeout_ms)
        if result == libk4a.SUCCEEDED:
            return capture
        self._check(result, 'captures', lines)
        return None

    def samples(self, into: np.ndarray[tuple[int], np.dtype[np.void]], timeout_ms: int) -> int:
        """
        Read the inertial samples that are there, waiting for the first one.

        :param into: (N,) IMU_DTYPE, contiguous, to be filled from its start.
        :return: how many came.
        :raises CameraLostError: the camera is gone, and no sample is left.
        """
        address, read = into.ctypes.data, self._sdk.k4a_device_get_imu_sample
        with libk4a.log_lines() as lines:
            result = read(self._handle, address, timeout_ms)
            count = 0
            while result == libk4a.SUCCEEDED:
                count += 1
                if count == len(into):
                    break
                result = read(self._handle, address + count * _EACH_SAMPLE, 0)
        if not count:
            self._check(result, 'inertial samples', lines)
        return count

    def _check(self, result: int, what: str, lines: list[str]) -> None:
        if result != libk4a.WAIT_TIMEOUT:
            raise _lost(
                f'camera {self.index} does not deliver {what} any more: {explain(lines).text}')

    def capability(self, command: int) -> Capability | None:
        """Return what a control can be set to; None where the camera has no such control."""
        auto, mode = ctypes.c_bool(), ctypes.c_int()
        low, high, step, default = (ctypes.c_int32() for _ in range(4))
        with libk4a.log_lines(quiet=True):
            result = self._sdk.k4a_device_get_color_control_capabilities(
                self._handle, command, byref(auto), byref(low), byref(high), byref(step),
                byref(default), byref(mode))
        if result != libk4a.SUCCEEDED:
            return None
        return Capability(auto.value, low.value, high.value, max(1, step.value), default.value,
                          mode.value == _AUTO)

    def control(self, command: int) -> tuple[int, bool]:
        """
        Return the value of a control, and whether the camera chooses it.

        :raises CameraError: it cannot be read; says why.
        """
        mode, value = ctypes.c_int(), ctypes.c_int32()
        with libk4a.log_lines() as lines:
            result = self._sdk.k4a_device_get_color_control(
                self._handle, command, byref(mode), byref(value))
        if result != libk4a.SUCCEEDED:
            raise CameraError(_noted(explain(lines), 'a control cannot be read').text)
        return value.value, mode.value == _AUTO

    def set_control(self, command: int, value: int, *, auto: bool) -> None:
        """
        Set a control, or let the camera choose its value.

        :raises CameraError: the camera refuses; says why.
        """
        with libk4a.log_lines() as lines:
            try:
                self._camera._set_color_control(command, value, 0 if auto else 1)
            except self._failure:
                raise CameraError(
                    _noted(explain(lines), 'a control cannot be set').text) from None


def _lost(text: str) -> CameraLostError:
    """Count a call that has failed because the camera is gone, and return the error."""
    USB.failed(text)
    return CameraLostError(text)


def _noted(problem: Problem, what: str) -> Problem:
    """Count a call that has failed, if that is because the camera is gone."""
    if problem.gone:
        USB.failed(f'{what}: {problem.text}')
    return problem


def _native(capsule: object) -> int:
    """Return the k4a_device_t in pyk4a's capsule."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    address = ctypes.cast(pointer(capsule, _CAPSULE), ctypes.POINTER(ctypes.c_void_p))
    return int(address.contents.value or 0)


def _give_none_back() -> None:
    """Give None back the reference that a failing call of pyk4a took (it does since 1.0)."""
    if sys.version_info < (3, 12):
        increment = ctypes.pythonapi.Py_IncRef
        increment.restype, increment.argtypes = None, (ctypes.py_object,)
        increment(None)
