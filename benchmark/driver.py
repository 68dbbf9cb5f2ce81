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
Measure what the whole driver costs, against the way that one would first write it.

    python benchmark/driver.py [--recording FILE] [--rounds 5] [--seconds 10] [--domain 43]
    python benchmark/driver.py --endurance 300

Every driver plays the same recording at 30 Hz, which is by default one of the simulated camera; of
a FILE, the images of its first seconds are repeated in a loop. One subscriber, a further process,
takes depth, infrared, cloud, and colour or its JPEG. Drivers take turns, so that other load meets
all alike; ratios are of neighbouring rounds.

'Naive' is one thread that reads the recording with the same reader, decodes with cv2.imdecode,
makes the cloud with numpy, and fills new messages as cv_bridge does. 'C' is drive.c, beside this
file, which does what any driver must do and nothing else; it needs gcc and the headers of ROS.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import contextlib
import ctypes
from dataclasses import dataclass
from dataclasses import replace
import itertools
import json
import os
from pathlib import Path
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from k4a_ros.allocator import keep_memory
from k4a_ros.cameras.base import Capture
from k4a_ros.cameras.playback import Playback
from k4a_ros.cameras.recording import RecordingCamera
from k4a_ros.errors import ReadTimeout
from k4a_ros.recorder import Recorder
from k4a_ros.transport import prepare
import numpy as np
from yardstick import compiled
from yardstick import run

#: recordings: name, resolution of colour, captures per second
SOURCES = (('720P', '720P', 30), ('people', '720P', 30), ('1080P', '1080P', 30),
           ('2160P', '2160P', 30), ('3072P', '3072P', 15))
#: captures of which a recording is made
CAPTURES = 60
BASIC = ('depth/image_raw', 'ir/image_raw', 'points2')
DECODED, JPEG = (*BASIC, 'rgb/image_raw'), (*BASIC, 'rgb/image_raw/compressed')
BODIES = 'body_tracking_joints'
NAIVE, C, OURS = 'naive', 'C', 'k4a_ros'
_TICKS = os.sysconf('SC_CLK_TCK')


# what the processes do


def subscribe(topics: list[str], period_ns: int) -> None:
    """Count messages until the input ends, and print how many came and were lost, as JSON."""
    import rclpy
    from rclpy.executors import ExternalShutdownException
    from sensor_msgs.msg import CompressedImage
    from sensor_msgs.msg import Image
    from sensor_msgs.msg import PointCloud2
    rclpy.init()
    node = rclpy.create_node('subscriber')
    stamps: dict[str, list[int]] = {topic: [] for topic in topics}

    def subscribe_to(topic: str) -> None:
        kind: Any = (PointCloud2 if topic in ('points2', BODIES) else
                     CompressedImage if topic.endswith('compressed') else Image)

        def take(data: bytes) -> None:
            # 4 bytes of encapsulation, then the stamp
            seconds, nanoseconds = struct.unpack_from('<iI', data, 4)
            stamps[topic].append(seconds * 10**9 + nanoseconds)

        node.create_subscription(kind, topic, take, 4, raw=True)

    for topic in topics:
        subscribe_to(topic)

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException):
            rclpy.spin(node)

    thread = threading.Thread(target=spin)
    thread.start()
    for _ in sys.stdin:
        found = {}
        for topic, times in stamps.items():
            steps = np.rint(np.diff(times) / period_ns)
            found[topic] = (len(times), int((steps - 1).clip(0).sum()))
            times.clear()
        print(json.dumps(found), flush=True)
    rclpy.shutdown()
    thread.join()


def drive_naively(path: str, topics: list[str]) -> None:
    """Publish a recording as a first version of a driver would."""
    import cv2
    from cv_bridge import CvBridge
    import rclpy
    from sensor_msgs.msg import Image
    from sensor_msgs.msg import PointCloud2
    from sensor_msgs.msg import PointField
    rclpy.init()
    node = rclpy.create_node('naive')
    bridge = CvBridge()
    kinds: dict[str, Any] = dict.fromkeys(topics, Image) | {'points2': PointCloud2}
    publishers = {topic: node.create_publisher(kinds[topic], topic, 4) for topic in topics}

    def image(topic: str, pixels: Any, encoding: str, stamp: Any) -> None:
        message = bridge.cv2_to_imgmsg(pixels, encoding)
        message.header.stamp = stamp
        publishers[topic].publish(message)

    with RecordingCamera(path, loop=True) as camera:
        rays = camera.calibration.depth(camera.config.depth_mode).rays()
        x, y = rays[..., 0], rays[..., 1]
        camera.start()
        began = node.get_clock().now().nanoseconds // 1000
        first = None
        while True:
            try:
                capture = camera.read(1.0)
            except ReadTimeout:
                continue
            first = first or capture.device_us
            us = began + capture.device_us - first
            stamp = rclpy.time.Time(nanoseconds=us * 1000).to_msg()
            assert capture.depth and capture.ir and capture.color
            image('depth/image_raw', capture.depth.data, '16UC1', stamp)
            image('ir/image_raw', capture.ir.data, 'mono16', stamp)
            z = capture.depth.data.astype(np.float32) / 1000
            z[z == 0] = np.nan
            points = np.dstack([x * z, y * z, z, np.zeros_like(z)]).astype(np.float32)
            cloud = PointCloud2(
                height=z.shape[0], width=z.shape[1], point_step=16, row_step=16 * z.shape[1],
                fields=[PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
                        for i, name in enumerate('xyz')])
            cloud.header.stamp = stamp
            cloud.data = points.tobytes()
            publishers['points2'].publish(cloud)
            bgr = cv2.imdecode(capture.color.data, cv2.IMREAD_COLOR)
            image('rgb/image_raw', cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA), 'bgra8', stamp)


def drive_in_c(path: str, topics: list[str], library: str) -> int:
    """Be drive.c."""
    keep_memory()
    with RecordingCamera(path) as camera:
        depth = camera.calibration.depth(camera.config.depth_mode)
        color = camera.calibration.color(camera.config.color_resolution)
    rays = Path(library).with_name(f'rays-{os.getpid()}')
    depth.rays().astype(np.float32).transpose(2, 0, 1).tofile(rays)
    # the functions of the SDK are looked up among those of the whole process
    loaded = {line.split()[-1] for line in Path('/proc/self/maps').read_text().splitlines()}
    for name in sorted(path for path in loaded if '/libk4a' in path):
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    return run(library, path, rays, depth.width, depth.height, color.width, color.height,
               'decoded' if 'rgb/image_raw' in topics else 'jpeg')


# what is measured


@dataclass(frozen=True)
class Run:
    """
    What one driver did.

    Seconds from its start to the first images of all topics; processor time, of a core and for
    each capture; captures that came, and that were lost.
    """

    first: float
    load: float
    cpu_ms: float
    count: int
    lost: int
    bodies_hz: float


class Process:
    """A process of this program, or the driver."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def cpu(self) -> float:
        """Return the seconds of all cores that it has used."""
        fields = Path(f'/proc/{self.process.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def ask(self) -> dict[str, list[int]]:
        """Return what a subscriber has counted since it was asked last."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        answer: dict[str, list[int]] = json.loads(self.process.stdout.readline())
        return answer

    def end(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


class Bench:
    """Runs drivers, each on recordings of its own, in one domain."""

    def __init__(self, folder: Path, domain: int) -> None:
        self.folder = folder
        self.library = compiled('drive', str(folder))
        self.environment = os.environ | {'ROS_DOMAIN_ID': str(domain)}
        prepare(self.environment)

    def path(self, name: str) -> Path:
        """Return where a recording is."""
        return self.folder / f'{name}.mkv'

    @contextlib.contextmanager
    def driver(self, name: str, kind: str, topics: tuple[str, ...]) -> Iterator[Process]:
        """Run a driver."""
        if kind == NAIVE:
            process = Process(self.environment, __file__, '--naive', str(self.path(name)))
        elif kind == C:
            process = Process(
                self.environment, __file__, '--in-c', str(self.path(name)), str(self.library),
                *topics)
        else:
            process = Process(
                self.environment, '-c',
                'from k4a_ros.main import main; raise SystemExit(main())', '--ros-args',
                '-p', f'recording_file:={self.path(name)}', '-p', 'recording_loop_enabled:=true',
                '-p', 'playback_start_delay:=0.0',
                '-p', f'body_tracking_enabled:={str(name == "people").lower()}')
        try:
            yield process
        finally:
            process.end()

    def measure(
        self, name: str, topics: tuple[str, ...], seconds: float, kind: str = OURS,
    ) -> Run:
        """Measure one driver, once it runs."""
        fps = next(fps for source, _, fps in SOURCES if source == name)
        subscriber = Process(
            self.environment, __file__, '--subscribe', str(10**9 // fps), *topics)
        if topics:
            subscriber.ask()  # it is there
        with self.driver(name, kind, topics) as driver:
            try:
                started = time.monotonic()
                missing = set(topics)
                while missing:
                    time.sleep(0.02)
                    missing -= {name for name, (count, _) in subscriber.ask().items() if count}
                first = time.monotonic() - started
                time.sleep(2.0 if topics else 5.0)
                subscriber.ask()
                before, began = driver.cpu(), time.monotonic()
                time.sleep(seconds)
                used, passed = driver.cpu() - before, time.monotonic() - began
                found = subscriber.ask()
            finally:
                subscriber.end()
        bodies, _ = found.pop(BODIES, (0, 0))
        count = max((count for count, _ in found.values()), default=round(passed * fps))
        lost = max((lost for _, lost in found.values()), default=0)
        return Run(
            first, used / passed, 1000 * used / max(count, 1), count, lost, bodies / passed)


def write_recordings(folder: Path, original: str, wanted: list[str]) -> None:
    """Write the recordings that are wanted, of a simulated room or another recording's images."""
    for name, size, fps in SOURCES:
        if name not in wanted:
            continue
        source = Path(original)
        if not original or name != '720P':
            source = folder / 'simulated.mkv'
            subprocess.run(
                [sys.executable, '-c',
                 'from k4a_ros.tools.simulate import main; raise SystemExit(main())',
                 str(source), '--seconds', str(CAPTURES / fps), '--fps', str(fps),
                 '--color-resolution', size, '--force'], check=True, stdout=subprocess.DEVNULL)
        repeat(str(source), folder / f'{name}.mkv', fps)


def repeat(original: str, path: Path, fps: int) -> None:
    """Write a recording of equal steps, in its loop too, with the images of another."""
    source = Playback(original)
    captures: list[Capture] = []
    while len(captures) < CAPTURES and (capture := source.next_capture()):
        captures.append(capture)
    config = replace(source.config, fps=fps, imu=False)
    with Recorder(path, config, source.calibration, source.serial) as recorder:
        for number in range(CAPTURES):
            capture = captures[number % len(captures)]
            us = 500_000 + number * 1_000_000 // fps
            recorder.write(Capture(*(
                image and replace(image, device_us=us)
                for image in (capture.depth, capture.ir, capture.color))))
    source.close()


# what is printed


def spread(values: list[float], unit: str = '') -> str:
    """Return median and range of values."""
    low, middle, high = np.percentile(values, [0, 50, 100])
    return f'{middle:.2f}{unit} ({low:.2f} to {high:.2f})'


def ratios(runs: list[Run], others: list[Run]) -> str:
    """Return median and range of the ratios of processor time, round by round."""
    return spread([run.cpu_ms / other.cpu_ms for run, other in zip(runs, others, strict=True)])


def compare(bench: Bench, rounds: int, seconds: float) -> None:
    """Print what decoding and passing on cost, against naive and C."""
    print('| | CPU per capture, ms | of naive | of C | of a core | first images, s | captures | '
          'lost |\n|---|---|---|---|---|---|---|---|')
    ways = [C, OURS] if bench.library else [OURS]
    for name in ('720P', '1080P'):
        kinds = [(NAIVE, DECODED), *itertools.product(ways, (DECODED, JPEG))]
        runs: dict[tuple[str, tuple[str, ...]], list[Run]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for way, topics in kinds:
                runs[way, topics].append(bench.measure(name, topics, seconds, way))
        for (way, topics), found in runs.items():
            print(f'| {name}, {"decoded" if topics == DECODED else "JPEG"}, {way} | '
                  f'{spread([run.cpu_ms for run in found])} | '
                  f'{ratios(found, runs[NAIVE, DECODED])} | '
                  f'{ratios(found, runs[C, topics]) if C in ways and way == OURS else ""} | '
                  f'{spread([100 * run.load for run in found], " %")} | '
                  f'{spread([run.first for run in found])} | '
                  f'{sum(run.count for run in found)} | {sum(run.lost for run in found)} |',
                  flush=True)
    idle = [bench.measure('720P', (), seconds) for _ in range(rounds)]
    load = spread([100 * run.load for run in idle], ' %')
    print(f'| 720P, nobody subscribes | | | | {load} | | | |')
    for name in ('2160P', '3072P'):
        passed_on = [bench.measure(name, JPEG, seconds) for _ in range(rounds)]
        print(f'| {name}, JPEG | {spread([run.cpu_ms for run in passed_on])} | | | '
              f'{spread([100 * run.load for run in passed_on], " %")} | '
              f'{spread([run.first for run in passed_on])} | '
              f'{sum(run.count for run in passed_on)} | {sum(run.lost for run in passed_on)} |')


def track(bench: Bench, rounds: int, seconds: float) -> None:
    """Print what body tracking costs, and whether images suffer from it."""
    runs = [bench.measure('people', (*DECODED, BODIES), seconds) for _ in range(rounds)]
    print(f'\nwith body tracking of one person: {spread([run.bodies_hz for run in runs])} Hz of '
          f'people, {sum(run.lost for run in runs)} of {sum(run.count for run in runs)} captures '
          f'lost, {spread([100 * run.load for run in runs], " %")} of a core')


def endure(bench: Bench, seconds: float) -> None:
    """Print what is lost in a long time, each capture decoded."""
    run = bench.measure('720P', DECODED, seconds)
    print(f'{run.count} captures of 720P, decoded, in {seconds:g} s: {run.lost} lost; '
          f'{run.cpu_ms:.2f} ms of CPU each')


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description='Measure what the whole driver costs.')
    parser.add_argument('--recording', default='', help='whose images to use at 720P')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=10.0, help='length of each round')
    parser.add_argument('--domain', type=int, default=43, help='ROS_DOMAIN_ID')
    parser.add_argument('--endurance', type=float, default=0.0, metavar='SECONDS',
                        help='count what is lost in so long a time instead')
    parser.add_argument('--subscribe', nargs='+', help=argparse.SUPPRESS)
    parser.add_argument('--naive', help=argparse.SUPPRESS)
    parser.add_argument('--in-c', nargs='+', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.subscribe:
        with contextlib.suppress(KeyboardInterrupt):
            subscribe(options.subscribe[1:], int(options.subscribe[0]))
        return 0
    if options.naive:
        with contextlib.suppress(KeyboardInterrupt):
            drive_naively(options.naive, list(DECODED))
        return 0
    if options.in_c:
        path, library, *topics = options.in_c
        return drive_in_c(path, topics, library)
    with tempfile.TemporaryDirectory() as folder:
        wanted = ['720P'] if options.endurance else [name for name, *_ in SOURCES]
        write_recordings(Path(folder), options.recording, wanted)
        bench = Bench(Path(folder), options.domain)
        if options.endurance:
            endure(bench, options.endurance)
        else:
            compare(bench, options.rounds, options.seconds)
            track(bench, options.rounds, options.seconds)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
