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

"""A call of the SDK that does not return: it is named, and the driver ends with an error."""

from __future__ import annotations

from pathlib import Path
import signal

from diagnostic_msgs.msg import DiagnosticArray
import pytest
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from support import virtual
from support.faults import NODE
from support.live import MODES
from support.live import recording_in
from support.ros import Case
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for


@pytest.mark.parametrize('number', [signal.SIGTERM, None])
def test_hanging_stop_is_named_and_ends_the_driver(case: Case, number: int | None) -> None:
    """With SIGTERM while it streams, and without any signal while it reconnects."""
    case(hanging_stop)


def hanging_stop(tmp_path: Path, number: int | None) -> None:
    variables = virtual.environment(recording_in(tmp_path))
    control, domain = variables['K4A_VIRTUAL_CONTROL'], new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, variables=variables, **MODES) as driver:
        depth = listener.subscribe(Image, '/depth/image_raw', data=False)
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
        wait_for(lambda: depth and diagnostics, 'messages')
        if number is not None:
            virtual.set_conditions('hang:k4a_device_stop_cameras', control=control)
            driver.process.send_signal(number)
        else:
            virtual.set_conditions('silent', 'hang:k4a_device_stop_cameras', control=control)
            driver.wait_for_line('Lost connection to camera')  # before it is stopped
            driver.wait_for_line('The camera hangs: k4a_device_stop_cameras has not returned')
            wait_for(lambda: any(
                s.level == b'\2' and 'k4a_device_stop_cameras has not returned' in s.message
                for s in diagnostics[-1].status), 'diagnostics')
            answer = listener.set_parameters(NODE, gain=100)
            assert answer.successful or 'busy' in answer.reason
            stop = listener.call(Trigger, f'{NODE}/stop', Trigger.Request())
            assert not stop.success and 'k4a_device_stop_cameras' in stop.message
        assert driver.wait() == 1, driver.output
        fatal = [line for line in driver.lines if 'FATAL' in line]
        assert len(fatal) == 1 and 'k4a_device_stop_cameras has not returned for' in fatal[0]
        assert 'Traceback' not in driver.output


def test_hanging_control_delays_neither_diagnostics_nor_requests(tmp_path: Path) -> None:
    """The first request waits for some seconds; then the driver goes on until it is ended."""
    variables = virtual.environment(recording_in(tmp_path))
    control, domain = variables['K4A_VIRTUAL_CONTROL'], new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, variables=variables, **MODES) as driver:
        depth = listener.subscribe(Image, '/depth/image_raw', data=False)
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
        wait_for(lambda: depth, 'depth')
        assert listener.set_parameters(NODE, gain=100).successful
        virtual.set_conditions('hang:k4a_device_set_color_control', control=control)
        for gain in (101, 102):
            answer = listener.set_parameters(NODE, gain=gain)
            assert not answer.successful
            assert 'k4a_device_set_color_control has not returned' in answer.reason
        assert listener.set_parameters(NODE, ir_mono8_scaling_factor=2.0).successful
        assert listener.get_parameters(NODE, 'gain') == [100]
        wait_for(lambda: any(
            'k4a_device_set_color_control has not returned' in status.message
            for status in diagnostics[-1].status), 'diagnostics')
        driver.process.send_signal(signal.SIGTERM)
        assert driver.wait() == 1, driver.output
        fatal = [line for line in driver.lines if 'FATAL' in line]
        assert len(fatal) == 1 and 'k4a_device_set_color_control has not returned' in fatal[0]
        assert 'Traceback' not in driver.output
