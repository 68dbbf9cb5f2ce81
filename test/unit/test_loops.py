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

"""Compiled loops, or those in numpy, when they are needed and not before."""

from __future__ import annotations

import subprocess
import sys

from k4a_ros.loops import can_compile
from k4a_ros.loops import loops
import pytest

#: everything that a driver imports which plays a recording, and has subscribers to plain images
PROGRAM = """
import sys
import k4a_ros.cameras.recording, k4a_ros.main, k4a_ros.node, k4a_ros.publishing.topics
print('numba' in sys.modules)
"""


def test_who_does_not_need_them_does_not_import_numba():
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == 'False\n'


@pytest.mark.parametrize('name', [
    'k4a_ros.images.cloud_', 'k4a_ros.images.registration_', 'k4a_ros.images.rvl_',
    'k4a_ros.simulation.'])
def test_there_are_two_of_each(name):
    assert loops(name, compiled=False).__name__ == f'{name}fallback'
    assert loops(name, compiled=True).__name__ == f'{name}kernels'
    assert loops(name) is loops(name, compiled=can_compile())


def test_numba_that_does_not_work_is_as_none():
    """Such as one that is too old for the installed numpy."""
    program = """
import sys
sys.modules['numba'] = None
from k4a_ros.loops import loops
print(loops('k4a_ros.images.cloud_').__name__)
"""
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == 'k4a_ros.images.cloud_fallback\n'
