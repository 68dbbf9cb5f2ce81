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
Measure and check recording from the running driver, and of processes that are killed.

    python benchmark/recording.py [--seconds 20] [--kills 20] [--rounds 3] [--domain N]

The camera is the virtual device (test/virtual_k4a), which plays a simulated recording, or with
--simulated the simulated camera. Printed are

- whether everything that a subscriber got is in the file, bit for bit and with its stamps, and
  whether it got everything that is in the file;
- processor time and rates with and without recording, in turn;
- what a k4a_record that is killed at a random moment leaves;
- what is on the disk, a file system in a file, if the power is cut meanwhile (only as root);
- what a driver does whose disk, a tmpfs of 100 MB, is full (only as root).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import hashlib
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from domains import add_domain
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.repair import repair
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.process.fastdds import select_fastdds_profile
import numpy as np
from processes import DRIVER
from processes import simulate
from processes import used
from processes import virtual_device
import rclpy
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from std_srvs.srv import Trigger

RECORD = 'from k4a_ros.tools.record import main; raise SystemExit(main())'
TOPICS = {
    TimedStream.DEPTH: (Image, '/depth/image_raw'), TimedStream.IR: (Image, '/ir/image_raw'),
    TimedStream.COLOR: (CompressedImage, '/rgb/image_raw/compressed'),
    TimedStream.IMU: (Imu, '/imu')}
FPS = 15
MODES = {'fps': FPS, 'depth_mode': 'NFOV_UNBINNED', 'color_resolution': '720P'}
#: how long something may take that happens at once on an idle machine
PATIENCE_S = 100.0
TMPFS_BYTES = 100 << 20
#: size of the file system whose power is cut, the length of the recording to it, and how often
IMAGE_BYTES, UNCUT_S, CUTS = 1500 << 20, 20, 3


class Subscriber:
    """A node that keeps stamp and hash of each message, by stream."""

    def __init__(self) -> None:
        rclpy.init()
        self._node = rclpy.create_node('subscriber')
        self.received: dict[TimedStream, dict[int, bytes]] = {stream: {} for stream in TOPICS}
        for stream, (kind, topic) in TOPICS.items():
            self._node.create_subscription(
                kind, topic, self._keep(self.received[stream]), QoSProfile(depth=5000))
        self._clients: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _keep(self, received: dict[int, bytes]) -> Callable[[Any], None]:
        def keep(message: Any) -> None:
            stamp = message.header.stamp
            data = getattr(message, 'data', b'')
            received[stamp.sec * 10 ** 9 + stamp.nanosec] = hashlib.blake2b(data).digest()
        return keep

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException, InvalidHandle):
            rclpy.spin(self._node)

    def counts(self) -> dict[str, int]:
        """Return the number of messages by stream."""
        return {stream.name: len(messages) for stream, messages in self.received.items()}

    def call(self, name: str) -> str:
        """Call a service of the driver, and return its message."""
        client = self._clients.setdefault(name, self._node.create_client(
            Trigger, f'/k4a_driver/{name}'))
        assert client.wait_for_service(PATIENCE_S), name
        done = threading.Event()
        future = client.call_async(Trigger.Request())
        future.add_done_callback(lambda _: done.set())
        assert done.wait(PATIENCE_S), name
        result = future.result()
        assert result.success, result.message
        message: str = result.message
        return message

    def close(self) -> None:
        """End."""
        rclpy.shutdown()
        self._thread.join()


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait for a condition."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, f'waited in vain for {what}'
        time.sleep(0.05)


@contextlib.contextmanager
def driver(environment: dict[str, str], log: Path, **parameters: object) -> Iterator[int]:
    """Run a driver within the block, and give its process ID."""
    arguments = [text for name, value in parameters.items()
                 for text in ('-p', f'{name}:={value}')]
    with log.open('wb') as output:
        process = subprocess.Popen(
            [sys.executable, '-c', DRIVER, '--ros-args', *arguments], env=environment,
            stdout=output, stderr=output)
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def check_content(path: Path, received: dict[TimedStream, dict[int, bytes]]) -> None:
    """Compare a file with what a subscriber got, and print the result."""
    with RecordingReader(str(path)) as reader:
        assert reader.ros_times is not None
        recorded: dict[TimedStream, dict[int, bytes]] = {stream: {} for stream in TOPICS}
        for capture in reader.captures:
            for stream, image in ((TimedStream.DEPTH, capture.depth),
                                  (TimedStream.IR, capture.ir),
                                  (TimedStream.COLOR, capture.color)):
                if image is not None:
                    ros_ns = reader.ros_times.find(stream, np.array([image.device_us]))[0]
                    recorded[stream][int(ros_ns)] = hashlib.blake2b(image.data.tobytes()).digest()
        samples = reader.imu.read(10 ** 9)
        if samples is not None:
            for ros_ns in reader.ros_times.find(TimedStream.IMU, samples.acc_us).tolist():
                recorded[TimedStream.IMU][ros_ns] = hashlib.blake2b().digest()
    for stream, found in recorded.items():
        first, last = min(found), max(found)
        got = {ns: data for ns, data in received[stream].items() if first <= ns <= last}
        different = sum(found[ns] != data for ns, data in got.items() if ns in found)
        print(f'  {stream.name:6} {len(found):6} in the file, {len(got):6} received; not in the '
              f'file: {len(got.keys() - found.keys())}, not received: '
              f'{len(found.keys() - got.keys())}, different: {different}')


def measure_cost(subscriber: Subscriber, pid: int, rounds: int, seconds: float) -> None:
    """Print processor time and rates without and with recording."""
    results: dict[bool, list[list[float]]] = {False: [], True: []}
    for recording in [False, True] * rounds:
        if recording:
            subscriber.call('start_recording')
        time.sleep(1.0)
        before, used_s, began_s = subscriber.counts(), used(Path(f'/proc/{pid}'))[1], (
            time.monotonic())
        time.sleep(seconds)
        passed_s = time.monotonic() - began_s
        cpu = (used(Path(f'/proc/{pid}'))[1] - used_s) / passed_s
        after = subscriber.counts()
        if recording:
            subscriber.call('stop_recording')
        results[recording].append(
            [100 * cpu, *((after[name] - before[name]) / passed_s for name in before)])
    names = ['CPU (%)', *(f'{stream.name} (Hz)' for stream in TOPICS)]
    for recording, rows in results.items():
        median = np.median(rows, axis=0)
        print(f'  {"with" if recording else "without"} recording: ' + ', '.join(
            f'{name} {value:.1f}' for name, value in zip(names, median, strict=True)))


def kill_recorders(count: int, environment: dict[str, str], folder: Path) -> None:
    """Kill k4a_record at random moments, and print what is lost at most."""
    lost_s, repaired = [], 0
    for number in range(count):
        path = folder / f'killed_{number}.mkv'
        process = subprocess.Popen(
            [sys.executable, '-c', RECORD, '-c', '720p', '-r', str(FPS), str(path)],
            env=environment, stderr=subprocess.DEVNULL)
        until(lambda path=path: path.exists() and path.stat().st_size, 'data')
        time.sleep(random.uniform(0.0, 3.0))
        process.kill()
        killed_ns = time.time_ns()
        process.wait()
        with RecordingReader(str(path)) as reader:
            assert reader.ros_times is not None
            last = max(capture.device_us for capture in reader.captures)
            ros_ns = int(max(reader.ros_times.find(stream, np.array([last]))[0]
                             for stream in TOPICS))
        lost_s.append((killed_ns - ros_ns) * 1e-9)
        repaired += repair(str(path), folder / 'repaired.mkv').captures > 0
        (folder / 'repaired.mkv').unlink()
        path.unlink()
    print(f'  {count} killed, {repaired} repaired; the last capture in the file was taken '
          f'{np.median(lost_s):.2f} s (median) and {max(lost_s):.2f} s (maximum) before')


def cut_power(environment: dict[str, str], folder: Path) -> None:
    """
    Record to a file system in a file, and copy the file at some moments.

    What the kernel has not written to the file yet is not in the copy, as if the power was cut.
    """
    image, copy, disk = folder / 'image', folder / 'copy', folder / 'mounted'
    disk.mkdir()
    with image.open('wb') as file:
        file.truncate(IMAGE_BYTES)

    def mount(file: Path) -> bool:
        return subprocess.run(['mount', '-o', 'loop', str(file), str(disk)],
                              check=False, stderr=subprocess.DEVNULL).returncode == 0

    if os.geteuid() or subprocess.run(
            ['mkfs.ext4', '-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', str(image)],
            check=False).returncode or not mount(image):
        print('  skipped: a file system in a file cannot be mounted')
        return
    try:
        process = subprocess.Popen(
            [sys.executable, '-c', RECORD, '-c', '720p', '-r', str(FPS), '-l', str(UNCUT_S),
             str(disk / 'a.mkv')], env=environment, stderr=subprocess.DEVNULL)
        until(lambda: (disk / 'a.mkv').exists(), 'data')
        cuts_ns = []
        for number in range(CUTS):
            time.sleep(random.uniform(3.0, UNCUT_S / CUTS))
            cuts_ns.append(time.time_ns())
            subprocess.run(['cp', '--sparse=always', str(image), f'{copy}{number}'], check=True)
        process.wait()
    finally:
        subprocess.run(['umount', str(disk)], check=True)
    for number, cut_ns in enumerate(cuts_ns):
        assert mount(Path(f'{copy}{number}'))  # which completes what the journal has
        try:
            result = repair(str(disk / 'a.mkv'), folder / 'repaired.mkv')
            with RecordingReader(str(disk / 'a.mkv')) as reader:
                assert reader.ros_times is not None
                last = max(capture.device_us for capture in reader.captures)
                ros_ns = int(max(reader.ros_times.find(stream, np.array([last]))[0]
                                 for stream in TOPICS))
        finally:
            subprocess.run(['umount', str(disk)], check=True)
        (folder / 'repaired.mkv').unlink()
        print(f'  {result.captures} captures are on the disk, and repaired; the last one was '
              f'taken {(cut_ns - ros_ns) * 1e-9:.2f} s before')


def fill_disk(environment: dict[str, str], folder: Path, parameters: dict[str, object]) -> None:
    """Record to a small disk until it is full."""
    disk = folder / 'disk'
    disk.mkdir()
    if os.geteuid() or subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', f'size={TMPFS_BYTES}', 'tmpfs', str(disk)],
            check=False).returncode:
        print('  skipped: a tmpfs cannot be mounted')
        return
    log = folder / 'full.log'
    try:
        subscriber = Subscriber()
        with driver(environment, log, **parameters, record_file=disk / 'a.mkv'):
            until(lambda: all(subscriber.received.values()), 'messages')
            subscriber.call('start_recording')
            until(lambda: b'Stopped recording' in log.read_bytes(), 'the end of the recording')
            before = subscriber.counts()
            time.sleep(3.0)
            after = subscriber.counts()
        subscriber.close()
        lines = [line for line in log.read_text().splitlines() if 'ecording' in line]
        print('  ' + '\n  '.join(lines[-2:]))
        print('  messages in the 3 s after that: ' + ', '.join(
            f'{name} {after[name] - before[name]}' for name in before))
        with RecordingReader(str(disk / 'a.mkv')) as reader:
            print(f'  complete: {reader.complete}, {sum(1 for _ in reader.captures)} captures, '
                  f'{(disk / "a.mkv").stat().st_size / 1e6:.1f} MB')
    finally:
        subprocess.run(['umount', str(disk)], check=True)


def main() -> int:
    """Print all results."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--seconds', type=float, default=20.0, help='length of the recording')
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--rounds', type=int, default=3, help='of the measurement of the cost')
    parser.add_argument('--simulated', action='store_true', help='use the simulated camera')
    add_domain(parser)
    options = parser.parse_args()
    os.environ['ROS_DOMAIN_ID'] = str(options.domain)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder / 'simulated.mkv', 4, FPS)
        environment = os.environ | virtual_device(folder, folder / 'simulated.mkv')
        select_fastdds_profile(environment)
        parameters: dict[str, object] = dict(MODES)
        if options.simulated:
            parameters |= {'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED'}
        subscriber = Subscriber()
        with driver(environment, folder / 'driver.log', **parameters,
                    record_file=folder / 'a.mkv') as pid:
            until(lambda: all(subscriber.received.values()), 'messages')
            subscriber.call('start_recording')
            time.sleep(options.seconds)
            print('Recorded: ' + subscriber.call('stop_recording'))
            time.sleep(1.0)
            check_content(folder / 'a.mkv', subscriber.received)
            print('Cost:')
            measure_cost(subscriber, pid, options.rounds, options.seconds / 2)
        subscriber.close()
        if options.kills:
            print('Killed:')
            kill_recorders(options.kills, environment, folder)
        print('Power cut:')
        cut_power(environment, folder)
        print('Full disk:')
        fill_disk(environment, folder, parameters)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
