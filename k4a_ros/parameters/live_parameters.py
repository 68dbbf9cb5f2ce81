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

"""Handle requests to change parameters at runtime."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import threading
import traceback
from typing import Any
from typing import Protocol

from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.ros_declaration import check_time_source
from k4a_ros.parameters.ros_declaration import control_descriptor
from k4a_ros.parameters.ros_declaration import descriptor
from k4a_ros.parameters.set_services import guard_set_services
from k4a_ros.parameters.settings import mode_values
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.spec import Change
from k4a_ros.parameters.spec import LiveTarget
from k4a_ros.parameters.spec import Value
from k4a_ros.parameters.table import SPECS
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

#: how long a request waits for the controls that are being restored: for a camera that hangs
_MAX_WAIT_S = 3.0


class ParameterHost(Protocol):
    """The interface of the node that `LiveParameters` needs."""

    @property
    def settings(self) -> Settings:
        """Return the current values of all parameters."""

    @property
    def configured(self) -> bool:
        """Return whether a camera is open or reconnecting; if not, every parameter can change."""

    @property
    def restartable(self) -> bool:
        """Return whether the streams can restart; a recording would start from the beginning."""

    def apply(self, name: str, value: Value) -> Value:
        """
        Pass a new value of a live parameter to its target, and return the value it accepted.

        :raises ConfigError: the target rejects the value.
        """

    def reconfigure(self, settings: Settings) -> None:
        """
        Replace the settings, and restart the streams if the node is configured.

        :raises ConfigError: the settings cannot work; nothing has changed.
        """


class LiveParameters:
    """
    Applies or rejects requests to change parameters, atomically.

    A request never ends the node, whatever it contains: an unexpected exception is logged and
    rejects the request.

    If the camera adjusts a value (it rounds exposure times), the parameter is updated to the
    adjusted value. Requested values of color controls are applied again whenever the camera is
    reopened.
    """

    def __init__(self, node: Node, host: ParameterHost) -> None:
        self._node = node
        self._host = host
        self._silent = threading.local()
        # held while controls are set, so that an old value never replaces a new one
        self._changing = threading.Lock()
        self._controls: list[str] = []
        self._locked: dict[str, str] = {}
        self._logged_defects: set[str] = set()
        self._requested: dict[str, Value] = {
            name: getattr(host.settings, name) for name in host.settings.given}
        add_pre_set_callback = getattr(node, 'add_pre_set_parameters_callback', None)
        if add_pre_set_callback is not None:  # not in Humble
            add_pre_set_callback(self._coerce_types)
        node.add_on_set_parameters_callback(self._on_set)
        guard_set_services(node, self._refusal_of_read_only, self._refusal_of_defect)

    def set_silently(self, values: Mapping[str, Value]) -> None:
        """Update the values of ROS parameters without applying them."""
        self._silent.on = True
        try:
            results = self._node.set_parameters(
                [Parameter(name, value=value) for name, value in values.items()])
        finally:
            self._silent.on = False
        for result in results:
            if not result.successful:
                self._node.get_logger().warning(
                    f'A parameter does not show the value of the camera: {result.reason}')

    def apply_to_camera(self, camera: Camera) -> None:
        """
        Set the requested controls on a camera that has just been opened.

        Afterwards the ROS parameters have the values of the camera, and its ranges. Modes that
        this kind of camera does not let users choose are read-only until `release_camera`.
        """
        with self._changing:
            self._apply_to_camera(camera)

    def _apply_to_camera(self, camera: Camera) -> None:
        self.release_camera()
        self._lock({name: value for name, value in mode_values(camera.config).items()
                    if SPECS[name].cameras
                    and self._host.settings.camera_kind not in SPECS[name].cameras},
                   f'that of {camera.info.kind} {camera.info.source}')
        controls = [name for name in camera.controls() if name in SPECS]
        self._controls = sorted(controls, key=_apply_order)
        self._set_requested(camera, self._controls)
        self.set_silently(
            {name: SPECS[name].check(camera.get_control(name)) for name in controls})
        for name in controls:
            self._node.set_descriptor(name, control_descriptor(name, camera.controls()[name]))

    def release_camera(self) -> None:
        """Restore the requested values of the parameters that showed modes of the camera."""
        names = list(self._locked)
        self._locked.clear()
        for name in names:
            self._node.describe_parameter(name).read_only = False
            self._node.set_descriptor(name, descriptor(name))
        self.set_silently({name: getattr(self._host.settings, name) for name in names})

    def _lock(self, values: Mapping[str, Value], reason: str) -> None:
        """Give parameters values that are not requested ones, and make them read-only."""
        self.set_silently(values)
        for name in values:
            self._locked[name] = reason
            read_only = descriptor(name)
            read_only.additional_constraints = f'Read-only: {reason}.'
            read_only.read_only = True
            self._node.set_descriptor(name, read_only)

    def _refusal_of_read_only(self, name: str) -> str | None:
        """Return why a parameter cannot be set at all; None if it may be possible."""
        if name in self._locked:
            return f'{name} is {self._locked[name]}, and cannot be changed'
        if name in SPECS and SPECS[name].change is Change.STARTUP:
            return (f'{name} is fixed at startup, because it names a file that the driver uses; '
                    f'restart the node with -p {name}:=…')
        return None

    def _refusal_of_defect(self, error: Exception) -> str:
        """Log the traceback of an exception, once for each place, and return it as one line."""
        text = ''.join(traceback.format_exception(error))
        place = repr(traceback.extract_tb(error.__traceback__)[-1:])
        if place not in self._logged_defects:
            self._logged_defects.add(place)
            self._node.get_logger().error(f'Rejected a request to set parameters: {text}')
        reason = ' '.join(str(error).split())[:200]
        return (f'nothing was changed, because of an unexpected {type(error).__name__}: {reason}; '
                'the log has details')

    def restore_controls(self, camera: Camera) -> None:
        """
        Set the requested controls again, on a camera that has just begun to stream.

        An automatic mode that was requested is left alone: setting its value would disable it.
        """
        with self._changing:
            self._set_requested(camera, [
                name for name in self._controls
                if not self._requested.get(CONTROLS[name].auto if name in CONTROLS else '')])

    def _set_requested(self, camera: Camera, names: Iterable[str]) -> None:
        adjusted: dict[str, tuple[Value, Value]] = {}
        for name in names:
            value = self._requested.get(name)
            if value is not None and not isinstance(value, str):
                try:
                    actual = camera.set_control(name, value)
                except ConfigError as error:
                    self._node.get_logger().warning(str(error))
                    continue
                if actual != value:
                    adjusted[name] = value, actual
        self._show_adjusted(adjusted)

    def _show_adjusted(self, adjusted: Mapping[str, tuple[Value, Value]]) -> None:
        """
        Update parameters that the camera has adjusted, as soon as no request is being handled.

        rclpy assigns the requested values at the end of a request.

        :param adjusted: requested and actual values; ignored if others are requested meanwhile.
        """
        def show() -> None:
            self.set_silently({name: actual for name, (requested, actual) in adjusted.items()
                               if self._requested.get(name) == requested})

        if not adjusted:
            return
        if self._node.executor is None:
            show()
        else:
            self._node.executor.create_task(show)

    def _coerce_types(self, parameters: list[Parameter[Any]]) -> list[Parameter[Any]]:
        """Convert values to the types of their parameters, as `declare` does, where possible."""
        result = []
        for parameter in parameters:
            try:
                value = SPECS[parameter.name].check(parameter.value)
                result.append(Parameter(parameter.name, value=value))
            except Exception:  # `_on_set` rejects the value, and reports defects
                result.append(parameter)
        return result

    def _on_set(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        if getattr(self._silent, 'on', False):
            return SetParametersResult(successful=True)
        try:
            values = {p.name: p.value for p in parameters if p.name in SPECS}
            if not values and all(p.name != 'use_sim_time' for p in parameters):
                # of others, such as the four of each publisher that is made
                return SetParametersResult(successful=True)
            changed = self._host.settings.replace(values)
            check_time_source(changed, self._use_sim_time(parameters))
            if values:
                with self._exclusive_access():
                    self._change(values, changed)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as defect:  # must not end the node
            return SetParametersResult(successful=False, reason=self._refusal_of_defect(defect))
        return SetParametersResult(successful=True)

    @contextlib.contextmanager
    def _exclusive_access(self) -> Iterator[None]:
        """
        Keep the controls from being restored meanwhile.

        :raises ConfigError: they are being restored, which takes too long.
        """
        if not self._changing.acquire(timeout=_MAX_WAIT_S):
            raise ConfigError(
                'nothing was changed, because the camera does not answer; try again, and look at '
                '/diagnostics if that persists')
        try:
            yield
        finally:
            self._changing.release()

    def _use_sim_time(self, parameters: list[Parameter[Any]]) -> bool:
        """Return use_sim_time as it is after a request."""
        requested = {p.name: p.value for p in parameters}
        return bool(requested.get(
            'use_sim_time', self._node.get_parameter('use_sim_time').value))

    def _change(self, values: Mapping[str, object], changed: Settings) -> None:
        """
        Apply a request.

        :param changed: the settings with the requested values.
        :raises ConfigError: at least one value cannot be applied; nothing has changed.
        """
        current = self._host.settings
        new = {name: getattr(changed, name) for name in values
               if getattr(changed, name) != getattr(current, name)}
        refusals = (self._refusal_of_read_only(name) for name in new)
        if problems := [refusal for refusal in refusals if refusal is not None]:
            raise ConfigError(*problems)  # before anything else looks at the values
        if not self._host.configured:
            self._remember(new)
            self._host.reconfigure(changed)
            for name, value in values.items():
                if SPECS[name].target is LiveTarget.FAULTS:  # the device exists while it is closed
                    self._host.apply(name, SPECS[name].check(value))
            return
        self._reject_fixed(new)
        live = {name: getattr(changed, name) for name in values
                if SPECS[name].change is Change.LIVE}
        adjusted = self._apply(live)
        self._remember(live)
        restarting = {name: value for name, value in new.items() if name not in live}
        if restarting:
            self._host.reconfigure(self._host.settings.replace(restarting))
        self._show_adjusted({name: (live[name], actual) for name, actual in adjusted.items()})

    def _remember(self, values: Mapping[str, Value]) -> None:
        """Keep requested values; that of a control ends an automatic mode requested before."""
        for name in values:
            auto = CONTROLS[name].auto if name in CONTROLS else ''
            if auto not in values:
                self._requested.pop(auto, None)
        self._requested |= values

    def _reject_fixed(self, new: Mapping[str, Value]) -> None:
        """
        Check that none of the new values belongs to a parameter that is fixed now.

        :raises ConfigError: lists all that are.
        """
        restartable = self._host.restartable
        allowed = {Change.LIVE, Change.RESTART} if restartable else {Change.LIVE}
        reason = 'the node is configured' if restartable else 'a recording is playing'
        problems = [
            f'{name} is fixed while {reason}; restart the node with {name}:={value}'
            for name, value in new.items() if SPECS[name].change not in allowed]
        if problems:
            raise ConfigError(*problems)

    def _apply(self, live: Mapping[str, Value]) -> dict[str, Value]:
        """
        Apply new values of live parameters, all or none.

        :return: values that the camera has adjusted.
        :raises ConfigError: one of them cannot be applied; the others have been rolled back.
        """
        # injecting a fault cannot be rolled back
        affected = sorted({*live, *self._controls} - {'simulation_fault'}, key=_apply_order)
        before = {name: self._node.get_parameter(name).value for name in affected}
        adjusted, any_applied = {}, False
        # parameters that this camera lacks come first: they fail before anything has changed
        for name in sorted(live, key=lambda name: (name in self._controls, _apply_order(name))):
            try:
                actual = self._host.apply(name, live[name])
            except ConfigError:
                if any_applied:
                    for other, value in before.items():
                        with contextlib.suppress(ConfigError):
                            self._host.apply(other, value)
                    self.set_silently(before)  # undo side effects on other controls, too
                raise
            any_applied = True
            if actual != live[name]:
                adjusted[name] = actual
        return adjusted


def _apply_order(name: str) -> int:
    """
    Return the position of a control when several are set at once.

    The mains frequency determines the available exposure times, so it comes first. Setting a value
    disables its automatic mode, so automatic modes come last.
    """
    return 0 if name == 'powerline_frequency' else 2 if name.endswith('_auto') else 1
