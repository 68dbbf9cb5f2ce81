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

"""Every intersection against a value computed by hand."""

from __future__ import annotations

import math

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation import fallback
from k4a_ros.simulation import kernels
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.shapes import seen_from
from k4a_ros.simulation.shapes import Shape
from k4a_ros.simulation.shapes import sphere
from k4a_ros.simulation.shapes import table
import numpy as np
import pytest

WHITE = Material((1.0, 1.0, 1.0))


def turn(axis: int, degrees: float) -> np.ndarray:
    """Return the rotation about an axis."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rotation = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    rotation[a, a] = rotation[b, b] = c
    rotation[b, a], rotation[a, b] = s, -s
    return rotation


BOX = Box((2.0, 1.0, 4.0), RigidTransform(np.eye(3), np.array([0.0, 0.0, 5.0])))
#: its edge towards us, 4 - √2 / 2 away
DIAMOND = Box((1.0, 1.0, 1.0), RigidTransform(turn(1, 45), np.array([0.0, 0.0, 4.0])))
BALL = sphere((0.0, 0.0, 3.0), 1.0, WHITE)
ROD = Capsule((0.0, -1.0, 3.0), (0.0, 1.0, 3.0), 0.5)
SLOPE = Plane((0.0, 0.0, 2.0), (0.0, -3.0, -3.0))
ROOT3 = math.sqrt(3)

CASES = [
    # shape, origin, direction, distance, normal towards the origin
    (SLOPE, (0, 0, 0), (0, 0, 1), 2.0, (0, -math.sqrt(0.5), -math.sqrt(0.5))),
    (SLOPE, (0, 0, 0), (0, 0, 4), 0.5, (0, -math.sqrt(0.5), -math.sqrt(0.5))),
    (SLOPE, (0, 0, 0), (0, 1, 1), 1.0, (0, -math.sqrt(0.5), -math.sqrt(0.5))),
    (SLOPE, (0, 4, 0), (0, -1, 0), 2.0, (0, math.sqrt(0.5), math.sqrt(0.5))),
    (SLOPE, (0, 0, 0), (0, 0, -1), math.inf, None),
    (SLOPE, (0, 0, 0), (1, -1, 1), math.inf, None),
    (BOX, (0, 0, 0), (0, 0, 1), 3.0, (0, 0, -1)),
    (BOX, (0, 0, 5), (0, 0, 1), 2.0, (0, 0, -1)),
    (BOX, (0, 0, 5), (0, -1, 0), 0.5, (0, 1, 0)),
    (BOX, (3, 0, 4), (-1, 0, 0), 2.0, (1, 0, 0)),
    (BOX, (0, -2, 6), (0, 0.5, 0), 3.0, (0, -1, 0)),
    (BOX, (0, 0, 0), (0, 0, -1), math.inf, None),
    (BOX, (1.001, 0, 0), (0, 0, 1), math.inf, None),
    (BOX, (0.999, 0.499, 0), (0, 0, 1), 3.0, (0, 0, -1)),
    (BOX, (-3, 0, 0), (1, 0, 0.4), math.inf, None),
    (BOX, (-3, 0, 0.5), (2.1, 0, 2.5), 1.0, (0, 0, -1)),
    (DIAMOND, (0.1, 0, 0), (0, 0, 1), 4.1 - math.sqrt(0.5), (math.sqrt(.5), 0, -math.sqrt(.5))),
    (DIAMOND, (-0.1, 0, 0), (0, 0, 1), 4.1 - math.sqrt(0.5), (-math.sqrt(.5), 0, -math.sqrt(.5))),
    (DIAMOND, (0.708, 0, 0), (0, 0, 1), math.inf, None),
    (BALL, (0, 0, 0), (0, 0, 1), 2.0, (0, 0, -1)),
    (BALL, (0, 0, 3), (0, 0, 1), 1.0, (0, 0, -1)),
    (BALL, (0.5, 0, 0), (0, 0, 1), 3 - ROOT3 / 2, (0.5, 0, -ROOT3 / 2)),
    (BALL, (0, 0, 0), (0, 0, -1), math.inf, None),
    (BALL, (1.001, 0, 0), (0, 0, 1), math.inf, None),
    (ROD, (0, 0, 0), (0, 0, 1), 2.5, (0, 0, -1)),
    (ROD, (0.25, 0.9, 0), (0, 0, 1), 3 - ROOT3 / 4, (0.5, 0, -ROOT3 / 2)),
    (ROD, (0, 1.25, 0), (0, 0, 1), 3 - ROOT3 / 4, (0, 0.5, -ROOT3 / 2)),
    (ROD, (0, -4, 3), (0, 1, 0), 2.5, (0, -1, 0)),
    (ROD, (0.25, 9, 3), (0, -2, 0), (8 - ROOT3 / 4) / 2, (0.5, ROOT3 / 2, 0)),
    (ROD, (0, 0.8, 3), (0, -1, 0), 2.3, (0, 1, 0)),
    (ROD, (0, 0.8, 3), (0, 0, 1), 0.5, (0, 0, -1)),
    (ROD, (0, 1.501, 0), (0, 0, 1), math.inf, None),
    (ROD, (0.501, 0, 0), (0, 0, 1), math.inf, None),
    (ROD, (0, 9, 3), (0, 1, 0), math.inf, None),
]


@pytest.mark.parametrize(('shape', 'origin', 'direction', 'distance', 'normal'), CASES)
def test_intersections(
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


def test_random_hits_lie_on_the_surface_and_nothing_lies_before_them():
    rng = np.random.default_rng(3)
    rotation = turn(0, 20) @ turn(1, 50) @ turn(2, 70)
    center = np.array([0.3, -0.2, 2.0])
    half = np.array([0.4, 0.3, 0.6])
    a, b, radius = np.array([-0.6, 0.4, 1.5]), np.array([0.7, -0.1, 2.2]), 0.3

    def box_distance(p: np.ndarray) -> np.ndarray:
        q = np.abs((p - center) @ rotation) - half
        return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0)

    def capsule_distance(p: np.ndarray) -> np.ndarray:
        along = np.clip((p - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        return np.linalg.norm(p - a - along[..., np.newaxis] * (b - a), axis=-1) - radius

    directions = np.concatenate((rng.uniform(-0.8, 0.8, (4000, 2)), np.ones((4000, 1))), axis=1)
    for shape, signed in (
            (Box(tuple(half * 2), RigidTransform(rotation, center)), box_distance),
            (Capsule(tuple(a), tuple(b), radius), capsule_distance)):
        hits = Scene((shape,)).cast((0, 0, 0), directions)
        hit = np.isfinite(hits.distance)
        assert 200 < hit.sum() < 3800
        points = hits.distance[hit, np.newaxis] * directions[hit]
        assert np.abs(signed(points)).max() < 1e-12
        # the normal is the gradient of the distance, except next to the box's edges
        outward = signed(points + 1e-6 * hits.normal[hit])
        np.testing.assert_allclose(outward, 1e-6, rtol=1e-3)
        for share in np.linspace(0.02, 0.98, 49):
            assert (signed(points * share) > 0).all()
        # a ray that misses stays outside along its whole way
        for t in np.linspace(0, 5, 101):
            assert (signed(directions[~hit] * t) > -1e-9).all()


def test_the_nearest_of_several_is_met_whatever_their_order():
    wall = Plane((0, 0, 9), (0, 0, -1))
    for shapes in ((BALL, wall), (wall, BALL)):
        hits = Scene(shapes).cast((0, 0, 0), [[0, 0, 1], [0, 0.9, 1], [0, 0, -1]])
        assert [shapes[i] if i >= 0 else None for i in hits.index] == [BALL, wall, None]
        np.testing.assert_allclose(hits.distance, [2, 9, np.inf])


def test_rays_of_any_shape_and_nan():
    directions = np.ones((2, 3, 4, 3))
    directions[0, 0, 0] = np.nan
    hits = Scene((SLOPE, BOX, BALL, ROD)).cast((0, 0, 0), directions)
    assert hits.distance.shape == hits.index.shape == (2, 3, 4)
    assert hits.normal.shape == hits.color.shape == (2, 3, 4, 3)
    assert hits.index[0, 0, 0] == -1
    assert np.isinf(hits.distance[0, 0, 0])
    assert (hits.index.flat[1:] == 0).all()
    assert Scene(()).cast((0, 0, 0), (0, 0, 1)).index == -1


def test_checkerboard():
    board = Material((1.0, 0.5, 0.25), (0.0, 0.125, 0.75), 0.1)
    box = Box((1, 1, 1), RigidTransform(turn(2, 30), np.array([0.2, 0.1, 1.5])), board)
    local = np.array([[0.05, 0.05, -0.5], [0.15, 0.05, -0.5], [0.15, 0.15, -0.5],
                      [-0.05, 0.05, -0.5], [-0.05, -0.35, -0.5]])
    hits = Scene((box,)).cast((0, 0, 0), box.pose.apply(local))
    np.testing.assert_allclose(hits.distance, 1, atol=1e-12)
    odd = [0, 1, 0, 1, 1]
    np.testing.assert_array_equal(hits.color, np.array((board.color, board.other))[odd])
    # squares of a plane and of a capsule have the size that was asked for
    floor = Plane((0, 1, 0), (0, -2, 0), board)
    colors = Scene((floor,)).cast((0, 0, 0), [[x / 20 + 0.025, 1, 2.05] for x in range(40)]).color
    np.testing.assert_array_equal(colors[:-2] == colors[2:], False)
    np.testing.assert_array_equal(colors[:-4], colors[4:])
    rod = Capsule((0, -1, 3), (0, 1, 3), 0.5, board)
    np.testing.assert_allclose(rod.surface(np.array([[0, 0.2, 2.5]]))[0, 0], 1.2)
    around = rod.surface(np.array([[0.5, 0, 3], [-0.5, 0, 3]]))[:, 1]
    assert abs(around[0] - around[1]) == pytest.approx(0.5 * math.pi)


@pytest.mark.parametrize('draw', [kernels, fallback])
@pytest.mark.parametrize(('shape', 'origin', 'direction', 'distance', 'normal'), CASES)
def test_what_draws_finds_the_same(
    draw, shape: Shape, origin: tuple, direction: tuple, distance: float, normal: tuple | None,
) -> None:
    # a camera there that looks along the direction, and whose only pixel is slightly off
    z = np.array(direction) / np.linalg.norm(direction)
    x = np.cross(z, [0.36, 0.48, 0.8])
    x /= np.linalg.norm(x)
    off = np.array([0.02, -0.03])
    look = np.stack((x, np.cross(z, x), z), axis=1)
    # turned such that the ray of that pixel is the direction
    ray = np.array([*off, 1.0]) / math.sqrt(1 + off @ off)
    u = np.array([1.0, 0.0, -off[0]])
    u /= np.linalg.norm(u)
    turn_back = np.stack((u, np.cross(ray, u), ray), axis=0)
    pose = RigidTransform(look @ turn_back, np.array(origin, float))
    rows = seen_from(pose, table([shape]))
    rx, ry = np.full((1, 1), off[0], np.float32), np.full((1, 1), off[1], np.float32)
    depth, index = np.full((1, 1), np.inf), np.full((1, 1), -1, np.int16)
    draw.trace(rows, np.array([[0, 1, 0, 1]]), 4, rx, ry, depth, index)
    expected = distance * np.linalg.norm(direction) / math.sqrt(1 + off @ off)
    assert depth[0, 0] == pytest.approx(expected, rel=1e-6)
    assert index[0, 0] == (4 if normal else -1)
    if normal:
        # light from along the normal makes it white, from the other side it stays half as bright
        white = np.tile(np.array([[*rows[0, :17], *[1.0] * 6]]), (1, 1))
        for sign, level in ((1, 255), (-1, 128)):
            image = np.zeros((1, 1, 3), np.uint8)
            light = sign * np.array(normal) @ pose.rotation
            draw.paint(white, (0, 1, 0, 1), 4, rx, ry, depth, index, light, 0.5, image)
            assert np.abs(image.astype(int) - level).max() <= 1


def test_the_table_is_made_of_the_frames():
    shapes = (SLOPE, BOX, BALL, ROD, DIAMOND, Capsule((0, 0, 0), (0.3, -0.2, 0.7), 0.1))
    for row, shape in zip(table(shapes), shapes, strict=True):
        frame = shape.frame()
        np.testing.assert_allclose(row[4:13].reshape(3, 3), frame.rotation, atol=1e-12)
        np.testing.assert_allclose(row[13:16], frame.translation)
        np.testing.assert_allclose(row[1:4], shape.dimensions)
        assert row[0] == shape.kind


@pytest.mark.parametrize('shape', [SLOPE, BOX, BALL, ROD])
def test_moved(shape: Shape) -> None:
    offset = (0.1, -0.2, 0.4)
    before = Scene((shape,)).cast((0, 0, 0), (0.01, 0.02, 1))
    after = Scene((shape.moved(offset),)).cast(offset, (0.01, 0.02, 1))
    assert after.distance == pytest.approx(before.distance)
    np.testing.assert_allclose(after.normal, before.normal)
