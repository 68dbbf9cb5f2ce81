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

"""Whether files in a directory can be trusted: no other user can have written them."""

from __future__ import annotations

import os
from pathlib import Path
import stat


def write_access_problem(directory: Path) -> str:
    """
    Return why another user could put code into a directory; empty if none can.

    :param directory: need not exist; the nearest parent that does is checked in its place, and
        what this process creates in it belongs to this user.
    """
    while not directory.exists():
        if directory == directory.parent:
            return ''
        directory = directory.parent
    status = directory.stat()
    sticky = bool(status.st_mode & stat.S_ISVTX)
    if status.st_uid not in (0, os.geteuid()):
        return f'{directory} belongs to another user (uid {status.st_uid})'
    if status.st_mode & stat.S_IWOTH and not sticky:
        return f'every user can write to {directory}'
    if status.st_mode & stat.S_IWGRP and not sticky and status.st_gid not in (0, os.getegid()):
        return f'group {status.st_gid} can write to {directory}'
    return ''
