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

"""Start whole processes and read the CPU time that they used; shared by several benchmarks."""

from __future__ import annotations

import json
import os
from pathlib import Path
import signal
import subprocess
import sys

from k4a_ros.sdk import libk4a

#: program that runs the driver, for python -c
DRIVER = 'from k4a_ros.main import main; raise SystemExit(main())'
_VIRTUAL = Path(__file__).resolve().parents[1] / 'test/virtual_k4a'
_SIMULATE = 'from k4a_ros.tools.simulate import main; raise SystemExit(main())'
_TICKS = os.sysconf('SC_CLK_TCK')


def used(path: Path) -> tuple[str, float]:
    """Return name and processor time, seconds, of a process (/proc/PID) or one of its threads."""
    begin, end = (path / 'stat').read_text().rsplit(')', 1)
    fields = end.split()
    return begin.split('(', 1)[1], (int(fields[11]) + int(fields[12])) / _TICKS


class Process:
    """
    A child process: a role of driver_roles.py, the driver, or another node.

    :param log: file for its output, which is otherwise read line by line.
    """

    def __init__(
        self, environment: dict[str, str], *arguments: str, log: Path | None = None,
    ) -> None:
        output = log.open('w') if log else subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdin=subprocess.PIPE, stdout=output,
            stderr=subprocess.STDOUT if log else subprocess.DEVNULL, text=True)

    def cpu(self) -> float:
        """Return the processor time that it has used so far, seconds."""
        return used(Path(f'/proc/{self.process.pid}'))[1]

    def ask(self) -> dict[str, list[int]]:
        """Return the counts of a subscriber since the previous call."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        answer: dict[str, list[int]] = json.loads(self.process.stdout.readline())
        return answer

    def end(self, number: int = signal.SIGINT) -> None:
        """End the process with a signal; one in the background may ignore SIGINT."""
        self.process.send_signal(number)
        self.process.communicate()


def simulate(path: Path, seconds: float, fps: int, *options: str) -> None:
    """Write a recording of the simulated camera."""
    subprocess.run(
        [sys.executable, '-c', _SIMULATE, str(path), '--seconds', str(seconds), '--fps', str(fps),
         *options], check=True, stdout=subprocess.DEVNULL)


def virtual_device(folder: Path, recording: Path) -> dict[str, str]:
    """
    Build the virtual device (docs/virtual_device.md).

    :param folder: gets its library.
    :param recording: what it plays.
    :return: environment variables of a driver that has it as camera.
    """
    library = folder / 'libvirtual_k4a.so'
    subprocess.run([str(_VIRTUAL / 'build'), str(library)], check=True)
    record = min(libk4a.load().file.parent.glob('libk4arecord[-.]*so*'))
    return {'LD_PRELOAD': str(library), 'K4A_VIRTUAL_RECORDING': str(recording),
            'K4A_VIRTUAL_LIBK4ARECORD': str(record)}
