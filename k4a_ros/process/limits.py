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

"""
Limits of the system: check them, and recognize errors that come from them (no ROS).

Without memory or threads the middleware does not raise exceptions, but crashes the process.
"""

from __future__ import annotations

import errno
import resource
import threading

from k4a_ros.errors import ConfigError

#: of which the driver needs at least as much: 1.5 GB are used, most of it for stacks of threads
_MIN_ADDRESS_SPACE = 2_000_000_000
#: threads that the driver and its middleware start
_MIN_THREADS = 24

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

    :param error: why the program failed; the errors that led to it are examined, too.
    :return: None if the error has another cause.
    """
    resource = 'memory' if isinstance(error, MemoryError) else None
    if isinstance(error, OSError):
        resource = _RESOURCES.get(error.errno or 0)
    if resource is None:
        text = str(error).lower()
        resource = next((name for part, name in _TEXTS.items() if part in text), None)
    if resource is None:
        # numpy, for one, replaces the error with advice of its own
        cause = error.__cause__ or error.__context__
        return None if cause is None else shortage(cause)
    return f'cannot run: the system provides no more {resource}; {_ADVICE}'


def check_address_space() -> None:
    """
    Check that there is enough address space, before libraries that end the process are loaded.

    :raises ConfigError: there is not; says which limit to raise.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _MIN_ADDRESS_SPACE:
        raise ConfigError(
            f'cannot run: the address space is limited to {limit / 1e6:.0f} MB, but the driver '
            f'needs {_MIN_ADDRESS_SPACE / 1e6:.0f} MB; raise the limit (ulimit -v)')


def check_threads() -> None:
    """
    Check that threads can be started.

    :raises ConfigError: they cannot; says which limit to raise.
    """
    release = threading.Event()
    threads = []
    try:
        for _ in range(_MIN_THREADS):
            thread = threading.Thread(target=release.wait, daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError as error:
        raise ConfigError(
            f'cannot run: only {len(threads)} of the {_MIN_THREADS} threads that the driver '
            'needs can be started; end other programs, or raise the limit (ulimit -u, or that of '
            'the container)') from error
    finally:
        release.set()
        for thread in threads:
            thread.join()
