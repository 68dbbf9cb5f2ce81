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

"""Ray intersections of shapes, compared with values computed by hand."""

from __future__ import annotations

import math

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.shapes import Shape
import numpy as np
import pytest
from support.shapes import BALL
from support.shapes import BOX
from support.shapes import CONE
from support.shapes import INTERSECTIONS
from support.shapes import ROD
from support.shapes import rotation_about
from support.shapes import SLOPE


@pytest.mark.parametrize(('shape', 'origin', 'direction', 'distance', 'normal'), INTERSECTIONS)
def test_intersection_of_a_ray(
    shape: Shape, origin: tuple, direction: tuple, distance: float, normal: tuple | None,
) -> None:
    hits = Scene((shape,)).cast(origin, direction)
    assert hits.distance == pytest.approx(distance, abs=1e-12)
    if normal is None:
        assert hits.index == -1
        assert (hits.normal == 0).all()
        assert (hits.color == 0).all()
    else:
        assert hits.index == 0
        np.testing.assert_allclose(hits.normal, normal, atol=1e-12)


def test_random_hits_are_the_first_points_on_the_surface():
    rng = np.random.default_rng(3)
    rotation = rotation_about(0, 20) @ rotation_about(1, 50) @ rotation_about(2, 70)
    center = np.array([0.3, -0.2, 2.0])
    half = np.array([0.4, 0.3, 0.6])
    a, b, radius = np.array([-0.6, 0.4, 1.5]), np.array([0.7, -0.1, 2.2]), 0.3

    def box_distance(p: np.ndarray) -> np.ndarray:
        q = np.abs((p - center) @ rotation) - half
        return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0)

    def capsule_distance(p: np.ndarray) -> np.ndarray:
        along = np.clip((p - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        return np.linalg.norm(p - a - along[..., np.newaxis] * (b - a), axis=-1) - radius

    def cone_distance(p: np.ndarray) -> np.ndarray:
        length, slope = np.linalg.norm(b - a), (radius - 0.05) / np.linalg.norm(b - a)
        level = (p - a) @ (b - a) / length
        away = np.linalg.norm(p - a - level[..., np.newaxis] * (b - a) / length, axis=-1)
        # the center of the sphere that the point is closest to
        center = np.clip(level - away * slope / np.sqrt(1 - slope ** 2), 0, length)
        return np.hypot(away, level - center) - radius + slope * center

    directions = np.concatenate((rng.uniform(-0.8, 0.8, (4000, 2)), np.ones((4000, 1))), axis=1)
    for shape, signed_distance in (
            (Box(tuple(half * 2), RigidTransform(rotation, center)), box_distance),
            (Capsule(tuple(a), tuple(b), radius), capsule_distance),
            (Capsule(tuple(a), tuple(b), radius, end_radius=0.05), cone_distance)):
        hits = Scene((shape,)).cast((0, 0, 0), directions)
        hit = np.isfinite(hits.distance)
        assert 200 < hit.sum() < 3800
        points = hits.distance[hit, np.newaxis] * directions[hit]
        assert np.abs(signed_distance(points)).max() < 1e-12
        # the normal is the gradient of the distance, except next to the box's edges
        outward = signed_distance(points + 1e-6 * hits.normal[hit])
        np.testing.assert_allclose(outward, 1e-6, rtol=1e-3)
        for fraction in np.linspace(0.02, 0.98, 49):
            assert (signed_distance(points * fraction) > 0).all()
        # a ray that misses stays outside along its whole length
        for t in np.linspace(0, 5, 101):
            assert (signed_distance(directions[~hit] * t) > -1e-9).all()


def test_nearest_shape_is_hit_in_any_order():
    wall = Plane((0, 0, 9), (0, 0, -1))
    for shapes in ((BALL, wall), (wall, BALL)):
        hits = Scene(shapes).cast((0, 0, 0), [[0, 0, 1], [0, 0.9, 1], [0, 0, -1]])
        assert [shapes[i] if i >= 0 else None for i in hits.index] == [BALL, wall, None]
        np.testing.assert_allclose(hits.distance, [2, 9, np.inf])


def test_cast_accepts_any_array_shape_and_nan():
    directions = np.ones((2, 3, 4, 3))
    directions[0, 0, 0] = np.nan
    hits = Scene((SLOPE, BOX, BALL, ROD)).cast((0, 0, 0), directions)
    assert hits.distance.shape == hits.index.shape == (2, 3, 4)
    assert hits.normal.shape == hits.color.shape == (2, 3, 4, 3)
    assert hits.index[0, 0, 0] == -1
    assert np.isinf(hits.distance[0, 0, 0])
    assert (hits.index.flat[1:] == 0).all()
    assert Scene(()).cast((0, 0, 0), (0, 0, 1)).index == -1


def test_checkerboard_alternates_colors():
    board = Material((1.0, 0.5, 0.25), (0.0, 0.125, 0.75), 0.1)
    box = Box((1, 1, 1), RigidTransform(rotation_about(2, 30), np.array([0.2, 0.1, 1.5])), board)
    local = np.array([[0.05, 0.05, -0.5], [0.15, 0.05, -0.5], [0.15, 0.15, -0.5],
                      [-0.05, 0.05, -0.5], [-0.05, -0.35, -0.5]])
    hits = Scene((box,)).cast((0, 0, 0), box.pose.apply(local))
    np.testing.assert_allclose(hits.distance, 1, atol=1e-12)
    odd = [0, 1, 0, 1, 1]
    np.testing.assert_array_equal(hits.color, np.array((board.color, board.other))[odd])
    # squares on a plane and on a capsule have the given size
    floor = Plane((0, 1, 0), (0, -2, 0), board)
    colors = Scene((floor,)).cast((0, 0, 0), [[x / 20 + 0.025, 1, 2.05] for x in range(40)]).color
    np.testing.assert_array_equal(colors[:-2] == colors[2:], False)
    np.testing.assert_array_equal(colors[:-4], colors[4:])
    rod = Capsule((0, -1, 3), (0, 1, 3), 0.5, board)
    np.testing.assert_allclose(rod.texture(np.array([[0, 0.2, 2.5]]))[0, 0], 1.2)
    around = rod.texture(np.array([[0.5, 0, 3], [-0.5, 0, 3]]))[:, 1]
    assert abs(around[0] - around[1]) == pytest.approx(0.5 * math.pi)


def test_reflectivity_in_infrared_is_the_mean_color_unless_given():
    assert Material((0.1, 0.2, 0.6), (0.3, 0.3, 0.0), 0.1).reflectivities == pytest.approx(
        (0.3, 0.2))
    # dyes that differ in color are alike in infrared
    assert Material((0.1, 0.2, 0.6), (0.3, 0.3, 0.0), 0.1, 0.7).reflectivities == (0.7, 0.7)


@pytest.mark.parametrize('shape', [SLOPE, BOX, BALL, ROD, CONE])
def test_translated_shape_has_translated_intersections(shape: Shape) -> None:
    offset = (0.1, -0.2, 0.4)
    before = Scene((shape,)).cast((0, 0, 0), (0.01, 0.02, 1))
    after = Scene((shape.translated(offset),)).cast(offset, (0.01, 0.02, 1))
    assert after.distance == pytest.approx(before.distance)
    np.testing.assert_allclose(after.normal, before.normal)
