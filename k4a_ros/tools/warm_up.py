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
Compile numba kernels in advance, so that the first images are as fast as all others.

Run this once after installation; compiled kernels are stored in the cache of numba:

    python3 -m k4a_ros.tools.warm_up [KERNELS ...]

KERNELS are clouds, registration, rectification, rvl, yuv, filters, selection, imu, bodies
or simulation; default: all. Groups are compiled at the same time, as many as there are
processors.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import os
import subprocess
import sys
import time

from k4a_ros.body.landmarks.warm_up import warm_up_bodies
from k4a_ros.images.filters.warm_up import warm_up_filters
from k4a_ros.images.warm_up import warm_up_clouds
from k4a_ros.images.warm_up import warm_up_rectification
from k4a_ros.images.warm_up import warm_up_registration
from k4a_ros.images.warm_up import warm_up_rvl
from k4a_ros.images.warm_up import warm_up_selection
from k4a_ros.images.warm_up import warm_up_yuv
from k4a_ros.jit.kernels import numba_works
from k4a_ros.publishing.raw.warm_up import warm_up_imu
from k4a_ros.simulation.warm_up import warm_up_simulation

#: name on the command line -> function that compiles a group of kernels; the longest come first
WARM_UPS: dict[str, Callable[[], None]] = {
    'bodies': warm_up_bodies,
    'registration': warm_up_registration,
    'filters': warm_up_filters,
    'simulation': warm_up_simulation,
    'clouds': warm_up_clouds,
    'selection': warm_up_selection,
    'rectification': warm_up_rectification,
    'rvl': warm_up_rvl,
    'yuv': warm_up_yuv,
    'imu': warm_up_imu,
}

_MODULE = 'k4a_ros.tools.warm_up'
_POLL_S = 0.05


def warm_up(*names: str) -> None:
    """Compile or load the groups of kernels with these names in `WARM_UPS`; default: all."""
    for name in names or WARM_UPS:
        WARM_UPS[name]()


def compile_at_once(names: list[str]) -> int:
    """
    Compile groups of kernels in a process each, and print how many are done.

    :return: exit code: 0, or that of a process that has failed.
    """
    waiting = [name for name in WARM_UPS if name in names]
    running: dict[str, subprocess.Popen[bytes]] = {}
    done = code = 0
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                name = waiting.pop(0)
                running[name] = subprocess.Popen([sys.executable, '-m', _MODULE, name])
            time.sleep(_POLL_S)
            for name in [name for name, process in running.items() if process.poll() is not None]:
                code = running.pop(name).returncode or code
                done += 1
                print(f'compiled kernels, {done} of {len(names)}: {name}', flush=True)
    finally:
        for process in running.values():
            process.terminate()
            process.wait()
    return code


def main() -> int:
    """Compile the kernels named on the command line, or all of them; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f'python3 -m {_MODULE}', description='Compile numba kernels in advance.')
    parser.add_argument(
        'kernels', nargs='*', metavar='KERNELS',
        help=f'any of {", ".join(sorted(WARM_UPS))}; default: all')
    names = parser.parse_args().kernels or [*WARM_UPS]
    if unknown := set(names) - set(WARM_UPS):
        parser.error(f'unknown kernels: {", ".join(sorted(unknown))}; choose from '
                     f'{", ".join(sorted(WARM_UPS))}')
    if not numba_works():
        print('there is nothing to compile, because numba is not installed')
        return 0
    if len(names) > 1:
        return compile_at_once(sorted(set(names)))
    warm_up(*names)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
