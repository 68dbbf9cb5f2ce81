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

"""Fixtures of the tests with real DDS."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
import time
from typing import Any

import pytest
from support import shared_memory
from support.ros import Case
from support.ros import forget_domains
from support.ros import PATIENCE


@pytest.fixture(autouse=True)
def _no_shared_memory_left() -> Iterator[None]:
    """Fail a test whose processes leave shared memory of Fast DDS behind: it is RAM."""
    before = shared_memory.present()
    yield
    forget_domains()
    deadline = time.monotonic() + PATIENCE
    while (left := shared_memory.left_behind() - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left, f'left in /dev/shm: {sorted(left)}'


@pytest.fixture(scope='module')
def _cases() -> Iterator[tuple[ThreadPoolExecutor, dict[str, Future[None]]]]:
    with ThreadPoolExecutor(2) as pool:
        yield pool, {}
        pool.shutdown(cancel_futures=True)


@pytest.fixture()
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
    _cases: tuple[ThreadPoolExecutor, dict[str, Future[None]]],
) -> Case:
    """
    Return a function that runs the body of a parametrized test.

    The body gets a directory of its own and the parameters. Two cases run at a time, the one that
    pytest is at and the next: they start processes, and mostly wait.
    """
    def run(body: Callable[..., None]) -> None:
        pool, started = _cases
        node: Any = request.node
        if node.nodeid not in started:
            for item in request.session.items:
                if isinstance(item, pytest.Function) and item.function is node.function:
                    started[item.nodeid] = pool.submit(
                        body, tmp_path_factory.mktemp('case'), **item.callspec.params)
        started[node.nodeid].result()

    return run
