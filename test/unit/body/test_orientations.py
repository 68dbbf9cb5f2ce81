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


"""Joint orientations from positions, compared with recorded output of the Body Tracking SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies
from k4a_ros.body.joints import Joint
from k4a_ros.body.orientations import FACE
from k4a_ros.body.orientations import head_axes
from k4a_ros.body.orientations import orientations
from k4a_ros.calibration.rigid_transform import quaternions
from k4a_ros.simulation.skeleton import Figure
from k4a_ros.simulation.skeleton import stride
import numpy as np
import pytest

Array = np.ndarray[Any, np.dtype[np.float64]]

#: largest median error, degrees, of joints whose orientation the positions determine
TIGHT = dict.fromkeys((
    Joint.PELVIS, Joint.SPINE_CHEST, Joint.NECK, Joint.SHOULDER_LEFT, Joint.SHOULDER_RIGHT,
    Joint.ELBOW_LEFT, Joint.ELBOW_RIGHT, Joint.HIP_LEFT, Joint.HIP_RIGHT, Joint.KNEE_LEFT,
    Joint.KNEE_RIGHT), 1.0)
#: largest median error, degrees, of joints whose orientation is partly a convention
WIDE = {
    Joint.SPINE_NAVEL: 1.0, Joint.ANKLE_LEFT: 1.5, Joint.FOOT_LEFT: 1.5, Joint.ANKLE_RIGHT: 3.0,
    Joint.FOOT_RIGHT: 3.0, Joint.CLAVICLE_LEFT: 4.0, Joint.CLAVICLE_RIGHT: 4.0,
    **dict.fromkeys(list(Joint)[Joint.HEAD:], 2.5)}
HANDS = [Joint.WRIST_LEFT, Joint.HAND_LEFT, Joint.HANDTIP_LEFT, Joint.WRIST_RIGHT,
         Joint.HAND_RIGHT, Joint.HANDTIP_RIGHT]


def angles_between(a: Array, b: Array) -> Array:
    """Return the angles between rotations, degrees, given as quaternions (..., 4) of any sign."""
    product = np.abs((np.asarray(a, np.float64) * b).sum(axis=-1))
    return np.degrees(2 * np.arccos(np.clip(product, 0, 1)))


def matrix(quaternion: Array) -> Array:
    """Return the rotation matrix of a unit quaternion w, x, y, z, by Rodrigues' formula."""
    w, *v = np.asarray(quaternion, np.float64)
    x, y, z = v
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * skew + 2 * skew @ skew


@pytest.fixture(scope='module')
def recorded(test_data: Path) -> tuple[Array, Array]:
    """Return positions (N, 32, 3), meters, and orientations (N, 32, 4) recorded from the SDK."""
    def read(name: str) -> Array:
        with (test_data / 'k4abt_skeletons' / name).open() as lines:
            names = next(lines).split(';')[2:2 + 4 * len(Joint):4]
            assert [name.rsplit(' ', 1)[0] for name in names] == [joint.name for joint in Joint]
            rows = [line.strip().strip(';').split(';')[2:2 + 4 * len(Joint)] for line in lines]
        return np.array(rows, float).reshape(len(rows), len(Joint), 4)
    return read('azure_pos.csv')[:, :, 1:] / 1000, read('azure_ori.csv')


@pytest.mark.parametrize(
    'use_previous', [False, True], ids=['independent frames', 'with previous result'])
def test_orientations_match_the_sdk(
    recorded: tuple[Array, Array], use_previous: bool,
) -> None:
    """The SDK's positions yield the SDK's orientations, within the median errors above."""
    positions, expected = recorded
    assert len(positions) > 300
    results: list[Any] = []
    for points in positions:
        results.append(orientations(points, results[-1] if use_previous and results else None))
    error = np.median(angles_between(np.array(results), expected), axis=0)
    too_large = {joint.name: round(error[joint], 2)
                 for joint, limit in (TIGHT | WIDE).items() if error[joint] > limit}
    assert not too_large


def test_hand_x_axes_match_the_sdk(recorded: tuple[Array, Array]) -> None:
    """The x axis of wrists and hands is the SDK's, although the rotation about it is unknown."""
    positions, expected = recorded
    error = np.array([
        [np.degrees(np.arccos(np.clip(matrix(a[j])[:, 0] @ matrix(b[j])[:, 0], -1, 1)))
         for j in HANDS]
        for a, b in (
            (orientations(positions[k]), expected[k]) for k in range(0, len(positions), 10))])
    # the SDK's hand is 5° off the x axis of its wrist
    assert np.median(error, axis=0) == pytest.approx(0, abs=6)
    assert np.median(error[:, [1, 2, 4, 5]], axis=0) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize('amplitude', [0.0, 0.4, 1.0])
def test_orientations_match_the_simulated_person(amplitude: float) -> None:
    """The simulation's positions yield the simulation's axes throughout the gait cycle."""
    for phase in np.linspace(0, 1, 12, endpoint=False):
        figure = stride(phase, amplitude)
        error = angles_between(orientations(figure.positions), quaternions(figure.axes))
        clavicles = [Joint.CLAVICLE_LEFT, Joint.CLAVICLE_RIGHT]
        # the simulated clavicles do not lean, and the simulated pelvis does not follow the spine
        assert error[clavicles] == pytest.approx(0, abs=9)
        assert np.delete(error, clavicles) == pytest.approx(0, abs=4)
        tight = {joint: error[joint] for joint in TIGHT if joint is not Joint.PELVIS}
        assert max(tight.values()) < 1, tight


def with_bent_limbs(figure: Figure, bend: float) -> Array:
    """Return the positions with all limbs hanging down, bent forward or back by radians."""
    positions = figure.positions.copy()
    for root, hinge, end, direction in (
            (Joint.SHOULDER_LEFT, Joint.ELBOW_LEFT, Joint.WRIST_LEFT, 1),
            (Joint.SHOULDER_RIGHT, Joint.ELBOW_RIGHT, Joint.WRIST_RIGHT, 1),
            (Joint.HIP_LEFT, Joint.KNEE_LEFT, Joint.ANKLE_LEFT, -1),
            (Joint.HIP_RIGHT, Joint.KNEE_RIGHT, Joint.ANKLE_RIGHT, -1)):
        positions[hinge] = positions[root] + [0, 0, -0.4]
        positions[end] = positions[hinge] + [
            0.4 * direction * np.sin(bend), 0, -0.4 * np.cos(bend)]
    return positions


LIMBS = [Joint.SHOULDER_LEFT, Joint.ELBOW_LEFT, Joint.SHOULDER_RIGHT, Joint.ELBOW_RIGHT,
         Joint.HIP_LEFT, Joint.KNEE_LEFT, Joint.HIP_RIGHT, Joint.KNEE_RIGHT]


def test_straight_limb_gets_the_expected_hinge_axis() -> None:
    """A bend of zero, or one too small to be told from noise, yields the anatomical hinge axis."""
    figure = stride(0.0, 0.0)
    bent = orientations(with_bent_limbs(figure, 0.6))
    for bend in (0.0, 0.03, -0.03, -0.1):
        straight = orientations(with_bent_limbs(figure, bend))
        difference = angles_between(straight, bent)[LIMBS]
        # shoulders and hips keep their orientation, elbows and knees differ by the bend
        assert difference[::2] == pytest.approx(0, abs=7)
        assert difference[1::2] == pytest.approx(np.degrees(0.6 - bend), abs=7)


def test_limb_that_straightens_keeps_its_hinge_axis() -> None:
    """The hinge axis of a straightened arm is the previous one, not the anatomical one."""
    def with_bent_arm(bend: float) -> Array:
        positions = stride(0.0, 0.0).positions.copy()
        root = positions[Joint.SHOULDER_LEFT]
        # the forearm crosses the chest
        positions[Joint.ELBOW_LEFT] = root + [0, 0, -0.3]
        positions[Joint.WRIST_LEFT] = root + [
            0, -0.3 * np.sin(bend), -0.3 - 0.3 * np.cos(bend)]
        return positions
    previous = orientations(with_bent_arm(1.0))
    hinge = matrix(previous[Joint.SHOULDER_LEFT])[:, 2]
    for bend in (0.3, 0.1, 0.0, -0.02, 0.0):
        previous = orientations(with_bent_arm(bend), previous)
        assert matrix(previous[Joint.SHOULDER_LEFT])[:, 2] == pytest.approx(hinge, abs=1e-5)
    without_previous = matrix(orientations(with_bent_arm(0.0))[Joint.SHOULDER_LEFT])[:, 2]
    assert abs(without_previous @ hinge) < 0.2


def test_orientations_rotate_with_the_body() -> None:
    """Rotating and scaling the positions rotates the axes."""
    figure = stride(0.3, 1.0)
    rotation = matrix(np.array([0.5, -0.5, 0.5, 0.5]))
    before = [matrix(q) for q in orientations(figure.positions)]
    after = [matrix(q) for q in orientations(1.3 * figure.positions @ rotation.T + [1, 2, 3])]
    assert np.array(after) == pytest.approx(rotation @ np.array(before), abs=1e-4)


@given(strategies.integers(0, 2**32 - 1), strategies.booleans())
def test_degenerate_positions_give_unit_quaternions(seed: int, use_previous: bool) -> None:
    """Coincident or collinear joints get arbitrary but valid orientations."""
    random = np.random.default_rng(seed)
    positions = random.choice([-0.3, 0.0, 0.4], size=(32, 3)) * (random.random(3) > 0.4)
    previous = orientations(random.normal(size=(32, 3))) if use_previous else None
    result = orientations(positions, previous)
    assert result.shape == (32, 4) and result.dtype == np.float32
    assert np.linalg.norm(result, axis=1) == pytest.approx(1, abs=1e-5)
    assert (result[:, 0] >= 0).all()


def test_head_axes_fit_the_face() -> None:
    """A face of any size determines the axes; a degenerate one gives the fallback."""
    rotation = matrix(np.array([0.1, 0.7, -0.1, 0.7]))
    assert head_axes(0.9 * FACE @ rotation.T + 2, np.eye(3)) == pytest.approx(rotation, abs=1e-3)
    assert head_axes(np.ones((5, 3)), rotation) == pytest.approx(rotation)


def test_quaternions_of_half_turns() -> None:
    """Rotations whose quaternion has a single large component survive the round trip."""
    expected = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1],
                         [0.5, -0.5, 0.5, 0.5]])
    result = quaternions([matrix(q) for q in expected])
    assert angles_between(result, expected) == pytest.approx(0, abs=1e-5)
