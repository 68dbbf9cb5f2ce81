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


"""Pass new values of live parameters to the parts of the node that use them."""

from __future__ import annotations

from collections.abc import Callable
import threading

from k4a_ros.errors import ConfigError
from k4a_ros.node.backends import inject_faults
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.spec import LiveTarget
from k4a_ros.parameters.spec import Value
from k4a_ros.parameters.table import SPECS
from k4a_ros.process.bounded import BoundedCaller
from k4a_ros.process.native_calls import NATIVE_CALLS
from k4a_ros.publishing.topics import Topics
from k4a_ros.streaming.supervisor import CameraSupervisor

#: maximum time that a request waits for the camera, which itself waits for less until it can be
#: accessed
_MAX_CONTROL_S = 3.0


class LiveTargets:
    """
    The target of each live parameter, by the `LiveTarget` that the table names.

    :param settings: returns the present parameters.
    :param cancel: set when the node shuts down.
    """

    def __init__(
        self, supervisor: CameraSupervisor, topics: Topics, settings: Callable[[], Settings],
        cancel: threading.Event,
    ) -> None:
        self._supervisor = supervisor
        self._topics = topics
        self._settings = settings
        self._control_in_time = BoundedCaller('change of a control', _MAX_CONTROL_S, cancel)
        self._targets: dict[LiveTarget, Callable[[str, Value], Value]] = {
            LiveTarget.CAMERA: self._set_control, LiveTarget.FAULTS: self._inject_faults,
            LiveTarget.INFRARED_SCALE: self._set_infrared_scale,
            LiveTarget.DEPTH_FILTERS: self._set_depth_filter,
            LiveTarget.POINTS: self._set_points,
            LiveTarget.BODY_SMOOTHING: self._set_body_smoothing,
            LiveTarget.RECORDER: lambda _, value: value}  # read when a recording is started

    def apply(self, name: str, value: Value) -> Value:
        """
        Pass a value to the target of a parameter, if it has one.

        :return: the value that was accepted.
        :raises ConfigError: the target refuses it.
        """
        target = SPECS[name].target
        return value if target is None else self._targets[target](name, value)

    def _set_control(self, name: str, value: Value) -> Value:
        camera = self._supervisor.camera
        if camera is None or isinstance(value, str):
            return value
        try:
            return self._control_in_time(lambda: camera.set_control(name, value))
        except TimeoutError as error:
            raise ConfigError(
                f'cannot set {name}: the camera does not answer '
                f'({NATIVE_CALLS.oldest() or error}); plug it in anew if that persists') from error

    def _inject_faults(self, _: str, value: Value) -> Value:
        inject_faults(self._settings(), str(value))
        return value

    def _set_infrared_scale(self, _: str, value: Value) -> Value:
        self._topics.live.infrared_scale = float(value)
        return value

    def _set_depth_filter(self, name: str, value: Value) -> Value:
        self._topics.live.set_depth_filter(name, value)
        return value

    def _set_points(self, name: str, value: Value) -> Value:
        self._topics.set_points(name, value)
        return value

    def _set_body_smoothing(self, _: str, value: Value) -> Value:
        self._topics.set_smoothing(float(value))
        return value
