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
import contextlib
import threading
import time

from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.errors import CameraError
from k4a_ros.errors import K4aRosError
from k4a_ros.errors import PERMANENT_REASONS
from k4a_ros.errors import StreamFailedError
from k4a_ros.process.bounded import abandonable_thread
from k4a_ros.streaming.listener import SupervisorListener
from k4a_ros.streaming.outage import Outage
from k4a_ros.streaming.outage import Phase
from k4a_ros.streaming.outage import Report
from k4a_ros.streaming.progress import hang
from k4a_ros.streaming.progress import Progress
from k4a_ros.streaming.session import Counts
from k4a_ros.streaming.session import Session
from k4a_ros.streaming.session import Sink
from k4a_ros.streaming.states import Command
from k4a_ros.streaming.states import Goal
from k4a_ros.streaming.states import Step
from k4a_ros.streaming.states import STEPS
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.stream_watch import StreamWatch
from k4a_ros.streaming.subscriber_wait import wait_for_subscribers

#: interval at which an open camera is asked for the state of its sync jacks
_REFRESH_S = 1.0


class CameraSupervisor:
    """
    Keeps a camera in the state that was asked for: closed, open, or streaming.

    One thread does everything with the camera that may take long; `k4a_ros.streaming.states` has
    its state machine. Methods set the goal and wait for the thread, but not for a native call that
    hangs.

    A camera that is lost, or does not start, is closed and opened again, with increasing pauses
    between attempts; it is back when its first capture has come. A lossless camera (a recording)
    waits for subscribers before it starts, and is not reopened after an error, which would only
    occur again.

    For diagnostics: ``losses`` is how often the camera was lost, ``started_s`` the monotonic time
    of its last start, ``sync_jacks`` the last known state of its jacks; ``watch`` knows which
    streams fail, and ``outage`` why there are no images.

    :param open_camera: opens the camera with the current settings; raises CameraError.
    :param end_if_permanent: end with the error of a first start that waiting cannot repair.
    """

    def __init__(
        self, open_camera: Callable[[], Camera], listener: SupervisorListener, *,
        end_if_permanent: bool = False,
    ) -> None:
        self._open_camera = open_camera
        self._listener = listener
        self._end_if_permanent = end_if_permanent
        self._progress = Progress(listener.on_state)
        self._changed = self._progress.changed
        self._restart_requested = False
        self._session: Session | None = None
        self._session_ends: list[BaseException | None] = []
        self._first_capture = self._has_streamed = False
        self._sink: Sink | None = None
        self._thread: threading.Thread | None = None
        self._open_error: BaseException | None = None
        self.camera: Camera | None = None
        self.counts = Counts()
        self.losses = 0
        self.started_s = 0.0
        self.sync_jacks: SyncJacks | None = None
        self.watch = StreamWatch(listener.on_stream_problem)
        self.outage = Outage()

    # commands

    @property
    def state(self) -> StreamState:
        """Return the state of the stream."""
        return self._progress.state

    def refusal(self, command: Command) -> str:
        """Return why a command cannot be given now and what to do, '' if it can."""
        return self._progress.refusal(command)

    def connect(self) -> None:
        """
        Open the camera without streaming.

        :raises K4aRosError: the camera cannot be opened, or the listener cannot prepare for it.
        """
        with self._changed:
            reason = self.refusal(Command.OPEN)
            if self._thread is not None:
                reason = self.hang() or reason or 'it is still being closed; try again'
            if reason:
                raise CameraError(f'cannot open the camera: {reason}')
            self._open_error = None
            self._progress.goal = Goal.OPEN
            self._thread = abandonable_thread('supervisor', self._run)
            self._thread.start()
        if not self._progress.wait(
                lambda: self.state is not StreamState.CLOSED or self._thread is None):
            self._progress.goal = Goal.CLOSED
            raise CameraError(f'cannot open the camera: {self.hang()}')
        if self._open_error is not None:
            raise self._open_error

    def start(self) -> None:
        """Start streaming; a no-op if streaming or if the camera was not opened."""
        with self._changed:
            if self._thread is not None and self._progress.goal is Goal.OPEN:
                if self.state is StreamState.DISCONNECTED:
                    self.outage.try_now()
                self._progress.goal = Goal.STREAMING

    def stop(self) -> bool:
        """
        Stop streaming; an open camera stays open.

        :return: False if a native call hangs; then streaming stops when it returns.
        """
        with self._changed:
            if self._progress.goal is Goal.STREAMING:
                self._progress.goal = Goal.OPEN
        return self._progress.wait(lambda: self.state in (
            StreamState.CLOSED, StreamState.READY, StreamState.DISCONNECTED, StreamState.ENDED))

    def close(self) -> bool:
        """
        Stop streaming and close the camera. May be called more than once.

        :return: False if a native call hangs; then the camera is closed when it returns.
        """
        self._progress.goal = Goal.CLOSED
        return self._progress.wait(lambda: self._thread is None)

    def restart(self) -> None:
        """Request that the camera is reopened with the current settings; returns immediately."""
        with self._changed:
            self._restart_requested = True
            self._changed.notify_all()

    def hang(self) -> str:
        """Return which native call hangs and for how long, '' if none does."""
        return hang()

    # the thread

    def _run(self) -> None:
        steps: Mapping[Step, Callable[[], None]] = {
            Step.WAIT: self._wait_for_command, Step.OPEN: self._open_first,
            Step.START: self._start_session, Step.STOP: self._stop, Step.WATCH: self._watch,
            Step.RETRY: self._retry, Step.GIVE_UP: self._give_up, Step.CLOSE: self._close}
        while True:
            with self._changed:
                step = STEPS[self.state, self._progress.goal]
                if step is Step.FINISH:
                    self._thread = None
                    self._changed.notify_all()
                    return
            try:
                steps[step]()
            except Exception as defect:  # must end the node, not only this thread
                with contextlib.suppress(Exception):
                    self._end(defect)

    def _wait_for_command(self) -> None:
        with self._changed:
            goal = self._progress.goal
            commanded = self._changed.wait_for(lambda: self._progress.goal is not goal, _REFRESH_S)
        if not commanded:
            self._refresh()

    def _refresh(self) -> None:
        """Ask for the sync jacks, so that diagnostics need not wait for the camera."""
        camera = self.camera
        if camera is not None:
            try:
                self.sync_jacks = camera.sync_jacks()
            except K4aRosError:
                self.sync_jacks = None

    def _open(self) -> None:
        camera = self._open_camera()
        try:
            self._sink = self._listener.on_opened(camera)
        except BaseException:
            camera.close()
            raise
        self.camera = camera
        self._refresh()
        self._progress.state = StreamState.READY

    def _open_first(self) -> None:
        self._restart_requested = False
        try:
            self._open()
        except Exception as error:  # for the caller of `connect`
            self._open_error = error
            self._progress.goal = Goal.CLOSED

    def _start_session(self) -> None:
        if self._restart_requested:
            self._reopen()
            return
        camera, sink = self.camera, self._sink
        assert camera is not None and sink is not None
        if camera.lossless:
            self._progress.state = StreamState.WAITING
            wait_for_subscribers(
                self._listener.subscriber_counts, self._listener.start_delay_s,
                self._progress.not_streaming)
            if self._progress.not_streaming.is_set():
                return
        else:
            self._progress.state = StreamState.STARTING
        self._session_ends.clear()
        self._first_capture = False
        self.started_s = time.monotonic()
        self._session = Session(
            camera, sink, self._on_session_end, self.counts, self._on_first_capture, self.watch)
        try:
            self._session.start()
        except CameraError as error:
            if camera.lossless:
                raise
            self._fail(error, Phase.STARTING)
        else:
            if camera.lossless:
                self._progress.state = StreamState.STREAMING
            else:
                self._listener.on_started(camera)

    def _on_session_end(self, error: BaseException | None) -> None:
        with self._changed:
            self._session_ends.append(error)
            self._changed.notify_all()

    def _on_first_capture(self) -> None:
        with self._changed:
            self._first_capture = True
            self._changed.notify_all()

    def _watch(self) -> None:
        """Wait for the end of the session, a request, or the first capture, and handle it."""
        with self._changed:
            starting = self.state is StreamState.STARTING
            happened = self._changed.wait_for(
                lambda: self._session_ends or self._restart_requested
                or self._progress.goal is not Goal.STREAMING or (starting and self._first_capture),
                _REFRESH_S)
            if self._progress.goal is not Goal.STREAMING:
                return
        if starting and self._first_capture:
            self._begin_streaming()
        elif self._session_ends:
            self._handle_end(self._session_ends[0])
        elif happened:
            self._reopen()
        else:
            self._refresh()

    def _begin_streaming(self) -> None:
        camera = self.camera
        assert camera is not None
        self._has_streamed = True
        self._progress.state = StreamState.STREAMING
        active, lost = self.outage.active, self.outage.is_loss
        self.outage.end()
        self._listener.on_streaming(camera)
        if active:
            self._listener.on_recovered(lost)

    def _handle_end(self, error: BaseException | None) -> None:
        assert self.camera is not None
        if isinstance(error, StreamFailedError):
            self._reopen()
        elif isinstance(error, CameraError) and not self.camera.lossless:
            streamed = self.state is StreamState.STREAMING
            self._fail(error, Phase.STREAMING if streamed else Phase.STARTING)
        else:
            self._end(error)

    def _reopen(self) -> None:
        """Reopen the camera with the current settings."""
        self._restart_requested = False
        self._stop_session()
        self._close_camera()
        self._try_to_open()

    def _try_to_open(self) -> None:
        try:
            self._open()
        except CameraError as error:
            self._fail(error, Phase.OPENING)

    def _fail(self, error: CameraError, phase: Phase) -> None:
        """Report a failure, and then close the camera, which may hang."""
        report = self.outage.add_failure(error, phase)
        self._progress.state = (
            StreamState.LOST if self.outage.is_loss else StreamState.NOT_STARTING)
        if (self._end_if_permanent and not self._has_streamed
                and error.reasons & PERMANENT_REASONS):
            self._end(error)
            return
        if report is Report.LOST:
            self.losses += 1
        if report is not None:
            self._listener.on_outage(report, error)
        self._stop_session()
        self._close_camera()

    def _retry(self) -> None:
        """Pause, and try to open the camera; the goal or a request to restart end the pause."""
        if self.state is StreamState.DISCONNECTED:
            self._progress.state = StreamState.LOST
        with self._changed:
            self._changed.wait_for(
                lambda: self._restart_requested or self._progress.goal is not Goal.STREAMING,
                self.outage.pause_s)
            if self._progress.goal is not Goal.STREAMING:
                return
            if self._restart_requested:
                self.outage.try_now()
                self._restart_requested = False
        self._try_to_open()

    def _give_up(self) -> None:
        self._progress.state = StreamState.DISCONNECTED

    def _stop(self) -> None:
        self._stop_session()
        self.outage.clear()
        self._progress.state = StreamState.READY

    def _close(self) -> None:
        self.outage.clear()
        try:
            self._stop_session()
            self._close_camera()
        finally:
            self._progress.state = StreamState.CLOSED

    def _stop_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.stop()

    def _close_camera(self) -> None:
        camera, self.camera = self.camera, None
        self.sync_jacks = None
        if camera is not None:
            camera.close()

    def _end(self, error: BaseException | None) -> None:
        try:
            self._stop_session()
        finally:
            self._progress.state = StreamState.ENDED
            self._listener.on_ended(error)
