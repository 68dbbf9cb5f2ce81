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
Generate config/driver.yaml and docs/parameters.md from the parameter table.

Run this in the checkout after a change to the table:

    python3 -m k4a_ros.parameters.generate_docs
"""

from __future__ import annotations

from itertools import groupby
import json
from pathlib import Path
import textwrap

from k4a_ros.parameters.spec import Change
from k4a_ros.parameters.spec import ParameterGroup
from k4a_ros.parameters.spec import ParameterSpec
from k4a_ros.parameters.table import SPECS

_YAML_HEAD = """\
# Parameters of the k4a_ros driver and their defaults.
# Generated from k4a_ros/parameters/table.py; docs/parameters.md has the same as tables.
#
# Copy this file, keep the parameters that you change, and start the driver with:
#   ros2 launch k4a_ros driver.launch.py params_file:=/path/to/your.yaml
#
# Parameters that apply to some kinds of camera only are commented out: a color control that is set
# overrides the value stored in the camera. In brackets: type; allowed values; what a change does
# while the node is configured (live, restarts the streams, or fixed), or that it is fixed at
# startup.
/**:
  ros__parameters:
"""

_MARKDOWN_HEAD = """\
# Parameters

Generated from `k4a_ros/parameters/table.py` by `python3 -m k4a_ros.parameters.generate_docs`.

The column *Change* says what happens when a parameter is set while the node is configured
(`ros2 param set /k4a_driver NAME VALUE`):

- **live**: the value takes effect immediately.
- **restart**: the camera is reopened with the new value; subscribers stay connected. While a
  recording is playing, the request is rejected, because playback would start from the beginning.
- **fixed**: the request is rejected; set the parameter when the node starts.
- **startup**: the parameter is read-only. It names a file that the driver loads or writes, and
  otherwise anyone in the ROS domain could make the driver load any file, even a library with code,
  or write to any place.

While the node is unconfigured (`autostart:=false`, or after a cleanup transition), every parameter
except those can be changed. A rejected request changes nothing, and its answer gives the reason.

QoS has parameters of its own for each topic, which are read when the topic is created:
`qos_overrides./full/topic/name.publisher.reliability`, `.durability`, `.history` and `.depth`.
"""

_MARKDOWN_CHANGES = {
    Change.LIVE: 'live', Change.RESTART: 'restart', Change.FIXED: 'fixed',
    Change.STARTUP: 'startup'}


def yaml() -> str:
    """Return the text of config/driver.yaml."""
    lines = [_YAML_HEAD]
    for group, specs in _groups():
        lines.append(f'    # ---- {group.title}\n')
        if group.note:
            lines.append(_comment(group.note) + '\n')
        for spec in specs:
            constraints = filter(None, (spec.kind.__name__, spec.allowed, spec.change.value))
            lines.append(_comment(f'{spec.description} [{"; ".join(constraints)}]'))
            mark = '#' if spec.cameras else ''
            lines.append(f'    {mark}{spec.name}: {json.dumps(spec.default)}\n\n')
    return ''.join(lines).rstrip('\n') + '\n'


def markdown() -> str:
    """Return the text of docs/parameters.md."""
    lines = [_MARKDOWN_HEAD]
    for group, specs in _groups():
        lines.append(f'\n## {group.title}\n\n')
        if group.note:
            lines.append(f'{group.note}\n\n')
        lines.append('| Parameter | Type | Default | Allowed | Change | Description |\n'
                     '|---|---|---|---|---|---|\n')
        for spec in specs:
            lines.append(
                f'| `{spec.name}` | {spec.kind.__name__} | `{json.dumps(spec.default)}` '
                f'| {spec.allowed} | {_MARKDOWN_CHANGES[spec.change]} | {spec.description} |\n')
    return ''.join(lines)


def _groups() -> list[tuple[ParameterGroup, list[ParameterSpec]]]:
    return [(group, list(specs))
            for group, specs in groupby(SPECS.values(), lambda spec: spec.group)]


def _comment(text: str) -> str:
    return textwrap.fill(text, 95, initial_indent='    # ', subsequent_indent='    # ') + '\n'


def main() -> int:
    """Write both files into the checkout that contains this module."""
    root = Path(__file__).resolve().parents[2]
    for path, text in ((root / 'config/driver.yaml', yaml()),
                       (root / 'docs/parameters.md', markdown())):
        path.write_text(text, encoding='utf-8')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
