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
Exceptions that this package raises on purpose.

.. code-block:: text

    Exception
    ├── K4aRosError                 failures: the message reaches the user as one line
    │   ├── ConfigError             unusable parameters or arguments
    │   ├── CalibrationError        unusable factory calibration
    │   ├── FileError               not a regular file, unreadable or too large
    │   ├── TransformError          no transform between two TF frames
    │   ├── SceneError              unusable scene file of the simulation
    │   ├── BagError                a bag cannot be written or read, or is of no use
    │   ├── CameraError             a camera failed, whichever kind it is
    │   │   ├── DeviceNotFoundError no such camera can be opened
    │   │   ├── RecordingError      a recording cannot be opened, read or written
    │   │   ├── CameraLostError     an open camera stopped delivering
    │   │   └── StreamFailedError   one stream of a camera failed, the others go on
    │   ├── BodyTrackingError       no body tracker, or it failed
    │   └── AudioError              no microphones, or they failed
    └── ControlFlow                 no failure: a wait ended without a result
        ├── ReadTimeout             also a TimeoutError
        ├── EndOfRecording
        └── TrackerClosed

``except K4aRosError`` and ``except CameraError`` never catch control flow: a timeout is not a lost
camera. Any other exception is a defect and keeps its traceback.

Each message of a K4aRosError says in one sentence what was tried, what happened and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
import enum


class K4aRosError(Exception):
    """Base of all failures; the message is shown to the user without a traceback."""


class ConfigError(K4aRosError):
    """
    Parameters or arguments cannot be used; reports all problems at once.

    :param problems: one sentence each, naming the value and the fix.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__('; '.join(problems))
        self.problems = problems


class CalibrationError(K4aRosError):
    """A factory calibration cannot be read, or has no data for the requested mode."""


class FileError(K4aRosError):
    """
    A file cannot be read, or is not a file that may be read; the message does not name it.

    The message is a phrase for the end of a sentence, such as ``no such file or directory``.
    """


class TransformError(K4aRosError):
    """There is no transform between two TF frames; a phrase, as of a `FileError`."""


class SceneError(K4aRosError):
    """A scene file of the simulation cannot be read, or contains invalid values."""


class BagError(K4aRosError):
    """A bag cannot be written or read, or lacks what its conversion needs."""


class CameraErrorReason(enum.Enum):
    """Machine-readable reason of a `CameraError` of a device, as the log of its SDK gives it."""

    BUSY = 'in use by another program'
    ACCESS_DENIED = 'no permission to open the USB device'
    OUT_OF_USB_MEMORY = 'kernel limit of memory for USB transfers'
    DISCONNECTED = 'no longer on USB'
    USB_STALL = 'USB endpoint stalled'
    NO_OPENGL = 'depth engine without OpenGL 4.4'
    NO_DEPTH_ENGINE = 'depth engine not installed'
    NO_SYNC_IN_CABLE = 'subordinate without a cable in its Sync in jack'
    NO_SYNC_OUT_CABLE = 'master without a cable in its Sync out jack'
    OLD_FIRMWARE = 'firmware too old for the SDK'
    REFUSED_MODE = 'configuration that this camera does not support'
    NO_SYNC_PULSE = 'subordinate without sync pulses'


#: reasons that waiting and trying again does not change
PERMANENT_REASONS = frozenset({
    CameraErrorReason.NO_OPENGL, CameraErrorReason.NO_DEPTH_ENGINE,
    CameraErrorReason.OLD_FIRMWARE, CameraErrorReason.REFUSED_MODE})


class CameraError(K4aRosError):
    """
    Base of the failures of a camera of any kind.

    :param message: for the user, one sentence.
    :param reasons: for callers that handle some of them; empty if unknown.
    """

    def __init__(self, message: str, reasons: Iterable[CameraErrorReason] = ()) -> None:
        super().__init__(message)
        self.reasons = frozenset(reasons)


class DeviceNotFoundError(CameraError):
    """No camera matches the request, or the one that does cannot be opened."""


class RecordingError(CameraError):
    """A recording cannot be opened, read or written."""


class CameraLostError(CameraError):
    """An open camera stopped delivering: unplugged, silent, or its file became unreadable."""


class StreamFailedError(CameraError):
    """One stream of a camera cannot be started, or failed; the other streams go on."""


class BodyTrackingError(K4aRosError):
    """A body tracker is not available, or has failed."""


class AudioError(K4aRosError):
    """Microphones, or a file with sound, cannot be opened or read."""


class ControlFlow(Exception):
    """Base of exceptions that end a wait without a result; they are not failures."""


class ReadTimeout(ControlFlow, TimeoutError):
    """No data arrived within the timeout; the camera is still open, read again."""


class EndOfRecording(ControlFlow):
    """The recording has been played to its end, or its playback has been stopped."""


class TrackerClosed(ControlFlow):
    """The body tracker has been shut down, and has no more results."""
