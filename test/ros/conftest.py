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
import time

import pytest
from support import shared_memory


@pytest.fixture(autouse=True)
def _no_shared_memory_left() -> Iterator[None]:
    """Fail a test whose processes leave shared memory of Fast DDS behind: it is RAM."""
    before = shared_memory.present()
    yield
    deadline = time.monotonic() + 5.0
    while (left := shared_memory.left_behind() - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left, f'left in /dev/shm: {sorted(left)}'
