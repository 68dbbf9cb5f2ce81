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

"""Sounds and voices in scene files."""

from __future__ import annotations

from k4a_ros.simulation.scene_node import SceneMapping
from k4a_ros.simulation.scene_node import SceneNode
from k4a_ros.simulation.voices import KINDS
from k4a_ros.simulation.voices import Sound
from k4a_ros.simulation.voices import Speaker

#: sound pressure levels at 1 m, dB
_LEVELS_DB = (0.0, 116.0)


def read_voice(node: SceneNode) -> Speaker:
    """
    Return the voice of a person.

    :raises SceneError: it is invalid.
    """
    return Speaker(*_kind_and_level(node.mapping('kind', 'level')))


def read_sound(node: SceneNode) -> Sound:
    """
    Return a sound at a place.

    :raises SceneError: it is invalid.
    """
    fields = node.mapping('name', 'position', 'kind', 'level')
    return Sound(*_kind_and_level(fields), fields['name'].text(), fields['position'].vector())


def _kind_and_level(fields: SceneMapping) -> tuple[str, float]:
    kind = fields.read('kind', lambda n: n.choice(KINDS), Speaker.kind)
    return kind, fields.read('level', lambda n: n.number(*_LEVELS_DB), Speaker.level_db)
