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

"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import time

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def test_data() -> Path:
    """Return the folder with the real recordings and calibrations, which are not ours to ship."""
    path = Path(os.environ.get('K4A_ROS_TEST_DATA', ROOT.parent / 'shared/data'))
    if not path.is_dir():
        pytest.skip(f'there is no test data in {path}; set K4A_ROS_TEST_DATA')
    return path


@pytest.fixture(scope='session')
def real_recording(test_data: Path) -> Path:
    """Return a recording of a real Azure Kinect: one capture, one inertial sample."""
    return test_data / 'recording_001514394512/recording.mkv'


def _shared_memory() -> set[str]:
    return {name for name in os.listdir('/dev/shm') if 'fastdds' in name or 'fastrtps' in name}


@pytest.fixture(autouse=True)
def _no_shared_memory_left() -> Iterator[None]:
    """Fail a test that leaves shared memory of Fast DDS behind: it is RAM."""
    before = _shared_memory()
    yield
    deadline = time.monotonic() + 5.0
    while (left := _shared_memory() - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left, f'left in /dev/shm: {sorted(left)}'
