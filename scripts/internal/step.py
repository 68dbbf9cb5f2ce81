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

"""A step of the set-up, and which steps are completed and up to date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Step:
    """
    One step of the set-up.

    :param name: key in the file of completed steps.
    :param text: description for the user.
    :param action: runs the step, with a `SetUp`; can be interrupted and repeated, unless it runs
        pip.
    :param inputs: files and words that the step depends on, besides the steps before it.
    """

    name: str
    text: str
    action: Callable[[Any], None]
    inputs: list[object]

    @property
    def runs_pip(self) -> bool:
        """Return whether an interruption may leave partly installed packages."""
        return self.name in ('packages', 'tests')


def digests(todo: list[Step]) -> dict[str, str]:
    """Return for each step the digest of its inputs, including interpreter and packages."""
    result = {}
    digest = hashlib.sha256()
    for step in todo:
        current = digest if step.name in ('venv', 'packages') else digest.copy()
        for item in step.inputs:
            current.update(f'\0{item}\0'.encode())
            if isinstance(item, Path) and item.is_file():
                current.update(item.read_bytes())
        result[step.name] = current.hexdigest()
    return result


def read_done(state: Path) -> dict[str, str]:
    """Return the digests of the completed steps, by name."""
    try:
        return dict(json.loads(state.read_text()))
    except (OSError, ValueError):
        return {}


def write_done(state: Path, done: dict[str, str]) -> None:
    """Replace the file of completed steps atomically."""
    aside = state.with_suffix('.new')
    aside.write_text(json.dumps(done, indent=1))
    aside.replace(state)
