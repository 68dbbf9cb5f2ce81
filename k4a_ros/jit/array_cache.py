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
Arrays that take tenths of a second to compute, kept in the cache directory of the user.

That is ``$XDG_CACHE_HOME/k4a_ros``, by default ``~/.cache/k4a_ros``. Without a directory that only
this user can write to, and for files that are damaged, the array is computed.
"""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import hashlib
import math
import os
from pathlib import Path
import tempfile
import zlib

from k4a_ros.jit.trusted_directory import write_access_problem
import numpy as np
import numpy.typing as npt

#: a file is the checksum of the array, and the array
_CHECKSUM_BYTES = 4
#: what all files together may have; the oldest are removed
_MAX_BYTES = 256 << 20

Array = npt.NDArray[np.float32]


def cached_array(
    key: str, code: str, shape: tuple[int, ...], compute: Callable[[], Array],
) -> Array:
    """
    Return the result of a function, from the cache if it has been computed before.

    :param key: everything that determines the result, besides the code.
    :param code: source file of the code; the array is computed again after it has changed.
    :param shape: shape of the result.
    :param compute: returns the array, float32, contiguous.
    :return: read-only.
    """
    path: Path | None = None
    with contextlib.suppress(OSError, RuntimeError):  # the latter if there is no home directory
        path = _path(key, Path(code).read_bytes())
        array = _load(path, shape)
        if array is not None:
            return array
    array = compute()
    array.flags.writeable = False
    if path is not None:
        with contextlib.suppress(OSError):  # next time, it is computed again
            _save(path, array)
    return array


def _path(key: str, code: bytes) -> Path:
    """Return the file of an array; OSError if the directory cannot be trusted."""
    directory = Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser() / 'k4a_ros'
    if problem := write_access_problem(directory):
        raise OSError(problem)
    return directory / hashlib.sha256(code + key.encode()).hexdigest()


def _load(path: Path, shape: tuple[int, ...]) -> Array | None:
    """Return the array in a file, None if there is no such file, or it is damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    data = memoryview(content)[_CHECKSUM_BYTES:]
    if len(data) != 4 * math.prod(shape) or _checksum(data) != content[:_CHECKSUM_BYTES]:
        return None
    return np.frombuffer(data, np.float32).reshape(shape)


def _save(path: Path, array: Array) -> None:
    """Write a file at once, and remove the oldest if there are too many."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, 'wb') as file:
            file.write(_checksum(array.data))
            file.write(array.data)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    files = sorted(path.parent.iterdir(), key=lambda file: file.stat().st_mtime)
    while len(files) > 1 and sum(file.stat().st_size for file in files) > _MAX_BYTES:
        files.pop(0).unlink()


def _checksum(data: memoryview) -> bytes:
    return zlib.crc32(data).to_bytes(_CHECKSUM_BYTES, 'little')
