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

"""The names of recordings: fields of the date, and numbers instead of overwriting."""

from __future__ import annotations

from collections.abc import Iterator
import itertools
from pathlib import Path
import time

from k4a_ros.errors import RecordingError

SUFFIX = '.mkv'


def dated_path(pattern: str, now: time.struct_time) -> Path:
    """
    Return the absolute path of a recording.

    :param pattern: with fields of strftime, such as %H; ``~`` is the home directory, and a
        relative path starts at the working directory. The suffix .mkv is added if missing.
    :raises RecordingError: there is no home directory.
    """
    try:
        path = Path(time.strftime(pattern, now)).expanduser().absolute()
    except (RuntimeError, ValueError) as error:
        raise RecordingError(f'cannot record to {pattern}: {error}; give another path') from error
    return path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)


def make_folder(path: Path) -> None:
    """
    Make the folder of a recording, unless it exists.

    :raises RecordingError: it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordingError(
            f'cannot record to {path}: cannot make its folder: '
            f'{(error.strerror or str(error)).lower()}; choose another one') from error


def numbered(path: Path) -> Iterator[Path]:
    """Yield a path, and then its variants with the numbers 2, 3, ..."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f'{path.stem}_{number}{path.suffix}')
