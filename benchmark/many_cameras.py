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
Measure what several cameras on one computer cost, and how exactly they are synchronized.

    python benchmark/many_cameras.py --cost [--counts 1 2 4 8] [--seconds 20] [--fps 15]
    python benchmark/many_cameras.py --sync [--cameras 9] [--seconds 300] [--fps 5]

--cost: each driver plays the same recording of the simulated camera to a subscriber of its own.
The processor time of all drivers is compared with that of one, times their number.

--sync: simulated cameras on one sync cable, each with a clock that drifts by up to 100 ppm, start
in the order of a rig (k4a_rig, k4a_sync_monitor). The captures of each subordinate are compared
with those of the master.
"""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path
import re
import signal
import sys
import tempfile
import threading
import time
from typing import Any

from domains import add_domain
from driver import CAPTURES
from driver import repeat
from k4a_ros.process.fastdds import select_fastdds_profile
from k4a_ros.rig.rig_launch import ARGUMENTS
from k4a_ros.rig.rig_launch import drivers
from k4a_ros.rig.rig_launch import rig_of
from k4a_ros.rig.sync_tracker import MIN_CAPTURES
from k4a_ros.rig.sync_tracker import WINDOW_S
from k4a_ros.rig.sync_watch import MAX_OFFSET_US
from k4a_ros.rig.sync_watch import MAX_STAMPS_MS
import numpy as np
from processes import DRIVER
from processes import Process
from processes import simulate

ROLES = str(Path(__file__).with_name('driver_roles.py'))
TOPICS = ('depth/image_raw', 'ir/image_raw', 'rgb/image_raw/compressed')
MODES = {'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': '720P'}
START_S = 300.0
_NODE = 'from k4a_ros.rig_nodes.{} import main; raise SystemExit(main())'


def parameters(values: dict[str, Any]) -> list[str]:
    """Return the arguments that set parameters; strings stay strings."""
    arguments = []
    for name, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else (
            f"'{value}'" if isinstance(value, str) else str(value))
        arguments += ['-p', f'{name}:={text}']
    return arguments


# cost


@dataclass(frozen=True)
class Cost:
    """Processor time of all drivers per second, captures of all topics, and lost ones."""

    load: float
    count: int
    lost: int


def cost(
    environment: dict[str, str], recording: Path, count: int, seconds: float, fps: int,
) -> Cost:
    """Return the cost of some drivers that run at the same time."""
    with contextlib.ExitStack() as stack:
        subscribers, running = [], []
        for number in range(count):
            topics = [f'camera_{number}/{topic}' for topic in TOPICS]
            subscribers.append(Process(
                environment, ROLES, 'subscribe', str(10**9 // fps), *topics))
            stack.callback(subscribers[-1].end, signal.SIGTERM)
            running.append(Process(
                environment, '-c', DRIVER, '--ros-args', '-r', f'__ns:=/camera_{number}',
                *parameters({'recording_file': str(recording), 'recording_loop_enabled': True,
                             'playback_start_delay': 0.0, 'tf_prefix': f'camera_{number}_'})))
            stack.callback(running[-1].end, signal.SIGTERM)
        missing = list(subscribers)
        while missing:
            time.sleep(0.2)
            missing = [one for one in missing
                       if not all(received for received, _ in one.ask().values())]
        time.sleep(3.0)
        for subscriber in subscribers:
            subscriber.ask()
        before, began = sum(driver.cpu() for driver in running), time.monotonic()
        time.sleep(seconds)
        spent, passed = sum(driver.cpu() for driver in running) - before, time.monotonic() - began
        found = [numbers for subscriber in subscribers for numbers in subscriber.ask().values()]
    return Cost(spent / passed, sum(received for received, _ in found),
                sum(lost for _, lost in found))


def measure_cost(
    environment: dict[str, str], counts: list[int], seconds: float, fps: int, rounds: int,
) -> None:
    """Print what drivers cost that run at the same time."""
    with tempfile.TemporaryDirectory() as folder:
        original, recording = Path(folder, 'original.mkv'), Path(folder, 'camera.mkv')
        simulate(original, CAPTURES / fps, fps, *(
            text for name, value in MODES.items()
            for text in (f'--{name.replace("_", "-")}', value)))
        repeat(str(original), recording, fps)
        print('| cameras | of a core | of a core, each | times that of one alone | messages | '
              'lost |\n|---|---|---|---|---|---|')
        found: dict[int, list[Cost]] = {count: [] for count in counts}
        for _ in range(rounds):
            for count in counts:
                found[count].append(cost(environment, recording, count, seconds, fps))
        alone = [one.load / counts[0] for one in found[counts[0]]]
        for count, costs in found.items():
            each = [one.load / count for one in costs]
            ratios = [one / single for one, single in zip(each, alone, strict=True)]
            print(f'| {count} | {100 * np.median([one.load for one in costs]):.1f} % | '
                  f'{100 * np.median(each):.1f} % | {np.median(ratios):.2f} '
                  f'({min(ratios):.2f} to {max(ratios):.2f}) | {sum(c.count for c in costs)} | '
                  f'{sum(c.lost for c in costs)} |', flush=True)


# synchronization


def rig_file(count: int, fps: int) -> str:
    """Return the rig file of a master and its subordinates, with drifting clocks."""
    cameras = '\n'.join(
        f'  - {{name: camera_{number}, simulated: true, '
        f'role: {"subordinate" if number else "master"}, parameters: '
        f'{{simulation_fault: drift {(number * 37) % 201 - 100}}}}}' for number in range(count))
    modes = ', '.join(f'{name}: {value}' for name, value in MODES.items())
    return (f'parameters: {{{modes}, fps: {fps}, exposure_time_us: 8330, imu_enabled: false, '
            f'point_cloud: false}}\ncameras:\n{cameras}\n')


class Listener:
    """
    Receives what a rig says about its times.

    ``times``: of each camera, device time and stamp of each capture, by the delay in microseconds.
    ``statuses``: how often the monitor has said each sentence, without its numbers.
    """

    def __init__(self, names: list[str], domain: int) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.executors import ExternalShutdownException
        from sensor_msgs.msg import TimeReference
        self.times: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
        self.delays = dict.fromkeys(names, 0)
        self.problems: list[str] = []
        self.status = ''
        self._rclpy = rclpy
        rclpy.init(domain_id=domain)
        self._node = rclpy.create_node('many_cameras')
        for name in names:
            self._node.create_subscription(
                TimeReference, f'/{name}/time_reference', self._receiver(name), 5000)
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 100)

        def spin() -> None:
            with contextlib.suppress(ExternalShutdownException):
                rclpy.spin(self._node)

        self._thread = threading.Thread(target=spin)
        self._thread.start()

    def _receiver(self, name: str) -> Any:
        def receive(message: Any) -> None:
            device, stamp = message.time_ref, message.header.stamp
            self.delays[name] = int(message.source.split()[3])
            self.times[name].append((device.sec * 10**6 + device.nanosec // 1000,
                                     stamp.sec * 10**9 + stamp.nanosec))
        return receive

    def _diagnose(self, message: Any) -> None:
        for status in message.status:
            if status.name.endswith(': synchronization'):
                self.status = status.message
                if status.level != b'\0':
                    self.problems.append(status.message)

    def close(self) -> None:
        """Leave the domain."""
        self._rclpy.shutdown()
        self._thread.join()


def compare(
    master: list[tuple[int, int]], camera: list[tuple[int, int]], delay_us: int, fps: int,
) -> str:
    """Return a row of the table: what matches, and the ranges of offsets and of stamps."""
    other, other_stamp = np.array(master).T
    steps = np.diff(other)
    period_us = steps.sum() / np.rint(steps * fps / 1e6).sum()
    device, stamp = np.array([(us, ns) for us, ns in camera if (
        other[0] - period_us / 2 < us - delay_us < other[-1] + period_us / 2)]).T
    index = np.abs(device[:, None] - delay_us - other[None, :]).argmin(axis=1)
    distance = device - delay_us - other[index]
    offset = distance - np.rint(distance / period_us) * period_us
    both = np.abs(distance) < period_us / 2
    stamps_ms = (stamp - other_stamp[index] - (delay_us + distance) * 1000)[both] / 1e6
    return (f'{delay_us} | {len(device)} | {both.sum()} | '
            f'{np.count_nonzero(np.abs(offset) > MAX_OFFSET_US)} | {distance[both].min()} to '
            f'{distance[both].max()} | {np.percentile(stamps_ms, 1):.3f} to '
            f'{np.percentile(stamps_ms, 99):.3f} | '
            f'{np.count_nonzero(np.abs(stamps_ms) > MAX_STAMPS_MS)}')


def measure_sync(
    environment: dict[str, str], domain: int, count: int, seconds: float, fps: int,
) -> None:
    """Print how the captures of simulated cameras on a sync cable match."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = folder / 'rig.yaml'
        file.write_text(rig_file(count, fps))
        given = {argument.name: argument.default for argument in ARGUMENTS} | {'config': str(file)}
        names = [camera.name for camera in rig_of(given).cameras]
        listener = Listener(names, domain)
        stack.callback(listener.close)
        for driver in drivers(rig_of(given), given, 0.0):
            process = Process(
                environment, '-c', DRIVER, '--ros-args', '-r', f'__ns:=/{driver.namespace}',
                *parameters(dict(driver.parameters)), log=folder / f'{driver.namespace}.log')
            stack.callback(process.end, signal.SIGTERM)
        for module, arguments in (('manager', parameters({'config': str(file)})), ('monitor', [])):
            process = Process(environment, '-c', _NODE.format(module), '--ros-args', *arguments,
                              log=folder / f'{module}.log')
            stack.callback(process.end, signal.SIGTERM)
        end_s = time.monotonic() + START_S
        while not all(len(found) > MIN_CAPTURES for found in listener.times.values()):
            time.sleep(0.5)
            if time.monotonic() > end_s:
                raise SystemExit((folder / 'manager.log').read_text()
                                 + (folder / 'monitor.log').read_text())
        time.sleep(WINDOW_S)  # until the monitor has forgotten the start
        listener.problems.clear()
        time.sleep(seconds)
        times = {name: list(found) for name, found in listener.times.items()}
        print('| camera | delay, us | captures | with a partner | mismatched | off the delay, us '
              '| stamps apart, ms, 1st to 99th percentile | captures with more than 0.1 ms |\n'
              '|---|---|---|---|---|---|---|---|')
        for name in names[1:]:
            row = compare(times[names[0]], times[name], listener.delays[name], fps)
            print(f'| {name} | {row} |')
        print(f'\nk4a_sync_monitor, at the end: {listener.status}')
        print(f'statuses with a problem: {len(listener.problems)}')
        for words in sorted({re.sub(r'[0-9.]+', 'N', part) for text in listener.problems
                             for part in text.split('; ')}):
            print(f'  {words}')


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--cost', action='store_true', help='what more cameras cost')
    parser.add_argument('--sync', action='store_true', help='how exactly they are synchronized')
    parser.add_argument('--counts', type=int, nargs='+', default=[1, 2, 4, 8],
                        help='numbers of drivers, of --cost')
    parser.add_argument('--cameras', type=int, default=9, help='on the cable, of --sync')
    parser.add_argument('--seconds', type=float, help='default: 20 of --cost, 300 of --sync')
    parser.add_argument('--rounds', type=int, default=3, help='of --cost')
    parser.add_argument('--fps', type=int, help='default: 15 of --cost, 5 of --sync')
    add_domain(parser)
    options = parser.parse_args()
    if not options.cost and not options.sync:
        parser.error('give --cost, --sync or both')
    os.environ['ROS_DOMAIN_ID'] = str(options.domain)
    select_fastdds_profile(os.environ)
    environment = dict(os.environ)
    print(f'load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n', flush=True)
    if options.cost:
        measure_cost(environment, options.counts, options.seconds or 20.0, options.fps or 15,
                     options.rounds)
    if options.sync:
        measure_sync(environment, options.domain, options.cameras, options.seconds or 300.0,
                     options.fps or 5)
    return 0


if __name__ == '__main__':
    sys.exit(main())
