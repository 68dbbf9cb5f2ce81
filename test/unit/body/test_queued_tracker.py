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


"""A queued tracker behaves like the tracker of the Body Tracking SDK."""

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
from support.time_limits import PATIENCE
from support.time_limits import promptly
from support.time_limits import wait_for


class ControlledEstimator:
    """An estimator that processes images only when released, and fails at device time 666."""

    def __init__(self) -> None:
        self.released = threading.Semaphore(0)
        self.busy = threading.Event()
        self.close_count = 0
        self.processed = 0
        self.factor = 0.0
        self.error: Exception = RuntimeError('the network is broken')

    def estimate(self, images: BodyInput) -> BodyFrame:
        self.busy.set()
        assert self.released.acquire(timeout=PATIENCE)
        self.busy.clear()
        self.processed += 1
        if images.device_us == 666:
            raise self.error
        return BodyFrame(images.device_us, (), np.full((2, 2), 255, np.uint8))

    def set_smoothing(self, factor: float) -> None:
        self.factor = factor

    def close(self) -> None:
        self.close_count += 1

    def release(self, count: int = 1) -> None:
        """Allow this many more images to be processed."""
        self.released.release(count)


def images(device_us: int) -> BodyInput:
    """Return small images with a device timestamp."""
    return BodyInput(np.zeros((2, 2), np.uint16), np.zeros((2, 2), np.uint16), device_us)


@pytest.fixture
def estimator() -> ControlledEstimator:
    """Return an estimator."""
    return ControlledEstimator()


@pytest.fixture
def tracker(estimator: ControlledEstimator) -> Iterator[QueuedTracker]:
    """Return a tracker around the estimator; it is closed after the test."""
    result = QueuedTracker(estimator)
    yield result
    estimator.release(100)
    result.close()
    assert not any(thread.name == 'body tracker' for thread in threading.enumerate())


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """Return an executor with one thread, for calls that block."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def pop_stamps(tracker: QueuedTracker, count: int) -> list[int]:
    """Return the device timestamps of the next results."""
    frames = [tracker.pop(PATIENCE) for _ in range(count)]
    return [frame.device_us for frame in frames if frame is not None]


def blocks(call: Future[Any]) -> bool:
    """Return whether a call has not returned after a while."""
    time.sleep(0.03)
    return not call.done()


def test_worker_thread_runs_at_lower_priority(
    tracker: QueuedTracker, estimator: ControlledEstimator,
) -> None:
    """The tracker's thread has a higher niceness than the thread that created it."""
    tracker.enqueue(images(1), PATIENCE)
    assert estimator.busy.wait(PATIENCE)
    (worker,) = (thread for thread in threading.enumerate() if thread.name == 'body tracker')
    own_niceness, worker_niceness = (os.getpriority(os.PRIO_PROCESS, thread_id) for thread_id in (
        threading.get_native_id(), worker.native_id or 0))
    assert worker_niceness == min(own_niceness + 5, 19)


def test_results_are_popped_in_order(
    tracker: QueuedTracker, estimator: ControlledEstimator,
) -> None:
    """Each enqueued image yields one result."""
    estimator.release(20)
    stamps = []
    for number in range(20):
        assert tracker.enqueue(images(number), None)
        stamps += pop_stamps(tracker, 1)
    assert stamps == list(range(20))
    assert tracker.pop(0) is None


def test_enqueue_on_full_queue_returns_false(
    tracker: QueuedTracker, estimator: ControlledEstimator,
) -> None:
    """The queue holds three images including the one in progress; a fourth has no effect."""
    assert [tracker.enqueue(images(number), 0) for number in range(4)] == [True] * 3 + [False]
    start = time.monotonic()
    with promptly(1.0):
        assert not tracker.enqueue(images(4), 0.03)
    assert time.monotonic() - start >= 0.03
    estimator.release(3)
    assert pop_stamps(tracker, 3) == [0, 1, 2]
    assert tracker.pop(0.03) is None


def test_enqueue_blocks_while_results_are_not_popped(
    tracker: QueuedTracker, estimator: ControlledEstimator, executor: ThreadPoolExecutor,
) -> None:
    """Without pop, the number of results stays bounded."""
    estimator.release(100)
    count = 0
    while tracker.enqueue(images(count), 0.1):
        count += 1
        wait_for(lambda c=count: estimator.processed == c, 'the estimator')
    assert 3 <= count <= 6
    blocked = executor.submit(tracker.enqueue, images(count), None)
    assert blocks(blocked)
    assert pop_stamps(tracker, count) == list(range(count))
    assert blocked.result(PATIENCE)
    assert pop_stamps(tracker, 1) == [count]


def test_pop_waits_for_a_result(
    tracker: QueuedTracker, estimator: ControlledEstimator, executor: ThreadPoolExecutor,
) -> None:
    """With a timeout pop returns None after it; without one it blocks until there is a result."""
    start = time.monotonic()
    with promptly(1.0):
        assert tracker.pop(0.03) is None
    assert time.monotonic() - start >= 0.03
    blocked = executor.submit(tracker.pop, None)
    tracker.enqueue(images(5), 0)
    assert blocks(blocked)
    estimator.release()
    assert blocked.result(PATIENCE).device_us == 5


def test_shutdown_drains_the_queue(
    tracker: QueuedTracker, estimator: ControlledEstimator, executor: ThreadPoolExecutor,
) -> None:
    """After shutdown, enqueue raises, and pop raises once all queued images are processed."""
    for number in range(3):
        tracker.enqueue(images(number), 0)
    blocked = executor.submit(tracker.enqueue, images(3), None)
    assert blocks(blocked)
    tracker.shutdown()
    assert isinstance(blocked.exception(PATIENCE), TrackerClosed)
    with pytest.raises(TrackerClosed):
        tracker.enqueue(images(4), 0)
    assert tracker.pop(0) is None
    estimator.release(3)
    assert pop_stamps(tracker, 3) == [0, 1, 2]
    for timeout in (0, None):
        with pytest.raises(TrackerClosed):
            tracker.pop(timeout)


def test_shutdown_wakes_a_blocked_pop(
    tracker: QueuedTracker, executor: ThreadPoolExecutor,
) -> None:
    """A pop without timeout raises when the tracker is shut down."""
    blocked = executor.submit(tracker.pop, None)
    assert blocks(blocked)
    tracker.shutdown()
    assert isinstance(blocked.exception(PATIENCE), TrackerClosed)


@pytest.mark.parametrize(('error', 'text'), [
    (RuntimeError('the network is broken'), 'has failed: RuntimeError: the network is broken'),
    (BodyTrackingError('no such file'), 'has failed: no such file'),
    (MemoryError(), 'has failed: MemoryError')])
def test_failure_is_raised_by_every_later_call(
    tracker: QueuedTracker, estimator: ControlledEstimator, executor: ThreadPoolExecutor,
    error: Exception, text: str,
) -> None:
    """Results from before the failure are popped first; then pop and enqueue raise it."""
    estimator.error = error
    for number in (1, 666, 2):
        tracker.enqueue(images(number), 0)
    blocked = executor.submit(tracker.enqueue, images(3), None)
    assert blocks(blocked)
    estimator.release(1)
    assert blocked.result(PATIENCE)
    estimator.release(10)
    assert pop_stamps(tracker, 1) == [1]
    for _ in range(2):
        for call in (lambda: tracker.pop(None), lambda: tracker.enqueue(images(4), None)):
            with pytest.raises(BodyTrackingError, match=text) as raised:
                call()
            assert raised.value.__cause__ is error
            assert not isinstance(raised.value, TrackerClosed)
    tracker.close()
    assert estimator.close_count == 1


def test_failure_wakes_a_blocked_enqueue(
    tracker: QueuedTracker, estimator: ControlledEstimator, executor: ThreadPoolExecutor,
) -> None:
    """An enqueue that waits for space raises the failure."""
    for number in (666, 1, 2):
        tracker.enqueue(images(number), 0)
    blocked = executor.submit(tracker.enqueue, images(3), None)
    assert blocks(blocked)
    estimator.release()
    assert 'the network is broken' in str(blocked.exception(PATIENCE))


def test_close_discards_queued_images(
    estimator: ControlledEstimator, executor: ThreadPoolExecutor,
) -> None:
    """Close waits for the image in progress, drops all references, and closes the estimator."""
    tracker = QueuedTracker(estimator)
    inputs = [images(number) for number in range(3)]
    references = [weakref.ref(each.depth) for each in inputs]
    while inputs:
        tracker.enqueue(inputs.pop(0), 0)
    assert estimator.busy.wait(PATIENCE)
    closing = executor.submit(tracker.close)
    assert blocks(closing) and not estimator.close_count
    estimator.release(1)
    closing.result(PATIENCE)
    tracker.close()
    assert estimator.close_count == 1
    assert not any(reference() is not None for reference in references)
    for call in (lambda: tracker.pop(None), lambda: tracker.enqueue(images(4), None)):
        with pytest.raises(TrackerClosed):
            call()


def test_smoothing_is_passed_to_the_estimator(estimator: ControlledEstimator) -> None:
    """The factor is set at once, and ignored after close."""
    tracker = QueuedTracker(estimator)
    tracker.set_smoothing(0.5)
    assert estimator.factor == 0.5
    tracker.close()
    tracker.set_smoothing(0.75)
    assert estimator.factor == 0.5
