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

"""Stream a camera into a recording, without ROS: from its start to the end of the recording."""

from __future__ import annotations

from collections.abc import Callable
import logging
import queue
import time

from k4a_ros.audio.source import RecordedAudio
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraErrorReason
from k4a_ros.errors import RecordingError
from k4a_ros.recorder.part import Source
from k4a_ros.recorder.recorder import Recorder
from k4a_ros.recorder.recorder import RecorderStatus
from k4a_ros.recorder.sequence import RecordingOptions
from k4a_ros.streaming.audio_stream import AudioStream
from k4a_ros.streaming.audio_stream import StampedAudio
from k4a_ros.streaming.host_clock import HostClock
from k4a_ros.streaming.session import Counts
from k4a_ros.streaming.session import Session
from k4a_ros.streaming.stamper import Stamper

#: interval of the progress
_PROGRESS_S = 0.5
#: time for which a subordinate waits for its master, as k4arecorder does
_MAX_WAIT_FOR_MASTER_S = 360.0
#: time for which the last samples are waited for, and that the last data has to be written
_MAX_LAG_S, _MAX_WRITE_S = 1.0, 60.0

_log = logging.getLogger('k4a_ros.recorder')


class RecordingRun:
    """
    Records an open camera; implements `Sink`.

    The ROS time in the file is the time of the host.

    :param options: of the recording.
    :param progress: called twice a second with the state of the recorder.
    :param sound: also record the microphones of the camera.
    """

    def __init__(
        self, camera: Camera, options: RecordingOptions,
        progress: Callable[[RecorderStatus], None], *, sound: bool = False,
    ) -> None:
        self._camera = camera
        self._options = options
        self._progress = progress
        #: why the camera has ended; None at the end of the recording
        self._ends: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._stamper = Stamper(HostClock(time.time_ns), lambda step_ns: None)
        self._recorder = Recorder(lambda status: self._ends.put(None))
        self._recorder.set_source(Source.of(camera))
        self._ended = False
        # open before the camera starts, so that no sound is missing at the beginning
        self._microphones = AudioStream(
            camera.open_microphones, lambda: not self._ended, self._hear, _report,
            HostClock(time.time_ns)) if sound else None

    def run(self) -> None:
        """
        Record until the length is reached, the camera is lost or the disk is full.

        KeyboardInterrupt may be raised here at any time; `finish` is to be called in any case.

        :raises CameraError: the camera cannot be started, or is lost.
        """
        self._recorder.start(self._options)
        if self._camera.config.wired_sync_mode is WiredSyncMode.SUBORDINATE:
            _log.info('Waiting for the signal of the master')
        deadline_s = time.monotonic() + _MAX_WAIT_FOR_MASTER_S
        while (error := self._stream()) is not None:
            waits_for_master = (
                isinstance(error, CameraError) and CameraErrorReason.NO_SYNC_PULSE in error.reasons
                and not self._recorder.status().captures and time.monotonic() < deadline_s)
            if not waits_for_master:
                raise error

    def _stream(self) -> BaseException | None:
        """Stream until the camera or the recording ends; return the error of the camera."""
        self._stamper.start_timeline(exact=False)
        session = Session(self._camera, self, self._ends.put, Counts())
        try:
            session.start()
            while True:
                try:
                    return self._ends.get(timeout=_PROGRESS_S)
                except queue.Empty:
                    self._progress(self._recorder.status())
        except KeyboardInterrupt:
            self._recorder.stop(_MAX_LAG_S)  # while the samples of the last capture still come
            raise
        finally:
            session.stop()

    def finish(self) -> RecorderStatus:
        """
        Complete the file, and return its state.

        :raises RecordingError: the disk does not respond.
        """
        status = self._recorder.stop(_MAX_WRITE_S)
        self._ended = True
        if self._microphones is not None:
            self._microphones.stop()
        if status is None:
            raise RecordingError(
                f'the disk of {self._recorder.status().file} does not respond; k4a_repair '
                'completes the file')
        return status

    def _hear(self, audio: StampedAudio) -> None:
        self._recorder.sound(audio.block.samples, audio.stamp_ns, audio.lost)

    # Sink

    def arrive(self, capture: Capture) -> Capture:
        """Record a capture."""
        self._recorder.capture(capture, self._stamper.capture(capture))
        return capture

    def capture(self, capture: Capture) -> None:
        """Do nothing: it has been recorded when it arrived."""

    def arrive_imu(self, samples: ImuSamples) -> ImuSamples:
        """Record IMU samples."""
        self._stamper.observe_imu(samples)
        self._recorder.imu(samples, self._stamper.imu(samples.acc_us))
        return samples

    def imu(self, samples: ImuSamples) -> None:
        """Do nothing: they have been recorded when they arrived."""

    def sound(self, sound: RecordedAudio) -> None:
        """Do nothing: only recordings have sound of this kind."""

    def has_imu_subscribers(self) -> bool:
        """Return that samples may wait for some milliseconds."""
        return False

    def release_images(self) -> None:
        """Complete the file, because the camera has stopped."""
        self._recorder.end_session()


def _report(problem: str) -> None:
    if problem:
        _log.error('No sound: %s; trying again', problem)
