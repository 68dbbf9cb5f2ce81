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

"""A body tracker that runs an estimator in a thread of its own, behind bounded queues."""

from __future__ import annotations

from collections import deque
import contextlib
import logging
import os
import threading
from typing import Protocol

from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.body.tracker import QUEUE_SIZE
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import K4aRosError
from k4a_ros.errors import TrackerClosed

_log = logging.getLogger('k4a_ros.body')

#: added to the niceness of the worker thread: a third of the CPU share of the other threads
_NICENESS_INCREMENT = 5


class Estimator(Protocol):
    """
    Estimates the poses of people, one image after the other, in chronological order.

    ``estimate`` and ``close`` are called by one thread at a time; ``set_smoothing`` by any thread,
    at any time until ``close``.
    """

    def estimate(self, images: BodyInput) -> BodyFrame:
        """
        Return the people in the images of one capture.

        :raises Exception: the estimator has failed, and is not called again.
        """

    def set_smoothing(self, factor: float) -> None:
        """Set the temporal smoothing, from 0 (none) to 1 (joints freeze)."""

    def close(self) -> None:
        """Release all resources."""


class QueuedTracker(BodyTracker):
    """
    Gives an estimator the queue semantics of the SDK's tracker (k4abt.h).

    Both queues, of images (including the one being processed) and of results, hold QUEUE_SIZE
    entries: `enqueue` waits, or returns False, while either is full. Results from before a failure
    can still be popped.

    :param estimator: used by this tracker only, and closed with it.
    """

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self._changed = threading.Condition()
        self._images: deque[BodyInput] = deque()
        self._frames: deque[BodyFrame] = deque()
        self._failure: Exception | None = None
        self._shut_down = False
        self._closed = False
        self._thread = threading.Thread(target=self._work, name='body tracker', daemon=True)
        self._thread.start()

    def enqueue(self, images: BodyInput, timeout: float | None) -> bool:
        """Queue the images of one capture; see `BodyTracker.enqueue`."""
        with self._changed:
            has_space = self._changed.wait_for(
                lambda: self._shut_down or self._failure is not None or (
                    len(self._images) < QUEUE_SIZE and len(self._frames) < QUEUE_SIZE), timeout)
            if self._shut_down:
                raise TrackerClosed('the body tracker has been shut down')
            self._raise_failure()
            if has_space:
                self._images.append(images)
                self._changed.notify_all()
            return has_space

    def pop(self, timeout: float | None) -> BodyFrame | None:
        """Remove and return the oldest result; see `BodyTracker.pop`."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._frames or self._failure is not None or self._drained(), timeout)
            if self._frames:
                self._changed.notify_all()
                return self._frames.popleft()
            self._raise_failure()
            if self._drained():
                raise TrackerClosed(
                    'the body tracker has been shut down, and there are no more results')
            return None

    def set_smoothing(self, factor: float) -> None:
        """Set the estimator's temporal smoothing, from 0 to 1; no-op once closed."""
        with self._changed:
            if not self._closed:
                self._estimator.set_smoothing(factor)

    def shutdown(self) -> None:
        """Refuse further images; those already queued are still processed."""
        with self._changed:
            self._shut_down = True
            self._changed.notify_all()

    def close(self) -> None:
        """Shut down, discard queued images, and close the estimator."""
        self.shutdown()
        with self._changed:
            first_call, self._closed = not self._closed, True
            self._changed.notify_all()
        self._thread.join()
        with self._changed:
            self._images.clear()
            self._frames.clear()
        if first_call:
            self._estimator.close()

    def _drained(self) -> bool:
        return self._shut_down and not self._images

    def _raise_failure(self) -> None:
        """Raise a BodyTrackingError if the estimator has failed."""
        if self._failure is not None:
            text = str(self._failure)
            if not isinstance(self._failure, K4aRosError):
                text = f'{type(self._failure).__name__}: {text}'
            raise BodyTrackingError(f'the body tracker has failed: {text}') from self._failure

    def _work(self) -> None:
        """
        Process image after image, until closed, failed, or shut down and drained.

        Runs at a lower priority than the threads that publish images (on Linux, niceness is per
        thread): when the CPU is overloaded, the tracking rate drops before images are lost.
        """
        with contextlib.suppress(OSError):
            own = threading.get_native_id()
            os.setpriority(
                os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + _NICENESS_INCREMENT)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._images or self._shut_down)
                if self._closed or not self._images:
                    return
                images = self._images[0]
            try:
                frame = self._estimator.estimate(images)
            except Exception as error:
                # enqueue and pop raise it to their callers
                _log.debug('the body tracker has failed', exc_info=True)
                with self._changed:
                    self._failure = error
                    self._images.clear()
                    self._changed.notify_all()
                return
            del images
            with self._changed:
                self._images.popleft()
                self._frames.append(frame)
                self._changed.notify_all()
