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

"""The threads between a camera and whoever takes its images; no ROS here."""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Protocol

from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import Capture
from k4a_ros.cameras.base import ImuSamples
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import K4aRosError
from k4a_ros.errors import ReadTimeout

#: Seconds after which a thread that waits for the camera looks whether it is to stop.
_TICK = 0.25


class Sink(Protocol):
    """Takes what a camera delivers; `capture` and `imu` are called by two threads."""

    def capture(self, capture: Capture) -> None:
        """Take a capture."""

    def imu(self, samples: ImuSamples) -> None:
        """Take inertial samples."""


class Driver:
    """
    Runs an open camera: one thread for its images, one for its inertial samples.

    :param on_end: called once, by one of the threads, when the camera has nothing more to give:
        with None at the end of a recording, with the error otherwise. Not called by `stop`.
    """

    def __init__(
        self, camera: Camera, sink: Sink, on_end: Callable[[BaseException | None], None],
    ) -> None:
        self._camera = camera
        self._sink = sink
        self._on_end = on_end
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._running = 0
        self._ended = False
        self._threads: list[threading.Thread] = []
        self.captures = 0
        self.samples = 0

    def start(self) -> None:
        """Start the camera and the threads."""
        self._camera.start()
        jobs = []
        if self._camera.config.depth or self._camera.config.ir or self._camera.config.color:
            jobs.append(self._take_capture)
        if self._camera.config.imu:
            jobs.append(self._take_imu)
        self._running = len(jobs)
        for job in jobs:
            thread = threading.Thread(target=self._run, args=[job], name=job.__name__.strip('_'))
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop the threads and the camera; waits for them. May be called more than once."""
        self._stopping.set()
        self._camera.stop()
        for thread in self._threads:
            thread.join()

    def _take_capture(self) -> None:
        capture = self._camera.read(_TICK)
        self.captures += 1
        self._sink.capture(capture)

    def _take_imu(self) -> None:
        samples = self._camera.read_imu(_TICK)
        self.samples += len(samples)
        self._sink.imu(samples)

    def _run(self, take: Callable[[], None]) -> None:
        error: BaseException | None = None
        while not self._stopping.is_set():
            try:
                take()
            except ReadTimeout:
                continue
            except EndOfRecording:
                break
            except K4aRosError as problem:
                error = problem
                break
            except Exception as problem:  # a defect; it must end the node, not one thread of it
                error = problem
                break
        self._done(error)

    def _done(self, error: BaseException | None) -> None:
        with self._lock:
            self._running -= 1
            last = self._running == 0
            if self._ended or self._stopping.is_set() or not (last or error is not None):
                return
            self._ended = True
        self._on_end(error)
