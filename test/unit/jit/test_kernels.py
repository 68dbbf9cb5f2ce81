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

"""Compiled kernels and their numpy fallbacks: chosen when they are needed, not before."""

from __future__ import annotations

import subprocess
import sys

from k4a_ros.images import kernels as image_kernels
from k4a_ros.jit.kernels import numba_works
from k4a_ros.jit.kernels import use_numba
import pytest
from support.time_limits import PROCESS_TIMEOUT_S

#: everything that a driver imports to play a recording to subscribers of plain images
PROGRAM = """
import sys
import k4a_ros.cameras.recording.camera
import k4a_ros.main
import k4a_ros.node.run
import k4a_ros.publishing.topics
print('numba' in sys.modules)
"""


def test_plain_images_do_not_import_numba():
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True,
        timeout=PROCESS_TIMEOUT_S, check=True)
    assert done.stdout == 'False\n'


@pytest.mark.parametrize('select, name', [
    (image_kernels.cloud_kernels, 'cloud'), (image_kernels.registration_kernels, 'registration'),
    (image_kernels.rvl_kernels, 'rvl')])
def test_each_kernel_module_has_a_fallback(select, name):
    assert select(False).__name__ == f'k4a_ros.images.{name}_fallback'
    assert select(True).__name__ == f'k4a_ros.images.{name}_kernels'
    assert select() is select(numba_works())


def test_forced_choice_overrides_numba():
    assert use_numba(True)
    assert not use_numba(False)


def test_broken_numba_selects_the_fallback():
    """Such as a numba that is too old for the installed numpy."""
    program = """
import sys
sys.modules['numba'] = None
from k4a_ros.images.kernels import cloud_kernels
print(cloud_kernels().__name__)
"""
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True,
        timeout=PROCESS_TIMEOUT_S, check=True)
    assert done.stdout == 'k4a_ros.images.cloud_fallback\n'
