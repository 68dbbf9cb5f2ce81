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

"""Check what the driver uses on this computer: libk4a, shared memory, numba, models, disk."""

from __future__ import annotations

from collections.abc import Iterator
import importlib.util
import os
from pathlib import Path
import shutil

from k4a_ros.body.landmarks.pose_2d.blazepose import find_model
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import K4aRosError
from k4a_ros.process.fastdds import select_fastdds_profile
from k4a_ros.sdk import libk4a
from k4a_ros.tools.preflight.result import Check
from k4a_ros.tools.preflight.result import passed
from k4a_ros.tools.preflight.result import problem
from k4a_ros.tools.preflight.result import warning

#: a minute of recording all streams: 48 MB/s
_DISK_BYTES = 3 << 30


def host_checks() -> Iterator[Check]:
    """Yield the checks that do not depend on a camera."""
    yield from _sdk()
    yield _transport()
    yield from _numba()
    yield _body_model()
    yield _disk(Path.cwd())


def _sdk() -> Iterator[Check]:
    name = 'libk4a'
    try:
        sdk = libk4a.load()
    except K4aRosError as error:
        yield problem(
            name, str(error), 'Recordings and the simulated camera work without it')
        return
    yield passed(name, str(sdk))
    if sdk.depth_engine:
        yield passed('depth engine', sdk.engine_text())
    else:
        yield problem(
            'depth engine', sdk.engine_text(), 'Color works without it (depth_enabled:=false)')


def _transport() -> Check:
    choice = select_fastdds_profile(dict(os.environ))  # a copy: nothing is set
    if choice.degraded:
        return warning('transport', choice.description, 'Free or enlarge /dev/shm')
    return passed('transport', choice.description)


def _numba() -> Iterator[Check]:
    name = 'numba'
    if importlib.util.find_spec('numba') is None:
        yield warning(
            name, 'not installed: clouds and registration are many times slower',
            'Install it: pip install numba')
        return
    from k4a_ros.jit.disk_cache import DiskCache
    cache = DiskCache.of(_numba)
    if cache is None:
        yield warning(
            name, 'has no directory for its cache that only this user can write to',
            'Set NUMBA_CACHE_DIR to one; otherwise kernels are compiled at every start')
        return
    yield passed(name, f'cache in {cache.cache_path}')


def _body_model() -> Check:
    name = 'body tracking'
    try:
        return passed(name, f'model {find_model()}')
    except BodyTrackingError as error:
        return warning(
            name, str(error), "Or install Microsoft's Body Tracking SDK, if you track bodies")


def _disk(directory: Path) -> Check:
    free = shutil.disk_usage(directory).free
    found = f'{free / 1e9:.1f} GB free in {directory}'
    if free < _DISK_BYTES:
        return warning('disk', found, 'A recording of all streams takes about 3 GB per minute')
    return passed('disk', found)
