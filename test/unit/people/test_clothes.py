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

"""People in clothes: the clothes are around their bodies, and leave the ground truth as it is."""

from __future__ import annotations

from k4a_ros.body.joints import Joint
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from support.people import scenes
from support.people.clothes import Clothes
from support.people.clothes import dress
from support.people.model import pose_figure
from support.people.model import STANDING
from support.people.model import walking_posture
from support.people.render import BACKGROUND
from support.people.render import Person
from support.people.render import render
from support.people.render import Scene

pytest.importorskip('numba', reason='without numba rendering takes minutes')

NFOV = FactoryCalibration.from_raw(nominal_calibration()).depth(DepthMode.NFOV_UNBINNED)
FITTED = Clothes()
POSTURES = {'standing': STANDING, 'sitting': scenes.SITTING, 'waving': scenes.WAVING,
            'bending': scenes.BENDING}
#: each garment, with another one below and above it
OUTFITS = (
    Clothes(top='shirt', bottom='wide', haircut='short'),
    Clothes(top='shirt', bottom='skirt', haircut='long', long_sleeves=False),
    Clothes(top='jacket', bottom='fitted', haircut='long', hat='cap'),
    Clothes(top='coat', bottom='skirt', hat='hood'))


def see(clothes, posture=STANDING, facing=0.0, shape='woman', z=2.2):
    person = Person((0.0, z), posture, shape, facing, 1.7, clothes)
    return render(Scene((person,), height=1.2), NFOV)


def pixel(seen, joint):
    columns, rows = np.rint(NFOV.project(seen.people[0].positions[joint])[0]).astype(int).T
    return rows, columns


@pytest.mark.parametrize('clothes', OUTFITS, ids=lambda one: f'{one.top} {one.bottom} {one.hat}')
@pytest.mark.parametrize('posture', POSTURES.values(), ids=POSTURES)
def test_clothes_are_around_the_body_without_holes(clothes, posture):
    fitted = Clothes(long_sleeves=clothes.long_sleeves)
    for shape, facing in (('woman', 20.0), ('stout man', 160.0)):
        bare, dressed = (see(one, posture, facing, shape) for one in (fitted, clothes))
        body = bare.index_map == 0
        assert (dressed.index_map == 0)[body].mean() > 0.998
        assert (dressed.index_map == 0).sum() > 1.03 * body.sum()
        # cuffs are open
        nearer = (bare.surface - dressed.surface)[body]
        assert (nearer < -0.005).mean() < 0.01
        assert 0.004 < np.percentile(nearer, 75) < 0.06
        np.testing.assert_array_equal(dressed.people[0].positions, bare.people[0].positions)


@pytest.mark.parametrize(('top', 'trunk_m', 'arm_m'), [
    ('shirt', 0.006, 0.003), ('jacket', 0.018, 0.01), ('coat', 0.02, 0.012)])
def test_top_is_further_out_than_the_cloth_of_the_body(top, trunk_m, arm_m):
    for shape in ('man', 'slim woman'):
        bare, dressed = (see(one, shape=shape) for one in (FITTED, Clothes(top=top)))
        at = pixel(bare, [Joint.SPINE_CHEST, Joint.SPINE_NAVEL, Joint.SHOULDER_LEFT,
                          Joint.ELBOW_RIGHT])
        nearer = bare.surface[at] - dressed.surface[at]
        least = np.array([trunk_m, trunk_m, arm_m, arm_m])
        # cloth bridges hollows of the trunk
        assert (nearer > least).all() and (nearer < least + [0.02, 0.02, 0.01, 0.01]).all()
        # and the shoulders are as visible as without
        np.testing.assert_array_equal(
            dressed.people[0].visible[:Joint.WRIST_LEFT], bare.people[0].visible[:7])


@pytest.mark.parametrize('shape', ['man', 'woman', 'stout man'])
def test_joints_below_a_coat_are_visible(shape):
    coat = Clothes(top='coat', bottom='wide')
    assert see(coat, scenes.SITTING, 30.0, shape).people[0].visible[Joint.HIP_RIGHT]
    assert see(coat, scenes.SITTING, 60.0, shape).people[0].visible[Joint.PELVIS]


def test_hem_is_an_edge_with_bare_shanks_below_and_cloth_between_the_thighs():
    bare, seen = see(FITTED), see(Clothes(bottom='skirt', trousers=0.2))
    rows, columns = pixel(seen, [Joint.KNEE_LEFT, Joint.KNEE_RIGHT])
    column, middle = columns[0], columns.sum() // 2
    above, below = rows[0] - 25, rows[0] + 35
    # the gap between the knees
    assert bare.index_map[above, middle] == BACKGROUND
    assert seen.index_map[above, middle] == 0
    assert seen.index_map[below, middle] == BACKGROUND
    jumps = np.diff(seen.surface[above:below, column])
    assert jumps.max() > 0.02 > 5 * np.abs(np.median(jumps))
    assert seen.infrared[below, column] > 1.5 * seen.infrared[above, column] > 0


@pytest.mark.parametrize('shape', ['man', 'woman', 'stout man', 'slim woman'])
def test_clothes_have_no_spikes_in_any_posture(shape):
    for clothes in OUTFITS:
        worn = dress(shape, clothes).worn
        for posture in (*POSTURES.values(), walking_posture(0.0)):
            vertices = pose_figure(shape, posture, 1.7, worn).vertices[-len(worn.vertices):]
            corners = vertices[worn.triangles]
            sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
            assert sides.max() < 0.15
            assert np.isfinite(corners).all()


def test_hair_and_hats_make_the_head_larger():
    def columns(seen, joint):
        row, _ = pixel(seen, joint)
        return (seen.index_map[row] == 0).sum()

    cropped, short, long, hood, cap = (see(Clothes(haircut=haircut, hat=hat)) for haircut, hat in (
        ('cropped', 'none'), ('short', 'none'), ('long', 'none'), ('cropped', 'hood'),
        ('cropped', 'cap')))
    tops = [np.nonzero((seen.index_map == 0).any(axis=1))[0][0] for seen in (
        cropped, short, long, hood, cap)]
    assert min(tops[0] - np.array(tops[1:])) >= 2
    assert columns(long, Joint.HEAD) >= columns(short, Joint.HEAD) + 8
    assert columns(hood, Joint.HEAD) >= columns(cropped, Joint.HEAD) + 12
    # the face is free
    face = [Joint.NOSE, Joint.EYE_LEFT, Joint.EYE_RIGHT]
    for seen in (short, long, hood, cap):
        assert seen.people[0].visible[face].all()
    # the peak is in front of the forehead
    ahead = []
    for hat in ('none', 'cap'):
        seen = see(Clothes(hat=hat), facing=90.0)
        above_nose = (seen.index_map == 0)[:pixel(seen, Joint.NOSE)[0] - 5]
        ahead.append(above_nose.any(axis=0).nonzero()[0].max())
    assert ahead[1] > ahead[0] + 5


def test_features_darken_eyes_and_brows_only():
    plain, featured = (see(Clothes(hair=0.1, features=one), z=0.8) for one in (False, True))
    np.testing.assert_array_equal(featured.surface, plain.surface)
    ratio = featured.infrared / np.maximum(plain.infrared.astype(float), 1)
    darker = (ratio < 0.7) & (plain.index_map == 0)
    for joint in (Joint.EYE_LEFT, Joint.EYE_RIGHT):
        row, column = pixel(plain, joint)
        assert ratio[row - 1:row + 2, column - 1:column + 2].min() < 0.6
        # 20 mm or more above the eye
        assert darker[row - 22:row - 5, column - 5:column + 6].any()
    rows, columns = np.nonzero(darker)
    nose = pixel(plain, Joint.NOSE)
    assert len(rows) > 100
    assert rows.max() < nose[0]
    assert np.abs(columns - nose[1]).max() < 60
