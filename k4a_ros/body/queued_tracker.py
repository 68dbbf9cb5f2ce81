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


"""A tracker with a thread of its own, around whatever finds people in one image."""

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

#: what is added to the niceness of the thread: a third of the others' share of a processor
_NICER = 5


class Estimator(Protocol):
    """
    Finds people in images, which it is given in the order of time.

    ``estimate`` and ``close`` are called by one thread at a time; ``set_smoothing`` by any, at
    any time until ``close``.
    """

    def estimate(self, images: BodyInput) -> BodyFrame:
        """
        Return the people in one capture's images.

        :raises Exception: the estimator has failed, and is not asked again.
        """

    def set_smoothing(self, factor: float) -> None:
        """Smooth over time: 0 not at all, 1 to a standstill."""

    def close(self) -> None:
        """Release everything."""


class QueuedTracker(BodyTracker):
    """
    A tracker that keeps the SDK's ways (k4abt.h), whatever the estimator.

    There is room for QUEUE_SIZE images, that in work among them, and as many results: `enqueue`
    waits, or takes nothing, while one of the two is full. After a failure, results of before it
    still come out.

    :param estimator: is used by this tracker alone, and closed with it.
    """

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self._changed = threading.Condition()
        self._images: deque[BodyInput] = deque()
        self._frames: deque[BodyFrame] = deque()
        self._failure: Exception | None = None
        self._shut = False
        self._closed = False
        self._thread = threading.Thread(target=self._work, name='body tracker', daemon=True)
        self._thread.start()

    def enqueue(self, images: BodyInput, timeout: float | None) -> bool:
        """Give the estimator one capture's images, as `BodyTracker.enqueue` tells."""
        with self._changed:
            room = self._changed.wait_for(
                lambda: self._shut or self._failure is not None or (
                    len(self._images) < QUEUE_SIZE and len(self._frames) < QUEUE_SIZE), timeout)
            if self._shut:
                raise TrackerClosed('the body tracker has been shut down')
            self._check()
            if room:
                self._images.append(images)
                self._changed.notify_all()
            return room

    def pop(self, timeout: float | None) -> BodyFrame | None:
        """Take the oldest result, as `BodyTracker.pop` tells."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._frames or self._failure is not None or self._drained(), timeout)
            if self._frames:
                self._changed.notify_all()
                return self._frames.popleft()
            self._check()
            if self._drained():
                raise TrackerClosed(
                    'the body tracker has been shut down, and there are no more results')
            return None

    def set_smoothing(self, factor: float) -> None:
        """Smooth over time, from 0 to 1."""
        with self._changed:
            if not self._closed:
                self._estimator.set_smoothing(factor)

    def shutdown(self) -> None:
        """Take no more images; those that were taken are still worked on."""
        with self._changed:
            self._shut = True
            self._changed.notify_all()

    def close(self) -> None:
        """Shut down, leave the images that wait, and close the estimator."""
        self.shutdown()
        with self._changed:
            first, self._closed = not self._closed, True
            self._changed.notify_all()
        self._thread.join()
        with self._changed:
            self._images.clear()
            self._frames.clear()
        if first:
            self._estimator.close()

    def _drained(self) -> bool:
        return self._shut and not self._images

    def _check(self) -> None:
        """Raise the error that the estimator has failed, if it has."""
        if self._failure is not None:
            text = str(self._failure)
            if not isinstance(self._failure, K4aRosError):
                text = f'{type(self._failure).__name__}: {text}'
            raise BodyTrackingError(f'the body tracker has failed: {text}') from self._failure

    def _work(self) -> None:
        """
        Estimate, image by image, until closed or there will be no more.

        With less right to a processor than whatever publishes the images (Linux has priorities of
        threads): where there is too little of it, there are fewer people, and all images.
        """
        with contextlib.suppress(OSError):
            own = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + _NICER)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._images or self._shut)
                if self._closed or not self._images:
                    return
                images = self._images[0]
            try:
                frame = self._estimator.estimate(images)
            except Exception as error:
                # whoever pops or enqueues is told
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
