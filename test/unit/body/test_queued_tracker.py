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


"""The tracker around an estimator keeps the ways of the Body Tracking SDK."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
import os
import threading
import time
from typing import Any
import weakref

from k4a_ros.body.queued_tracker import QueuedTracker
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import TrackerClosed
import numpy as np
import pytest


class Slow:
    """An estimator that works only when it is let, and fails at the time 666."""

    def __init__(self) -> None:
        self.may_work = threading.Semaphore(0)
        self.works = threading.Event()
        self.closed = 0
        self.factor = 0.0
        self.error: Exception = RuntimeError('the net is torn')

    def estimate(self, images: BodyInput) -> BodyFrame:
        self.works.set()
        assert self.may_work.acquire(timeout=20)
        self.works.clear()
        if images.device_us == 666:
            raise self.error
        return BodyFrame(images.device_us, (), np.full((2, 2), 255, np.uint8))

    def set_smoothing(self, factor: float) -> None:
        self.factor = factor

    def close(self) -> None:
        self.closed += 1

    def let(self, count: int = 1) -> None:
        """Let it work on so many images."""
        self.may_work.release(count)


def images(device_us: int) -> BodyInput:
    """Return small images of a time."""
    return BodyInput(np.zeros((2, 2), np.uint16), np.zeros((2, 2), np.uint16), device_us)


@pytest.fixture
def slow() -> Slow:
    """Return an estimator."""
    return Slow()


@pytest.fixture
def tracker(slow: Slow) -> Iterator[QueuedTracker]:
    """Return its tracker, which is closed in the end."""
    result = QueuedTracker(slow)
    yield result
    slow.let(100)
    result.close()
    assert not any(thread.name == 'body tracker' for thread in threading.enumerate())


@pytest.fixture
def other() -> Iterator[ThreadPoolExecutor]:
    """Return another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def times(tracker: QueuedTracker, count: int) -> list[int]:
    """Return the stamps of the next results."""
    frames = [tracker.pop(10.0) for _ in range(count)]
    return [frame.device_us for frame in frames if frame is not None]


def waits(call: Future[Any]) -> bool:
    """Return whether a call does not return by itself."""
    time.sleep(0.03)
    return not call.done()


def test_images_come_before_people(tracker: QueuedTracker, slow: Slow) -> None:
    """Where there is too little processor, the tracker has less of it than other threads."""
    tracker.enqueue(images(1), 10.0)
    assert slow.works.wait(10.0)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == 'body tracker')
    mine, its = (os.getpriority(os.PRIO_PROCESS, number) for number in (
        threading.get_native_id(), thread.native_id or 0))
    assert its == min(mine + 5, 19)


def test_results_come_in_order(tracker: QueuedTracker, slow: Slow) -> None:
    """Each image gives one result."""
    slow.let(20)
    found = []
    for number in range(20):
        assert tracker.enqueue(images(number), None)
        found += times(tracker, 1)
    assert found == list(range(20))
    assert tracker.pop(0) is None


def test_the_fourth_image_is_not_taken(tracker: QueuedTracker, slow: Slow) -> None:
    """There is room for three, that in work among them; without room nothing happens."""
    assert [tracker.enqueue(images(number), 0) for number in range(4)] == [True] * 3 + [False]
    start = time.monotonic()
    assert not tracker.enqueue(images(4), 0.03)
    assert 0.03 <= time.monotonic() - start < 1
    slow.let(3)
    assert times(tracker, 3) == [0, 1, 2]
    assert tracker.pop(0.03) is None


def test_nothing_is_taken_while_results_wait(
    tracker: QueuedTracker, slow: Slow, other: ThreadPoolExecutor,
) -> None:
    """Where nobody pops, images do not pile up as results."""
    slow.let(100)
    taken = 0
    while tracker.enqueue(images(taken), 0.1):
        taken += 1
    assert 3 <= taken <= 6
    late = other.submit(tracker.enqueue, images(taken), None)
    assert waits(late)
    assert times(tracker, taken) == list(range(taken))
    assert late.result(10)
    assert times(tracker, 1) == [taken]


def test_pop_waits_for_a_result(
    tracker: QueuedTracker, slow: Slow, other: ThreadPoolExecutor,
) -> None:
    """As long as it takes, or as it is told."""
    start = time.monotonic()
    assert tracker.pop(0.03) is None
    assert 0.03 <= time.monotonic() - start < 1
    waiting = other.submit(tracker.pop, None)
    tracker.enqueue(images(5), 0)
    assert waits(waiting)
    slow.let()
    assert waiting.result(10).device_us == 5


def test_a_shutdown_drains(tracker: QueuedTracker, slow: Slow, other: ThreadPoolExecutor) -> None:
    """No image is taken, those that were are worked on, and then it is over."""
    for number in range(3):
        tracker.enqueue(images(number), 0)
    late = other.submit(tracker.enqueue, images(3), None)
    assert waits(late)
    tracker.shutdown()
    assert isinstance(late.exception(10), TrackerClosed)
    with pytest.raises(TrackerClosed):
        tracker.enqueue(images(4), 0)
    assert tracker.pop(0) is None
    slow.let(3)
    assert times(tracker, 3) == [0, 1, 2]
    for timeout in (0, None):
        with pytest.raises(TrackerClosed):
            tracker.pop(timeout)


def test_a_shutdown_wakes_who_pops(tracker: QueuedTracker, other: ThreadPoolExecutor) -> None:
    """Though there was no time-out."""
    waiting = other.submit(tracker.pop, None)
    assert waits(waiting)
    tracker.shutdown()
    assert isinstance(waiting.exception(10), TrackerClosed)


@pytest.mark.parametrize(('error', 'text'), [
    (RuntimeError('the net is torn'), 'has failed: RuntimeError: the net is torn'),
    (BodyTrackingError('no such file'), 'has failed: no such file'),
    (MemoryError(), 'has failed: MemoryError')])
def test_a_failure_is_told(
    tracker: QueuedTracker, slow: Slow, other: ThreadPoolExecutor, error: Exception, text: str,
) -> None:
    """After the results of before, by every call, and to who waits."""
    slow.error = error
    for number in (1, 666, 2):
        tracker.enqueue(images(number), 0)
    late = other.submit(tracker.enqueue, images(3), None)
    assert waits(late)
    slow.let(1)
    assert late.result(10)
    slow.let(10)
    assert times(tracker, 1) == [1]
    for _ in range(2):
        for call in (lambda: tracker.pop(None), lambda: tracker.enqueue(images(4), None)):
            with pytest.raises(BodyTrackingError, match=text) as raised:
                call()
            assert raised.value.__cause__ is error
            assert not isinstance(raised.value, TrackerClosed)
    tracker.close()
    assert slow.closed == 1


def test_a_failure_wakes_who_waits(
    tracker: QueuedTracker, slow: Slow, other: ThreadPoolExecutor,
) -> None:
    """For a result, or for room."""
    for number in (666, 1, 2):
        tracker.enqueue(images(number), 0)
    late = other.submit(tracker.enqueue, images(3), None)
    assert waits(late)
    slow.let()
    assert 'the net is torn' in str(late.exception(10))


def test_closing_leaves_the_images(slow: Slow, other: ThreadPoolExecutor) -> None:
    """It waits for the one in work, lets go of all, and closes the estimator once."""
    tracker = QueuedTracker(slow)
    given = [images(number) for number in range(3)]
    references = [weakref.ref(each.depth) for each in given]
    while given:
        tracker.enqueue(given.pop(0), 0)
    assert slow.works.wait(10)
    closing = other.submit(tracker.close)
    assert waits(closing) and not slow.closed
    slow.let(1)
    closing.result(10)
    tracker.close()
    assert slow.closed == 1
    assert not any(reference() is not None for reference in references)
    for call in (lambda: tracker.pop(None), lambda: tracker.enqueue(images(4), None)):
        with pytest.raises(TrackerClosed):
            call()


def test_smoothing_is_the_estimators(slow: Slow) -> None:
    """It is set at once, and not after closing."""
    tracker = QueuedTracker(slow)
    tracker.set_smoothing(0.5)
    assert slow.factor == 0.5
    tracker.close()
    tracker.set_smoothing(0.75)
    assert slow.factor == 0.5
