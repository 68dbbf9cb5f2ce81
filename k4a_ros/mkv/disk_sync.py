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

"""Bring what is written to a file to the disk every few seconds, in case the power is cut."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time

from k4a_ros.process.bounded import abandonable_thread

#: time between the beginnings of two syncs
_PERIOD_S = 2.0
#: duration of a sync from which on it is reported
_SLOW_S = 10.0

_log = logging.getLogger(__name__)


class DiskSync:
    """
    Brings a file that is being written to the disk.

    fdatasync takes tens of milliseconds, and seconds on a disk that is busy. It runs in a thread
    of its own, one at a time, so that writing goes on meanwhile.

    :param path: the file, whose name in its folder is brought to the disk, too.
    :param file: its descriptor, which is duplicated.
    """

    def __init__(self, path: str, file: int) -> None:
        self._path = path
        self._file = os.dup(file)
        self._lock = threading.Lock()
        self._next_s = time.monotonic() + _PERIOD_S
        self._busy = self._closed = self._named = self._reported = False
        self._error: OSError | None = None

    def poll(self) -> None:
        """
        Begin a sync in the background, if one is due.

        :raises OSError: an earlier one has failed: the disk has lost what was written.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            if not self._busy and time.monotonic() >= self._next_s:
                self._begin()

    def close(self) -> None:
        """Begin a last sync in the background; may be called once."""
        with self._lock:
            self._closed = True
            if not self._busy:
                self._begin()

    def _begin(self) -> None:
        self._busy = True
        self._next_s = time.monotonic() + _PERIOD_S
        abandonable_thread('disk sync', self._run).start()  # a network disk may hang for ever

    def _run(self) -> None:
        while True:
            last = self._closed
            self._sync()
            with self._lock:
                if last:
                    os.close(self._file)
                    return
                if not self._closed:
                    self._busy = False
                    return

    def _sync(self) -> None:
        start_s = time.monotonic()
        try:
            os.fdatasync(self._file)
            if not self._named:
                self._named = True
                _sync_folder(os.path.dirname(self._path) or '.')
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of file systems without it
                self._error = error
        taken_s = time.monotonic() - start_s
        if taken_s > _SLOW_S and not self._reported:
            self._reported = True
            _log.warning('The disk of %s took %.0f s to store what was recorded; if the power is '
                         'cut, as much is lost', self._path, taken_s)


def _sync_folder(path: str) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
