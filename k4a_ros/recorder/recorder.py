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

"""Record what a live camera delivers into files, in a thread of its own (no ROS)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
import logging
import math
from pathlib import Path
import threading
import time

from k4a_ros.audio.source import Samples
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.writer import ToRos
from k4a_ros.process.bounded import abandonable_thread
from k4a_ros.recorder.disk import bytes_per_second
from k4a_ros.recorder.disk import free_bytes
from k4a_ros.recorder.disk import write_speed
from k4a_ros.recorder.files import dated_path
from k4a_ros.recorder.files import make_folder
from k4a_ros.recorder.part import Source
from k4a_ros.recorder.sequence import PartSequence
from k4a_ros.recorder.sequence import RecordingOptions
from k4a_ros.recorder.sound import Sound
import numpy as np
import numpy.typing as npt

#: time that captures may wait to be written, and the memory that they may take in any case
_QUEUE_S, _MIN_QUEUE_BYTES = 2.0, 64 << 20
#: blocks of sound that may wait to be written: 20 s
_MAX_SOUND = 1000
#: free space at which recording stops, and the time that there must be room for when it starts
_RESERVE_BYTES, _MIN_ROOM_S = 16 << 20, 1.0
#: interval of checks of the free space
_CHECK_S = 0.2
#: time for which the last samples are waited for when recording is stopped
_MAX_LAG_S = 0.5
#: share of the write speed that a camera may take
_MAX_LOAD = 0.8

_log = logging.getLogger('k4a_ros.recorder')


@dataclass(frozen=True)
class RecorderStatus:
    """
    State of a recorder.

    :param file: the file that is or was last written, '' if there was none.
    :param files: all files of this recording.
    :param seconds: time that is recorded.
    :param written_bytes: of all files.
    :param queued: captures that wait to be written.
    :param dropped: captures that were not recorded.
    :param late_samples: IMU samples that came too late to be recorded.
    :param free_bytes: free space of the disk.
    :param problem: why the recording has ended by itself, '' if it has not.
    """

    active: bool = False
    file: str = ''
    files: tuple[str, ...] = ()
    seconds: float = 0.0
    captures: int = 0
    samples: int = 0
    written_bytes: int = 0
    queued: int = 0
    dropped: int = 0
    late_samples: int = 0
    free_bytes: int = 0
    problem: str = ''


@dataclass(frozen=True)
class _Item:
    """What a recording is to do next, and the bytes of the images that it refers to."""

    work: Callable[[PartSequence], None]
    nbytes: int = 0


class Recorder:
    """
    Records one camera at a time; `k4a_ros.publishing.interfaces.Tap` describes its callers.

    `capture`, `imu` and `sound` are called by the threads that read the camera, and only queue
    what they get, without copying it. If the disk is too slow, captures are dropped and counted.

    A new file is begun by `RecordingOptions`, and whenever the clock of the camera starts again:
    when it is started, reopened, or reset. A file begins with a capture, and has the inertial
    samples of its time.

    :param on_end: called from the thread of the recorder, with the final state, when a recording
        has ended by itself.
    """

    def __init__(
        self, on_end: Callable[[RecorderStatus], None] = lambda status: None,
    ) -> None:
        self._on_end = on_end
        self._changed = threading.Condition()
        self._queue: deque[_Item] = deque()
        self._queued_bytes = 0
        self._queued = 0
        #: blocks of sound that wait, and samples that could not
        self._queued_sound = self._lost_sound = 0
        self._accepting = False
        #: monotonic time until which what was delivered before the stop is waited for
        self._deadline_s = math.inf
        self._source: Source | None = None
        self._ended = threading.Event()
        self._ended.set()
        self._status = RecorderStatus()

    def set_source(self, source: Source | None) -> None:
        """Set the camera that what arrives from now on belongs to."""
        with self._changed:
            self._source = source

    @property
    def active(self) -> bool:
        """Return whether a recording has been started, and neither stopped nor ended."""
        return self._accepting

    def status(self) -> RecorderStatus:
        """Return the present state."""
        with self._changed:
            return replace(self._status, active=self._accepting, queued=self._queued)

    def start(self, options: RecordingOptions) -> Path:
        """
        Start to record.

        :return: path of the first file, unless there is one already.
        :raises RecordingError: it is recording, or the files cannot be written there.
        """
        path = dated_path(options.file, time.localtime())
        with self._changed:
            if not self._ended.is_set():
                raise RecordingError(
                    f'it is recording to {self._status.file} already; stop that first'
                    if self._accepting else 'the last recording is still being completed; try '
                    'again')
            make_folder(path)
            rate = bytes_per_second(self._source.config) if self._source is not None else 0.0
            free = _check_room(path, rate)
            self._status = RecorderStatus(file=str(path), free_bytes=free)
            self._queue.clear()
            self._queued_bytes = self._queued = 0
            self._queued_sound = self._lost_sound = 0
            self._deadline_s = math.inf
            self._accepting = True
            parts = PartSequence(options, path)
            self._ended.clear()
            abandonable_thread(  # a network disk may hang for ever
                'recorder', lambda: self._run(parts, path.parent, rate)).start()
        return path

    def stop(self, timeout_s: float) -> RecorderStatus | None:
        """
        Complete the recording; no-op if there is none.

        :return: its final state; None if it is not complete within the timeout.
        """
        with self._changed:
            if not self._ended.is_set() and self._deadline_s == math.inf:
                self._deadline_s = time.monotonic() + _MAX_LAG_S
                self._put(_Item(PartSequence.stop))
        # not Thread.join, after which a thread counts as ended if a signal has interrupted it
        return self.status() if self._ended.wait(timeout_s) else None

    def capture(self, capture: Capture, to_ros: ToRos) -> None:
        """Queue a capture; drop it if too many wait."""
        nbytes = sum(image.data.nbytes for image in (capture.depth, capture.ir, capture.color)
                     if image is not None)
        with self._changed:
            source = self._source
            if not self._accepting or self._deadline_s < math.inf or source is None:
                return
            limit = max(_MIN_QUEUE_BYTES, _QUEUE_S * bytes_per_second(source.config))
            if self._queued_bytes + nbytes > limit:
                if not self._status.dropped:
                    _log.warning('Recording drops captures: the disk of %s, or this computer, is '
                                 'too slow', self._status.file)
                self._status = replace(self._status, dropped=self._status.dropped + 1)
                return
            self._queued_bytes += nbytes
            self._queued += 1
            self._put(_Item(lambda parts: parts.write(source, capture, to_ros), nbytes))

    def imu(self, samples: ImuSamples, ros_ns: npt.NDArray[np.int64]) -> None:
        """Queue inertial samples."""
        self._put(_Item(lambda parts: parts.write_imu(samples, ros_ns)))

    def sound(self, samples: Samples, stamp_ns: int, lost: int) -> None:
        """Queue sound; see `k4a_ros.recorder.sound.Sound`."""
        with self._changed:
            if self._queued_sound >= _MAX_SOUND:
                self._lost_sound += lost + len(samples)
                return
            sound = Sound(samples, stamp_ns, lost + self._lost_sound)
            self._lost_sound = 0
            if self._accepting:
                self._queued_sound += 1
                self._put(_Item(lambda parts: self._write_sound(parts, sound)))

    def _write_sound(self, parts: PartSequence, sound: Sound) -> None:
        with self._changed:
            self._queued_sound -= 1
        parts.write_sound(sound)

    def end_session(self) -> None:
        """Complete the file, because the camera has stopped; the next capture begins another."""
        self._put(_Item(PartSequence.end_session))

    def _put(self, item: _Item) -> None:
        with self._changed:
            if self._accepting:
                self._queue.append(item)
                self._changed.notify_all()

    # the thread

    def _run(self, parts: PartSequence, folder: Path, rate: float) -> None:
        problem = ''
        try:
            _check_speed(folder, rate)
            self._work(parts, folder)
        except RecordingError as error:
            problem = str(error)
        except Exception as defect:  # must not end streaming
            _log.exception('Defect of the recorder')
            problem = f'unexpected {type(defect).__name__}'
        try:
            parts.end_session()
        except RecordingError as error:
            problem = problem or str(error)
        with self._changed:
            self._update(parts)
            by_itself = self._deadline_s == math.inf
            self._accepting = False
            self._queue.clear()
            self._status = replace(self._status, problem=problem)
        self._ended.set()
        if by_itself:
            self._on_end(self.status())

    def _work(self, parts: PartSequence, folder: Path) -> None:
        """
        Do what is queued until the recording is finished.

        :raises RecordingError: nothing more can be written.
        """
        check_s = 0.0
        while not parts.finished and (item := self._take()) is not None:
            item.work(parts)
            if time.monotonic() > check_s:
                check_s = time.monotonic() + _CHECK_S
                free = _free_bytes(folder)
                self._update(parts, free)
                if free < _RESERVE_BYTES:
                    raise RecordingError(
                        f'only {free / 1e6:.0f} MB are left on the disk of {parts.files[-1]}; the '
                        f'{parts.seconds:.1f} s that were recorded can be read'
                        if parts.files else f'only {free / 1e6:.0f} MB are left on the disk')

    def _take(self) -> _Item | None:
        """Remove and return the next item; None if the recording was stopped and none comes."""
        with self._changed:
            while not self._queue:
                left_s = self._deadline_s - time.monotonic()
                if left_s <= 0:
                    return None
                self._changed.wait(left_s if left_s < math.inf else None)
            item = self._queue.popleft()
            self._queued_bytes -= item.nbytes
            self._queued -= item.nbytes > 0
            return item

    def _update(self, parts: PartSequence, free: int | None = None) -> None:
        """Update the status from the files, and the free space."""
        with self._changed:
            self._status = replace(
                self._status, files=tuple(map(str, parts.files)), seconds=parts.seconds,
                file=str(parts.files[-1]) if parts.files else self._status.file,
                captures=parts.captures, samples=parts.samples, written_bytes=parts.size,
                late_samples=parts.late_samples,
                free_bytes=self._status.free_bytes if free is None else free)


def _free_bytes(folder: Path) -> int:
    """
    Return the free space of a disk.

    :raises RecordingError: the folder is not there any more.
    """
    try:
        return free_bytes(folder)
    except OSError as error:
        raise RecordingError(
            f'cannot record to {folder}: {(error.strerror or str(error)).lower()}') from error


def _check_room(path: Path, rate: float) -> int:
    """
    Return the free space of the disk of a file.

    :param rate: bytes per second.
    :raises RecordingError: it is too small.
    """
    free, needed = _free_bytes(path.parent), _RESERVE_BYTES + _MIN_ROOM_S * rate
    if free < needed:
        raise RecordingError(
            f'cannot record to {path}: its disk has {free / 1e6:.0f} MB left, and '
            f'{needed / 1e6:.0f} MB are needed to begin; free some space, or choose another disk')
    if rate:
        _log.info('The disk of %s has room for %.0f minutes at up to %.0f MB/s', path,
                  (free - _RESERVE_BYTES) / rate / 60, rate / 1e6)
    return free


def _check_speed(folder: Path, rate: float) -> None:
    """Warn if a disk is too slow for a number of bytes per second."""
    speed = write_speed(folder)
    if speed is not None and speed * _MAX_LOAD < rate:
        _log.warning(
            'The disk of %s writes %.0f MB/s, and the camera delivers up to %.0f MB/s: captures '
            'may be dropped; record to a faster disk, or choose smaller modes',
            folder, speed / 1e6, rate / 1e6)
