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

"""The managed node: states, services, diagnostics, and mode changes while streaming."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import time
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from lifecycle_msgs.srv import GetState
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from support.faults import assert_stamps_increase
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps_after
from support.ros import wait_for
from support.time_limits import promptly

NODE = '/k4a_driver'
#: a mode that costs little CPU time
SMALL = {'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'fps': 15}


@contextlib.contextmanager
def simulated(**parameters: object) -> Iterator[tuple[Listener, DriverProcess]]:
    """Run a driver of a simulated camera, and a listener in its domain."""
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, **(SMALL | parameters)) as driver:
        yield listener, driver


def transition(listener: Listener, number: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=number))
    return bool(listener.call(ChangeState, f'{NODE}/change_state', request).success)


def state(listener: Listener) -> int:
    return int(listener.call(GetState, f'{NODE}/get_state', GetState.Request()).current_state.id)


def trigger(listener: Listener, name: str) -> Any:
    return listener.call(Trigger, f'{NODE}/{name}', Trigger.Request())


def more(messages: list[Any], count: int = 3) -> None:
    """Wait for some more messages."""
    before = len(messages)
    wait_for(lambda: len(messages) >= before + count, f'{count} more messages')


def silent(messages: list[Any]) -> bool:
    """Return whether no messages are stamped from now on for a while."""
    since = time.time_ns()
    time.sleep(0.7)
    return not stamps_after(messages, since)


def status(messages: list[DiagnosticArray], name: str) -> Any:
    """Return the newest status with this name, waiting for a first message."""
    wait_for(lambda: messages, 'diagnostics')
    return next(s for s in messages[-1].status if s.name.endswith(f': {name}'))


def values(messages: list[DiagnosticArray], name: str) -> dict[str, str]:
    return {pair.key: pair.value for pair in status(messages, name).values}


def test_transitions_without_autostart() -> None:
    with simulated(autostart=False) as (listener, driver):
        depth = listener.subscribe(Image, '/depth/image_raw')
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
        assert state(listener) == State.PRIMARY_STATE_UNCONFIGURED
        wait_for(lambda: diagnostics, 'diagnostics of an unconfigured node')
        assert status(diagnostics, 'camera').message == 'closed'
        assert listener.topics() <= {'/tf_static'}
        # whatever is set now takes effect when the node is configured
        assert listener.set_parameters(NODE, depth_unit='32FC1').successful
        assert transition(listener, Transition.TRANSITION_CONFIGURE)
        assert silent(depth)
        assert transition(listener, Transition.TRANSITION_ACTIVATE)
        more(depth)
        assert depth[-1].encoding == '32FC1'
        assert transition(listener, Transition.TRANSITION_DEACTIVATE)
        assert silent(depth)
        count = len(diagnostics)
        wait_for(lambda: len(diagnostics) > count, 'diagnostics of an inactive node')
        assert transition(listener, Transition.TRANSITION_CLEANUP)
        assert transition(listener, Transition.TRANSITION_CONFIGURE)
        assert transition(listener, Transition.TRANSITION_ACTIVATE)
        more(depth)
        assert depth[-1].encoding == '32FC1'
        assert transition(listener, Transition.TRANSITION_DEACTIVATE)
        assert transition(listener, Transition.TRANSITION_INACTIVE_SHUTDOWN)
        assert driver.wait() == 0, driver.output


def test_configuring_without_a_camera_fails() -> None:
    with simulated(autostart=False, sensor_sn='000777') as (listener, driver):
        assert not transition(listener, Transition.TRANSITION_CONFIGURE)
        assert state(listener) == State.PRIMARY_STATE_UNCONFIGURED
        driver.wait_for_line('cannot open simulated camera 000777')
        assert listener.set_parameters(NODE, sensor_sn='').successful
        assert transition(listener, Transition.TRANSITION_CONFIGURE)


def test_stop_start_and_reconnect_services() -> None:
    with simulated() as (listener, driver):
        depth = listener.subscribe(Image, '/depth/image_raw')
        more(depth)
        assert not trigger(listener, 'start').success
        assert trigger(listener, 'stop').success
        assert silent(depth)
        again = trigger(listener, 'stop')
        assert not again.success and 'call ~/start' in again.message
        assert trigger(listener, 'start').success
        more(depth)
        assert trigger(listener, 'reconnect').success
        wait_for(lambda: sum('Opened' in line for line in driver.lines) == 2, 'another opening')
        more(depth)
        assert_stamps_increase(depth)


def test_stopping_a_lost_camera_is_no_dead_end() -> None:
    with simulated() as (listener, driver):
        depth = listener.subscribe(Image, '/depth/image_raw')
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
        more(depth)
        assert listener.set_parameters(NODE, simulation_fault='unplug').successful
        driver.wait_for_line('Lost connection to camera')
        stopped = trigger(listener, 'stop')
        assert stopped.success and 'call ~/start' in stopped.message
        wait_for(lambda: 'call ~/start' in status(diagnostics, 'camera').message, 'advice')
        assert listener.set_parameters(NODE, simulation_fault='replug').successful
        assert trigger(listener, 'start').success
        more(depth)
        # the same with transitions
        assert listener.set_parameters(NODE, simulation_fault='unplug').successful
        wait_for(lambda: driver.output.count('Lost connection to camera') == 2, 'the loss')
        assert transition(listener, Transition.TRANSITION_DEACTIVATE)
        assert listener.set_parameters(NODE, simulation_fault='replug').successful
        assert transition(listener, Transition.TRANSITION_ACTIVATE)
        more(depth)
        for line in ('~/stop: stopped reconnecting', '~/start: connecting to the camera',
                     'Deactivated: ', 'Activated: '):
            driver.wait_for_line(line)


def test_failed_configuration_is_explained_and_repaired_while_closed() -> None:
    with simulated() as (listener, driver):
        depth = listener.subscribe(Image, '/depth/image_raw')
        more(depth)
        assert listener.set_parameters(NODE, simulation_fault='unplug').successful
        assert transition(listener, Transition.TRANSITION_DEACTIVATE)
        assert transition(listener, Transition.TRANSITION_CLEANUP)
        driver.wait_for_line('Cleaned up: closed camera')
        assert not transition(listener, Transition.TRANSITION_CONFIGURE)
        driver.wait_for_line('Cannot configure: the simulated camera is unplugged')
        assert 'configure and activate' in trigger(listener, 'start').message
        for _ in range(2):  # the second one is the same value again
            assert listener.set_parameters(NODE, simulation_fault='replug').successful
        assert not listener.set_parameters(NODE, simulation_fault='nonsense').successful
        assert transition(listener, Transition.TRANSITION_CONFIGURE)
        assert transition(listener, Transition.TRANSITION_ACTIVATE)
        more(depth)


def test_mode_changes_keep_the_subscribers() -> None:
    with simulated() as (listener, driver):
        depth = listener.subscribe(Image, '/depth/image_raw')
        info = listener.subscribe(CameraInfo, '/depth/camera_info')
        jpeg = listener.subscribe(CompressedImage, '/rgb/image_raw/compressed')
        more(depth)
        more(jpeg)
        assert (depth[-1].width, info[-1].width) == (320, 320)

        with promptly(3.0):
            assert listener.set_parameters(NODE, depth_mode='WFOV_2X2BINNED').successful
            wait_for(lambda: depth[-1].width == 512, 'the other mode')
        wait_for(lambda: info[-1].width == 512, 'its camera_info')

        for impossible in ({'color_format': 'nv12', 'color_resolution': '1080P'},
                           {'depth_mode': 'WFOV_UNBINNED', 'fps': 30}):
            answer = listener.set_parameters(NODE, **impossible)
            assert not answer.successful and answer.reason
        opened = sum('Opened' in line for line in driver.lines)
        more(depth)
        assert depth[-1].width == 512
        assert sum('Opened' in line for line in driver.lines) == opened

        assert listener.set_parameters(NODE, color_enabled=False).successful
        wait_for(lambda: '/rgb/image_raw' not in listener.topics(), 'color to vanish')
        assert listener.set_parameters(
            NODE, color_enabled=True, depth_mode='NFOV_2X2BINNED').successful
        more(jpeg)
        wait_for(lambda: depth[-1].width == 320, 'the first mode')
        assert_stamps_increase(depth)


def test_replugged_camera_is_reconnected() -> None:
    with simulated() as (listener, driver):
        depth = listener.subscribe(Image, '/depth/image_raw')
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
        more(depth)
        assert listener.set_parameters(NODE, brightness=200).successful
        wait_for(lambda: diagnostics and status(diagnostics, 'camera').level == b'\0',
                 'level OK')
        assert diagnostics[-1].status[0].hardware_id == '000000000000'

        assert listener.set_parameters(NODE, simulation_fault='unplug').successful
        driver.wait_for_line('Lost connection to camera')
        wait_for(lambda: status(diagnostics, 'camera').level == b'\2', 'an error')
        assert 'reconnecting' in status(diagnostics, 'camera').message
        assert silent(depth)

        since = time.time_ns()
        with promptly(3.0):
            assert listener.set_parameters(NODE, simulation_fault='replug').successful
            wait_for(lambda: stamps_after(depth, since), 'an image')
        driver.wait_for_line('Reconnected to camera')
        wait_for(lambda: status(diagnostics, 'camera').level == b'\0', 'level OK again')
        assert values(diagnostics, 'camera')['connection losses'] == '1'
        assert_stamps_increase(depth)


def test_stamps_follow_ros_time_and_its_jumps() -> None:
    with simulated(use_sim_time=True, color_enabled=False, imu_enabled=False) as (listener, _):
        depth = listener.subscribe(Image, '/depth/image_raw')
        publisher = listener.node.create_publisher(Clock, '/clock', 10)
        began = time.monotonic()
        start = 1000.0

        def tick() -> None:
            now = start + time.monotonic() - began
            stamp = Time(sec=int(now), nanosec=int(now % 1 * 1e9))
            publisher.publish(Clock(clock=stamp))

        timer = listener.node.create_timer(0.01, tick)
        for jump in (0.0, 5000.0, -3000.0):
            start += jump

            def close(start: float = start) -> bool:
                stamp = depth[-1].header.stamp
                now = start + time.monotonic() - began
                return abs(stamp.sec + stamp.nanosec * 1e-9 - now) < 0.5

            wait_for(lambda: depth and close(), f'stamps near {start:g} s')
            more(depth)
            wait_for(close, f'further stamps near {start:g} s')
        listener.node.destroy_timer(timer)


def test_diagnostics_of_a_streaming_camera() -> None:
    with simulated() as (listener, _):
        depth = listener.subscribe(Image, '/depth/image_raw')
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
        more(depth)
        wait_for(lambda: diagnostics and float(values(diagnostics, 'camera').get(
            'capture rate (Hz)', 0)) > 5, 'the capture rate')
        names = [s.name for s in diagnostics[-1].status]
        assert names == [f'k4a_driver: {name}' for name in ('camera', 'publishing', 'clock')]
        camera, publishing = values(diagnostics, 'camera'), values(diagnostics, 'publishing')
        assert camera['target capture rate (Hz)'] == '15'
        assert camera['synchronization'].startswith('standalone')
        assert camera['kind'] == 'simulated camera' and camera['depth firmware']
        assert ' Hz, subscribers: 1' in publishing['depth/image_raw']
        assert publishing['rgb/image_raw'] == 'no subscribers'
        assert float(publishing['mean latency (ms)']) > 0
        # delays look like drift until there are enough samples
        wait_for(lambda: abs(float(
            values(diagnostics, 'clock')['device clock drift (ppm)'])) < 500, 'the drift')
