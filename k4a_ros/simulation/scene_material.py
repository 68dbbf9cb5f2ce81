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

"""Materials in scene files."""

from __future__ import annotations

from collections.abc import Mapping

from k4a_ros.simulation.scene_node import SceneNode
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Vector


def read_material(node: SceneNode) -> Material:
    """
    Return the material that a node describes.

    :raises SceneError: it is invalid.
    """
    fields = node.mapping('color', 'other', 'square', 'infrared')
    return Material(
        _color(fields['color']), fields.read('other', _color, Material.other),
        fields.read('square', SceneNode.size, 0.0),
        fields.read('infrared', lambda n: n.number(0.0, 1.0), None))


def named_material(node: SceneNode, materials: Mapping[str, Material]) -> Material:
    """
    Return the material that a node names.

    :raises SceneError: there is none of that name.
    """
    name = node.text()
    if name not in materials:
        node.refuse(f'is {name!r}, which is not among the materials')
    return materials[name]


def _color(node: SceneNode) -> Vector:
    """Return a color in the order blue, green, red."""
    red, green, blue = node.vector(0.0, 1.0)
    return blue, green, red
