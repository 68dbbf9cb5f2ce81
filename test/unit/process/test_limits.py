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

"""Limits of the system are reported, and errors that come from them told from defects."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading

from k4a_ros.errors import ConfigError
from k4a_ros.process.limits import check_threads
from k4a_ros.process.limits import shortage
import pytest


@pytest.mark.parametrize(('error', 'resource'), [
    (MemoryError(), 'memory'), (RuntimeError("can't start new thread"), 'threads'),
    (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), 'open files'),
    (ImportError('libc.so: failed to map segment from shared object'), 'memory'),
    (RuntimeError('std::bad_alloc'), 'memory')])
def test_error_of_a_limit_names_the_resource(error: Exception, resource: str) -> None:
    text = shortage(error)
    assert text is not None and f'no more {resource}; free some, or raise the limit' in text


@pytest.mark.parametrize('error', [
    KeyError(3), RuntimeError('wrong'), OSError(errno.ENOENT, 'No such file'), ImportError('x')])
def test_other_errors_are_not_errors_of_a_limit(error: Exception) -> None:
    assert shortage(error) is None


@pytest.mark.parametrize('limit_kb', [300_000, 700_000, 1_200_000])
def test_driver_with_little_address_space_ends_with_one_line(limit_kb: int) -> None:
    """The middleware would crash, and OpenBLAS end the process."""
    result = subprocess.run(
        ['sh', '-c', f'ulimit -v {limit_kb}; exec "$@"', 'sh', sys.executable, '-c',
         'from k4a_ros.main import main; raise SystemExit(main())'],
        capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    (line,) = (result.stdout + result.stderr).splitlines()
    assert 'cannot run: ' in line and 'raise the limit' in line


def test_too_few_threads_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    check_threads()
    before = threading.active_count()
    start = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        if threading.active_count() >= before + 3:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, 'start', start_some)
    with pytest.raises(ConfigError, match='only 3 of the 24 threads'):
        check_threads()
    assert threading.active_count() == before
