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
Measure what the whole driver costs, compared with a naive driver and with C.

    python benchmark/driver.py [--recording FILE] [--rounds 5] [--seconds 10] [--domain N]
        [--sizes 720P 1080P 2160P 3072P] [--against CHECKOUT]
    python benchmark/driver.py --endurance 300
    python benchmark/driver.py --bodies [--people 1 2 4]

Every driver plays the same recording at 30 Hz, which is by default one of the simulated camera; of
a FILE, the images of its first seconds are repeated in a loop. One subscriber, a further process,
receives depth, infrared, cloud, and color or its JPEG. The drivers take turns, so that other load
affects all of them alike; ratios are computed between neighboring rounds.

'Naive' is one thread that reads the recording with the same reader, decodes with cv2.imdecode,
makes the cloud with numpy, and fills new messages as cv_bridge does. 'C' is drive.c, beside this
file, which does only what every driver must do; it needs gcc and the headers of ROS. 'C, nothing
read' is the same program, but it repeats captures from memory; to decode them it needs
libturbojpeg (Debian and Ubuntu: libturbojpeg0 or libturbojpeg). The driver of another checkout
takes turns, too, if there is one.

People whose bodies are tracked are rendered: their recordings have color of the simulated camera.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import contextlib
import ctypes.util
from dataclasses import dataclass
from dataclasses import replace
import itertools
import os
from pathlib import Path
import sys
import tempfile
import time

from domains import add_domain
from driver_roles import BODIES
from k4a_ros.capture import Capture
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.writer import RecordingWriter
from k4a_ros.process.fastdds import select_fastdds_profile
import numpy as np
from people import MAX_PEOPLE
from people import write_people
from processes import DRIVER
from processes import Process
from processes import simulate
from yardstick import compiled

#: the program of the processes
ROLES = str(Path(__file__).with_name('driver_roles.py'))
#: recordings: name, resolution of color, captures per second
SOURCES = (('720P', '720P', 30), ('1080P', '1080P', 30), ('2160P', '2160P', 30),
           ('3072P', '3072P', 15))
#: those at which the drivers are compared
DECODED_SIZES = ('720P', '1080P')
#: captures per second of recordings of people
PEOPLE_FPS = 30
#: number of captures in a recording
CAPTURES = 60
BASIC = ('depth/image_raw', 'ir/image_raw', 'points2')
DECODED, JPEG = (*BASIC, 'rgb/image_raw'), (*BASIC, 'rgb/image_raw/compressed')
NAIVE, C, OURS = 'naive', 'C', 'k4a_ros'
C_REPEATED, AGAINST = 'C, nothing read', 'other checkout'


@dataclass(frozen=True)
class Run:
    """
    Measurements of one driver in one round.

    Seconds from its start to the first images on all topics; processor time, as a share of a core
    and per capture that was published; number of captures that were received and that were lost;
    rate of the results of body tracking, and the mean number of people in them.
    """

    first: float
    load: float
    cpu_ms: float
    count: int
    lost: int
    bodies_hz: float
    people: float


class Bench:
    """Runs drivers in one ROS domain, each with its own recordings."""

    def __init__(self, folder: Path, domain: int, against: Path | None = None) -> None:
        self.folder = folder
        self.against = against
        self.library = compiled('drive', str(folder))
        self.environment = os.environ | {'ROS_DOMAIN_ID': str(domain)}
        select_fastdds_profile(self.environment)

    def path(self, name: str) -> Path:
        """Return the path of a recording."""
        return self.folder / f'{name}.mkv'

    @contextlib.contextmanager
    def driver(self, name: str, kind: str, topics: tuple[str, ...]) -> Iterator[Process]:
        """Run a driver."""
        if kind == NAIVE:
            process = Process(self.environment, ROLES, 'naive', str(self.path(name)), *topics)
        elif kind in (C, C_REPEATED):
            source = 'repeated' if kind == C_REPEATED else 'read'
            process = Process(self.environment, ROLES, 'c', str(self.library), source,
                              str(self.path(name)), *topics)
        else:
            program = DRIVER
            if kind == AGAINST:  # before the present folder, which may be this checkout
                program = f'import sys; sys.path.insert(0, {str(self.against)!r}); {DRIVER}'
            process = Process(
                self.environment, '-c', program, '--ros-args',
                '-p', f'recording_file:={self.path(name)}', '-p', 'recording_loop_enabled:=true',
                '-p', 'playback_start_delay:=0.0',
                '-p', f'body_tracking_enabled:={str(BODIES in topics).lower()}')
        try:
            yield process
        finally:
            process.end()

    def measure(
        self, name: str, topics: tuple[str, ...], seconds: float, kind: str = OURS,
    ) -> Run:
        """Measure one driver, once it publishes."""
        fps = next((fps for source, _, fps in SOURCES if source == name), PEOPLE_FPS)
        subscriber = Process(
            self.environment, ROLES, 'subscribe', str(10**9 // fps), *topics)
        if topics:
            subscriber.ask()  # the driver publishes
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
        bodies, people = found.pop(BODIES, (0, 0))
        count = max((count for count, _ in found.values()), default=round(passed * fps))
        lost = max((lost for _, lost in found.values()), default=0)
        return Run(
            first, used / passed, 1000 * used / max(count + lost, 1), count, lost,
            bodies / passed, people / max(bodies, 1))


def write_recordings(folder: Path, original: str, wanted: list[str]) -> None:
    """Write the recordings to play, with images of the simulated room or of another recording."""
    for name, size, fps in SOURCES:
        if name not in wanted:
            continue
        source = Path(original)
        if not original or name != '720P':
            source = folder / 'simulated.mkv'
            simulate(source, CAPTURES / fps, fps, '--color-resolution', size, '--force')
        repeat(str(source), folder / f'{name}.mkv', fps)


def repeat(original: str, path: Path, fps: int) -> None:
    """Write a recording at a constant rate, also across its loop, with images of another."""
    source = RecordingReader(original)
    captures: list[Capture] = []
    while len(captures) < CAPTURES and (capture := source.captures.read()):
        captures.append(capture)
    config = replace(source.config, fps=fps, imu=False)
    with RecordingWriter(path, config, source.calibration, source.serial) as writer:
        for number in range(CAPTURES):
            capture = captures[number % len(captures)]
            us = 500_000 + number * 1_000_000 // fps
            writer.write(Capture(*(
                image and replace(image, device_us=us)
                for image in (capture.depth, capture.ir, capture.color))))
    source.close()


# output


def spread(values: list[float], unit: str = '') -> str:
    """Return median and range of values."""
    low, middle, high = np.percentile(values, [0, 50, 100])
    return f'{middle:.2f}{unit} ({low:.2f} to {high:.2f})'


def ratios(runs: list[Run], others: list[Run]) -> str:
    """Return median and range of the ratios of processor time, round by round."""
    return spread([run.cpu_ms / other.cpu_ms for run, other in zip(runs, others, strict=True)])


def compare(bench: Bench, rounds: int, seconds: float, sizes: list[str]) -> None:
    """Print the cost with decoded color and with JPEG passed through, relative to naive and C."""
    print('| | CPU per capture, ms | of naive | of C | of a core | first images, s | captures | '
          'lost |\n|---|---|---|---|---|---|---|---|')
    ways = [*((C, C_REPEATED) if bench.library else ()),
            *((AGAINST,) if bench.against else ()), OURS]
    kinds = [(NAIVE, DECODED), *itertools.product(ways, (DECODED, JPEG))]
    if bench.library and not ctypes.util.find_library('turbojpeg'):
        print('without C that decodes what it repeats: libturbojpeg is missing', file=sys.stderr)
        kinds.remove((C_REPEATED, DECODED))
    for name in sizes:
        if name not in DECODED_SIZES:
            passed_on = [bench.measure(name, JPEG, seconds) for _ in range(rounds)]
            print(f'| {name}, JPEG | {spread([run.cpu_ms for run in passed_on])} | | | '
                  f'{spread([100 * run.load for run in passed_on], " %")} | '
                  f'{spread([run.first for run in passed_on])} | '
                  f'{sum(run.count for run in passed_on)} | '
                  f'{sum(run.lost for run in passed_on)} |', flush=True)
            continue
        runs: dict[tuple[str, tuple[str, ...]], list[Run]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for way, topics in kinds:
                runs[way, topics].append(bench.measure(name, topics, seconds, way))
        for (way, topics), found in runs.items():
            of_c = '' if way in (NAIVE, C) or C not in ways else ratios(found, runs[C, topics])
            print(f'| {name}, {"decoded" if topics == DECODED else "JPEG"}, {way} | '
                  f'{spread([run.cpu_ms for run in found])} | '
                  f'{ratios(found, runs[NAIVE, DECODED])} | {of_c} | '
                  f'{spread([100 * run.load for run in found], " %")} | '
                  f'{spread([run.first for run in found])} | '
                  f'{sum(run.count for run in found)} | {sum(run.lost for run in found)} |',
                  flush=True)
    idle = [bench.measure(sizes[0], (), seconds) for _ in range(rounds)]
    load = spread([100 * run.load for run in idle], ' %')
    print(f'| {sizes[0]}, no subscribers | | | | {load} | | | |')


def track(bench: Bench, rounds: int, seconds: float, counts: list[int]) -> None:
    """Print the cost of body tracking, and the number of captures lost because of it."""
    print('\n| people | found | body tracking, Hz | captures | lost | of a core |\n'
          '|---|---|---|---|---|---|')
    for count in counts:
        name, source = f'people{count}', bench.folder / 'color.mkv'
        simulate(source, CAPTURES / PEOPLE_FPS, PEOPLE_FPS, '--force')
        write_people(source, bench.path(name), count, CAPTURES, PEOPLE_FPS)
        runs = [bench.measure(name, (*DECODED, BODIES), seconds) for _ in range(rounds)]
        print(f'| {count} | {np.mean([run.people for run in runs]):.2f} | '
              f'{spread([run.bodies_hz for run in runs])} | {sum(run.count for run in runs)} | '
              f'{sum(run.lost for run in runs)} | '
              f'{spread([100 * run.load for run in runs], " %")} |', flush=True)


def endure(bench: Bench, seconds: float) -> None:
    """Print how many captures are lost over a long time, with decoded color."""
    run = bench.measure('720P', DECODED, seconds)
    print(f'{run.count} captures of 720P, decoded, in {seconds:g} s: {run.lost} lost; '
          f'{run.cpu_ms:.2f} ms of CPU each')


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description='Measure what the whole driver costs.')
    parser.add_argument('--recording', default='', help='recording whose images are used at 720P')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=10.0, help='length of each round')
    add_domain(parser)
    names = [name for name, *_ in SOURCES]
    parser.add_argument('--sizes', nargs='+', default=names, choices=names,
                        help='resolutions of color; those above 1080P only as JPEG')
    parser.add_argument('--against', type=Path, metavar='CHECKOUT', help='another version')
    parser.add_argument('--endurance', type=float, default=0.0, metavar='SECONDS',
                        help='instead, count the captures that are lost in this time, seconds')
    parser.add_argument('--bodies', action='store_true', help='measure only body tracking')
    parser.add_argument('--people', type=int, nargs='+', default=[1, 2, 4], metavar='COUNT',
                        choices=range(1, MAX_PEOPLE + 1),
                        help='how many people are tracked at once, default: 1 2 4')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.endurance:
            wanted = ['720P']
        elif options.bodies:
            wanted = []
        else:
            wanted = options.sizes
        write_recordings(Path(folder), options.recording, wanted)
        bench = Bench(Path(folder), options.domain, options.against and options.against.resolve())
        if options.endurance:
            endure(bench, options.endurance)
        else:
            if not options.bodies:
                compare(bench, options.rounds, options.seconds, options.sizes)
            track(bench, options.rounds, options.seconds, options.people)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
