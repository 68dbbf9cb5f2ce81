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
Start the cameras of a rig in their order, and again when one of them was started alone.

Subordinates have to wait for pulses before their master gives the first one: the device times of
all cameras count from there. So the master is started when each subordinate has confirmed that it
waits, and if a camera starts later, all of them are started again.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import threading
import time

from k4a_ros.parameters.spec import Value
from k4a_ros.rig.checks import configured_problems
from k4a_ros.rig.checks import Facts
from k4a_ros.rig.checks import firmware_problems
from k4a_ros.rig.checks import roles_of
from k4a_ros.rig.checks import serial_problems
from k4a_ros.rig.rig import Rig
from k4a_ros.rig.rig import Role
from k4a_ros.rig.rig import sync_parameters
from k4a_ros.rig_nodes.driver_client import ACTIVATE
from k4a_ros.rig_nodes.driver_client import ACTIVE
from k4a_ros.rig_nodes.driver_client import ANSWER_S
from k4a_ros.rig_nodes.driver_client import CLOSED
from k4a_ros.rig_nodes.driver_client import CONFIGURE
from k4a_ros.rig_nodes.driver_client import DEACTIVATE
from k4a_ros.rig_nodes.driver_client import DriverClient
from k4a_ros.rig_nodes.driver_client import gather
from k4a_ros.rig_nodes.driver_client import INACTIVE
from k4a_ros.rig_nodes.driver_client import lifecycle_state
from k4a_ros.rig_nodes.driver_client import STREAMING
from k4a_ros.rig_nodes.driver_client import UNCONFIGURED
from k4a_ros.streaming.states import WAITING_FOR_PULSE

#: Time in which drivers appear. Those that do not are added when they do.
_APPEAR_S = 30.0
#: Time in which a subordinate confirms that it waits. The depth camera of the first one powers
#: down a minute after it began to wait (Azure Kinect documentation).
_CONFIRM_S = 30.0
#: time in which the first captures come
_CAPTURES_S = 20.0
#: time in which a camera that was opened describes itself in /diagnostics
_FACTS_S = 5.0
#: interval at which a camera that could not be opened is tried again
_RETRY_S = 5.0

Log = Callable[[str], object]


class StartOrder:
    """
    Starts and stops the cameras of one rig; its methods are called in one thread.

    ``changed``: notified by the drivers' clients. ``problems``: what is wrong now. ``roles``: by
    camera, as far as they are known. ``phase``: what is being done.

    :param info: logs what happens, :param warn: what is wrong.
    """

    def __init__(
        self, rig: Rig, drivers: Sequence[DriverClient], changed: threading.Condition,
        cancel: threading.Event, info: Log, warn: Log,
    ) -> None:
        self._rig = rig
        self._drivers = drivers
        self._changed = changed
        self._cancel = cancel
        self._info, self._warn = info, warn
        self._starts: dict[str, int] = {}
        self._retry_s = 0.0
        self._roles_set: dict[str, Role] = {}
        self.problems: list[str] = []
        self.roles: dict[str, Role] = {}
        self.phase = 'waiting for drivers'

    # one start

    def start(self) -> None:
        """Start all cameras: subordinates, then the master; problems are logged."""
        self.problems = configured_problems(self._rig)
        self.phase = 'waiting for drivers'
        self._wait(lambda: all(driver.runs for driver in self._drivers), _APPEAR_S)
        self.problems += [f'{driver.name}: its driver does not run'
                          for driver in self._drivers if not driver.runs]
        self.phase = 'opening cameras'
        ready = self._open([driver for driver in self._drivers if driver.runs])
        self._choose_roles(ready)
        self.phase = 'starting cameras'
        self._stop_cameras(ready)
        followers = [d for d in ready if self.roles.get(d.name) is not Role.MASTER]
        masters = [d for d in ready if self.roles.get(d.name) is Role.MASTER]
        self._activate(followers)
        subordinates = [d for d in followers if self.roles.get(d.name) is Role.SUBORDINATE]
        self._wait(lambda: all(d.state == WAITING_FOR_PULSE for d in subordinates), _CONFIRM_S)
        late = [d for d in subordinates if d.state != WAITING_FOR_PULSE]
        self.problems += [f'{d.name} does not wait for the sync pulse ({d.state}); see its log'
                          for d in late]
        if not self._cancel.is_set():
            if subordinates and masters:
                self._info(f'{", ".join(d.name for d in subordinates if d not in late)} wait for '
                           f'the sync pulse: starting the master, {masters[0].name}')
            self._activate(masters[:1])
            self._await_captures(ready, masters)
        self._remember()
        for problem in self.problems:
            self._warn(problem)
        self.phase = 'running'

    def _wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until something is true of the drivers; services are polled."""
        deadline_s = time.monotonic() + timeout_s
        while not self._cancel.is_set() and time.monotonic() < deadline_s:
            with self._changed:
                if condition():
                    return True
                self._changed.wait(0.1)
        return condition()

    def _open(self, drivers: Iterable[DriverClient]) -> list[DriverClient]:
        """Open the cameras that are closed, and return those that are open then."""
        states = {driver: lifecycle_state(driver, self._cancel) for driver in drivers}
        closed = [driver for driver, state in states.items() if state == UNCONFIGURED]
        answers = gather([d.change_state(CONFIGURE) for d in closed], ANSWER_S, self._cancel)
        opened = [d for d, answer in zip(closed, answers, strict=True)
                  if answer is not None and answer.success]
        self.problems += [f'{driver.name} cannot be opened; its log says why'
                          for driver in closed if driver not in opened]
        self._retry_s = time.monotonic() + _RETRY_S
        return [driver for driver, state in states.items()
                if driver in opened or state in (INACTIVE, ACTIVE)]

    def _choose_roles(self, ready: Sequence[DriverClient]) -> None:
        """Find the roles that are auto, set them, and check what the cameras say."""
        self._wait(lambda: all(driver.facts is not None for driver in ready), _FACTS_S)
        facts: Mapping[str, Facts] = {
            driver.name: driver.facts for driver in ready if driver.facts is not None}
        self.roles, problems = roles_of(self._rig.cameras, facts, self._rig.external_trigger)
        self.problems += problems + firmware_problems(facts) + serial_problems(facts)
        master = next((name for name, role in self.roles.items() if role is Role.MASTER), '')
        changes: dict[DriverClient, Mapping[str, Value]] = {
            driver: sync_parameters(self._rig, driver.camera, self.roles[driver.name], master)
            for driver in ready if driver.camera.role is Role.AUTO and driver.name in self.roles
            and self._roles_set.get(driver.name) is not self.roles[driver.name]}
        answers = gather([driver.set_parameters(values) for driver, values in changes.items()],
                         ANSWER_S, self._cancel)
        for driver, answer in zip(changes, answers, strict=True):
            if answer is None or not answer.result.successful:
                reason = 'no answer' if answer is None else answer.result.reason
                self.problems.append(f'{driver.name} cannot be '
                                     f'{self.roles[driver.name].value}: {reason}')
            else:
                self._roles_set[driver.name] = self.roles[driver.name]
                self._info(f'{driver.name} is {self.roles[driver.name].value}, as its sync jacks '
                           'say')

    def _activate(self, drivers: Sequence[DriverClient]) -> None:
        answers = gather([d.change_state(ACTIVATE) for d in drivers], ANSWER_S, self._cancel)
        self.problems += [f'{driver.name} cannot be activated; its log says why'
                          for driver, answer in zip(drivers, answers, strict=True)
                          if answer is None or not answer.success]

    def _await_captures(
        self, ready: Sequence[DriverClient], masters: Sequence[DriverClient],
    ) -> None:
        expected = [driver for driver in ready
                    if masters or self.roles.get(driver.name) is not Role.SUBORDINATE]
        if self._wait(lambda: all(d.state == STREAMING for d in expected), _CAPTURES_S):
            streaming = ', '.join(driver.name for driver in expected)
            if streaming:
                self._info(f'All cameras stream: {streaming}')
            return
        for driver in expected:
            if driver.state == WAITING_FOR_PULSE:
                self.problems.append(
                    f'{driver.name} gets no sync pulse from {masters[0].name}: check the cables '
                    'from Sync out of each camera to Sync in of the next one')
            elif driver.state != STREAMING:
                self.problems.append(f'{driver.name} does not stream ({driver.state}); see its '
                                     'log')

    # from one start to the next

    def _remember(self) -> None:
        self._starts = {driver.name: driver.starts for driver in self._drivers
                        if driver.state == STREAMING or driver.state == WAITING_FOR_PULSE}
        self._known = {driver.name for driver in self._drivers if driver.runs}

    def reason_to_start(self) -> str:
        """Return why all cameras have to be started again, '' if they need not."""
        for driver in self._drivers:
            if driver.runs and driver.name not in self._known:
                return f'the driver of {driver.name} runs now'
            synchronized = self.roles.get(driver.name) is not Role.STANDALONE
            again = driver.starts != self._starts.get(driver.name, driver.starts)
            if again and synchronized and driver.state == STREAMING:
                return f'{driver.name} was started again'
        return self._reason_of_closed()

    def _reason_of_closed(self) -> str:
        """Try from time to time to open the cameras that are closed."""
        closed = [d for d in self._drivers if d.runs and d.state in (CLOSED, '')]
        if not closed or time.monotonic() < self._retry_s:
            return ''
        problems, self.problems = self.problems, []
        opened = [d for d in self._open(closed) if d in closed]
        self.problems = problems
        return f'{", ".join(d.name for d in opened)} could be opened' if opened else ''

    def stop(self) -> None:
        """Stop all cameras, the master first; they stay open."""
        self.phase = 'stopped'
        self._stop_cameras([driver for driver in self._drivers if driver.runs])

    def _stop_cameras(self, drivers: Sequence[DriverClient]) -> None:
        states = {driver: lifecycle_state(driver, self._cancel) for driver in drivers}
        active = [driver for driver, state in states.items() if state == ACTIVE]
        for group in ([d for d in active if self.roles.get(d.name) is Role.MASTER],
                      [d for d in active if self.roles.get(d.name) is not Role.MASTER]):
            answers = gather([d.change_state(DEACTIVATE) for d in group], ANSWER_S, self._cancel)
            self.problems += [f'{driver.name} does not stop; its log says why'
                              for driver, answer in zip(group, answers, strict=True)
                              if answer is None or not answer.success]
