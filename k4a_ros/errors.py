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
Every error that this package raises on purpose.

Each message says what was tried, what happened and what to do about it: it is shown to the user
as one line, without a traceback.
"""


class K4aRosError(Exception):
    """Base of all errors of this package."""


class ConfigError(K4aRosError):
    """
    What was asked for cannot be done; all problems are reported at once.

    :param problems: one sentence each, naming the value and the fix.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__('; '.join(problems))
        self.problems = problems


class CalibrationError(K4aRosError):
    """A factory calibration cannot be read, or lacks what is asked of it."""


class SceneError(K4aRosError):
    """A scene file of the simulation cannot be read, or cannot be right."""


class CameraError(K4aRosError):
    """Base of what can go wrong with a camera, whichever kind it is."""


class DeviceNotFoundError(CameraError):
    """There is no camera to open."""


class RecordingError(CameraError):
    """A recording cannot be opened, read or written."""


class CameraLostError(CameraError):
    """An open camera does not deliver any more: unplugged, or its file became unreadable."""


class ReadTimeout(CameraError, TimeoutError):
    """Nothing came within the time-out; the camera is still open, try again."""


class EndOfRecording(CameraError):
    """The recording has been played to its end."""


class BodyTrackingError(K4aRosError):
    """There is no body tracker, or it cannot track."""


class TrackerClosed(BodyTrackingError):
    """The body tracker has been shut down, and all its results have been taken."""
