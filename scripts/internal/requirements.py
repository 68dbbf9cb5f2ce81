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

"""Requirements files that scripts/lock has written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re


def locked(*paths: Path) -> Iterator[tuple[str, str]]:
    """Yield the packages of locked requirements: name, and the lines with version and hashes."""
    for path in paths:
        blocks = re.split(r'^(?=[A-Za-z0-9])', path.read_text(), flags=re.MULTILINE)
        for block in blocks[1:]:
            lines = [line for line in block.splitlines(keepends=True) if line[0] != '#']
            yield block.partition('==')[0].strip(), ''.join(lines)
