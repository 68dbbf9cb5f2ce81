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

"""What a driver of any kind of camera must withstand."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from itertools import pairwise
import random
import re
import time
from typing import Any

from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.controls import exposure_at_least
from k4a_ros.parameters.spec import Change
from k4a_ros.parameters.table import SPECS
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import PATIENCE
from support.ros import stamps
from support.ros import wait_for
from support.time_limits import promptly

NODE = '/k4a_driver'
#: within which a driver ends after a signal, and images arrive after a camera is plugged in
PROMPTLY_S = 2.0
_PERIOD_NS = 33_333_000
#: Largest deviation of the distance of two stamps from whole periods, and that of a clock whose
#: first correction (`k4a_ros.streaming.device_clock`) is over.
_MAX_STEP_NS, _SETTLED_STEP_NS = 2_000_000, 1_000_000


def unplug_and_plug_in(
    times: int, driver: DriverProcess, depth: list[Any], unplug: Callable[[], None],
    plug_in: Callable[[], None],
) -> None:
    """
    Fail unless images arrive promptly each time, and stamps never step back.

    :param depth: depth images, appended on arrival.
    """
    def count_lines(pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line in driver.lines)

    loss, return_ = 'Lost connection to camera [0-9]+', 'Reconnected to camera [0-9]+'
    lost, back = count_lines(loss), count_lines(return_)
    for number in range(1, times + 1):
        unplug()
        wait_for(lambda n=number: count_lines(loss) == lost + n, 'the loss')
        plug_in()
        with promptly(PROMPTLY_S):
            wait_for(lambda n=number: count_lines(return_) == back + n, 'the camera')
            count = len(depth)  # images that were on their way when it was lost do not count
            wait_for(lambda c=count: len(depth) > c, 'images')
    assert driver.process.poll() is None, driver.output
    assert 'Traceback' not in driver.output
    assert_stamps_increase(depth)


def assert_stamps_increase(messages: list[Any]) -> None:
    """Fail if a stamp is repeated or steps back."""
    found = stamps(messages)
    assert found == sorted(set(found))


def await_settled_clock(depth: list[Any]) -> None:
    """Wait until the stamps of images at 30 Hz are whole periods apart for a second."""
    wait_for(lambda: len(depth) > 30 and _max_step_ns(depth[-30:]) < _SETTLED_STEP_NS,
             'the clock to settle')


def assert_no_step(depth: list[Any]) -> None:
    """Fail unless the stamps of images at 30 Hz are one or more whole periods apart."""
    assert_stamps_increase(depth)
    assert _max_step_ns(depth) < _MAX_STEP_NS


def _max_step_ns(depth: list[Any]) -> int:
    """Return the largest deviation of the distances of stamps from whole periods."""
    return max(abs(step - max(1, round(step / _PERIOD_NS)) * _PERIOD_NS)
               for step in (b - a for a, b in pairwise(stamps(depth))))


#: parameters that change without a restart of the streams, or not while a node is configured
UNINTERRUPTED = [name for name, spec in SPECS.items()
                 if name != 'simulation_fault' and spec.change is not Change.RESTART]


def set_at_random(
    listener: Listener, times: int, names: Collection[str] = UNINTERRUPTED, seed: int = 7,
    is_valid: Callable[[dict[str, Any]], bool | None] = lambda _: None,
) -> tuple[int, int]:
    """
    Set parameters at random, and fail unless every response is true.

    What was applied can be read back, exposure times as the sensor rounds them; what was refused
    has a reason and has changed nothing, neither the parameters of the request nor any control.

    :param names: parameters to set, which nothing else sets meanwhile.
    :param is_valid: tells whether the values of ``names`` must be accepted, None if unknown.
    :return: how many requests were refused, and how many applied.
    """
    draw = random.Random(seed)
    results = [0, 0]
    controls = CONTROLS.keys() & set(names)

    def read(wanted: Collection[str]) -> dict[str, Any]:
        values = listener.call(GetParameters, f'{NODE}/get_parameters',
                               GetParameters.Request(names=[*wanted])).values
        return dict(zip(wanted, map(parameter_value_to_python, values), strict=True))

    before = read(names)
    for _ in range(times):
        requested = {name: _any_value(name, draw)
                     for name in draw.sample([*names], draw.randint(1, 4))}
        result = listener.set_parameters(NODE, **requested)
        results[result.successful] += 1
        assert is_valid(before | requested) in (None, result.successful), (requested, result)
        affected = requested.keys() | controls
        now = read(affected)
        if result.successful:
            deadline = time.monotonic() + PATIENCE
            while not _applied(requested, before, now):
                assert time.monotonic() < deadline, (requested, before, now)
                now = read(affected)
        else:
            assert result.reason
            changed = {name: value for name, value in now.items()
                       if value != before[name] and not _is_automatic(name, before)}
            assert not changed, (requested, result.reason, changed)
        before |= now
    return results[0], results[1]


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
    requested: dict[str, Any], before: dict[str, Any], now: dict[str, Any],
) -> bool:
    """Return whether parameters have the values that they must have after a change."""
    expected = {name: before[name] for name in CONTROLS if name in before} | {
        name: SPECS[name].check(value) for name, value in requested.items()}
    if 'powerline_frequency' in requested and 'exposure_time_us' not in requested:
        expected['exposure_time_us'] = now['exposure_time_us']
    if 'exposure_time_us' in requested:
        expected['exposure_time_us'] = exposure_at_least(
            expected['exposure_time_us'], expected['powerline_frequency'])
    for name, rule in CONTROLS.items():  # a value ends its automatic mode
        if name in requested and rule.auto and rule.auto not in requested:
            expected[rule.auto] = False
    return all(now[name] == value or (name not in requested and _is_automatic(name, now))
               for name, value in expected.items())


def _is_automatic(name: str, values: dict[str, Any]) -> bool:
    """Return whether the camera chooses the value of a control, which may change at any time."""
    rule = CONTROLS.get(name)
    return rule is not None and bool(rule.auto) and bool(values.get(rule.auto))


def assert_ends_well(driver: DriverProcess, number: int) -> None:
    """Send a signal, and fail unless the driver ends promptly, with code 0 and no error."""
    with promptly(PROMPTLY_S):
        code = driver.stop(number)
    assert code == 0, driver.output
    assert 'Traceback' not in driver.output
    assert 'ERROR' not in driver.output and 'FATAL' not in driver.output
