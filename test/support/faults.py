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

"""What drivers of any kind of camera must bear, for tests of each."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
import random
import re
import signal
import time
from typing import Any

from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.controls import exposure_at_least
from k4a_ros.parameters.spec import Change
from k4a_ros.parameters.table import SPECS
from rcl_interfaces.srv import GetParameters
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import parameter_value_to_python
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import new_domain
from support.ros import PATIENCE
from support.ros import set_request
from support.ros import stamps
from support.ros import takes_signals
from support.ros import wait_for

NODE = '/k4a_driver'
_PERIOD_NS = 33_333_000


def unplug_and_plug_in(
    times: int, driver: DriverProcess, depth: list[Any], unplug: Callable[[], None],
    plug_in: Callable[[], None],
) -> None:
    """
    Fail unless images are there again within two seconds each time, and stamps never step back.

    :param depth: depth images, as they come.
    """
    def said(pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line in driver.lines)

    lost, back = said('Camera [0-9]+ is lost'), said('Camera [0-9]+ is back')
    slowest = 0.0
    for number in range(1, times + 1):
        unplug()
        wait_for(lambda n=number: said('Camera [0-9]+ is lost') == lost + n, 'the loss')
        plug_in()
        began = time.monotonic()
        wait_for(lambda n=number: said('Camera [0-9]+ is back') == back + n, 'the camera')
        count = len(depth)  # what was under way when it was lost does not count
        wait_for(lambda c=count: len(depth) > c, 'images')
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2.0
    assert driver.process.poll() is None, driver.output
    assert 'Traceback' not in driver.output
    came = stamps(depth)
    assert came == sorted(set(came))


def assert_no_step(depth: list[Any]) -> None:
    """Fail unless stamps at 30 Hz are one period apart, or several; never something between."""
    for step in (b - a for a, b in pairwise(stamps(depth))):
        periods = round(step / _PERIOD_NS)
        assert periods >= 1 and abs(step - periods * _PERIOD_NS) < 2_000_000, step


def set_at_random(listener: Listener, times: int) -> None:
    """
    Set parameters at random, and fail unless every answer is true.

    What was applied can be read back, lengths of exposure as the sensor has them; what was refused
    has a reason and has changed nothing, neither what was asked nor any other control.
    """
    draw = random.Random(7)
    names = [name for name, spec in SPECS.items() if name != 'simulation_fault'
             and spec.change is not Change.RESTART]
    answers = [0, 0]
    with listener.calling(SetParametersAtomically, f'{NODE}/set_parameters_atomically') as setting:
        with listener.calling(GetParameters, f'{NODE}/get_parameters') as getting:
            def shown(*wanted: str) -> dict[str, Any]:
                values = getting(GetParameters.Request(names=wanted)).values
                return dict(zip(wanted, map(parameter_value_to_python, values), strict=True))

            before = shown(*names)
            for _ in range(times):
                asked = {name: _any_value(name, draw)
                         for name in draw.sample(names, draw.randint(1, 4))}
                answer = setting(set_request(asked)).result
                answers[answer.successful] += 1
                wanted = (*asked.keys() | CONTROLS.keys(),)
                now = shown(*wanted)
                if answer.successful:
                    deadline = time.monotonic() + PATIENCE
                    while not _applied(asked, before, now):
                        assert time.monotonic() < deadline, (asked, before, now)
                        now = shown(*wanted)
                else:
                    assert answer.reason
                    changed = {name: value for name, value in now.items()
                               if value != before[name]}
                    assert not changed, (asked, answer.reason, changed)
                before |= now
    assert min(answers) > times / 20, answers


def _any_value(name: str, draw: random.Random) -> object:
    spec = SPECS[name]
    values: dict[type, list[object]] = {
        bool: [True, False, 3], int: [0, 1, 2, 5, 15, 30, 100, -1, 10**9, 'x'],
        float: [0.0, 0.5, 1.0, 1e9, -1.0, True], str: ['', 'x', 'auto', 5]}
    choices: list[object] = [*values[spec.kind], *spec.choices]
    if spec.kind is int:
        choices += [int(choice) for choice in spec.choices if choice.isdigit()]
        if spec.minimum is not None and spec.maximum is not None:
            choices += [draw.randint(int(spec.minimum), int(spec.maximum)) for _ in range(10)]
    return draw.choice(choices)


def _applied(
    asked: dict[str, Any], before: dict[str, Any], shown: dict[str, Any],
) -> bool:
    """Return whether parameters are as they must be after values have been applied."""
    expected = {name: before[name] for name in CONTROLS} | {
        name: SPECS[name].check(value) for name, value in asked.items()}
    if 'powerline_frequency' in asked and 'exposure_time_us' not in asked:
        expected['exposure_time_us'] = shown['exposure_time_us']
    if 'exposure_time_us' in asked:
        expected['exposure_time_us'] = exposure_at_least(
            expected['exposure_time_us'], expected['powerline_frequency'])
    for name, rule in CONTROLS.items():  # a value ends its automatic mode
        if name in asked and rule.auto and rule.auto not in asked:
            expected[rule.auto] = False
    return {name: shown[name] for name in expected} == expected


def assert_ends_well(driver: DriverProcess, number: int) -> None:
    """Send a signal, and fail unless the driver ends soon, with code 0 and without complaint."""
    began = time.monotonic()
    assert driver.stop(number) == 0, driver.output
    assert time.monotonic() - began < 5.0
    assert 'Traceback' not in driver.output
    assert 'ERROR' not in driver.output and 'FATAL' not in driver.output


def end_during_start_up(**parameters: object) -> None:
    """End drivers from the moment that Python has reached main, whatever they just do."""
    for delay in (0.0, 0.15, 0.3, 0.45, 0.6, 0.8):
        with DriverProcess.with_parameters(new_domain(), **parameters) as driver:
            wait_for(lambda d=driver: takes_signals(d.process.pid), 'the signal handlers')
            time.sleep(delay)
            assert_ends_well(driver, signal.SIGTERM)
