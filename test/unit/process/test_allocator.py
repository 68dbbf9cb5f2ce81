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


"""Freed memory is retained by the process for reuse."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace

from k4a_ros.process import allocator
import pytest

#: Prints the number of page faults caused by the second of two allocations of 8 MB.
PROGRAM = """
import resource, sys
from k4a_ros.process.allocator import retain_freed_memory
if sys.argv[1] == 'retain':
    assert retain_freed_memory()
bytearray(8 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(8 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='only glibc has these settings')
def test_freed_large_blocks_are_reused() -> None:
    """A block of the size of an image causes page faults once, not on every allocation."""
    faults = [int(subprocess.run(
        [sys.executable, '-c', PROGRAM, how], check=True, capture_output=True, text=True).stdout)
        for how in ('retain', 'default')]
    assert faults[0] < 100
    assert faults[0] < faults[1]


def test_other_c_library_is_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without glibc, mallopt is not called."""
    options: list[int] = []
    monkeypatch.setattr(
        ctypes, 'CDLL', lambda _: SimpleNamespace(mallopt=lambda what, _: options.append(what)))
    assert not allocator.retain_freed_memory()
    assert not options


def test_older_glibc_gets_its_largest_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older glibc rejects thresholds above 32 MB."""
    accepted = {}

    def mallopt(what: int, value: int) -> int:
        if what == -3 and value > 32 << 20:
            return 0
        accepted[what] = value
        return 1

    monkeypatch.setattr(ctypes, 'CDLL', lambda _: SimpleNamespace(
        mallopt=mallopt, gnu_get_libc_version=None))
    assert allocator.retain_freed_memory()
    assert accepted == {-3: 32 << 20, -1: 1 << 30}
