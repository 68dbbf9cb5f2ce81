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
The definitions of messages that are written to a bag, from the ROS installation.

rosbags has the types of each distribution, too, but makes a class of every one of them at once,
which takes longer than writing a short recording.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from ament_index_python.packages import PackageNotFoundError
from k4a_ros.errors import BagError

#: `rosbags.interfaces.Nodetype`: what the description of a field begins with
_NAME, _ARRAY, _SEQUENCE = 2, 3, 4


def add_type(typesys: Any, types: Any, name: str) -> None:
    """
    Add a message type, and those of its fields, to a type store unless it has them.

    :param typesys: the module rosbags.typesys.
    :param types: a type store of it.
    :param name: full name: sensor_msgs/msg/Image.
    :raises BagError: the installation has no definition of it, or one that is not understood.
    """
    found: dict[str, Any] = {}
    missing = [name]
    while missing:
        name = missing.pop()
        if name in found or name in types.fielddefs:
            continue
        try:
            found |= typesys.get_types_from_msg(_definition(name), name)
        except (PackageNotFoundError, OSError, typesys.TypesysError) as error:
            raise BagError(
                f'cannot write messages of the type {name}, whose definition cannot be read '
                f'({error}); install its package again') from error
        missing += _types_of(found[name][1])
    if found:
        types.register(found)


def _definition(name: str) -> str:
    package, _, kind = name.split('/')
    return Path(get_package_share_directory(package), 'msg', f'{kind}.msg').read_text()


def _types_of(fields: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """Yield the names of the message types of fields."""
    for _, (node, value) in fields:
        if node in (_ARRAY, _SEQUENCE):
            (node, value), _ = value
        if node == _NAME:
            yield value
