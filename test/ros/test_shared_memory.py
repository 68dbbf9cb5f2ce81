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

"""Shared memory of killed processes is freed at the next start; too little of it is reported."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.ros import PATIENCE

_NAMESPACE = ['unshare', '--mount', 'sh', '-c',
              'mount -t tmpfs -o size=420m tmpfs /dev/shm && exec "$@"', 'sh']


def test_shared_memory_is_freed_and_its_lack_reported() -> None:
    """`support.killed_processes` has the steps; they have a /dev/shm of their own."""
    try:
        subprocess.run([*_NAMESPACE, 'true'], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f'no mount namespace here: {error}')
    done = subprocess.run(
        [*_NAMESPACE, sys.executable, '-m', 'support.killed_processes'], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=4 * PATIENCE, check=False)
    assert done.returncode == 0, done.stdout
