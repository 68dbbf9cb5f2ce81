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

"""Lazily built values: built once, in the thread that needs them or in the background."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import threading

from k4a_ros.jit.lazy import BuildWait
from k4a_ros.jit.lazy import is_built
from k4a_ros.jit.lazy import Lazy
from k4a_ros.jit.lazy import Together
import pytest


def test_value_is_built_once_for_all_threads() -> None:
    builds: list[int] = []
    barrier = threading.Barrier(4)
    lazy: Lazy[int] = Lazy(lambda: builds.append(1) or len(builds))
    results: list[int] = []

    def use() -> None:
        barrier.wait()
        results.append(lazy.result())

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1, 1, 1, 1]


def test_nothing_is_built_before_it_is_needed() -> None:
    lazy: Lazy[int] = Lazy(lambda: 7)
    assert not lazy.started
    assert lazy.result() == 7
    assert lazy.started


def test_start_builds_in_the_background() -> None:
    release = threading.Event()
    lazy: Lazy[bool] = Lazy(lambda: release.wait(30))
    assert not lazy.start()
    assert not lazy.start()
    assert lazy.started
    release.set()
    assert lazy.result() is True
    assert lazy.start()


def test_error_of_the_build_is_raised_at_every_use() -> None:
    builds: list[int] = []

    def fail() -> int:
        builds.append(1)
        raise ValueError('no model')

    lazy: Lazy[int] = Lazy(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match='no model'):
            lazy.result()
    assert lazy.start()
    assert builds == [1]


def test_parts_are_built_at_the_same_time() -> None:
    barrier = threading.Barrier(2, timeout=30)
    first, second = Lazy(barrier.wait), Lazy(barrier.wait)
    together = Together(first, second)
    assert not together.start()  # the second one is started although the first has not ended
    assert {first.result(), second.result()} == {0, 1}
    assert together.start()


def test_hold_lasts_as_long_as_the_build() -> None:
    held: list[bool] = []
    release = threading.Event()

    @contextlib.contextmanager
    def hold() -> Iterator[Callable[[], bool]]:
        held.append(True)
        release.set()
        yield lambda: True
        held.append(lazy.start())

    lazy: Lazy[bool] = Lazy(lambda: release.wait(30))
    wait = BuildWait(threading.Event(), hold)
    assert is_built(lazy, wait)
    assert held == [True, True]
    assert is_built(lazy, wait)  # without another hold
    assert held == [True, True]


def test_wait_ends_where_nothing_goes_on() -> None:
    release = threading.Event()
    lazy: Lazy[bool] = Lazy(lambda: release.wait(30))
    try:
        assert not is_built(lazy, BuildWait(
            threading.Event(), lambda: contextlib.nullcontext(lambda: False)))
    finally:
        release.set()


def test_discarded_value_is_closed_as_soon_as_it_is_built() -> None:
    release, closed = threading.Event(), threading.Event()
    lazy: Lazy[bool] = Lazy(lambda: release.wait(30))
    lazy.start()
    lazy.discard(lambda value: closed.set())
    assert not closed.is_set()
    release.set()
    assert closed.wait(30)
