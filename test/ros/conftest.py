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

"""What the tests with real DDS share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re
import time

import pytest

_SHARED_MEMORY = Path('/dev/shm')


def _orphans() -> set[str]:
    """Return the names of Fast DDS's shared memory that no running process uses."""
    names = {path.name for path in _SHARED_MEMORY.iterdir() if 'fastdds' in path.name}
    used: set[str] = set()
    for maps in Path('/proc').glob('[0-9]*/maps'):
        try:
            used |= set(re.findall(r'/dev/shm/(\S+)', maps.read_text()))
        except OSError:  # the process has ended, or is not ours
            continue
    # what belongs to a segment or port that is in use is in use as well
    return {name for name in names
            if not any(name.strip('_el') and part in name for part in used)}


@pytest.fixture(autouse=True)
def _no_shared_memory_left() -> Iterator[None]:
    """Fail a test that leaves shared memory of Fast DDS behind: it is RAM."""
    before = _orphans()
    yield
    deadline = time.monotonic() + 5.0
    while (left := _orphans() - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left, f'left in /dev/shm: {sorted(left)}'
