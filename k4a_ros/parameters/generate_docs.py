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
Write the files that follow from the parameter table: config/driver.yaml and docs/parameters.md.

Run it in the checkout after a change to the table:

    python3 -m k4a_ros.parameters.generate_docs
"""

from __future__ import annotations

from itertools import groupby
import json
from pathlib import Path
import textwrap

from k4a_ros.parameters import settings

_YAML_HEAD = """\
# Parameters of the k4a_ros driver with their defaults; generated from k4a_ros/settings.py.
# Those that not every camera has are commented out: what is given is set, even to its default.
# Copy this file, keep what you change, and start with:
#   ros2 launch k4a_ros driver.launch.py params_file:=/path/to/your.yaml
/**:
  ros__parameters:
"""

_MARKDOWN_HEAD = """\
# Parameters

Generated from `k4a_ros/settings.py` by `python3 -m k4a_ros.parameters.generate_docs`.

*Live* parameters can be changed while the node runs (`ros2 param set /k4a_driver NAME VALUE`);
the others are refused with what to do instead. Quality of service has parameters of its own, one
set for each topic: `qos_overrides./full/topic/name.publisher.reliability`, `.durability`,
`.history` and `.depth`.
"""


def yaml() -> str:
    """Return the text of config/driver.yaml."""
    lines = [_YAML_HEAD]
    for group, members in _groups():
        lines.append(f'    # ---- {group}\n')
        for name in members:
            lines.append(_comment(f'{settings.spec(name).text} {_facts(name)}'))
            mark = '#' if settings.spec(name).cameras else ''
            lines.append(f'    {mark}{name}: {json.dumps(settings.default(name))}\n\n')
    return ''.join(lines).rstrip('\n') + '\n'


def markdown() -> str:
    """Return the text of docs/parameters.md."""
    lines = [_MARKDOWN_HEAD]
    for group, members in _groups():
        lines.append(f'\n## {group}\n\n| Parameter | Type | Default | Allowed | Live | |\n'
                     '|---|---|---|---|---|---|\n')
        for name in members:
            spec = settings.spec(name)
            lines.append(
                f'| `{name}` | {settings.kind(name).__name__} '
                f'| `{json.dumps(settings.default(name))}` | {_allowed(name)} '
                f'| {"yes" if spec.live else ""} | {spec.text} |\n')
    return ''.join(lines)


def _groups() -> list[tuple[str, list[str]]]:
    return [(group, list(members))
            for group, members in groupby(settings.names(), lambda n: settings.spec(n).group)]


def _allowed(name: str) -> str:
    spec = settings.spec(name)
    if spec.choices:
        return ', '.join(spec.choices)
    if spec.minimum is not None:
        return f'{spec.minimum:g} to {spec.maximum:g}{" " + spec.unit if spec.unit else ""}'
    return ''


def _facts(name: str) -> str:
    kind, allowed = settings.kind(name).__name__, _allowed(name)
    live = 'live' if settings.spec(name).live else ''
    return f'[{"; ".join(part for part in (kind, allowed, live) if part)}]'


def _comment(text: str) -> str:
    return textwrap.fill(text, 95, initial_indent='    # ', subsequent_indent='    # ') + '\n'


def main() -> int:
    """Write both files into the checkout that this module is part of."""
    root = Path(__file__).resolve().parents[2]
    for path, text in ((root / 'config/driver.yaml', yaml()),
                       (root / 'docs/parameters.md', markdown())):
        path.write_text(text, encoding='utf-8')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
