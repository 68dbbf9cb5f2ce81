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

"""One streaming session of an open camera: its reader and publisher threads (no ROS)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import threading
import time
from typing import Protocol

from k4a_ros.audio.source import RecordedAudio
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraErrorReason
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import K4aRosError
from k4a_ros.errors import ReadTimeout
from k4a_ros.errors import StreamFailedError
from k4a_ros.streaming.imu_queue import ImuQueue
from k4a_ros.streaming.stream_watch import IMU
from k4a_ros.streaming.stream_watch import STARTUP_S
from k4a_ros.streaming.stream_watch import StreamWatch

#: Timeout of blocking reads, after which a thread checks whether it should stop.
_POLL_S = 0.25
#: Minimum time without captures, and minimum number of frame periods, after which a camera is
#: considered lost.
_SILENCE_S, _SILENCE_FRAMES = 1.0, 10
#: Time a subordinate waits for the sync pulse of its master. After a minute or more, the depth
#: camera powers down until streaming is restarted (Azure Kinect documentation, "Depth camera auto
#: powers down").
_SYNC_PULSE_TIMEOUT_S = 50.0
#: Interval of IMU reads while there are no subscribers. Reading each burst would cost more than
#: everything else an idle driver does, and the queues of the SDK hold far more than this.
_IDLE_IMU_S = 0.05


class Sink(Protocol):
    """
    Consumer of camera data.

    `arrive`, `capture`, `arrive_imu`, `imu` and `sound` are called from different threads.
    """

    def arrive(self, capture: Capture) -> Capture:
        """
        Note that a live camera has delivered a capture; must not take long.

        Called for every capture, also for those that are dropped because `capture` is too slow.

        :return: the capture that may be passed to `capture`.
        """

    def capture(self, capture: Capture) -> None:
        """Process a capture."""

    def arrive_imu(self, samples: ImuSamples) -> ImuSamples:
        """
        Note that the camera has delivered IMU samples; must not take long.

        Called for all samples, also for those that are dropped because `imu` is too slow.

        :return: the samples that may be passed to `imu`.
        """

    def imu(self, samples: ImuSamples) -> None:
        """Process IMU samples that have arrived."""

    def sound(self, sound: RecordedAudio) -> None:
        """Process the sound of a recording."""

    def has_imu_subscribers(self) -> bool:
        """Return whether IMU samples are needed without delay."""

    def release_images(self) -> None:
        """Release all references to images; called at the end of every session."""


class LatestCapture:
    """A thread-safe slot for one capture; a newer capture replaces an older one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._capture: Capture | None = None
        self._closed = False

    def put(self, capture: Capture) -> int:
        """Store a capture, and return the number of captures it replaced: 0 or 1."""
        with self._changed:
            replaced = int(self._capture is not None)
            self._capture = capture
            self._changed.notify()
            return replaced

    def take(self, timeout_s: float) -> Capture:
        """
        Remove and return the stored capture, waiting for it if necessary.

        :raises ReadTimeout: there was none within the timeout, or the slot has been closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._capture is not None or self._closed, timeout_s)
            capture, self._capture = self._capture, None
            if capture is None:
                raise ReadTimeout('no capture arrived in time')
            return capture

    def close(self) -> None:
        """Wake up all waiting threads; later calls of `take` do not wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


@dataclass
class Counts:
    """Counters of a camera over all its sessions."""

    captures: int = 0
    samples: int = 0
    #: captures that were replaced by a newer one before they could be published
    dropped: int = 0
    #: IMU samples that were dropped because too many waited to be published
    dropped_samples: int = 0


class Session:
    """
    Streams an open camera once, with a thread for images, IMU samples and recorded sound each.

    What a lossless camera delivers is published by the thread that reads it. For other cameras
    separate threads publish the latest capture, and the IMU samples of the last second: if they
    are too slow, data are dropped instead of delayed, but have been passed to `Sink.arrive` and
    `Sink.arrive_imu`. These cameras are considered lost if they deliver nothing for a while,
    except subordinates, which wait longer for a sync pulse. If only the IMU fails, it is restarted
    while images go on; if only some images are missing, the session ends with StreamFailedError.

    :param on_end: called once, from a session thread, when the camera has nothing more to deliver:
        with None at the end of a recording, otherwise with the error. Not called after `stop`.
    :param counts: counters to increment.
    :param on_first_capture: called once, from a session thread; not for a lossless camera.
    :param watch: knows which streams are silent; default: a new one without a listener.
    """

    def __init__(
        self, camera: Camera, sink: Sink, on_end: Callable[[BaseException | None], None],
        counts: Counts, on_first_capture: Callable[[], None] = lambda: None,
        watch: StreamWatch | None = None,
    ) -> None:
        self._on_first_capture = on_first_capture
        self._has_captures = False
        self._watch = watch or StreamWatch(lambda name, reason: None)
        self._camera = camera
        self._sink = sink
        self._on_end = on_end
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._running = 0
        self._ended = False
        self._threads: list[threading.Thread] = []
        self._latest = LatestCapture()
        self._samples = ImuQueue()
        self._counts = counts
        self._last_capture_s = 0.0

    def start(self) -> None:
        """
        Start the camera and the threads.

        :raises CameraError: the camera does not start.
        """
        self._camera.start()
        self._last_capture_s = time.monotonic() + STARTUP_S
        config = self._camera.config
        if not self._camera.lossless:
            self._watch.begin(config)
        loops = []
        if config.depth or config.ir or config.color:
            loops += ([self._read_and_publish] if self._camera.lossless
                      else [self._read_capture, self._publish_latest])
        if config.imu:
            loops += ([self._read_and_publish_imu] if self._camera.lossless
                      else [self._read_imu, self._publish_imu])
        if self._camera.plays_sound:
            loops.append(self._read_and_publish_sound)
        self._running = len(loops)
        for loop in loops:
            thread = threading.Thread(
                target=self._run, args=[loop], name=loop.__name__.strip('_'))
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop the camera and join the threads. May be called more than once."""
        self._stopping.set()
        self._latest.close()
        self._samples.close()
        self._camera.stop()
        for thread in self._threads:
            thread.join()
        self._sink.release_images()

    def _read_and_publish(self) -> None:
        capture = self._camera.read(_POLL_S)
        self._counts.captures += 1
        self._sink.capture(capture)

    def _read_capture(self) -> None:
        try:
            capture = self._camera.read(_POLL_S)
        except ReadTimeout:
            self._check_silence()
            raise
        self._last_capture_s = time.monotonic()
        self._counts.captures += 1
        self._counts.dropped += self._latest.put(self._sink.arrive(capture))
        if not self._has_captures:
            self._has_captures = True
            self._on_first_capture()
        self._check_images(capture)

    def _check_images(self, capture: Capture) -> None:
        """
        Watch the streams of images separately.

        :raises StreamFailedError: one has been silent for too long; the camera should be reopened.
        """
        for name, image in (('depth', capture.depth), ('infrared', capture.ir),
                            ('color', capture.color)):
            if image is not None:
                self._watch.arrived(name)
            elif self._watch.check(name):
                raise StreamFailedError(f'no {name} images received while others arrive')

    def _check_silence(self) -> None:
        """
        Check how long the camera has not delivered a capture.

        :raises CameraLostError: too long; the camera should be reopened.
        """
        config = self._camera.config
        silence_s = time.monotonic() - self._last_capture_s
        if config.wired_sync_mode is WiredSyncMode.SUBORDINATE:
            if silence_s > _SYNC_PULSE_TIMEOUT_S:
                raise CameraLostError(
                    f'no sync pulse received for {_SYNC_PULSE_TIMEOUT_S:g} s; restarting the '
                    'camera before its depth camera powers down; start the master',
                    [CameraErrorReason.NO_SYNC_PULSE])
            return
        limit_s = max(_SILENCE_S, _SILENCE_FRAMES / config.fps)
        if silence_s > limit_s:
            raise CameraLostError(f'no capture received for {limit_s:g} s')

    def _publish_latest(self) -> None:
        self._sink.capture(self._latest.take(_POLL_S))

    def _read_and_publish_imu(self) -> None:
        samples = self._camera.read_imu(_POLL_S)
        self._counts.samples += len(samples)
        self._sink.imu(self._sink.arrive_imu(samples))
        if not self._camera.lockstep and not self._sink.has_imu_subscribers():
            self._stopping.wait(_IDLE_IMU_S)

    def _read_and_publish_sound(self) -> None:
        self._sink.sound(self._camera.read_sound(_POLL_S))

    def _read_imu(self) -> None:
        try:
            samples = self._camera.read_imu(_POLL_S)
        except StreamFailedError as error:
            self._watch.fail(IMU, str(error))
            self._restart_imu_if_due()
            self._stopping.wait(_POLL_S)
            return
        except ReadTimeout:
            self._restart_imu_if_due()
            raise
        self._watch.arrived(IMU)
        self._counts.samples += len(samples)
        samples = self._sink.arrive_imu(samples)
        if self._sink.has_imu_subscribers():
            self._counts.dropped_samples += self._samples.put(samples)
        else:
            self._stopping.wait(_IDLE_IMU_S)

    def _publish_imu(self) -> None:
        first, *later = self._samples.take(_POLL_S)
        self._sink.imu(first.joined(later))

    def _restart_imu_if_due(self) -> None:
        """Restart the IMU if it has been silent for too long; raise CameraLostError."""
        if not self._watch.check(IMU):
            return
        try:
            self._camera.restart_imu()
        except CameraLostError:
            raise
        except K4aRosError as error:
            if not self._stopping.is_set():
                self._watch.fail(IMU, str(error))

    def _run(self, step: Callable[[], None]) -> None:
        """Repeat a step until the session stops, the recording ends or an error occurs."""
        error: BaseException | None = None
        while not self._stopping.is_set():
            try:
                step()
            except ReadTimeout:
                continue
            except EndOfRecording:
                break
            except Exception as problem:  # also a defect: it must end the node, not this thread
                error = problem
                break
        self._on_thread_end(error)

    def _on_thread_end(self, error: BaseException | None) -> None:
        """Report the end of the session: after the first error, or when all threads are done."""
        with self._lock:
            self._running -= 1
            last = self._running == 0
            if self._ended or self._stopping.is_set() or not (last or error is not None):
                return
            self._ended = True
        self._on_end(error)
