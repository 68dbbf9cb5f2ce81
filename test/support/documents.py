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

"""Code blocks and inline code of the documents, for tests that check them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re
import shlex

from support.sources import ROOT

DOCUMENTS = [*sorted(ROOT.glob('*.md')), *sorted(ROOT.glob('docs/*.md'))]

_FENCE = re.compile(r'( *)```(.*)')


@dataclass(frozen=True)
class Block:
    """
    A fenced code block; ``info`` has the words after the opening fence.

    ``line`` is the number of the opening fence.
    """

    document: Path
    line: int
    info: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        """Return where the block is: docs/topics.md:12."""
        return f'{self.document.relative_to(ROOT)}:{self.line}'

    def commands(self) -> list[str]:
        """Return the shell commands, without comments and with continued lines joined."""
        lines = self.text.replace('\\\n', ' ').splitlines()
        return [command for command in map(_without_comment, lines) if command]


def _without_comment(line: str) -> str:
    return re.sub(r'(^|\s)#.*', '', line).strip()


def split(command: str) -> list[str]:
    """Return the words of a shell command."""
    return shlex.split(command)


def blocks(document: Path) -> Iterator[Block]:
    """Yield the fenced code blocks of a document."""
    opening: re.Match[str] | None = None
    start, lines = 0, []
    for number, line in enumerate(document.read_text().splitlines(), 1):
        fence = _FENCE.fullmatch(line)
        if fence and opening is None:
            opening, start, lines = fence, number, []
        elif fence and opening is not None:
            yield Block(document, start, tuple(opening[2].split()), '\n'.join(lines) + '\n')
            opening = None
        elif opening is not None:
            lines.append(line.removeprefix(opening[1]))
    assert opening is None, f'{document}:{start}: the block does not end'


def prose(document: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that are not in a code block."""
    inside = False
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if _FENCE.fullmatch(line):
            inside = not inside
        elif not inside:
            yield number, line


def inline_code(document: Path) -> Iterator[tuple[int, str]]:
    """Yield line number and text of everything in single backticks."""
    for number, line in prose(document):
        for code in re.findall(r'`([^`]+)`', line):
            yield number, code
