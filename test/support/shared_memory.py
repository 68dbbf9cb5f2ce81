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

"""Which shared memory the processes of the tests have used, and what they left of it."""

from __future__ import annotations

import os
from pathlib import Path
import re

_DIRECTORY = Path('/dev/shm')
#: Name and inode: ports are numbered, and the file of a later process may have the same name.
File = tuple[str, int]
_used: set[File] = set()


def _mapped(process: Path) -> set[File]:
    """Return Fast DDS's files that a process, /proc/PID, has mapped."""
    try:
        maps = (process / 'maps').read_text()
    except OSError:  # it has ended
        return set()
    return {(name, int(inode))
            for inode, name in re.findall(r' (\d+) +/dev/shm/(\S*fastdds\S*)', maps)}


def note(pid: int) -> None:
    """Remember what a process uses now."""
    _used.update(_mapped(Path(f'/proc/{pid}')))


def present() -> set[File]:
    """Return all files that there are."""
    return {(entry.name, entry.inode()) for entry in os.scandir(_DIRECTORY)}


def left_behind() -> set[File]:
    """Return files of the noted processes that still exist and that no process uses."""
    # a port below those of the domains is one of all processes, of tests beside these too
    there = {(name, inode) for name, inode in _used & present() if name != 'fastdds_port7000'}
    for process in Path('/proc').glob('[0-9]*'):
        there -= _mapped(process)
    return there
