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

"""
Open files that users name: regular files only, and no more bytes than expected (no ROS).

A named pipe or a device blocks its reader, possibly for ever, and opening a device can have side
effects. So the kind of a file is checked before it is opened, and again afterwards, in case it was
replaced in between.
"""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from k4a_ros.errors import FileError

_KINDS = {
    stat.S_IFDIR: 'a directory', stat.S_IFIFO: 'a named pipe (FIFO)', stat.S_IFSOCK: 'a socket',
    stat.S_IFCHR: 'a device', stat.S_IFBLK: 'a device'}

Path = str | os.PathLike[str]


def check_regular(path: Path) -> os.stat_result:
    """
    Check that a path names a regular file, without opening it.

    :return: its status.
    :raises FileError: there is no such file, it is of another kind, or the path is invalid.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise _file_error(error) from error
    return _check_kind(status)


def open_regular(path: Path) -> BinaryIO:
    """
    Open a regular file for reading; this never blocks on a file of another kind.

    :raises FileError: it is not a regular file, or cannot be opened.
    """
    check_regular(path)
    try:
        # a pipe that has replaced the file meanwhile does not block
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise _file_error(error) from error
    try:
        _check_kind(os.fstat(descriptor))
    except FileError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, 'rb')


def read_regular(path: Path, max_bytes: int) -> bytes:
    """
    Return the contents of a regular file.

    :raises FileError: it is not a regular file, cannot be read, or has more than ``max_bytes``.
    """
    try:
        with open_regular(path) as file:
            contents = file.read(max_bytes + 1) or b''
    except OSError as error:
        raise _file_error(error) from error
    if len(contents) > max_bytes:
        raise FileError(f'it has more than {max_bytes} bytes')
    return contents


def _check_kind(status: os.stat_result) -> os.stat_result:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), 'of an unknown kind')
        raise FileError(f'it is {kind}, not a regular file')
    return status


def _file_error(error: OSError | ValueError) -> FileError:
    if isinstance(error, OSError):
        return FileError((error.strerror or str(error)).lower())
    return FileError('the path contains characters that no file name can have')
