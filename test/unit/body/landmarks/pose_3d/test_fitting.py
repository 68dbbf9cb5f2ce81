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

"""Limbs on a surface: capsules that are fitted to a cloud and a silhouette."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.body.landmarks.pose_3d import fitting
from k4a_ros.body.landmarks.pose_3d import fitting_kernels
from k4a_ros.body.landmarks.pose_3d.fitting import fit_limbs
from k4a_ros.body.landmarks.pose_3d.lifting import BONES
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.landmarks.segmentation.silhouette import Silhouette
from k4a_ros.body.tracker import Confidence
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np
import pytest
from support.ideal_landmarks import landmarks_of

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
LENS = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
UNKNOWN = np.full(len(BONES), np.nan)
LEGS = [25, 26, 27, 28, 31, 32]
OTHER_LEG = [26, 25, 28, 27, 32, 31]


class World:
    """One simulated person who walks across, and what is true of him."""

    def __init__(self, time_us: int = 400_000) -> None:
        room = default_scene()
        scene = replace(room, shapes=room.shapes[:5], movers=(), persons=(
            Person('one', ((-1.0, 2.4), (1.0, 2.4)), 1.1),))
        sensor = Sensor(
            scene, NOMINAL, CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.OFF),
            seed=3)
        depth, _ = sensor.depth_and_ir(time_us)
        assert depth is not None
        own = sensor.body_index(time_us) == 0
        person = PersonDepth(depth, own, ~own, LENS)
        self.truth = landmarks_of(sensor.truth(time_us).persons[0].positions)
        self.cloud = person.sample_points(LENS.rays(), 300)
        self.silhouette = Silhouette(person, 2)

    def lifted(self, points: np.ndarray, visibility: float = 0.9) -> Pose3d:
        """Return landmarks that seem to be at points."""
        return Pose3d(
            points, np.full(33, Confidence.MEDIUM, np.uint8), UNKNOWN, 1.0, 1.0,
            points / points[:, 2:], self.truth, np.full(33, visibility, np.float32))

    def off(self, points: np.ndarray) -> np.ndarray:
        """Return how far landmarks of the legs are from the truth, meters."""
        return np.linalg.norm(points[LEGS] - self.truth[LEGS], axis=1)


def pulls(silhouette: Silhouette, points: np.ndarray) -> np.ndarray:
    """Return how far points (N, 3) are from where they can be, (N, 3)."""
    arguments = silhouette.kernel_arguments
    return np.array([fitting_kernels.pull(*point, arguments) for point in points])


@pytest.fixture(scope='module')
def world() -> World:
    return World()


def test_who_is_right_stays(world: World) -> None:
    found = fit_limbs(world.lifted(world.truth), world.cloud, world.silhouette, UNKNOWN, None)
    assert np.linalg.norm(found.points - world.truth, axis=1).max() < 0.06


def test_legs_that_have_become_one_come_apart(world: World) -> None:
    """From the side, the model may see both legs where one is; before, they were two."""
    wrong = world.truth.copy()
    wrong[[26, 28, 30, 32]] = wrong[[25, 27, 29, 31]] + [0.01, 0, 0.02]
    lifted = world.lifted(wrong, 0.4)
    confidences = lifted.confidences.copy()
    confidences[[26, 28, 30, 32]] = Confidence.LOW
    found = fit_limbs(
        replace(lifted, confidences=confidences), world.cloud, world.silhouette, UNKNOWN,
        world.truth - [0.05, 0.0, 0.0])
    assert world.off(wrong).max() > 0.3
    assert world.off(found.points).max() < 0.1


def test_legs_that_are_exchanged_are_exchanged_again(world: World) -> None:
    wrong = world.truth.copy()
    wrong[[25, 26, 27, 28, 29, 30, 31, 32]] = wrong[[26, 25, 28, 27, 30, 29, 32, 31]]
    lifted = world.lifted(wrong)
    confidences = lifted.confidences.copy()
    confidences[27] = Confidence.LOW
    found = fit_limbs(
        replace(lifted, confidences=confidences), world.cloud, world.silhouette, UNKNOWN, None)
    assert world.off(found.points).max() < 0.1
    # what is known of a landmark goes with it
    assert found.confidences[28] == Confidence.LOW
    assert found.confidences[27] == Confidence.MEDIUM


def test_a_limb_beside_the_body_comes_back(world: World) -> None:
    wrong = world.truth.copy()
    wrong[[14, 16, 18, 20, 22]] += [0.3, 0.0, 0.0]
    lifted = world.lifted(wrong, 0.3)
    found = fit_limbs(lifted, world.cloud, world.silhouette, UNKNOWN, None)
    assert np.linalg.norm(pulls(world.silhouette, wrong[[14, 16]]), axis=1).min() > 0.05
    assert np.linalg.norm(pulls(world.silhouette, found.points[[14, 16]]), axis=1).max() < 0.05


def test_toes_are_ahead(world: World) -> None:
    """From behind, it is the heel that is measured where the model sees the toes."""
    wrong = world.truth.copy()
    wrong[[31, 32]] = 2 * wrong[[27, 28]] - wrong[[31, 32]]
    found = fit_limbs(world.lifted(wrong), world.cloud, world.silhouette, UNKNOWN, None)
    assert np.linalg.norm(wrong - world.truth, axis=1)[[31, 32]].min() > 0.25
    assert np.linalg.norm(found.points - world.truth, axis=1)[[31, 32]].max() < 0.1


def test_a_hidden_arm_is_not_inside_of_the_trunk(world: World) -> None:
    """Seen from the side, the far arm is taken to be nearer than it is."""
    wrong = world.truth.copy()
    far = [14, 16, 18, 20, 22] if world.truth[12, 2] > world.truth[11, 2] else [
        13, 15, 17, 19, 21]
    inwards = world.truth[[11, 12, 23, 24]].mean(axis=0) - world.truth[far[1]]
    wrong[far[1:]] += 0.7 * inwards * [1, 0, 1]
    lifted = world.lifted(wrong, 0.2)
    confidences = lifted.confidences.copy()
    confidences[far] = Confidence.LOW
    found = fit_limbs(
        replace(lifted, confidences=confidences), world.cloud, world.silhouette, UNKNOWN, None)
    off = [np.linalg.norm(points - world.truth, axis=1)[far[1]]
           for points in (wrong, found.points)]
    assert off[0] > 0.2
    assert off[1] < 0.13


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_start_gives_nonsense(seed: int) -> None:
    world = _WORLD
    random = np.random.default_rng(seed)
    wrong = world.truth + random.normal(0, 0.3, (33, 3))
    wrong[:, 2] = np.maximum(wrong[:, 2], 0.3)
    found = fit_limbs(
        world.lifted(wrong, float(random.uniform())), world.cloud, world.silhouette,
        np.where(random.uniform(size=len(BONES)) < 0.5, np.nan, 0.3), None)
    assert np.isfinite(found.points).all()
    assert np.linalg.norm(found.points - world.truth, axis=1).max() < 2.0


def test_a_silhouette_pulls_back_what_cannot_be(world: World) -> None:
    inside = world.truth[[23, 24]].mean(axis=0)
    beside = inside + [0.5, 0, 0]
    pull = pulls(world.silhouette, np.array([inside, inside * 0.8, beside, beside * 2]))
    assert np.array_equal(pull[0], np.zeros(3))
    assert pull[1, 2] > 0.2 and np.array_equal(pull[1, :2], [0, 0])
    assert -0.5 < pull[2, 0] < -0.1 and pull[2, 2] == 0
    # what something hides may well be there
    assert np.array_equal(pull[3], np.zeros(3))


def test_its_pixels_are_those_of_the_lens() -> None:
    """All lenses are asked, wide ones, too, where they are bent most."""
    for mode in (DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED):
        lens = NOMINAL.depth(mode)
        for model in ('brown_conrady', 'rational_6kt'):
            lens = replace(lens, model=model, p1=0.01, p2=-0.02, codx=0.01, cody=-0.01)
            depth = np.zeros((lens.height, lens.width), np.uint16)
            parts = Silhouette(
                PersonDepth(depth, depth == 0, depth > 0, lens), 2).kernel_arguments
            for x, y in np.random.default_rng(4).uniform(-2, 2, (200, 2)):
                pixel = lens.project([x, y, 1.0])[0]
                assert np.allclose(
                    fitting_kernels._project(x, y, parts[-1]), pixel, 1e-12, 1e-9, equal_nan=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_equations_are_solved(seed: int) -> None:
    random = np.random.default_rng(seed)
    root = random.normal(size=(48, 48))
    matrix, right = root @ root.T + 0.1 * np.eye(48), random.normal(size=48)
    expected = np.linalg.solve(matrix, right)
    fitting_kernels._cholesky(matrix, right)
    assert np.allclose(right, expected, 1e-8, 1e-8)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_steps_go_where_costs_fall(seed: int) -> None:
    """The right side is minus half the gradient of what it costs, where neither is cut off."""
    random = np.random.default_rng(seed)
    start = _WORLD.truth[fitting_kernels.NODES] + random.normal(0, 0.05, (16, 3))
    lifted = _WORLD.lifted(_WORLD.truth + random.normal(0, 0.05, (33, 3)))
    rays, depths, across, along, held = fitting._seen(lifted, np.arange(33))
    lengths, sigmas = fitting._bones(lifted.world, UNKNOWN)
    expected = start + random.normal(0, 0.1, (16, 3))
    terms = [(fitting_kernels._add_landmarks, (rays, depths, across, along, held)),
             (fitting_kernels._add_motion, (expected,)),
             (fitting_kernels._add_lengths, (lengths, sigmas)),
             (fitting_kernels._add_legs, ()), (fitting_kernels._add_feet, ())]
    # what others do to the directions of limits is left out
    counted = {fitting_kernels._add_legs: (10, 11, 12, 13), fitting_kernels._add_feet: (14, 15)}
    for term, evidence in terms:
        right = np.zeros(48)
        term(start, *evidence, np.zeros((48, 48)), right)
        for number in random.integers(0, 48, 8).tolist():
            if number // 3 not in counted.get(term, range(16)):
                continue
            costs = []
            for off in (-1e-6, 1e-6):
                nodes = start.copy()
                nodes.reshape(-1)[number] += off
                costs.append(term(nodes, *evidence, np.zeros((48, 48)), np.zeros(48)))
            slope = (costs[1] - costs[0]) / 2e-6
            assert right[number] == pytest.approx(-slope / 2, rel=1e-3, abs=1e-2)


_WORLD = World()
