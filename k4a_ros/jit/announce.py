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

"""Warm up kernels, and report in the log while compiling them takes noticeably long."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import functools
import logging
import threading

from k4a_ros.jit.kernels import kernel_counts
from k4a_ros.jit.kernels import numba_works

_LOG = logging.getLogger(__name__)
#: seconds after which a warm-up is announced; loading kernels from the cache takes less
_ANNOUNCE_AFTER_S = 2.0
#: seconds between two reports of its progress
_REPORT_PERIOD_S = 5.0


@contextlib.contextmanager
def announce_compilation(purpose: str) -> Iterator[None]:
    """
    Log the progress if the block takes longer than loading compiled kernels from the cache would.

    :param purpose: what the kernels are for, as a noun: "point clouds".
    """
    done = threading.Event()
    before = kernel_counts().ready

    def progress() -> str:
        counts = kernel_counts()
        return f'{counts.ready - before} of {counts.imported - before}'

    def report() -> None:
        if done.wait(_ANNOUNCE_AFTER_S):
            return
        _LOG.info(
            'Compiling kernels for %s, once on this machine; output starts when this is done. '
            'To compile in advance: python3 -m k4a_ros.tools.warm_up', purpose)
        while not done.wait(_REPORT_PERIOD_S):
            _LOG.info('Compiling kernels for %s: %s', purpose, progress())

    threading.Thread(target=report, name='announcement', daemon=True).start()
    try:
        yield
    finally:
        done.set()


def warms_up(purpose: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """
    Decorate a function that calls kernels so that numba compiles or loads them.

    The decorated function is a no-op where numba does not work, and logs one line when it takes
    long.

    :param purpose: see `announce_compilation`.
    """
    def decorate(function: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(function)
        def warm_up() -> None:
            if numba_works():
                with announce_compilation(purpose):
                    function()
        return warm_up
    return decorate
