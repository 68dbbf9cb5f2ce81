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

"""Time limits of tests that hold on a busy machine."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
from pathlib import Path
import re
import time
from typing import Any

#: Seconds to wait for anything that happens within one or two on an idle machine. Tests fail by
#: them only if something does not happen at all.
PATIENCE = 100.0
#: Seconds to wait for the end of a process, which may have to compile kernels.
PROCESS_TIMEOUT_S = 500.0
_PRESSURE = Path('/proc/pressure/cpu')
#: time after which the kernel shows stalls at the latest
_PRESSURE_DELAY_S = 2.5


def wait_for(condition: Callable[[], Any], what: str, timeout: float = PATIENCE) -> Any:
    """Return the first true result of a condition; fail after the timeout, seconds."""
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() > deadline
        result = condition()
        if result:
            return result
        if late:
            raise AssertionError(f'waited {timeout:g} s in vain for {what}')
        time.sleep(0.01)


class CpuShortage:
    """Measures the share of time in which some thread of this machine waits for a core."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._stalled_s = _stalled_s()

    def share(self) -> float:
        """Return the share since this was created, from 0 to 1."""
        return (_stalled_s() - self._stalled_s) / (time.monotonic() - self._began)


@contextlib.contextmanager
def promptly(limit_s: float) -> Iterator[None]:
    """
    Fail if the block takes longer than a limit that the product promises.

    Time in which threads of this machine waited for a core does not count: then it was the
    scheduler that was late, not the code under test. Where the kernel does not tell that time
    (pressure stall information), a block that is too long cannot be blamed, and passes.
    """
    stalled_s, began = _stalled_s(), time.monotonic()
    yield
    took_s = time.monotonic() - began
    if took_s <= limit_s:
        return
    time.sleep(_PRESSURE_DELAY_S)
    stalled_s = _stalled_s() - stalled_s
    assert took_s - stalled_s <= limit_s, (
        f'took {took_s:.2f} s instead of at most {limit_s:g} s, of which other load can explain '
        f'{stalled_s:.2f} s')


def _stalled_s() -> float:
    """Return for how long some thread has waited for a core, since the start of the machine."""
    try:
        total_us = re.search(r'^some .*total=(\d+)', _PRESSURE.read_text(), re.MULTILINE)
    except OSError:
        total_us = None
    return int(total_us[1]) * 1e-6 if total_us else time.monotonic()
