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

"""A queue of IMU samples between the thread that reads them and the one that publishes them."""

from __future__ import annotations

from collections import deque
import threading

from k4a_ros.capture import ImuSamples
from k4a_ros.errors import ReadTimeout

#: samples that may wait, a second of them; when publishing stands still, older ones are dropped
MAX_SAMPLES = 1666


class ImuQueue:
    """A thread-safe queue of batches of IMU samples with a bounded number of samples."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._batches: deque[ImuSamples] = deque()
        self._waiting = 0
        self._closed = False

    def put(self, samples: ImuSamples) -> int:
        """Add a batch, and return the number of older samples that are dropped for it."""
        dropped = 0
        with self._changed:
            self._batches.append(samples)
            self._waiting += len(samples)
            while self._waiting - dropped > MAX_SAMPLES and len(self._batches) > 1:
                dropped += len(self._batches.popleft())
            self._waiting -= dropped
            self._changed.notify()
        return dropped

    def take(self, timeout_s: float) -> list[ImuSamples]:
        """
        Remove and return all batches, at least one, waiting for it if necessary.

        :raises ReadTimeout: there was none within the timeout, or the queue has been closed.
        """
        with self._changed:
            if not self._batches and not self._closed:
                self._changed.wait(timeout_s)
            batches = [*self._batches]
            self._batches.clear()
            self._waiting = 0
        if not batches:
            raise ReadTimeout('no samples arrived in time')
        return batches

    def close(self) -> None:
        """Drop what waits, and wake up the waiting thread; later calls of `take` do not wait."""
        with self._changed:
            self._closed = True
            self._batches.clear()
            self._waiting = 0
            self._changed.notify_all()
