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

"""Find shared memory that processes of the tests have left behind."""

from __future__ import annotations

import os
from pathlib import Path
import re

from k4a_ros.process.shared_memory import remove_stale_files

_DIRECTORY = Path('/dev/shm')
#: Name and inode: a later process may create a file of the same name.
File = tuple[str, int]
_used: set[File] = set()
#: far longer than a process needs to lock the file that it has created
_LOCKING_TIME_S = 1.0


def _mapped(process: Path) -> set[File]:
    """Return the files of Fast DDS that a process (/proc/PID) has mapped."""
    try:
        maps = (process / 'maps').read_text()
    except OSError:  # the process has ended
        return set()
    return {(name, int(inode))
            for inode, name in re.findall(r' (\d+) +/dev/shm/(\S*fastdds\S*)', maps)}


def note(pid: int) -> None:
    """Record the files that a process has mapped now."""
    _used.update(_mapped(Path(f'/proc/{pid}')))


def present() -> set[File]:
    """Return the shared memory files of Fast DDS that exist."""
    return {(entry.name, entry.inode()) for entry in os.scandir(_DIRECTORY)}


def left_behind() -> set[File]:
    """Return recorded files that still exist and that no process has mapped."""
    # ports below those of the domains are shared with processes of other test runs
    there = {(name, inode) for name, inode in _used & present() if name != 'fastdds_port7000'}
    for process in Path('/proc').glob('[0-9]*'):
        there -= _mapped(process)
    return there


def remove_left_behind() -> set[str]:
    """
    Remove what processes of a test left because they were killed; return the names.

    Segments first, with their lock files, also if a living process still has them mapped.
    """
    before = {name for name, _ in _used & present()}
    remove_stale_files(min_age_s=_LOCKING_TIME_S)
    names = before - {name for name, _ in present()} | {name for name, _ in left_behind()}
    for name in names:
        (_DIRECTORY / name).unlink(missing_ok=True)
    return names


def remove_ports(domain: int) -> None:
    """
    Remove the ports of a ROS domain whose processes have all ended, with locks and semaphores.

    A process leaves those of subscribers that were killed, which it creates anew again and again.
    """
    first = 7400 + 250 * domain  # DDS-RTPS 2.3, 9.6.1.1
    for name, _ in present():
        match = re.fullmatch(r'(?:sem\.)?fastdds_port(\d+)(?:_el|_mutex)?', name)
        if match and first <= int(match[1]) < first + 250:
            (_DIRECTORY / name).unlink(missing_ok=True)
