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

import os
from pathlib import Path
import sys

from hypothesis import HealthCheck
from hypothesis import settings
import pytest

ROOT = Path(__file__).resolve().parents[1]
# `support` is imported from here, also by the programs that tests start.
sys.path.insert(0, str(Path(__file__).resolve().parent))

# how fast a machine is says nothing about what is tested
settings.register_profile(
    'k4a_ros', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('k4a_ros')


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
