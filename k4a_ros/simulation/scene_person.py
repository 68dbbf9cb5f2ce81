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

"""People in scene files."""

from __future__ import annotations

from collections.abc import Mapping
import math

from k4a_ros.simulation import clothes
from k4a_ros.simulation.clothes import Clothes
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene_material import named_material
from k4a_ros.simulation.scene_node import SceneMapping
from k4a_ros.simulation.scene_node import SceneNode
from k4a_ros.simulation.scene_sound import read_voice
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.skeleton import POSTURES

#: shortest distance between consecutive points of a path
_MIN_PATH_STEP_M = 0.05
#: the arm around a neighbor, see `skeleton.at_rest`
_ARMS = {'none': 0, 'left': 1, 'right': -1}


def read_person(node: SceneNode, materials: Mapping[str, Material]) -> Person:
    """
    Return the person that a node describes.

    :param materials: those of the scene, by name.
    :raises SceneError: it is invalid.
    """
    fields = node.mapping(
        'name', 'path', 'floor', 'height', 'speed', 'start', 'heading', 'posture', 'arm_around',
        'clothes', 'voice')
    path = _path(fields['path'])
    posture = fields.read('posture', lambda n: n.choice(POSTURES), Person.posture)
    arm = fields.read('arm_around', lambda n: n.choice(_ARMS), 'none')
    if len(path) > 1:
        for key, value in (('posture', posture != Person.posture), ('arm_around', arm != 'none')):
            if value:
                fields['path'].refuse(
                    f'has more than one point, and {key} is for people who stay in place')
    return Person(
        fields['name'].text(), path, fields['floor'].number(),
        fields.read('height', lambda n: n.number(0.5, 2.5), Person.height),
        fields.read('speed', lambda n: n.number(0.1, 3.0), Person.speed),
        fields.read('start', SceneNode.time, Person.start),
        fields.read('heading', SceneNode.angle, Person.heading), posture, _ARMS[arm],
        fields.read('clothes', lambda n: _clothes(n, materials), Clothes()),
        fields.read('voice', read_voice, None))


def _path(node: SceneNode) -> tuple[tuple[float, float], ...]:
    path: list[tuple[float, float]] = []
    for item in node.items():
        coordinates = item.items()
        if len(coordinates) != 2:
            item.refuse(f'has {len(coordinates)} numbers instead of 2, x and z')
        path.append((coordinates[0].number(), coordinates[1].number()))
        if len(path) > 1 and math.dist(path[-1], path[-2]) < _MIN_PATH_STEP_M:
            item.refuse(f'is less than {_MIN_PATH_STEP_M:g} m from the previous point')
    if not path:
        node.refuse('is empty')
    return tuple(path)


def _clothes(node: SceneNode, materials: Mapping[str, Material]) -> Clothes:
    fields = node.mapping('top', 'bottom', 'hair', 'hat', 'materials')

    def one_of(key: str, choices: tuple[str, ...]) -> str:
        return fields.read(key, lambda n: n.choice(choices), choices[0])

    return Clothes(
        one_of('top', clothes.TOPS), one_of('bottom', clothes.BOTTOMS),
        one_of('hair', clothes.HAIR), one_of('hat', clothes.HATS),
        _worn_materials(fields, materials))


def _worn_materials(
    fields: SceneMapping, materials: Mapping[str, Material],
) -> dict[str, Material]:
    """Return the materials of parts, by the name of the part."""
    if 'materials' not in fields:
        return {}
    parts = fields['materials'].mapping(*clothes.MATERIALS)
    return {part: named_material(node, materials) for part, node in parts.items()}
