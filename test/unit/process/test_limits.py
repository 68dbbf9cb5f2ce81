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

"""Errors that come from a limit of the system are told from defects."""

from __future__ import annotations

import errno
import os

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
