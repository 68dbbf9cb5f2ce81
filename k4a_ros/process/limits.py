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

"""Recognize errors that come from a limit of the system rather than from a defect (no ROS)."""

from __future__ import annotations

import errno

_ADVICE = 'free some, or raise the limit (ulimit -a, or that of the container), and start again'
_RESOURCES = {
    errno.ENOMEM: 'memory', errno.EAGAIN: 'threads or processes', errno.EMFILE: 'open files',
    errno.ENFILE: 'open files of the system', errno.ENOSPC: 'space on the disk'}
#: texts of errors that have no number
_TEXTS = {
    "can't start new thread": 'threads', 'cannot allocate memory': 'memory',
    'failed to map segment': 'memory', 'bad_alloc': 'memory',
    'resource temporarily unavailable': 'threads or processes',
    'too many open files': 'open files'}


def shortage(error: BaseException) -> str | None:
    """
    Return in a sentence which resource was not available.

    :param error: why the program failed.
    :return: None if the error has another cause.
    """
    resource = 'memory' if isinstance(error, MemoryError) else None
    if isinstance(error, OSError):
        resource = _RESOURCES.get(error.errno or 0)
    if resource is None:
        text = str(error).lower()
        resource = next((name for part, name in _TEXTS.items() if part in text), None)
    return resource and f'cannot run: the system provides no more {resource}; {_ADVICE}'
