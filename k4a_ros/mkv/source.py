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

"""The bytes of a file: read by position, so that threads do not disturb each other."""

from __future__ import annotations

import os
from typing import Any

from k4a_ros.errors import CameraLostError
from k4a_ros.process.files import open_regular
import numpy as np
import numpy.typing as npt


class Source:
    """
    A regular file, closed when nothing refers to it any more.

    ``path``: its name. ``size``: bytes when it was opened.

    :raises FileError: it is not a regular file, or cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = -1
        with open_regular(path) as file:
            self._descriptor = os.dup(file.fileno())
        self.size = os.fstat(self._descriptor).st_size

    def read(self, position: int, length: int) -> bytes:
        """
        Return the bytes from a position; fewer at the end of the file.

        :raises CameraLostError: the file cannot be read.
        """
        try:
            return os.pread(self._descriptor, length, position)
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error

    def read_into(self, out: npt.NDArray[Any], position: int) -> None:
        """
        Fill a contiguous array with the bytes from a position.

        :raises CameraLostError: the file cannot be read, or has become shorter.
        """
        target, done = out.reshape(-1).view(np.uint8).data, 0
        try:
            while done < len(target):
                count = os.preadv(self._descriptor, [target[done:]], position + done)
                if not count:
                    raise self._error('it has become shorter since it was opened')
                done += count
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error

    def _error(self, reason: str) -> CameraLostError:
        return CameraLostError(f'recording {self.path} cannot be read: {reason.lower()}')

    def __del__(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
