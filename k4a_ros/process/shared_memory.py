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
Remove the shared memory that Fast DDS leaves behind when a process is killed or crashes.

Each shared-memory segment of Fast DDS has a lock file beside it, on which its owner holds a flock
as long as it lives; the kernel releases it in any case. Fast DDS itself, and its tool
``fastdds shm clean``, decide in the same way (RobustExclusiveLock.hpp). This also works across
containers that share /dev/shm but not their process IDs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
import re
import stat
import time

SHARED_MEMORY = Path('/dev/shm')

#: Lock files of segments, of Fast DDS 3 and 2; the resource is named like its lock file. Ports are
#: left alone: their numbers are used again, and a process that starts meanwhile would fail to lock
#: one that is being examined here. They are small, and Fast DDS replaces those of dead processes.
_LOCK_FILE = re.compile(r'((?:fastdds|fastrtps)_[0-9a-f]{16})_el')
#: Minimum age of a lock file: its owner creates it first, and locks it last.
_MIN_AGE_S = 10.0


def remove_stale_files(
    directory: Path = SHARED_MEMORY, min_age_s: float = _MIN_AGE_S,
) -> int:
    """
    Remove the segments whose owners have died, and their lock files.

    Files without a lock file, and files that another user owns, are kept.

    :return: the number of bytes that were freed.
    """
    freed = 0
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            match = _LOCK_FILE.fullmatch(name)
            if match:
                with contextlib.suppress(OSError):
                    freed += _remove_if_stale(directory / name, directory / match[1], min_age_s)
    return freed


def remove_own_files(directory: Path = SHARED_MEMORY) -> None:
    """Remove the segments of this process, which is about to end without tidying up."""
    with contextlib.suppress(OSError):
        for name in os.listdir('/proc/self/fd'):
            with contextlib.suppress(OSError):
                lock_file = Path(os.readlink(f'/proc/self/fd/{name}'))
                match = _LOCK_FILE.fullmatch(lock_file.name)
                if match and lock_file.parent == directory:
                    # fails if another process is the owner, which is being looked at
                    fcntl.flock(int(name), fcntl.LOCK_EX | fcntl.LOCK_NB)
                    (directory / match[1]).unlink(missing_ok=True)
                    lock_file.unlink()


def _remove_if_stale(lock_file: Path, resource: Path, min_age_s: float) -> int:
    """
    Remove a resource and its lock file unless a process holds the lock.

    :return: the number of bytes that were freed.
    :raises OSError: the lock is held, or the files cannot be accessed.
    """
    descriptor = os.open(
        lock_file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or time.time() - status.st_mtime < min_age_s:
            return 0
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # another process may have replaced the lock file before it was locked here
        if not os.path.samestat(status, os.stat(lock_file, follow_symlinks=False)):
            return 0
        freed = 0
        with contextlib.suppress(FileNotFoundError):
            freed = os.stat(resource, follow_symlinks=False).st_blocks * 512
            os.unlink(resource)
        os.unlink(lock_file)  # last: without it, the resource would never be removed
        return freed
    finally:
        os.close(descriptor)
