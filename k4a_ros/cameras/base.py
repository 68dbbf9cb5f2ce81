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

"""What every camera promises, be it a device, a recording or a simulation."""

from __future__ import annotations

import abc
from collections.abc import Callable
from collections.abc import Mapping
import contextlib
from dataclasses import dataclass
from dataclasses import field
import re

from k4a_ros.body.tracker import BodyTracker
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.cameras.controls import ControlRange
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import ConfigError


#: called with name and value of a control that a camera has changed by itself
ControlListener = Callable[[str, float | bool], None]


@dataclass(frozen=True)
class DeviceInfo:
    """Who the camera is. Firmware versions are empty where they are not known."""

    kind: str
    serial: str
    source: str = ''
    firmware: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SyncJacks:
    """Whether a cable is in each of the two synchronization jacks."""

    sync_in: bool
    sync_out: bool


@dataclass(frozen=True)
class UsbErrors:
    """
    What has gone wrong on USB since the process began, as far as one can tell from outside.

    ``reported`` is how many warnings and errors about USB the SDK has logged, of which one trouble
    can cause several; ``failed_calls`` how many calls to a camera have failed as they do when it
    does not answer; ``last`` what was said last, '' for nothing.
    """

    reported: int = 0
    failed_calls: int = 0
    last: str = ''


def is_serial(wanted: str, actual: str) -> bool:
    """
    Return whether the serial number that somebody typed is that of a camera.

    A serial number is all digits, and on the way through YAML and the command line of ROS a text
    of digits becomes a number: leading zeros are lost, and where no digit is above 7, a leading
    zero makes it octal (rcl_yaml_param_parser reads 000123456712 as 21913034).
    """
    if wanted.lstrip('0') == actual.lstrip('0'):
        return True
    return bool(re.fullmatch('0[0-7]+', actual)) and wanted == str(int(actual, 8))


class Camera(contextlib.AbstractContextManager['Camera']):
    """
    An open camera.

    ``read`` is called by one thread and ``read_imu`` by another; ``set_control``, ``stop`` and
    ``close`` may be called by a third at any time. After ``stop`` both reads return or raise at
    once. ``close`` may be called twice.

    ``lossless``: the camera waits for whoever reads it (a recording) instead of dropping what
    was not read in time (a device); its reader must then not drop either.
    ``lockstep``: moreover it gives the next capture as soon as it is asked, so its reader asks
    only when the last one has arrived everywhere; it may change while streaming.

    :param on_control: called when the camera has changed a control by itself, in the thread that
        caused the change; default: no-op.
    """

    info: DeviceInfo
    config: CameraConfig
    calibration: FactoryCalibration
    lossless: bool = False
    lockstep: bool = False

    def __init__(self, on_control: ControlListener | None = None) -> None:
        self._on_control = on_control

    def _report_control(self, name: str, value: float | bool) -> None:
        """Tell the listener that a control has changed by itself."""
        if self._on_control is not None:
            self._on_control(name, value)

    @abc.abstractmethod
    def start(self) -> None:
        """
        Start streaming ``config``.

        :raises CameraError: the camera does not start.
        """

    @abc.abstractmethod
    def read(self, timeout: float) -> Capture:
        """
        Return the next capture.

        :param timeout: seconds to wait for it at most.
        :raises ReadTimeout: nothing came in that time.
        :raises EndOfRecording: there will be no more.
        :raises CameraLostError: the camera is gone.
        """

    @abc.abstractmethod
    def read_imu(self, timeout: float) -> ImuSamples:
        """
        Return the inertial samples that have come since the last call, at least one.

        Parameters and errors as ``read``.
        """

    def controls(self) -> Mapping[str, ControlRange]:
        """Return the controls that this camera has, by the names of their parameters."""
        return {}

    def get_control(self, name: str) -> float | bool:
        """
        Return the value that a control has now.

        :raises ConfigError: this camera has no such control.
        """
        raise ConfigError(f'{name} cannot be read: a {self.info.kind} has no such control')

    def sync_jacks(self) -> SyncJacks | None:
        """Return the state of the synchronization jacks; None where there are none."""
        return None

    def usb_errors(self) -> UsbErrors | None:
        """Return what has gone wrong on USB, also of a camera that is closed; None without USB."""
        return None

    def set_control(self, name: str, value: float | bool) -> float | bool:
        """
        Change one control while streaming, and return the value that the camera now has.

        :raises ConfigError: this camera has no such control, or not that value.
        """
        raise ConfigError(f'{name} cannot be set: a {self.info.kind} has no such control')

    def open_ground_truth_tracker(self) -> BodyTracker:
        """
        Return a body tracker that knows the true poses of the people in view.

        :raises BodyTrackingError: this camera does not know them, or streams no depth images.
        """
        raise BodyTrackingError(
            f'the true poses of people are not known for a {self.info.kind}, only for a simulated '
            'camera; set body_tracking_backend to auto')

    @abc.abstractmethod
    def stop(self) -> None:
        """Stop streaming."""

    @abc.abstractmethod
    def close(self) -> None:
        """Stop, and release everything."""

    def __exit__(self, *_: object) -> None:
        """Close the camera."""
        self.close()
