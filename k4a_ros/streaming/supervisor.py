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

"""Keep a camera streaming: open, reconnect and restart it (no ROS)."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
import enum
import threading
from typing import Protocol

from k4a_ros.cameras.base import Camera
from k4a_ros.errors import CameraError
from k4a_ros.errors import K4aRosError
from k4a_ros.streaming.session import Counts
from k4a_ros.streaming.session import Session
from k4a_ros.streaming.session import Sink
from k4a_ros.streaming.subscriber_wait import wait_for_subscribers

#: Pause before the first attempt to reconnect, and the longest pause between attempts.
FIRST_RETRY_S = 0.1
MAX_RETRY_S = 5.0
#: Factor between consecutive pauses.
_RETRY_BACKOFF = 1.5


class StreamState(enum.Enum):
    """State of the stream."""

    CLOSED = 'closed'
    READY = 'ready'
    WAITING = 'waiting for subscribers'
    STREAMING = 'streaming'
    LOST = 'lost'
    ENDED = 'ended'


class SupervisorListener(Protocol):
    """
    Receiver of the events of a `CameraSupervisor`.

    Methods are called from the thread of the supervisor, except for the first `on_opened`, which
    is called by `CameraSupervisor.connect`.
    """

    @property
    def start_delay_s(self) -> float:
        """Return how long a lossless camera waits for its first subscriber."""

    def subscriber_counts(self) -> Mapping[str, int]:
        """Return the number of subscribers by topic."""

    def on_opened(self, camera: Camera) -> Sink:
        """Prepare for a camera that was opened or reopened, and return the sink of its data."""

    def on_lost(self, error: BaseException) -> None:
        """Handle the loss of the camera; the supervisor tries to reconnect."""

    def on_reconnected(self) -> None:
        """Handle the return of a lost camera."""

    def on_ended(self, error: BaseException | None) -> None:
        """Handle the end of streaming: None at the end of a recording, otherwise the error."""


class CameraSupervisor:
    """
    Streams a camera until it is told to stop.

    A lost camera is closed and reopened, with increasing pauses between attempts. A lossless
    camera (a recording) waits for subscribers before it starts, and is not reopened after an
    error, which would only occur again.

    :param open_camera: opens the camera with the current settings; raises CameraError.
    """

    def __init__(self, open_camera: Callable[[], Camera], listener: SupervisorListener) -> None:
        self._open_camera = open_camera
        self._listener = listener
        self._changed = threading.Condition()
        self._canceled = threading.Event()
        self._restart_requested = False
        self._session_ends: list[BaseException | None] = []
        self._sink: Sink | None = None
        self._thread: threading.Thread | None = None
        self.camera: Camera | None = None
        self.state = StreamState.CLOSED
        self.counts = Counts()
        #: number of times the camera was lost
        self.losses = 0

    def connect(self) -> None:
        """
        Open the camera without streaming.

        :raises K4aRosError: the camera cannot be opened, or the listener cannot prepare for it.
        """
        camera = self._open_camera()
        try:
            self._sink = self._listener.on_opened(camera)
        except BaseException:
            camera.close()
            raise
        self.camera = camera
        self.state = StreamState.READY

    def start(self) -> None:
        """Start streaming in a thread; a no-op if streaming or if there is no open camera."""
        if self._thread is not None or self.camera is None:
            return
        self._canceled.clear()
        self._thread = threading.Thread(target=self._run, name='supervisor')
        self._thread.start()

    def stop(self) -> None:
        """Stop streaming and join the thread; an open camera stays open."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._changed:
            self._canceled.set()
            self._changed.notify_all()
        thread.join()
        if self.state is not StreamState.ENDED:
            self.state = StreamState.READY if self.camera is not None else StreamState.CLOSED

    def close(self) -> None:
        """Stop streaming and close the camera. May be called more than once."""
        self.stop()
        self._close_camera()
        self.state = StreamState.CLOSED

    def restart(self) -> None:
        """Request that the camera is reopened with the current settings; returns immediately."""
        with self._changed:
            self._restart_requested = True
            self._changed.notify_all()

    def _close_camera(self) -> None:
        camera, self.camera = self.camera, None
        if camera is not None:
            camera.close()

    def _run(self) -> None:
        try:
            while not self._canceled.is_set():
                if not self._run_session():
                    return
        except Exception as defect:  # must end the node, not only this thread
            self._end(defect)

    def _run_session(self) -> bool:
        """Run one session to its end; return whether to run another one."""
        camera, sink = self.camera, self._sink
        assert camera is not None and sink is not None
        self.state = StreamState.WAITING
        if camera.lossless:
            wait_for_subscribers(
                self._listener.subscriber_counts, self._listener.start_delay_s, self._canceled)
        self._session_ends.clear()
        session = Session(camera, sink, self._on_session_end, self.counts)
        error: BaseException | None = None
        try:
            if not self._canceled.is_set():
                session.start()
                self.state = StreamState.STREAMING
                self._wait_for_session_end()
        except CameraError as problem:  # the camera does not start
            error = problem
        finally:
            session.stop()
        if self._canceled.is_set():
            return False
        if error is None and not self._session_ends:
            return self._reopen()
        error = error or self._session_ends[0]
        if error is None or camera.lossless or not isinstance(error, CameraError):
            self._end(error)
            return False
        return self._reconnect(error)

    def _on_session_end(self, error: BaseException | None) -> None:
        with self._changed:
            self._session_ends.append(error)
            self._changed.notify_all()

    def _wait_for_session_end(self) -> None:
        """Wait until the session ends, a restart is requested or streaming is canceled."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._session_ends or self._restart_requested or self._canceled.is_set())

    def _reopen(self) -> bool:
        """Reopen the camera with the current settings; return whether to continue streaming."""
        with self._changed:
            self._restart_requested = False
        self._close_camera()
        try:
            self.connect()
        except CameraError as error:
            return self._reconnect(error)
        except K4aRosError as error:
            self._end(error)
            return False
        return True

    def _reconnect(self, error: BaseException) -> bool:
        """Retry until the lost camera is open again; return False if canceled before that."""
        self.state = StreamState.LOST
        self.losses += 1
        self._close_camera()
        self._listener.on_lost(error)
        pause_s = FIRST_RETRY_S
        while not self._canceled.wait(pause_s):
            try:
                self.connect()
            except CameraError:
                pause_s = min(pause_s * _RETRY_BACKOFF, MAX_RETRY_S)
                continue
            with self._changed:
                self._restart_requested = False
            self._listener.on_reconnected()
            return True
        return False

    def _end(self, error: BaseException | None) -> None:
        self.state = StreamState.ENDED
        self._listener.on_ended(error)
