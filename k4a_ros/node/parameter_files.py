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

"""Parameter files: find those whose parameters are all for other nodes (no ROS)."""

from __future__ import annotations

from collections.abc import Iterator
import re
from typing import Any

from k4a_ros.errors import FileError
from k4a_ros.process.arguments import parameter_files
from k4a_ros.process.files import read_regular
import yaml

#: larger files are not checked; a file with all parameters has 20 kB
_MAX_BYTES = 1 << 20
#: deepest nesting of namespaces that is checked
_MAX_DEPTH = 20
_LOADER: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


def unused_parameter_files(arguments: list[str], node: str) -> list[str]:
    """
    Return one sentence for each parameter file without parameters for a node.

    :param arguments: command line with the name of the program.
    :param node: fully qualified name of the node.
    """
    problems = []
    for path in parameter_files(arguments):
        try:
            names = list(_node_names(yaml.load(read_regular(path, _MAX_BYTES), _LOADER)))
        except (FileError, yaml.YAMLError, ValueError, RecursionError):
            continue  # rcl has read it, or has reported why not
        if names and not any(_matches(name, node) for name in names):
            problems.append(
                f'The parameter file {path} has no effect: it has parameters of '
                f'{", ".join(names[:5])}, but this node is {node}; rename that in the file to '
                f'{node}, or to /** for any node')
    return problems


def _node_names(tree: object, name: str = '', depth: int = 0) -> Iterator[str]:
    """Yield the names of nodes in a parameter file, which may be nested in namespaces."""
    if not isinstance(tree, dict) or depth > _MAX_DEPTH:
        return
    for key, value in tree.items():
        if key == 'ros__parameters':
            yield name
        else:
            yield from _node_names(value, f'{name}/{str(key).strip("/")}', depth + 1)


def _matches(pattern: str, node: str) -> bool:
    """Return whether a name with wildcards (* for one part, ** for any number) is a node's."""
    parts = re.split(r'(/\*\*|\*)', pattern)
    expression = ''.join(
        {'/**': '(/.*)?', '*': '[^/]*'}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(expression, node) is not None
