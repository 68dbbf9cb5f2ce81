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


"""A rig of three simulated cameras: start order, proof, restart, lost pulse, recording."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from k4a_ros.mkv.together import common_timeline
from k4a_ros.node.synchronization import StreamStateTopic
from k4a_ros.rig.rig_file import parse_rig
from k4a_ros.rig.rig_launch import ARGUMENTS
from k4a_ros.rig.rig_launch import drivers
from k4a_ros.rig.rig_launch import rig_of
from k4a_ros.rig_nodes.driver_client import CLOSED
from k4a_ros.rig_nodes.driver_client import DriverClient
from k4a_ros.rig_nodes.driver_client import STREAMING
from k4a_ros.streaming.states import WAITING_FOR_PULSE
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import TimeReference
from std_srvs.srv import Trigger
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for
from support.time_limits import PATIENCE
from tf2_msgs.msg import TFMessage

NAMES = ('front', 'left', 'right')
RIG = """
parameters: {depth_mode: NFOV_2X2BINNED, fps: 5, exposure_time_us: 8330, point_cloud: false,
             imu_enabled: false, record_file: 'FOLDER/{name}.mkv'}
cameras:
  - {name: front, simulated: true, role: master, parameters: {simulation_fault: drift 40}}
  - {name: left, simulated: true, role: subordinate, parameters: {simulation_fault: drift -30},
     pose: {parent: world, xyz: [0, 1, 0], rpy: [0, 0, -0.5]}}
  - {name: right, simulated: true, role: subordinate, delay: 480,
     parameters: {depth_mode: WFOV_2X2BINNED}}
"""


class Program:
    """A node of the rig as a process of its own, with its output in a file."""

    def __init__(self, module: str, domain: int, folder: Path, *arguments: str) -> None:
        self._log = folder / f'{module}.log'
        program = f'from k4a_ros.rig_nodes.{module} import main; raise SystemExit(main())'
        environment = os.environ | {'ROS_DOMAIN_ID': str(domain), 'RCUTILS_COLORIZED_OUTPUT': '0'}
        with self._log.open('w') as log:
            self.process = subprocess.Popen(
                [sys.executable, '-c', program, '--ros-args', *arguments], env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait_for_line(self, words: str, count: int = 1) -> None:
        wait_for(lambda: self.output.count(words) >= count, f'{words!r} in:\n{self.output}')

    def __enter__(self) -> Program:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
        assert kind is not None or code == 0, self.output


@contextlib.contextmanager
def running(tmp_path: Path) -> Iterator[tuple[Listener, Program, Program]]:
    """Run a driver for each camera, the manager, the monitor, and a listener."""
    file = tmp_path / 'rig.yaml'
    file.write_text(RIG.replace('FOLDER', str(tmp_path)))
    domain = new_domain()
    given = {argument.name: argument.default for argument in ARGUMENTS} | {'config': str(file)}
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening(domain))
        for driver in drivers(rig_of(given), given, 0.0):
            parameters = dict(driver.parameters) | {'simulation_sync_group': f'test_{os.getpid()}'}
            stack.enter_context(DriverProcess.with_parameters(
                domain, '-r', f'__ns:=/{driver.namespace}', **parameters))
        manager = stack.enter_context(
            Program('manager', domain, tmp_path, '-p', f'config:={file}'))
        monitor = stack.enter_context(Program('monitor', domain, tmp_path))
        yield listener, manager, monitor


def newest(messages: list[DiagnosticArray], name: str) -> Any:
    """Return the newest status with a name, None before there is one."""
    return next((status for message in reversed(messages) for status in message.status
                 if status.name.endswith(name)), None)


def test_rig_starts_in_order_is_proven_and_recovers(tmp_path: Path) -> None:
    """Everything that users of a rig see, on one set of processes."""
    with running(tmp_path) as (listener, manager, monitor):
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
        times = {name: listener.subscribe(TimeReference, f'/{name}/time_reference')
                 for name in NAMES}
        transforms = listener.subscribe(TFMessage, '/tf_static', latched=True)

        def synchronized() -> bool:
            status = newest(diagnostics, ': synchronization')
            return status is not None and status.message.startswith('2 cameras match front')

        manager.wait_for_line('left, right wait for the sync pulse: starting the master, front')
        manager.wait_for_line('All cameras stream: front, left, right')
        manager.wait_for_line('depth_mode is NFOV_2X2BINNED, WFOV_2X2BINNED; Microsoft recommends')
        wait_for(synchronized, 'proof of synchronization')
        wait_for(lambda: all(len(messages) > 9 for messages in times.values()), 'captures of all')
        by_device = {name: {
            m.time_ref.sec * 10**6 + m.time_ref.nanosec // 1000: stamp
            for m, stamp in zip(times[name], stamps(times[name]), strict=True)} for name in NAMES}
        pulses = sorted(by_device['front'])[4:]
        for name, delay_us in (('left', 160), ('right', 480)):
            found = [(us, ns, pulse) for us, ns in by_device[name].items() for pulse in pulses
                     if abs(us - pulse - delay_us) < 100_000]
            assert found
            for us, ns, pulse in found:
                assert abs(us - pulse - delay_us) < 12
                assert abs(ns - by_device['front'][pulse] - delay_us * 1000) < 100_000
        frames = {(t.header.frame_id, t.child_frame_id) for m in transforms for t in m.transforms}
        assert {('world', 'left_camera_base'),
                ('left_camera_base', 'left_depth_camera_link')} <= frames

        # recording of all, whose times are those of one clock
        assert listener.call(Trigger, '/k4a_rig/start_recording', Trigger.Request()).success
        before = {name: len(times[name]) for name in NAMES}
        wait_for(lambda: all(len(times[name]) > before[name] + 5 for name in NAMES),
                 'captures to record')
        stopped = listener.call(Trigger, '/k4a_rig/stop_recording', Trigger.Request())
        assert stopped.success, stopped.message
        timeline = common_timeline([str(tmp_path / f'{name}.mkv') for name in NAMES])
        assert 0.5 < timeline.period_s < 60
        again = listener.call(Trigger, '/k4a_rig/stop_recording', Trigger.Request())
        assert not again.success and 'there is no recording' in again.message

        # a lost pulse, and a camera that was started alone
        assert listener.set_parameters(
            '/right/k4a_driver', simulation_fault='no sync pulse').successful
        monitor.wait_for_line('Camera right gets no sync pulse, but front streams')
        assert listener.set_parameters('/right/k4a_driver', simulation_fault='none').successful
        monitor.wait_for_line('Camera right is synchronized again')
        assert listener.call(Trigger, '/left/k4a_driver/reconnect', Trigger.Request()).success
        manager.wait_for_line('Starting the cameras, because left was started again')
        manager.wait_for_line('All cameras stream: front, left, right', 2)
        diagnostics.clear()
        wait_for(synchronized, 'synchronization after the restart')


def test_busy_manager_misses_no_start() -> None:
    """The states of a camera that is started again may follow each other within milliseconds."""
    context = Context()
    rclpy.init(context=context, domain_id=int(domain := new_domain()))
    rig = parse_rig('cameras: [{name: left, simulated: true}]', 'rig.yaml')
    try:
        topic = StreamStateTopic(Node('k4a_driver', context=context, namespace='/left'))
        manager = Node('manager', context=context)
        left = DriverClient(manager, rig, rig.cameras[0], lambda: None)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(manager)

        def state() -> str:
            executor.spin_once(0.1)
            return left.state

        wait_for(lambda: state() == CLOSED, 'the first state')
        for number in range(2):
            for text in (CLOSED, WAITING_FOR_PULSE, STREAMING):
                topic.publish(text)
            wait_for(lambda: state() == STREAMING, 'the last state')
            assert left.starts == 1 + number, domain
        executor.shutdown()
    finally:
        context.shutdown()
