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

"""Unit tests of front and back: by depth, by walking direction, and over time."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.flip_test import MIRROR_ORDER
from k4a_ros.body.landmarks.tracking.front_back import facing_evidence
from k4a_ros.body.landmarks.tracking.front_back import FacingEvidence
from k4a_ros.body.landmarks.tracking.front_back import FacingFilter
from k4a_ros.body.landmarks.tracking.front_back import resolve_new_person
from k4a_ros.body.landmarks.tracking.front_back import reverse
from k4a_ros.body.landmarks.tracking.front_back import ViewPrediction
import numpy as np
import pytest
from support.simulated_person import SimulatedPerson

PIXELS_PER_METER = 100.0
PERIOD_S = 1 / 15


def make_landmarks(width: float, *, front: bool = True) -> Landmarks:
    """Return landmarks with the left ones ``width`` meters to the right of the right ones."""
    pixels = np.zeros((33, 2), np.float32)
    pixels[:, 0] = 128 + np.where(np.arange(33) % 2, width, -width) * PIXELS_PER_METER / 2
    pixels[:, 1] = np.linspace(20, 230, 33)
    world = np.zeros((33, 3), np.float32)
    world[:, 0] = np.where(np.arange(33) % 2, 0.2, -0.2) * (1 if front else -1)
    world[:, 2] = np.linspace(-0.2, 0.2, 33)
    return Landmarks(1.0, pixels, np.ones(33, np.float32), world, np.zeros(2), np.ones(2))


def resolve(
    facing: FacingFilter, seen: Landmarks, expected: Landmarks, log_odds: float,
    away: float = 0.0, speed: float = 0.0, unturned: Landmarks | None = None,
) -> tuple[Landmarks, bool]:
    """Resolve one frame, with the landmarks that are predicted and, without turning, unturned."""
    pixels, unturned_pixels = (
        one.pixels.astype(np.float64) for one in (expected, unturned or expected))
    prediction = ViewPrediction(pixels, unturned_pixels, PIXELS_PER_METER, speed, PERIOD_S)
    return facing.resolve(seen, prediction, FacingEvidence(log_odds, away))


def test_reverse_exchanges_left_and_right_near_and_far():
    landmarks = make_landmarks(0.3)
    reversed_once = reverse(landmarks)
    assert np.array_equal(reversed_once.pixels, landmarks.pixels[MIRROR_ORDER])
    assert np.array_equal(reversed_once.world, landmarks.world[MIRROR_ORDER] * [1, 1, -1])
    assert np.array_equal(reverse(reversed_once).world, landmarks.world)


@pytest.mark.parametrize(('away', 'wrong', 'face', 'asked', 'log_odds'), [
    pytest.param(True, True, True, 1, -2, id='depth contradicts a face'),
    pytest.param(True, True, False, 1, 2, id='back of a head'),
    pytest.param(False, False, True, 0, -2, id='depth agrees'),
    pytest.param(False, True, True, 0, 2, id='landmarks of a back')])
def test_front_with_a_face_is_no_back(away, wrong, face, asked, log_odds):
    person = SimulatedPerson(800_000, path=((0.0, 1.8), (0.0, 3.0))[::1 if away else -1])
    landmarks = reverse(person.landmarks) if wrong else person.landmarks
    asks = []

    def sees_face() -> bool:
        asks.append(1)
        return face

    found = facing_evidence(landmarks, person.view, person.person_depth, sees_face)
    assert len(asks) == asked
    assert found.log_odds <= log_odds if log_odds < 0 else found.log_odds >= log_odds


def test_new_person_is_reversed_if_depth_contradicts_a_front():
    front, back = make_landmarks(0.3), make_landmarks(-0.3, front=False)
    assert resolve_new_person(front, FacingEvidence(-3.0, 0.0)) is front
    turned = resolve_new_person(front, FacingEvidence(3.0, 0.0))
    assert np.array_equal(turned.pixels, front.pixels[MIRROR_ORDER])
    # the model hardly ever takes a front for a back
    assert resolve_new_person(back, FacingEvidence(3.0, 0.0)) is back


def test_one_frame_does_not_turn_a_person():
    facing = FacingFilter()
    back = make_landmarks(-0.3, front=False)
    for _ in range(10):
        seen, turned = resolve(facing, back, back, -4.0)
        assert seen is back and not turned
    # the model sees a front, and the depth does not contradict it
    seen, turned = resolve(facing, make_landmarks(0.3), back, -2.0)
    assert not turned
    assert np.array_equal(seen.pixels, make_landmarks(0.3).pixels[MIRROR_ORDER])


@pytest.mark.parametrize(('log_odds', 'frames'), [(-4.0, 1), (-1.0, 2)])
def test_lasting_evidence_turns_a_person(log_odds: float, frames: int):
    """The more certain the depth, the sooner; the new direction is then kept."""
    facing = FacingFilter()
    front, expected = make_landmarks(0.3), make_landmarks(-0.3, front=False)
    for frame in range(1, frames + 1):
        seen, turned = resolve(facing, front, expected, log_odds)
        assert turned == (frame == frames)
    assert seen is front
    seen, turned = resolve(facing, expected, front, 0.0)
    assert not turned
    assert np.array_equal(seen.pixels, expected.pixels[MIRROR_ORDER])


def test_predicted_turn_needs_support_of_the_depth():
    """At a low frame rate, a movement may be extrapolated to a turn."""
    front, back = make_landmarks(0.2), make_landmarks(-0.1, front=False)
    facing = FacingFilter()
    for _ in range(10):
        resolve(facing, front, front, -4.0)
    seen, turned = resolve(facing, front, back, -4.0, unturned=make_landmarks(0.1))
    assert seen is front and not turned
    # a real turn is seen by the depth, too
    seen, turned = resolve(facing, back, back, -4.0, unturned=make_landmarks(0.1))
    assert seen is back and not turned


def test_walking_direction_is_evidence():
    """A person who approaches and seems to show the back faces the camera."""
    back = make_landmarks(-0.3, front=False)
    _, turned = resolve(FacingFilter(), back, back, 0.5, away=1.0, speed=-0.9)
    assert turned
    facing = FacingFilter()
    assert not any(resolve(facing, back, back, 0.5, away=1.0, speed=0.9)[1] for _ in range(5))


def test_profile_is_neither_front_nor_back():
    facing = FacingFilter()
    profile = make_landmarks(0.02)
    for _ in range(10):
        seen, turned = resolve(facing, profile, profile, 6.0)
        assert seen is profile and not turned
    # left and right are then as predicted
    wider = replace(profile, pixels=profile.pixels.copy())
    wider.pixels[:, 0] += np.where(np.arange(33) % 2, 15, -15)
    seen, _ = resolve(facing, reverse(wider), wider, 0.0)
    assert np.allclose(seen.pixels, wider.pixels)


@pytest.mark.parametrize('time_us', [300_000, 900_000, 1_500_000])
def test_depth_tells_landmarks_from_their_reverse(time_us: int):
    person = SimulatedPerson(time_us)

    def log_odds(landmarks: Landmarks) -> float:
        return facing_evidence(
            landmarks, person.view, person.person_depth, lambda: False).log_odds

    assert log_odds(person.landmarks) < -2
    assert log_odds(reverse(person.landmarks)) > 2


def test_facing_is_unknown_without_pixels_of_the_person():
    person = SimulatedPerson(300_000)
    person.own = np.zeros_like(person.own)
    evidence = facing_evidence(
        person.landmarks, person.view, person.person_depth, lambda: True)
    assert evidence.log_odds == 0
