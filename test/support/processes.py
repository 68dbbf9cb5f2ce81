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

"""Processes that tests have started, and files that this one has open."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def processes_with(variable: str) -> list[int]:
    """Return the processes that were started with a text in their environment."""
    found = []
    for process in Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):  # it has ended, or belongs to another user
            if variable.encode() in (process / 'environ').read_bytes():
                found.append(int(process.name))
    return found


def open_files() -> set[str]:
    """Return the names of the files that this process has open, also of removed ones."""
    names = set()
    for link in Path('/proc/self/fd').iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            names.add(os.readlink(link).removesuffix(' (deleted)'))
    return names
