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


"""Rendered people: the images agree with the ground truth."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from k4a_ros.body.joints import Joint
from k4a_ros.body.joints import PARENTS
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation import skeleton
import numpy as np
import pytest
from support.people.model import pose_figure
from support.people.model import STANDING
from support.people.model import walking_posture
from support.people.render import BACKGROUND
from support.people.render import Person
from support.people.render import render
from support.people.render import Scene
from support.people.scenes import ARMS_CROSSED
from support.people.scenes import HAND_BEHIND
from support.people.scenes import SCENES
from support.people.scenes import WIDE_SCENES

pytest.importorskip('numba', reason='without numba rendering takes minutes')

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
NFOV = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
WFOV = NOMINAL.depth(DepthMode.WFOV_2X2BINNED)

#: the most that a visible joint is behind the surface at its pixel
MAX_JOINT_DEPTH_M = 0.25


def scene_parameters():
    """Return one scene of each sequence."""
    return [pytest.param(sequence[len(sequence) // 3], id=name)
            for name, sequence in SCENES.items()]


@pytest.mark.parametrize('lens', [NFOV, WFOV], ids=['nfov', 'wfov'])
@pytest.mark.parametrize('scene', scene_parameters())
def test_visible_joints_are_just_behind_the_persons_surface(scene, lens):
    seen = render(scene, lens)
    assert seen.depth.shape == seen.infrared.shape == seen.index_map.shape == (
        lens.height, lens.width)
    assert len(seen.people) == len(scene.people)
    assert set(np.unique(seen.index_map)) - {BACKGROUND} == set(range(len(scene.people)))
    for index, truth in enumerate(seen.people):
        assert truth.visible.sum() >= 10
        assert not (truth.visible & ~truth.inside).any()
        pixels, _ = lens.project(truth.positions[truth.visible])
        for (column, row), point in zip(
                np.rint(pixels).astype(int), truth.positions[truth.visible], strict=True):
            around = np.s_[max(row - 1, 0):row + 2, max(column - 1, 0):column + 2]
            own = seen.index_map[around] == index
            behind = point[2] - seen.surface[around][own]
            # a joint on the surface may be half a pixel away from the center of its pixel
            assert ((behind > -0.03) & (behind < MAX_JOINT_DEPTH_M)).any()


def test_depth_is_the_surface_with_noise_and_invalid_edges():
    scene = SCENES['standing'][0]
    first, again, other = render(scene, NFOV, 1), render(scene, NFOV, 1), render(scene, NFOV, 2)
    np.testing.assert_array_equal(first.depth, again.depth)
    np.testing.assert_array_equal(first.infrared, again.infrared)
    body = (first.index_map == 0) & (first.depth > 0) & (other.depth > 0)
    error = np.abs(first.depth[body] - 1000.0 * first.surface[body])
    assert np.percentile(error, 50) < 8 and np.percentile(error, 99) < 20
    # noise from the difference of two images, whose systematic error is the same
    assert 1 < np.std(first.depth[body].astype(float) - other.depth[body]) / np.sqrt(2) < 6
    # only pixels around the outline have no depth
    invalid = (first.index_map == 0) & (first.depth == 0)
    assert 0.02 < invalid.sum() / (first.index_map == 0).sum() < 0.15
    # the shirt is brighter than the trousers
    truth = first.people[0]
    columns, rows = np.rint(NFOV.project(truth.positions)[0]).astype(int).T
    light = first.infrared[rows[:27].clip(0, 575), columns[:27]].astype(float)
    assert light[Joint.SPINE_CHEST] > 1.3 * light[Joint.KNEE_LEFT] > 0


def test_person_facing_the_camera_has_left_joints_on_the_right():
    standing = render(Scene((Person((0.0, 2.2)),)), NFOV).people[0]
    mirrored = standing.positions * [-1, 1, 1]
    for joint in Joint:
        if joint.name.endswith('LEFT'):
            right = Joint[joint.name.replace('LEFT', 'RIGHT')]
            assert standing.positions[joint, 0] > 0.02
            np.testing.assert_allclose(
                mirrored[joint], standing.positions[right], atol=0.01)
    behind = render(Scene((Person((0.0, 2.2), facing=180.0),)), NFOV).people[0]
    assert behind.positions[Joint.SHOULDER_LEFT, 0] < -0.1
    assert not behind.visible[[Joint.NOSE, Joint.EYE_LEFT, Joint.EYE_RIGHT]].any()
    assert standing.visible[[Joint.NOSE, Joint.EYE_LEFT, Joint.EYE_RIGHT]].all()


@pytest.mark.parametrize('shape', ['man', 'woman', 'stout man', 'slim woman'])
def test_bones_have_similar_lengths_as_those_of_the_simulated_person(shape):
    figure = pose_figure(shape, STANDING, skeleton.TEMPLATE_HEIGHT)
    template = skeleton.stride(0.0, 0.0).positions
    ours, theirs = (np.linalg.norm(joints - joints[list(PARENTS)], axis=1)
                    for joints in (figure.joints, template))
    for joint in Joint:
        if joint is not Joint.PELVIS and joint < Joint.HEAD:
            # foot and thumb are the tips here, as in k4abt's own output, but not there
            assert 0.75 < ours[joint] / theirs[joint] < 1.6, joint.name
    assert abs(figure.vertices[:, 2].min()) < 1e-9
    assert figure.vertices[:, 2].max() == pytest.approx(skeleton.TEMPLATE_HEIGHT, abs=0.03)


@pytest.mark.parametrize('posture', [walking_posture(0.3), ARMS_CROSSED, HAND_BEHIND])
@pytest.mark.parametrize('shape', ['man', 'woman', 'stout man', 'slim woman'])
def test_bone_lengths_do_not_depend_on_the_posture(shape, posture):
    lengths = []
    for one in (STANDING, posture):
        joints = pose_figure(shape, one, skeleton.TEMPLATE_HEIGHT).joints
        lengths.append(np.linalg.norm(joints - joints[list(PARENTS)], axis=1))
    np.testing.assert_allclose(lengths[1][3:], lengths[0][3:], atol=0.03)


def test_occluded_joints_are_not_visible():
    behind = render(SCENES['hand behind'][0], NFOV).people[0]
    assert not behind.visible[[Joint.WRIST_LEFT, Joint.HAND_LEFT]].any()
    assert behind.visible[[Joint.WRIST_RIGHT, Joint.HAND_RIGHT]].all()
    seated = render(SCENES['at a table'][0], NFOV).people[0]
    assert not seated.visible[Joint.HIP_LEFT:Joint.HEAD].any()
    cut = render(SCENES['half out of view'][0], NFOV).people[0]
    assert 10 < cut.visible.sum() < 25
    assert not cut.inside.all()
    edge = render(WIDE_SCENES['edge of the wide view'][0], WFOV).people[0]
    assert 5 < edge.inside.sum() < 28


def test_crossing_person_is_occluded_for_a_moment():
    crossing = [render(scene, WFOV, frame) for frame, scene in enumerate(SCENES['crossing'])]
    assert len(crossing) == 20
    pixels = [(frame.index_map == 1).sum() for frame in crossing]
    assert pixels[9] == 0 and not crossing[9].people[1].visible.any()
    assert min(pixels[:6] + pixels[-6:]) > 1500
    for person in (0, 1):
        across = [frame.people[person].positions[Joint.PELVIS, 0] for frame in crossing]
        assert across[0] * across[-1] < 0
        assert max(abs(b - a) for a, b in pairwise(across)) < 0.1


def test_images_change_only_at_the_pixels_of_an_added_person():
    scene = SCENES['two standing'][0]
    both, alone = render(scene, WFOV), render(replace(scene, people=scene.people[:1]), WFOV)
    elsewhere = (both.index_map != 1)
    np.testing.assert_array_equal(both.surface[elsewhere], alone.surface[elsewhere])
    np.testing.assert_array_equal(both.infrared[elsewhere], alone.infrared[elsewhere])
    np.testing.assert_array_equal(both.people[0].positions, alone.people[0].positions)
