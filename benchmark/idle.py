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
Measure what the driver costs without subscribers.

    python benchmark/idle.py [--recording FILE] [--seconds 20] [--rounds 3] [--domain N]

Two cameras take turns: the virtual device (test/virtual_k4a), a live camera to the driver, and a
recording. Both play FILE, by default a simulated one. The cost of the virtual device itself, which
takes the place of the camera, is counted separately: its thread, and the read-ahead threads of
libk4arecord, which have already ended when they are counted. Processor time is of one core.
"""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time

from domains import add_domain
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.process.fastdds import select_fastdds_profile
import numpy as np
from processes import DRIVER
from processes import simulate
from processes import used
from processes import virtual_device

#: name of the thread of the virtual device
STAND_IN = 'virtual camera'


@dataclass(frozen=True)
class Used:
    """Processor time, seconds: of the process, its living threads, and the virtual device."""

    process: float
    threads: float
    stand_in: float

    @classmethod
    def by(cls, pid: int) -> Used:
        """Read the processor times of a process."""
        tasks = []
        for path in Path(f'/proc/{pid}/task').iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                tasks.append(used(path))
        return cls(used(Path(f'/proc/{pid}'))[1], sum(seconds for _, seconds in tasks),
                   sum(seconds for name, seconds in tasks if name == STAND_IN))


def measure(environment: dict[str, str], seconds: float, **parameters: object) -> Used:
    """Return the load of a driver once it streams, percent of a core."""
    arguments = [text for name, value in parameters.items()
                 for text in ('-p', f'{name}:={value}')]
    process = subprocess.Popen(
        [sys.executable, '-c', DRIVER, '--ros-args', *arguments], env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(5.0)
        before, began = Used.by(process.pid), time.monotonic()
        time.sleep(seconds)
        after, passed = Used.by(process.pid), time.monotonic() - began
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
    return Used(*(100 * (getattr(after, name) - getattr(before, name)) / passed
                  for name in ('process', 'threads', 'stand_in')))


def spread(values: list[float]) -> str:
    """Return median and range of percentages."""
    low, middle, high = np.percentile(values, [0, 50, 100])
    return f'{middle:.1f} % ({low:.1f} to {high:.1f})'


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--recording', default='', help='recording that both cameras play')
    parser.add_argument('--seconds', type=float, default=20.0, help='length of each round')
    parser.add_argument('--rounds', type=int, default=3)
    add_domain(parser)
    options = parser.parse_args()
    environment = os.environ | {'ROS_DOMAIN_ID': str(options.domain)}
    select_fastdds_profile(environment)
    with tempfile.TemporaryDirectory() as folder:
        recording = options.recording
        if not recording:
            recording = str(Path(folder, 'simulated.mkv'))
            simulate(Path(recording), 4, 30)
        device = virtual_device(Path(folder), Path(recording))
        with RecordingReader(recording) as reader:
            config = reader.config
        live, played = [], []
        for _ in range(options.rounds):
            live.append(measure(
                environment | device, options.seconds, fps=config.fps,
                depth_mode=config.depth_mode.name,
                color_resolution=config.color_resolution.name.removeprefix('R')))
            played.append(measure(
                environment, options.seconds, recording_file=recording,
                recording_loop_enabled='true', playback_start_delay=0.0))
    print(f'{config}\n\n| camera | driver | the virtual device | threads that have ended |\n'
          '|---|---|---|---|')
    print(f'| virtual device | {spread([u.threads - u.stand_in for u in live])} | '
          f'{spread([u.stand_in for u in live])} | '
          f'{spread([u.process - u.threads for u in live])} |')
    print(f'| recording | {spread([u.threads for u in played])} | | '
          f'{spread([u.process - u.threads for u in played])} |')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
