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

"""People in scene files: clothes, postures, and mistakes in them."""

from __future__ import annotations

import math

from k4a_ros.errors import SceneError
from k4a_ros.simulation import scene_file
from k4a_ros.simulation.clothes import Clothes
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.shapes import Material
import pytest

TEXT = """\
materials:
  wool: {color: [0.1, 0.2, 0.3], infrared: 0.04}
  blond: {color: [0.8, 0.7, 0.5]}
persons:
  - name: ada
    path: [[0, 2]]
    floor: 1
    posture: at table
    arm_around: left
    clothes: {top: coat, bottom: skirt, hair: long, hat: cap, materials: {top: wool, hair: blond}}
  - {name: bob, path: [[0, 2], [1, 2]], floor: 1, clothes: {hair: none}}
  - {name: cid, path: [[0, 2]], floor: 1}
"""


def parse(text: str) -> tuple[Person, ...]:
    """Return the people that a text describes."""
    return scene_file.parse(text, 'test.yaml').persons


def test_every_key_of_clothes_is_parsed():
    ada, bob, cid = parse(TEXT)
    assert (ada.posture, ada.arm_around) == ('at table', 1)
    assert ada.clothes == Clothes('coat', 'skirt', 'long', 'cap', {
        'top': Material((0.3, 0.2, 0.1), infrared=0.04), 'hair': Material((0.5, 0.7, 0.8))})
    assert ada.clothes.by_part['hair'].reflectivities[0] == pytest.approx(2 / 3)
    assert bob.clothes == Clothes(hair='none')
    assert (cid.clothes, cid.posture, cid.arm_around) == (Clothes(), 'standing', 0)
    assert parse(TEXT.replace('around: left', 'around: right'))[0].arm_around == -1
    assert cid.heading == math.pi


@pytest.mark.parametrize(('old', 'new', 'line', 'problem'), [
    ('top: coat', 'top: gown', 10, "persons[0].clothes.top is 'gown'; it must be one of t-shirt,"),
    ('top: coat', 'top: coats', 10, "is 'coats' (did you mean coat?); it must be one of"),
    ('bottom: skirt', 'bottom: [skirt]', 10, 'persons[0].clothes.bottom is not a string'),
    ('hair: long', 'hair: wavy', 10, "persons[0].clothes.hair is 'wavy'"),
    ('hat: cap', 'hats: cap', 10, "unknown key 'hats' (did you mean hat?)"),
    ('top: wool', 'top: silk', 10, "persons[0].clothes.materials.top is 'silk', which is not"),
    ('top: wool', 'belt: wool', 10, "unknown key 'belt', allowed are skin, hair, eyes, top,"),
    ('{hair: none}', 'none', 11, 'persons[1].clothes is not a mapping'),
    ('infrared: 0.04', 'infrared: 1.5', 2, 'materials.wool.infrared is 1.5; it must be between'),
    ('at table', 'prone', 8, "persons[0].posture is 'prone'; it must be one of standing, sitting"),
    ('around: left', 'around: both', 9, "arm_around is 'both'; it must be one of none, left,"),
    ('[[0, 2]]\n', '[[0, 2], [1, 2]]\n', 6, 'one point, and posture is for people who stay'),
    ('floor: 1, clothes', 'floor: 1, arm_around: left, clothes', 11,
     'and arm_around is for people who stay'),
])
def test_mistake_raises_with_line_and_key(old, new, line, problem):
    with pytest.raises(SceneError) as error:
        parse(TEXT.replace(old, new, 1))
    assert f'line {line}' in str(error.value)
    assert problem in str(error.value)
