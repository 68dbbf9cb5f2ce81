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

"""One run of an open camera: the threads between it and whoever takes its images; no ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import threading
import time
from typing import Protocol

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import K4aRosError
from k4a_ros.errors import ReadTimeout

#: Seconds after which a thread that waits for the camera looks whether it is to stop.
_TICK = 0.25
#: Seconds that a camera may take longer for its first capture than for others: the depth engine
#: starts, the color camera finds its exposure.
_FIRST_CAPTURE = 4.0
#: Seconds that a subordinate waits for its master. After a minute or more the depth camera powers
#: itself down, until streaming is started anew (Azure Kinect documentation, "Depth camera auto
#: powers down").
_NO_PULSE = 50.0
#: Seconds for which inertial samples gather while nobody wants them: to read each burst of them
#: costs more than all else that a driver without subscribers does. The SDK's queues hold far more.
_UNWANTED = 0.05


class Sink(Protocol):
    """Takes what a camera delivers; `capture` and `imu` are called by two threads."""

    def capture(self, capture: Capture) -> None:
        """Take a capture."""

    def imu(self, samples: ImuSamples) -> None:
        """Take inertial samples."""

    def imu_wanted(self) -> bool:
        """Tell whether every inertial sample is wanted at once."""

    def stopped(self) -> None:
        """Let go of every image; there is nothing to take until the next session."""


class Latest:
    """A place for one capture between two threads; a newer one takes the place of an older."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._capture: Capture | None = None
        self._closed = False

    def put(self, capture: Capture) -> int:
        """Leave a capture, and return how many it has pushed out that nobody took: 0 or 1."""
        with self._changed:
            pushed_out = int(self._capture is not None)
            self._capture = capture
            self._changed.notify()
            return pushed_out

    def take(self, timeout: float) -> Capture:
        """
        Return the newest capture, waiting ``timeout`` seconds for it at most.

        :raises ReadTimeout: none came, or none will.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._capture is not None or self._closed, timeout)
            capture, self._capture = self._capture, None
            if capture is None:
                raise ReadTimeout('no capture came in time')
            return capture

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


@dataclass
class Counts:
    """What has come from a camera, over all its sessions."""

    captures: int = 0
    samples: int = 0
    #: captures that were not published because a newer one came first
    dropped: int = 0


class Session:
    """
    Runs an open camera once: one thread for its images, one for its inertial samples.

    Images of a camera that does not wait are published by a further thread, which always takes
    the newest capture: whoever is late gets fewer captures, not older ones.

    A camera that does not wait and gives no capture for a while is lost, unless it waits for the
    pulse of a master.

    :param on_end: called once, by one of the threads, when the camera has nothing more to give:
        with None at the end of a recording, with the error otherwise. Not called by `stop`.
    :param counts: added to.
    """

    def __init__(
        self, camera: Camera, sink: Sink, on_end: Callable[[BaseException | None], None],
        counts: Counts,
    ) -> None:
        self._camera = camera
        self._sink = sink
        self._on_end = on_end
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._running = 0
        self._ended = False
        self._threads: list[threading.Thread] = []
        self._latest = Latest()
        self._counts = counts
        self._came = 0.0

    def start(self) -> None:
        """Start the camera and the threads."""
        self._camera.start()
        self._came = time.monotonic() + _FIRST_CAPTURE
        config = self._camera.config
        jobs = []
        if (config.depth or config.ir or config.color) and self._camera.lossless:
            jobs.append(self._take_capture)
        elif config.depth or config.ir or config.color:
            jobs += [self._read_capture, self._publish_latest]
        if config.imu:
            jobs.append(self._take_imu)
        self._running = len(jobs)
        for job in jobs:
            thread = threading.Thread(target=self._run, args=[job], name=job.__name__.strip('_'))
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop the threads and the camera; waits for them. May be called more than once."""
        self._stopping.set()
        self._latest.close()
        self._camera.stop()
        for thread in self._threads:
            thread.join()
        self._sink.stopped()

    def _take_capture(self) -> None:
        capture = self._camera.read(_TICK)
        self._counts.captures += 1
        self._sink.capture(capture)

    def _read_capture(self) -> None:
        try:
            capture = self._camera.read(_TICK)
        except ReadTimeout:
            self._check_silence()
            raise
        self._came = time.monotonic()
        self._counts.captures += 1
        self._counts.dropped += self._latest.put(capture)

    def _check_silence(self) -> None:
        """
        Give up a camera that is open and says nothing.

        :raises CameraLostError: nothing has come for ten frame periods, and a second; or to a
            subordinate, for almost a minute.
        """
        config = self._camera.config
        silent = time.monotonic() - self._came
        if config.wired_sync_mode is WiredSyncMode.SUBORDINATE:
            if silent > _NO_PULSE:
                raise CameraLostError(
                    f'no pulse of a master has come for {_NO_PULSE:g} s, and the depth camera '
                    'would soon power itself down: it is started anew; start the master')
            return
        limit = max(1.0, 10 / config.fps)
        if silent > limit:
            raise CameraLostError(f'no capture has come for {limit:g} s')

    def _publish_latest(self) -> None:
        self._sink.capture(self._latest.take(_TICK))

    def _take_imu(self) -> None:
        samples = self._camera.read_imu(_TICK)
        self._counts.samples += len(samples)
        self._sink.imu(samples)
        if not self._camera.lockstep and not self._sink.imu_wanted():
            self._stopping.wait(_UNWANTED)

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
