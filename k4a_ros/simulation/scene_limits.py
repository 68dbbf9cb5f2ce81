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
Limits of scene files, which are checked before anything is built from a file.

A YAML alias repeats a node in a few bytes, and aliases of nodes with aliases multiply, so the size
of a file says little about the work that it causes.
"""

from __future__ import annotations

from typing import Any

from k4a_ros.errors import SceneError
import yaml

#: a scene of `MAX_SHAPES` shapes has about 100 kB
MAX_BYTES = 262_144
#: shapes of the whole scene, and items of any list
MAX_SHAPES = 2000
#: YAML nodes, with each alias counted as the nodes that it repeats; a shape has about 12
_MAX_NODES = 60_000
#: nesting of nodes; a valid scene has at most 7
_MAX_DEPTH = 20

#: parser of PyYAML; the one of libyaml, if PyYAML was built with it, is seven times as fast
LOADER: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


def check_limits(text: str, name: str, what: str = 'scene') -> None:
    """
    Check that a scene file is not too large, with its aliases expanded.

    :param name: name of the file, for errors.
    :param what: what the file describes, for errors.
    :raises SceneError: it exceeds a limit, or a node contains itself.
    :raises yaml.YAMLError: it is not valid YAML.
    """
    if len(text) > MAX_BYTES:
        _refuse(what, name, f'it has more than {MAX_BYTES} characters')
    count = 0
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and count before the node
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = count - before
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in (anchor for anchor, _ in open_nodes):
                _refuse(what, name, 'a node contains itself', event)
            count += sizes.get(event.anchor or '', 0)
        elif isinstance(event, yaml.NodeEvent):
            if event.anchor is not None:
                sizes[event.anchor] = 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((event.anchor, count))
            count += 1
        if count > _MAX_NODES:
            _refuse(what, name, f'it has more than {_MAX_NODES} values, with aliases expanded; a '
                    f'scene has at most {MAX_SHAPES} shapes', event)
        if len(open_nodes) > _MAX_DEPTH:
            _refuse(what, name, f'its values are nested more than {_MAX_DEPTH} levels deep',
                    event)


def _refuse(what: str, name: str, problem: str, event: Any = None) -> None:
    line = '' if event is None else f', line {event.start_mark.line + 1}'
    raise SceneError(f'cannot use the {what} {name}{line}: {problem}')
