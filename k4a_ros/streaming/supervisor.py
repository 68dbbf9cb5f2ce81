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

"""Keeps a camera streaming: opens it, loses it, regains it, restarts it; no ROS here."""

from __future__ import annotations

from collections.abc import Callable
import enum
import threading
from typing import Protocol

from k4a_ros.cameras.base import Camera
from k4a_ros.errors import CameraError
from k4a_ros.errors import K4aRosError
from k4a_ros.streaming.session import Counts
from k4a_ros.streaming.session import Session
from k4a_ros.streaming.session import Sink

#: Seconds before a lost camera is tried again: the first time, and at most.
FIRST_RETRY = 0.1
LAST_RETRY = 5.0
#: Seconds within which a camera that is back is found, as long as it was not away for long.
_RETRY_GROWTH = 1.5


class State(enum.Enum):
    """What the driver is doing."""

    CLOSED = 'closed'
    READY = 'ready'
    WAITING = 'waiting for subscribers'
    STREAMING = 'streaming'
    LOST = 'lost'
    ENDED = 'ended'


class SupervisorListener(Protocol):
    """Who is told what happens; all are called by the driver's thread, but the first `opened`."""

    def opened(self, camera: Camera) -> Sink:
        """Prepare for a camera that was opened, or opened again, and return who takes its data."""

    def await_readers(self, canceled: threading.Event) -> None:
        """Wait until those are there that must not miss the beginning; until canceled at most."""

    def lost(self, error: BaseException) -> None:
        """Hear that the camera is gone; it will be tried again."""

    def regained(self) -> None:
        """Hear that the camera is back."""

    def ended(self, error: BaseException | None) -> None:
        """Hear that there will be no more: None at the end of a recording, or the error."""


class CameraSupervisor:
    """
    Streams a camera, for ever if need be.

    A camera that is lost is closed and opened again, with growing pauses between attempts. One
    that waits for its readers (a recording) is not: what is wrong with a file stays wrong.

    :param open_camera: opens the camera that is wanted now; raises CameraError.
    """

    def __init__(self, open_camera: Callable[[], Camera], listener: SupervisorListener) -> None:
        self._open_camera = open_camera
        self._listener = listener
        self._changed = threading.Condition()
        self._canceled = threading.Event()
        self._restart = False
        self._finished: list[BaseException | None] = []
        self._sink: Sink | None = None
        self._thread: threading.Thread | None = None
        self.camera: Camera | None = None
        self.state = State.CLOSED
        self.counts = Counts()
        #: how often the camera was lost
        self.losses = 0

    def connect(self) -> None:
        """
        Open the camera, without streaming.

        :raises K4aRosError: it cannot be opened, or not be prepared for.
        """
        camera = self._open_camera()
        try:
            self._sink = self._listener.opened(camera)
        except BaseException:
            camera.close()
            raise
        self.camera = camera
        self.state = State.READY

    def start(self) -> None:
        """Stream, in a thread of the driver's."""
        if self._thread is not None or self.camera is None:
            return
        self._canceled.clear()
        self._thread = threading.Thread(target=self._keep_streaming, name='driver')
        self._thread.start()

    def stop(self) -> None:
        """Stop streaming, and wait until that is done. The camera stays open if it is."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._changed:
            self._canceled.set()
            self._changed.notify_all()
        thread.join()
        if self.state is not State.ENDED:
            self.state = State.READY if self.camera is not None else State.CLOSED

    def close(self) -> None:
        """Stop streaming and close the camera. May be called more than once."""
        self.stop()
        self._close_camera()
        self.state = State.CLOSED

    def restart(self) -> None:
        """Close the camera, open the one that is wanted now, and stream on; returns at once."""
        with self._changed:
            self._restart = True
            self._changed.notify_all()

    def _close_camera(self) -> None:
        camera, self.camera = self.camera, None
        if camera is not None:
            camera.close()

    def _keep_streaming(self) -> None:
        try:
            while not self._canceled.is_set():
                if not self._stream_once():
                    return
        except Exception as defect:  # of ours; it must be seen, not die with this thread
            self._end(defect)

    def _stream_once(self) -> bool:
        """Run one session to its end; return whether there is to be another."""
        camera, sink = self.camera, self._sink
        assert camera is not None and sink is not None
        self.state = State.WAITING
        self._listener.await_readers(self._canceled)
        self._finished.clear()
        session = Session(camera, sink, self._on_session_end, self.counts)
        error: BaseException | None = None
        try:
            if not self._canceled.is_set():
                session.start()
                self.state = State.STREAMING
                self._await_end()
        except CameraError as problem:  # it does not start
            error = problem
        finally:
            session.stop()
        if self._canceled.is_set():
            return False
        if error is None and not self._finished:
            return self._reopen()
        error = error or self._finished[0]
        if error is None or camera.lossless or not isinstance(error, CameraError):
            self._end(error)
            return False
        return self._regain(error)

    def _on_session_end(self, error: BaseException | None) -> None:
        with self._changed:
            self._finished.append(error)
            self._changed.notify_all()

    def _await_end(self) -> None:
        """Wait until the session ends, a restart is wanted, or all is to end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._finished or self._restart or self._canceled.is_set())

    def _reopen(self) -> bool:
        """Open the camera that is wanted now in place of this one."""
        with self._changed:
            self._restart = False
        self._close_camera()
        try:
            self.connect()
        except CameraError as error:
            return self._regain(error)
        except K4aRosError as error:
            self._end(error)
            return False
        return True

    def _regain(self, error: BaseException) -> bool:
        """Try a lost camera until it is back; return False if all is to end before that."""
        self.state = State.LOST
        self.losses += 1
        self._close_camera()
        self._listener.lost(error)
        pause = FIRST_RETRY
        while not self._canceled.wait(pause):
            try:
                self.connect()
            except CameraError:
                pause = min(pause * _RETRY_GROWTH, LAST_RETRY)
                continue
            with self._changed:
                self._restart = False
            self._listener.regained()
            return True
        return False

    def _end(self, error: BaseException | None) -> None:
        self.state = State.ENDED
        self._listener.ended(error)
