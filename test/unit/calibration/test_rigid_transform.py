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

"""Rigid transforms, with arbitrary rotations."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.rigid_transform import rotation_x
from k4a_ros.calibration.rigid_transform import rotation_y
from k4a_ros.calibration.rigid_transform import rotation_z
import numpy as np
import pytest

COMPONENT = st.floats(-1, 1)
QUATERNIONS = st.tuples(COMPONENT, COMPONENT, COMPONENT, COMPONENT).map(np.array).filter(
    lambda q: np.linalg.norm(q) > 1e-3).map(lambda q: q / np.linalg.norm(q))


def rotation_of(q: np.ndarray) -> np.ndarray:
    """Return the rotation matrix of a unit quaternion (x, y, z, w), by rotating unit vectors."""
    v, w = q[:3], q[3]
    return np.stack([
        e + 2 * w * np.cross(v, e) + 2 * np.cross(v, np.cross(v, e)) for e in np.eye(3)], axis=1)


@given(QUATERNIONS)
def test_quaternion_equals_the_rotation(q):
    found = np.array(RigidTransform(rotation_of(q), np.zeros(3)).quaternion())
    assert found[3] >= 0
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-12)
    # q and -q are the same rotation
    assert abs(found @ q) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(rotation_of(found), rotation_of(q), atol=1e-7)


@pytest.mark.parametrize('axis', range(3))
def test_quaternion_of_half_turns(axis):
    rotation = -np.eye(3)
    rotation[axis, axis] = 1
    expected = np.zeros(4)
    expected[axis] = 1
    found = np.array(RigidTransform(rotation, np.zeros(3)).quaternion())
    np.testing.assert_allclose(np.abs(found), expected, atol=1e-15)


@given(QUATERNIONS, QUATERNIONS, st.tuples(COMPONENT, COMPONENT, COMPONENT))
def test_transforms_compose_and_invert(a, b, point):
    first = RigidTransform(rotation_of(a), np.array([0.1, -0.2, 0.3]))
    second = RigidTransform(rotation_of(b), np.array([-3.0, 2.0, 1.0]))
    both = second @ first
    np.testing.assert_allclose(both.apply(point), second.apply(first.apply(point)), atol=1e-12)
    np.testing.assert_allclose(both.inverse().apply(both.apply(point)), point, atol=1e-12)
    np.testing.assert_allclose((both @ both.inverse()).rotation, np.eye(3), atol=1e-12)
    np.testing.assert_array_equal(RigidTransform.identity().apply(point), point)


@given(QUATERNIONS, st.lists(st.floats(-0.02, 0.02), min_size=9, max_size=9))
def test_normalized_is_the_nearest_rotation(q, noise):
    rotation = rotation_of(q)
    skewed = RigidTransform(rotation + np.reshape(noise, (3, 3)), np.array([1.0, 2.0, 3.0]))
    normal = skewed.normalized()
    np.testing.assert_allclose(normal.rotation @ normal.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(normal.rotation) == pytest.approx(1, abs=1e-12)
    # at most as far from the skewed matrix as the rotation that it was derived from
    distance = np.linalg.norm(rotation - skewed.rotation)
    assert np.linalg.norm(normal.rotation - skewed.rotation) <= distance + 1e-12
    np.testing.assert_array_equal(normal.translation, skewed.translation)


def test_arrays_are_copied_read_only_and_checked_for_shape():
    given_rotation = np.eye(3)
    transform = RigidTransform(given_rotation, [0, 0, 1])
    given_rotation[0, 0] = 5
    assert transform.rotation[0, 0] == 1
    with pytest.raises(ValueError, match='read-only'):
        transform.translation[0] = 1
    with pytest.raises(ValueError, match='rotation has shape'):
        RigidTransform(np.eye(4), np.zeros(3))


@pytest.mark.parametrize(('rotation_about', 'axis'), [
    (rotation_x, 0), (rotation_y, 1), (rotation_z, 2)])
def test_rotation_about_an_axis_is_right_handed(rotation_about, axis):
    x, y, z = np.roll(np.eye(3), -axis, axis=0)
    rotation = rotation_about(np.radians(30))
    np.testing.assert_allclose(rotation @ x, x, atol=1e-15)
    np.testing.assert_allclose(rotation @ y, np.sqrt(0.75) * y + 0.5 * z, atol=1e-15)
    np.testing.assert_allclose(rotation @ z, np.sqrt(0.75) * z - 0.5 * y, atol=1e-15)
