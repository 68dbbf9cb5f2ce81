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

"""Clothes change the outline and the materials of people, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from itertools import product
from typing import Any

from k4a_ros.body.joints import Joint
from k4a_ros.simulation.body_shape import limbs
from k4a_ros.simulation.clothes import BOTTOMS
from k4a_ros.simulation.clothes import Clothes
from k4a_ros.simulation.clothes import HAIR
from k4a_ros.simulation.clothes import HATS
from k4a_ros.simulation.clothes import MATERIALS
from k4a_ros.simulation.clothes import TOPS
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.skeleton import at_rest
from k4a_ros.simulation.skeleton import POSTURES
import numpy as np
import pytest

PLAIN = Person('p', ((0.0, 2.0),), 1.1)
WALKER = Person('w', ((0.0, 2.0), (1.5, 3.0)), 1.1, speed=1.2)
PEOPLE = [*((WALKER, time) for time in np.arange(0, 4, 0.17)),
          *((replace(PLAIN, posture=posture), 0.0) for posture in POSTURES)]


def dressed(person: Person = PLAIN, **worn: Any) -> Person:
    """Return a person in clothes."""
    return replace(person, clothes=Clothes(**worn))


def extent(person: Person, axis: int, low: float, high: float) -> float:
    """Return the width along an axis of what is between two heights above the floor, meters."""
    ends = [(np.array(point), radius) for shape in person.at(0.0).shapes
            for point, radius in (
                (np.array(shape.start) * (1 - f) + np.array(shape.end) * f,
                 shape.radius * (1 - f) + (shape.end_radius or shape.radius) * f)
                for f in np.linspace(0, 1, 17)) if low < 1.1 - point[1] < high]
    return (max(point[axis] + radius for point, radius in ends)
            - min(point[axis] - radius for point, radius in ends))


@pytest.mark.parametrize(('top', 'bottom'), product(TOPS, BOTTOMS))
def test_clothes_leave_the_joints_and_stay_above_the_floor(top, bottom):
    clothes = Clothes(top, bottom, 'long', 'hood')
    for person, time in PEOPLE:
        body, worn = person.at(time), replace(person, clothes=clothes).at(time)
        np.testing.assert_array_equal(worn.positions, body.positions)
        np.testing.assert_array_equal(worn.axes, body.axes)
        assert worn.shapes[-1] not in body.shapes
        for shape in worn.shapes:
            end_radius = shape.end_radius or shape.radius
            # a capsule whose one end contains the other has no side
            assert shape.start == shape.end or abs(shape.dimensions[2]) < 0.5
            assert max(shape.start[1] + shape.radius, shape.end[1] + end_radius) < 1.1 + 1e-9


def test_body_is_inside_of_its_sleeves():
    for top in TOPS[1:]:
        figure = dressed(top=top).at(0.0)
        for joint, radius in (('SHOULDER', 0.062), ('ELBOW', 0.052)):
            center = figure.positions[Joint[f'{joint}_LEFT']]
            sleeves = [shape for shape in figure.shapes if shape.material == MATERIALS['top']
                       and np.allclose(shape.start, center) and shape.end_radius]
            assert max(shape.radius for shape in sleeves) > radius


def test_outline_grows_from_shirt_to_coat():
    trunks = [extent(dressed(top=top), 0, 1.1, 1.3) for top in TOPS]
    assert all(b > a + 0.01 for a, b in pairwise(trunks))
    knees = [extent(person, 0, 0.5, 0.55) for person in (
        PLAIN, dressed(bottom='wide trousers'), dressed(bottom='skirt'), dressed(top='coat'))]
    assert knees[0] + 0.02 < knees[1] < knees[2] - 0.08 < knees[3]
    assert extent(dressed(bottom='wide trousers'), 0, 0.1, 0.2) > extent(PLAIN, 0, 0.1, 0.2) + 0.05
    heads = [extent(dressed(hair=hair, hat=hat), 0, 1.5, 1.75)
             for hair, hat in (('cropped', 'none'), ('long', 'none'), ('short', 'hood'))]
    assert min(heads[1:]) > heads[0] + 0.02
    # the peak of a cap is ahead of the nose
    assert extent(dressed(hat='cap'), 2, 1.6, 1.9) > extent(PLAIN, 2, 1.6, 1.9) + 0.04


def test_cap_and_hood_leave_eyes_and_nose_free():
    for hair, hat in product(HAIR, HATS):
        figure = dressed(hair=hair, hat=hat).at(0.0)
        for joint in (Joint.EYE_LEFT, Joint.EYE_RIGHT, Joint.NOSE):
            # seen from ahead
            origin = figure.positions[joint] - [0, 0, 1.0]
            distances = [float(shape.intersect(origin, np.array([[0, 0, 1.0]]))[0][0])
                         for shape in figure.shapes]
            nearest = figure.shapes[int(np.argmin(distances))]
            assert nearest.material in (MATERIALS['eyes'], MATERIALS['skin'])


def test_materials_are_those_of_the_parts():
    wool, dark, pale = Material(infrared=0.04), Material((0.1, 0.1, 0.1)), Material((0.9,) * 3)
    person = replace(PLAIN, clothes=Clothes('jacket', 'skirt', materials={
        'top': wool, 'hair': dark, 'skin': pale}))
    worn = [shape.material for shape in person.at(0.0).shapes]
    assert {wool, dark, pale, MATERIALS['bottom'], MATERIALS['eyes'], MATERIALS['shoes']} == set(
        worn)
    # of who has no hair and bare shanks, these are skin
    bald = replace(person, clothes=replace(person.clothes, hair='none'))
    top = bald.at(0.0).positions[Joint.HEAD] - [0, 0.12, 0]
    assert dark not in {shape.material for shape in bald.at(0.0).shapes
                        if np.linalg.norm(shape.start - top) < 0.06}
    ankle = PLAIN.at(0.0).positions[Joint.ANKLE_LEFT]
    for clothes, expected in ((person.clothes, pale), (Clothes(), MATERIALS['bottom'])):
        shanks = [shape.material for shape in replace(person, clothes=clothes).at(0.0).shapes
                  if np.allclose(shape.end, ankle)]
        assert shanks == [expected]


def test_default_clothes_are_the_body_itself():
    person, figure = PLAIN.at(0.0), at_rest('standing')
    body = limbs(figure)
    assert [shape.radius for shape in person.shapes] == [limb.radius for limb in body]
    # with five fingers on each hand
    wrist = figure.positions[Joint.WRIST_LEFT]
    hand = [limb for limb in body if limb.part == 'skin' and min(
        np.linalg.norm(limb.start - wrist), np.linalg.norm(limb.end - wrist)) < 0.05]
    assert len(hand) == 5
