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

"""A call is waited for a limited time only, and never runs twice at a time."""

from __future__ import annotations

from collections.abc import Iterator
import threading
import time

from k4a_ros.process.bounded import BoundedCaller
import pytest


def abandoned() -> bool:
    """Return whether a call is still running."""
    return any(thread.name == 'abandonable check' for thread in threading.enumerate())


@pytest.fixture()
def release() -> Iterator[threading.Event]:
    """Return an event that ends the calls of the test."""
    event = threading.Event()
    yield event
    event.set()
    while abandoned():
        time.sleep(0.01)


def fail() -> None:
    raise KeyError(3)


def test_result_or_exception_is_passed_on() -> None:
    call = BoundedCaller('check', 60, threading.Event())
    assert call(lambda: 3) == 3
    with pytest.raises(KeyError):
        call(fail)
    assert call(lambda: 4) == 4


def test_call_that_takes_too_long_goes_on_alone(release: threading.Event) -> None:
    call = BoundedCaller('check', 0.1, threading.Event())
    with pytest.raises(TimeoutError, match=r'takes longer than 0\.1 s'):
        call(release.wait)
    assert abandoned()
    with pytest.raises(TimeoutError, match='an earlier check is still running'):
        call(lambda: pytest.fail('must not run'))
    release.set()
    while abandoned():
        time.sleep(0.01)
    assert BoundedCaller('check', 60, threading.Event())(lambda: 3) == 3


def test_wait_ends_when_it_is_canceled(release: threading.Event) -> None:
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    with pytest.raises(TimeoutError):
        BoundedCaller('check', 600, cancel)(release.wait)
