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


"""Orientations of joints from their positions, against what the Body Tracking SDK itself said."""

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

#: degrees that the median may be off, for joints whose turn positions tell
TIGHT = dict.fromkeys((
    Joint.PELVIS, Joint.SPINE_CHEST, Joint.NECK, Joint.SHOULDER_LEFT, Joint.SHOULDER_RIGHT,
    Joint.ELBOW_LEFT, Joint.ELBOW_RIGHT, Joint.HIP_LEFT, Joint.HIP_RIGHT, Joint.KNEE_LEFT,
    Joint.KNEE_RIGHT), 1.0)
#: and for others
WIDE = {
    Joint.SPINE_NAVEL: 1.0, Joint.ANKLE_LEFT: 1.5, Joint.FOOT_LEFT: 1.5, Joint.ANKLE_RIGHT: 3.0,
    Joint.FOOT_RIGHT: 3.0, Joint.CLAVICLE_LEFT: 4.0, Joint.CLAVICLE_RIGHT: 4.0,
    **dict.fromkeys(list(Joint)[Joint.HEAD:], 2.5)}
HANDS = [Joint.WRIST_LEFT, Joint.HAND_LEFT, Joint.HANDTIP_LEFT, Joint.WRIST_RIGHT,
         Joint.HAND_RIGHT, Joint.HANDTIP_RIGHT]


def apart(a: Array, b: Array) -> Array:
    """Return the angles between rotations, degrees; quaternions (..., 4) of any sign."""
    product = np.abs((np.asarray(a, np.float64) * b).sum(axis=-1))
    return np.degrees(2 * np.arccos(np.clip(product, 0, 1)))


def matrix(quaternion: Array) -> Array:
    """Return a unit quaternion w, x, y, z as a rotation: Rodrigues' formula."""
    w, *v = np.asarray(quaternion, np.float64)
    x, y, z = v
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * skew + 2 * skew @ skew


@pytest.fixture(scope='module')
def recorded(test_data: Path) -> tuple[Array, Array]:
    """Return positions (N, 32, 3) meters, and orientations (N, 32, 4), as the SDK gave them."""
    def read(name: str) -> Array:
        with (test_data / 'k4abt_skeletons' / name).open() as lines:
            names = next(lines).split(';')[2:2 + 4 * len(Joint):4]
            assert [name.rsplit(' ', 1)[0] for name in names] == [joint.name for joint in Joint]
            rows = [line.strip().strip(';').split(';')[2:2 + 4 * len(Joint)] for line in lines]
        return np.array(rows, float).reshape(len(rows), len(Joint), 4)
    return read('azure_pos.csv')[:, :, 1:] / 1000, read('azure_ori.csv')


@pytest.mark.parametrize('follow', [False, True], ids=['one by one', 'with the previous ones'])
def test_orientations_are_those_of_the_sdk(recorded: tuple[Array, Array], follow: bool) -> None:
    """What the SDK said of the orientations comes out of its positions."""
    positions, expected = recorded
    assert len(positions) > 300
    found: list[Any] = []
    for places in positions:
        found.append(orientations(places, found[-1] if follow and found else None))
    off = np.median(apart(np.array(found), expected), axis=0)
    wrong = {joint.name: round(off[joint], 2)
             for joint, most in (TIGHT | WIDE).items() if off[joint] > most}
    assert not wrong


def test_the_bones_of_arms_legs_and_hands_are_their_x(recorded: tuple[Array, Array]) -> None:
    """Each x is that of the SDK to a degree or five, where the turn about it is not known."""
    positions, expected = recorded
    off = np.array([
        [np.degrees(np.arccos(np.clip(matrix(a[j])[:, 0] @ matrix(b[j])[:, 0], -1, 1)))
         for j in HANDS]
        for a, b in (
            (orientations(positions[k]), expected[k]) for k in range(0, len(positions), 10))])
    # the SDK's hand is 5° aside of its wrist's x
    assert np.median(off, axis=0) == pytest.approx(0, abs=6)
    assert np.median(off[:, [1, 2, 4, 5]], axis=0) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize('amplitude', [0.0, 0.4, 1.0])
def test_orientations_are_those_of_the_simulated_person(amplitude: float) -> None:
    """The simulation's axes come out of its positions, through all of a step."""
    for phase in np.linspace(0, 1, 12, endpoint=False):
        figure = stride(phase, amplitude)
        off = apart(orientations(figure.positions), quaternions(figure.axes))
        clavicles = [Joint.CLAVICLE_LEFT, Joint.CLAVICLE_RIGHT]
        # its clavicles do not lean, and its pelvis does not follow the spine
        assert off[clavicles] == pytest.approx(0, abs=9)
        assert np.delete(off, clavicles) == pytest.approx(0, abs=4)
        most = {joint: off[joint] for joint in TIGHT if joint is not Joint.PELVIS}
        assert max(most.values()) < 1, most


def straight(figure: Figure, bend: float) -> Array:
    """Return the positions with all limbs in the plane of the person, bent by this, radians."""
    places = figure.positions.copy()
    for root, hinge, end, way in (
            (Joint.SHOULDER_LEFT, Joint.ELBOW_LEFT, Joint.WRIST_LEFT, 1),
            (Joint.SHOULDER_RIGHT, Joint.ELBOW_RIGHT, Joint.WRIST_RIGHT, 1),
            (Joint.HIP_LEFT, Joint.KNEE_LEFT, Joint.ANKLE_LEFT, -1),
            (Joint.HIP_RIGHT, Joint.KNEE_RIGHT, Joint.ANKLE_RIGHT, -1)):
        places[hinge] = places[root] + [0, 0, -0.4]
        places[end] = places[hinge] + [0.4 * way * np.sin(bend), 0, -0.4 * np.cos(bend)]
    return places


LIMBS = [Joint.SHOULDER_LEFT, Joint.ELBOW_LEFT, Joint.SHOULDER_RIGHT, Joint.ELBOW_RIGHT,
         Joint.HIP_LEFT, Joint.KNEE_LEFT, Joint.HIP_RIGHT, Joint.KNEE_RIGHT]


def test_a_straight_limb_bends_as_people_do() -> None:
    """Without a bend, or with one too small to be told from noise, the hinge is the usual one."""
    figure = stride(0.0, 0.0)
    bent = orientations(straight(figure, 0.6))
    for bend in (0.0, 0.03, -0.03, -0.1):
        found = orientations(straight(figure, bend))
        off = apart(found, bent)[LIMBS]
        # shoulders and hips turn as they were, elbows and knees by what they are bent
        assert off[::2] == pytest.approx(0, abs=7)
        assert off[1::2] == pytest.approx(np.degrees(0.6 - bend), abs=7)


def test_a_limb_that_gets_straight_keeps_its_hinge() -> None:
    """Its turn about itself is that of the previous orientations, not the usual one."""
    def arm(bend: float) -> Array:
        places = stride(0.0, 0.0).positions.copy()
        root = places[Joint.SHOULDER_LEFT]
        # the forearm comes across the chest
        places[Joint.ELBOW_LEFT] = root + [0, 0, -0.3]
        places[Joint.WRIST_LEFT] = root + [0, -0.3 * np.sin(bend), -0.3 - 0.3 * np.cos(bend)]
        return places
    previous = orientations(arm(1.0))
    inward = matrix(previous[Joint.SHOULDER_LEFT])[:, 2]
    for bend in (0.3, 0.1, 0.0, -0.02, 0.0):
        previous = orientations(arm(bend), previous)
        assert matrix(previous[Joint.SHOULDER_LEFT])[:, 2] == pytest.approx(inward, abs=1e-5)
    alone = matrix(orientations(arm(0.0))[Joint.SHOULDER_LEFT])[:, 2]
    assert abs(alone @ inward) < 0.2


def test_orientations_turn_with_the_body() -> None:
    """A person who turns takes the axes along, and his size does not matter."""
    figure = stride(0.3, 1.0)
    turn = matrix(np.array([0.5, -0.5, 0.5, 0.5]))
    before = [matrix(q) for q in orientations(figure.positions)]
    after = [matrix(q) for q in orientations(1.3 * figure.positions @ turn.T + [1, 2, 3])]
    assert np.array(after) == pytest.approx(turn @ np.array(before), abs=1e-4)


@given(strategies.integers(0, 2**32 - 1), strategies.booleans())
def test_any_positions_give_unit_quaternions(seed: int, follow: bool) -> None:
    """Even joints that lie on each other, or on one line, have some axes."""
    random = np.random.default_rng(seed)
    places = random.choice([-0.3, 0.0, 0.4], size=(32, 3)) * (random.random(3) > 0.4)
    previous = orientations(random.normal(size=(32, 3))) if follow else None
    found = orientations(places, previous)
    assert found.shape == (32, 4) and found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert (found[:, 0] >= 0).all()


def test_the_head_is_turned_as_its_face() -> None:
    """A face of any size gives its turn; one that is a point, the turn that is expected."""
    turn = matrix(np.array([0.1, 0.7, -0.1, 0.7]))
    assert head_axes(0.9 * FACE @ turn.T + 2, np.eye(3)) == pytest.approx(turn, abs=1e-3)
    assert head_axes(np.ones((5, 3)), turn) == pytest.approx(turn)


def test_quaternions_of_half_turns() -> None:
    """Rotations of which no component but one is large come back as they were."""
    given_ = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1],
                       [0.5, -0.5, 0.5, 0.5]])
    found = quaternions([matrix(q) for q in given_])
    assert apart(found, given_) == pytest.approx(0, abs=1e-5)
