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

"""The interface of all cameras: device, recording and simulation."""

from __future__ import annotations

import abc
from collections.abc import Callable
from collections.abc import Mapping
import contextlib
from dataclasses import dataclass
from dataclasses import field
import re

from k4a_ros.audio.source import AudioSource
from k4a_ros.audio.source import RecordedAudio
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.cameras.controls import ControlRange
from k4a_ros.cameras.playback import Playback
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import AudioError
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import EndOfRecording

#: called with name and new value of a control that the camera changed by itself
ControlListener = Callable[[str, float | bool], None]


@dataclass(frozen=True)
class DeviceInfo:
    """
    Camera identity.

    ``source`` is where the camera was opened: its index, its file or its scene. ``firmware`` maps
    components to versions, and is empty if they are unknown.
    """

    kind: str
    serial: str
    source: str = ''
    firmware: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SyncJacks:
    """Whether a cable is plugged into each of the two synchronization jacks."""

    sync_in: bool
    sync_out: bool


@dataclass(frozen=True)
class UsbErrors:
    """
    USB errors since the process started, as far as the SDK reveals them.

    ``reported``: warnings and errors about USB in the SDK's log, several of which may have the
    same cause. ``failed_calls``: SDK calls that failed because the camera did not respond.
    ``last``: the latest of both, as text; empty if there was none.
    """

    reported: int = 0
    failed_calls: int = 0
    last: str = ''


def is_serial(requested: str, actual: str) -> bool:
    """
    Return whether a serial number given by the user is that of a camera.

    Serial numbers consist of digits, and YAML and the ROS command line may turn such a string into
    an integer: leading zeros are lost, and if no digit is above 7, a leading zero makes the number
    octal (rcl_yaml_param_parser reads 000123456712 as 21913034).
    """
    if requested.lstrip('0') == actual.lstrip('0'):
        return True
    return bool(re.fullmatch('0[0-7]+', actual)) and requested == str(int(actual, 8))


class Camera(contextlib.AbstractContextManager['Camera']):
    """
    An open camera.

    ``calibration`` is that of the factory, until whoever opens the camera replaces it, before
    anything is derived from it.

    ``read`` is called by one thread and ``read_imu`` by another; ``set_control``, ``stop`` and
    ``close`` may be called from any thread at any time. After ``stop``, both reads return or raise
    immediately. ``close`` is idempotent; leaving a ``with`` block calls it.

    ``lossless``: the camera waits for its reader (a recording) instead of dropping data that is
    not read in time (a device), so the reader must not drop data either.
    ``lockstep``: the camera returns each capture without delay as soon as it is requested, so the
    reader must not request one before all subscribers have received the previous capture. May
    change while streaming; implies ``lossless``.
    ``speed``: device seconds per second: the rate of playback; may change while streaming.
    ``playback``: controls what a recording plays; None for a camera that is none.
    ``plays_sound``: `read_sound` returns the sound of a recording, and a thread of its own must
    call it, as the other reads; `open_microphones` opens those of live cameras.
    ``reports_metadata``: captures come with the temperature, if the camera measures it, and color
    images with exposure, white balance and ISO speed.

    :param on_control: called when the camera has changed a control by itself, in the thread that
        caused the change; default: no-op.
    """

    info: DeviceInfo
    config: CameraConfig
    calibration: FactoryCalibration
    lossless: bool = False
    playback: Playback | None = None
    plays_sound: bool = False
    reports_metadata: bool = True

    def __init__(self, on_control: ControlListener | None = None) -> None:
        self._on_control = on_control

    @property
    def lockstep(self) -> bool:
        """Whether the camera waits for nothing but its reader."""
        return False

    @property
    def speed(self) -> float:
        """Device seconds per second."""
        return 1.0

    def _report_control(self, name: str, value: float | bool) -> None:
        """Notify the listener of a control that has changed by itself."""
        if self._on_control is not None:
            self._on_control(name, value)

    @abc.abstractmethod
    def start(self) -> None:
        """
        Start streaming in the modes of ``config``.

        If only the IMU cannot be started, `read_imu` raises StreamFailedError instead.

        :raises CameraError: the camera cannot be started.
        """

    @abc.abstractmethod
    def read(self, timeout: float) -> Capture:
        """
        Return the next capture.

        :param timeout: maximum time to wait, seconds.
        :raises ReadTimeout: no capture arrived within the timeout.
        :raises EndOfRecording: there are no more captures.
        :raises CameraLostError: the camera is disconnected.
        """

    @abc.abstractmethod
    def read_imu(self, timeout: float) -> ImuSamples:
        """
        Return the IMU samples that arrived since the last call, at least one.

        Parameters and exceptions are those of ``read``.

        :raises StreamFailedError: the IMU failed, while images go on; see `restart_imu`.
        """

    def read_sound(self, timeout: float) -> RecordedAudio:
        """
        Return the next sound of a recording, as soon as it is due; see ``plays_sound``.

        Parameters and exceptions are those of ``read``.
        """
        raise EndOfRecording(f'this {self.info.kind} plays no sound')

    def restart_imu(self) -> None:
        """
        Restart the IMU while images go on; no-op for cameras without hardware.

        :raises CameraError: the IMU cannot be started, or the camera is not streaming.
        """

    def controls(self) -> Mapping[str, ControlRange]:
        """Return the range of each control of this camera, by parameter name."""
        return {}

    def get_control(self, name: str) -> float | bool:
        """
        Return the current value of a control.

        :raises ConfigError: this camera has no such control.
        """
        raise ConfigError(f'cannot read {name}: a {self.info.kind} has no such control')

    def sync_jacks(self) -> SyncJacks | None:
        """Return the state of the synchronization jacks; None if the camera has none."""
        return None

    def usb_errors(self) -> UsbErrors | None:
        """Return the USB errors so far, also of a closed camera; None if it is not on USB."""
        return None

    def set_control(self, name: str, value: float | bool) -> float | bool:
        """
        Set a control, and return the value that the camera accepted.

        :raises ConfigError: this camera has no such control, or it cannot have this value.
        """
        raise ConfigError(f'cannot set {name}: a {self.info.kind} has no such control')

    def open_ground_truth_tracker(self) -> BodyTracker:
        """
        Return a body tracker that outputs the true poses of the people in view.

        :raises BodyTrackingError: the true poses are unknown, or depth is not streamed.
        """
        raise BodyTrackingError(
            'ground truth for body tracking is available from a simulated camera that renders a '
            f'scene, not from this {self.info.kind}; set body_tracking_backend to auto')

    def open_microphones(self) -> AudioSource:
        """
        Open the microphones of this camera; they are independent of its streams.

        :raises AudioError: it has none, or they cannot be opened; says what to do.
        """
        raise AudioError(f'a {self.info.kind} has no microphones; set audio_enabled to false')

    @abc.abstractmethod
    def stop(self) -> None:
        """Stop streaming; no-op if the camera is not streaming."""

    @abc.abstractmethod
    def close(self) -> None:
        """Stop streaming and release all resources; may be called twice."""

    def __exit__(self, *_: object) -> None:
        """Close the camera."""
        self.close()
