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
Measure how long the driver takes from its start to the first message at a subscriber.

    python benchmark/startup.py [--starts 10] [--topic /points2] [--domain N] [-p NAME:=VALUE ...]
        [--against CHECKOUT]

The subscriber, in this process, waits before the driver is started. The first start fills the
caches and is not counted. For comparison, a node of rclpy alone that publishes a small message
takes turns, and so does the driver of another checkout. Processor time is that of the whole
process until the message has arrived. Compiled Python files are kept in a folder of this run, as
those of an installed package are. On a machine with other load, ``chrt -r 5 python ...`` comes
close to the times without it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from domains import add_domain
from k4a_ros.process.fastdds import select_fastdds_profile
import numpy as np
from processes import DRIVER
from processes import used
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2

#: the smallest node that publishes, for python -c
_FLOOR = """
import rclpy, sensor_msgs.msg, sys, time
rclpy.init()
node = rclpy.create_node('floor')
publisher = node.create_publisher(sensor_msgs.msg.Image, '/floor', 1)
while True:  # as the driver, so that the first message that is not lost counts
    publisher.publish(sensor_msgs.msg.Image())
    time.sleep(0.01)
"""
_TIMEOUT_S = 120.0
#: for messages that are still under way when a driver ends
_PAUSE_S = 0.2


def first_message(
    node: Any, arrived: list[float], command: list[str], environment: dict[str, str],
) -> tuple[float, float]:
    """
    Start a process, and return wall and processor time until its first message, seconds.

    :raises SystemExit: none arrives.
    """
    arrived.clear()
    start = time.monotonic()
    process = subprocess.Popen(  # not in the checkout, whose package would come first
        command, env=environment, cwd='/', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not arrived:
            rclpy.spin_once(node, timeout_sec=0.02)
            if process.poll() is not None or time.monotonic() > start + _TIMEOUT_S:
                raise SystemExit(f'no message from {" ".join(command)[:100]}')
        return arrived[0] - start, used(Path(f'/proc/{process.pid}'))[1]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        end = time.monotonic() + _PAUSE_S
        while time.monotonic() < end:
            rclpy.spin_once(node, timeout_sec=0.02)


def row(name: str, results: list[tuple[float, float]]) -> str:
    """Return a row of the table: median and range."""
    cells = []
    for values in np.array(results).T:
        low, middle, high = np.percentile(values, [0, 50, 100])
        cells.append(f'{middle:.2f} ({low:.2f} to {high:.2f})')
    return f'| {name} | {" | ".join(cells)} |'


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--starts', type=int, default=10)
    parser.add_argument('--topic', default='/depth/image_raw', help='an image, or /points2')
    add_domain(parser)
    parser.add_argument('--against', type=Path, metavar='CHECKOUT', help='another version')
    parser.add_argument('-p', action='append', default=[], metavar='NAME:=VALUE',
                        help='parameters of the driver; default: camera:=simulated')
    options = parser.parse_args()
    os.environ['ROS_DOMAIN_ID'] = str(options.domain)
    select_fastdds_profile(os.environ)
    rclpy.init()
    node = rclpy.create_node('startup')
    times: dict[str, list[float]] = {'driver': [], 'floor': []}
    packages = {'driver': Path(__file__).resolve().parents[1]}

    def arrival(of: list[float]) -> Callable[[Any], None]:
        return lambda message: of.append(time.monotonic())

    kind = PointCloud2 if options.topic.endswith('points2') else Image
    for message, topic, name in ((kind, options.topic, 'driver'), (Image, '/floor', 'floor')):
        node.create_subscription(message, topic, arrival(times[name]), qos_profile_sensor_data)
    parameters = [text for each in options.p or ['camera:=simulated'] for text in ('-p', each)]
    commands = {'driver': [sys.executable, '-c', DRIVER, '--ros-args', *parameters],
                'floor': [sys.executable, '-c', _FLOOR]}
    if options.against:
        packages['other'] = options.against.resolve()
        commands['other'], times['other'] = commands['driver'], times['driver']
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.starts + 1):
            for name, command in commands.items():
                environment = os.environ | {'PYTHONPYCACHEPREFIX': f'{folder}/{name}'}
                environment.pop('PYTHONDONTWRITEBYTECODE', None)
                if name in packages:
                    environment['PYTHONPATH'] = os.pathsep.join(
                        [str(packages[name]), os.environ.get('PYTHONPATH', '')])
                result = first_message(node, times[name], command, environment)
                if number:
                    results[name].append(result)
    print(f'{options.starts} starts, {" ".join(parameters)}\n\n| | s | s of processor time |\n'
          '|---|---|---|')
    print(row(f'`{options.topic}` of the driver', results['driver']))
    if options.against:
        print(row(f'the same of {options.against}', results['other']))
    print(row('a node of rclpy alone', results['floor']))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
