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

"""Fixtures and settings of all tests."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import signal
import sys
import time

from hypothesis import HealthCheck
from hypothesis import settings
import pytest

ROOT = Path(__file__).resolve().parents[1]
# so that `support` can be imported, also by the programs that tests start
sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ['PYTHONPATH'] = os.pathsep.join(
    filter(None, [sys.path[0], os.environ.get('PYTHONPATH', '')]))
#: environment variable of all processes that these tests start
_RUN = f'K4A_ROS_TEST_RUN={os.getpid()};'
_EXIT_TIMEOUT_S = 60.0

# Processes inherit which signals are ignored, as under nohup or in the background of a script, but
# not handlers: those that tests start get the defaults, while this one goes on as before.
for _number in (signal.SIGHUP, signal.SIGINT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

# the speed of a machine says nothing about what is tested
settings.register_profile(
    'k4a_ros', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('k4a_ros')


@pytest.fixture(scope='session', autouse=True)
def _no_process_left() -> Iterator[None]:
    """Fail if a process that a test has started is still there after the last test."""
    from support.processes import processes_with
    name, _, value = _RUN.partition('=')
    os.environ[name] = value
    yield
    deadline = time.monotonic() + _EXIT_TIMEOUT_S
    while (left := processes_with(_RUN)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, f'still running: {left}'


@pytest.fixture(scope='session')
def test_data() -> Path:
    """Return the folder of the real recordings and calibrations, which are not part of this."""
    path = Path(os.environ.get('K4A_ROS_TEST_DATA', ROOT.parent / 'shared/data'))
    if not path.is_dir():
        pytest.skip(f'there is no test data in {path}; set K4A_ROS_TEST_DATA')
    return path


@pytest.fixture(scope='session')
def real_recording(test_data: Path) -> Path:
    """Return a recording of a real Azure Kinect: one capture, one inertial sample."""
    return test_data / 'recording_001514394512/recording.mkv'
