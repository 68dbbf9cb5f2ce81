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

"""Runs a body tracker beside the other topics, and publishes its results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
import threading
import time

from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.body.upright_tracker import upright_tracker
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import TrackerClosed
from k4a_ros.images.filters.cache import FilteredDepth
from k4a_ros.jit.lazy import is_built
from k4a_ros.jit.lazy import Lazy
from k4a_ros.jit.lazy import Startable
from k4a_ros.jit.lazy import Together
from k4a_ros.publishing.body_streams import body_streams
from k4a_ros.publishing.body_streams import TrackedFrame
from k4a_ros.publishing.interfaces import TrackerChoice
from k4a_ros.publishing.publishers import LazyPublisher
from k4a_ros.publishing.topic_builder import TopicBuilder
from k4a_ros.streaming.stamper import ToRos
import numpy as np
import numpy.typing as npt

#: time after which the thread that waits for results checks whether it should stop
_STOP_POLL_S = 0.25
#: weight of a new batch of IMU samples in the moving average of the upward direction
_UP_WEIGHT = 0.1


@dataclass(frozen=True)
class _Pending:
    """A capture that the tracker has not answered yet; times in nanoseconds."""

    device_us: int
    stamp_ns: int
    color_stamp_ns: int | None
    depth: npt.NDArray[np.uint16]
    enqueued_ns: int


class BodyTopics:
    """
    The topics of tracked people, and the tracker behind them.

    The tracker is opened for the first subscriber and runs in threads of its own. A recording
    stands still until it is open, which takes a quarter of a minute if kernels must be compiled.
    If it is slower than the camera, captures are dropped before they reach it. Only in lockstep
    (`Camera.lockstep`) it gets every capture.

    ``streams`` are the topics. For diagnostics: ``dropped`` counts captures that the tracker had
    no time for, ``processed`` its results, ``latency_ns`` is the time from queueing a capture to
    its latest result, and ``error`` says why tracking has stopped, '' while it works.

    :param choice: the tracker to open.
    :param filtered: the depth images that body_tracking_filtered_depth selects.
    :param wait_for_acks: waits until subscribers have acknowledged what the given topics
        published.
    """

    def __init__(
        self, builder: TopicBuilder, choice: TrackerChoice, filtered: FilteredDepth,
        wait_for_acks: Callable[[Sequence[LazyPublisher]], None],
    ) -> None:
        self.backend = choice.backend
        self.streams = body_streams(builder)
        self.dropped = 0
        self.processed = 0
        self.latency_ns = 0
        self.error = ''
        self._camera = builder.camera
        self._wait = builder.wait
        self._filtered = filtered if builder.options.body_tracking_filtered_depth else None
        self._warn = builder.warn
        self._wait_for_acks = wait_for_acks
        self._smoothing = builder.options.body_tracking_smoothing_factor
        self._open = lambda: upright_tracker(
            choice.open_tracker(builder.camera), builder.calibration.rotation)
        self._tracker: Lazy[BodyTracker] = Lazy(self._open)
        self._accel_to_depth = builder.calibration.depth_to_accel.rotation.T
        self._up: npt.NDArray[np.float64] | None = None
        self._pending: deque[_Pending] = deque()
        self._section = self._newest_us = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def has_subscribers(self) -> bool:
        """Return whether any of the topics has subscribers."""
        return any(stream.has_subscribers() for stream in self.streams)

    def imu(self, samples: ImuSamples) -> None:
        """Update the upward direction from the accelerometer, while the tracker is running."""
        if self._thread is None:
            return
        up = self._accel_to_depth @ samples.acc.mean(axis=0, dtype=np.float64)
        if self._up is not None:
            up = (1 - _UP_WEIGHT) * self._up + _UP_WEIGHT * up
        self._up = up

    def offer(self, capture: Capture, to_ros: ToRos) -> None:
        """Queue a capture for the tracker, if there are subscribers."""
        depth, infrared = capture.depth, capture.ir
        if depth is None or infrared is None or self.error or not self.has_subscribers():
            return
        if capture.section != self._section and depth.device_us <= self._newest_us:
            # playback was moved back, and trackers need times that increase
            self.close_tracker(drain=False)
        self._section, self._newest_us = capture.section, depth.device_us
        if not is_built(self._resources(), self._wait):
            return
        lockstep = self._camera.lockstep
        try:
            tracker = self._tracker.result()
            self._start(tracker)
            pixels = depth.data
            if self._filtered is not None:
                # a copy: the tracker keeps images, and there is one buffer of filtered ones
                pixels = self._filtered.get(capture).copy()
            color_stamp_ns = None if capture.color is None else to_ros(capture.color.device_us)
            # before enqueue, because the result may be there before it returns
            self._pending.append(_Pending(
                depth.device_us, to_ros(depth.device_us), color_stamp_ns, pixels,
                time.monotonic_ns()))
            if not tracker.enqueue(
                    BodyInput(pixels, infrared.data, depth.device_us, self._up),
                    None if lockstep else 0.0):
                self._pending.pop()
                self.dropped += 1
        except TrackerClosed:
            return
        except Exception as error:  # third-party libraries may raise anything; images go on
            self._stop_tracking(error)

    def set_smoothing(self, factor: float) -> None:
        """Set the temporal smoothing, from 0 (none) to 1 (joints freeze)."""
        self._smoothing = factor
        if self._thread is not None:
            self._tracker.result().set_smoothing(factor)

    def close_tracker(self, drain: bool) -> None:
        """
        Close the tracker and release all images; the next capture opens it again.

        :param drain: publish the results of captures that are queued; otherwise discard them.
        """
        if not self._tracker.started:
            return
        if not self._tracker.start():
            # still being built, which may take a quarter of a minute
            self._tracker.discard(lambda tracker: tracker.close())
            self._tracker = Lazy(self._open)
            return
        try:
            tracker = self._tracker.result()
        except Exception:  # it could not be opened, which `offer` has reported if it needed it
            return
        tracker.shutdown()
        if not drain:
            self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        tracker.close()
        self._thread = None
        self._stopping.clear()
        self._pending.clear()
        self._tracker = Lazy(self._open)

    def _resources(self) -> Startable:
        """Return the tracker, and the filters if it gets filtered images."""
        return self._tracker if self._filtered is None else Together(
            self._tracker, self._filtered)

    def _start(self, tracker: BodyTracker) -> None:
        """Start the thread that waits for results, unless it is running."""
        if self._thread is None:
            tracker.set_smoothing(self._smoothing)
            self._thread = threading.Thread(
                target=self._publish_results, args=[tracker], name='body topics')
            self._thread.start()

    def _publish_results(self, tracker: BodyTracker) -> None:
        """Publish results until the tracker is shut down and has no more."""
        try:
            while not self._stopping.is_set():
                frame = tracker.pop(_STOP_POLL_S)
                if frame is not None:
                    self._publish(frame)
        except TrackerClosed:
            return
        except Exception as error:  # even for a defect: images go on without body tracking
            self._stop_tracking(error)

    def _publish(self, frame: BodyFrame) -> None:
        while True:
            pending = self._pending.popleft()
            if pending.device_us == frame.device_us:
                break
        self.latency_ns = time.monotonic_ns() - pending.enqueued_ns
        self.processed += 1
        tracked = TrackedFrame(
            frame, pending.stamp_ns, pending.color_stamp_ns, pending.depth)
        for stream in self.streams:
            stream.offer(tracked)
        if self._camera.lockstep:
            self._wait_for_acks(self.streams)

    def _stop_tracking(self, error: Exception) -> None:
        """Report an error, and offer the tracker no more captures."""
        text = str(error)
        if not isinstance(error, BodyTrackingError):
            text = f'{type(error).__name__}: {text}'
        self.error = text
        self._warn(f'Body tracking stopped: {text}')
