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

"""Every intersection against a value computed by hand, and renders against their own geometry."""

from __future__ import annotations

import math

from k4a_ros.calibration import FactoryCalibration
from k4a_ros.calibration import RigidTransform
from k4a_ros.config import ColorResolution
from k4a_ros.config import DepthMode
from k4a_ros.geometry import PointCloud
from k4a_ros.lens import Intrinsics
from k4a_ros.nominal_calibration import nominal_calibration
from k4a_ros.scene import Box
from k4a_ros.scene import Capsule
from k4a_ros.scene import default_room
from k4a_ros.scene import level_pose
from k4a_ros.scene import Material
from k4a_ros.scene import Plane
from k4a_ros.scene import render_color
from k4a_ros.scene import render_depth
from k4a_ros.scene import render_ir
from k4a_ros.scene import Scene
from k4a_ros.scene import Shape
from k4a_ros.scene import sphere
import numpy as np
import pytest

WHITE = Material((1.0, 1.0, 1.0))
HERE = RigidTransform.identity()
NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
#: 5 x 3 pixels; the one in the middle looks straight ahead
PINHOLE = Intrinsics(width=5, height=3, fx=2.0, fy=2.0, cx=2.0, cy=1.0)


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
    centre = np.array([0.3, -0.2, 2.0])
    half = np.array([0.4, 0.3, 0.6])
    a, b, radius = np.array([-0.6, 0.4, 1.5]), np.array([0.7, -0.1, 2.2]), 0.3

    def box_distance(p: np.ndarray) -> np.ndarray:
        q = np.abs((p - centre) @ rotation) - half
        return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0)

    def capsule_distance(p: np.ndarray) -> np.ndarray:
        along = np.clip((p - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        return np.linalg.norm(p - a - along[..., np.newaxis] * (b - a), axis=-1) - radius

    directions = np.concatenate((rng.uniform(-0.8, 0.8, (4000, 2)), np.ones((4000, 1))), axis=1)
    for shape, signed in (
            (Box(tuple(half * 2), RigidTransform(rotation, centre)), box_distance),
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


def test_depth_is_z_and_not_range_and_0_for_nothing():
    scene = Scene((Plane((0, 0, 1.2344), (0, 0, -1)),))
    assert (render_depth(scene, PINHOLE, HERE) == 1234).all()
    # turned around there is nothing, and 70 m do not fit
    behind = RigidTransform(turn(1, 180), np.zeros(3))
    assert (render_depth(scene, PINHOLE, behind) == 0).all()
    far = Scene((Plane((0, 0, 70), (0, 0, -1)),))
    depth = render_depth(far, PINHOLE, HERE)
    assert depth.dtype == np.uint16
    assert (depth == 0).all()
    # from 1 m further back, and 0.5 m to the right, which no pixel of a wall shows
    back = RigidTransform(np.eye(3), np.array([0.5, 0, -1]))
    assert (render_depth(scene, PINHOLE, back) == 2234).all()


def test_infrared_falls_with_range_and_incidence():
    near = render_ir(Scene((Plane((0, 0, 1), (0, 0, -1), WHITE),)), PINHOLE, HERE)
    assert near.dtype == np.uint16
    assert near[1, 2] == 3000
    # 45 degrees off: range² is doubled, and so is 1 / cos² of the incidence
    assert near[1, 4] == round(3000 / 2 * math.sqrt(0.5))
    grey = Plane((0, 0, 2), (0, 0, -1), Material((0.2, 0.5, 0.8)))
    assert render_ir(Scene((grey,)), PINHOLE, HERE)[1, 2] == 375
    slope = Scene((Plane((0, 0, 1), (0, -1, -1), WHITE),))
    assert render_ir(slope, PINHOLE, HERE)[1, 2] == round(3000 * math.sqrt(0.5))
    bright = Scene((Plane((0, 0, 0.01), (0, 0, -1), WHITE),))
    assert render_ir(bright, PINHOLE, HERE)[1, 2] == 65535
    assert (render_ir(Scene(()), PINHOLE, HERE) == 0).all()


def test_color_is_shaded_bgr():
    scene = Scene((sphere((0, 0, 3), 1.0, Material((0.8, 0.4, 0.2))),))
    image = render_color(scene, Intrinsics(41, 31, 30, 30, 20, 15), HERE)
    assert image.shape == (31, 41, 3)
    assert image.dtype == np.uint8
    assert (image[0, 0] == 0).all()
    blue, green, red = image[15, 20].astype(int)
    assert abs(blue - 2 * green) <= 2
    assert abs(green - 2 * red) <= 2
    # the light comes from above and from the left
    assert image[8, 20].sum() > image[22, 20].sum()
    assert image[15, 13].sum() > image[15, 27].sum()


@pytest.mark.parametrize('mode', [DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED])
def test_depth_through_the_lens_gives_the_scene_back(mode):
    lens = NOMINAL.depth(mode)
    rays = lens.rays()
    pose = RigidTransform(turn(0, 15) @ turn(1, -25), np.array([0.1, -0.2, 0.3]))
    centre, radius = np.array([0.6, 0.5, 2.0]), 0.7
    # all around, so that every ray meets something
    scene = Scene((sphere(tuple(centre), radius, WHITE), sphere((0, 0, 0), 4.0, WHITE)))
    depth = render_depth(scene, lens, pose)
    np.testing.assert_array_equal(depth == 0, np.isnan(rays[..., 0]))
    cloud = np.zeros((*depth.shape, 4), np.float32)
    PointCloud(rays).into(depth, cloud)
    points = pose.apply(cloud[..., :3])[depth > 0]
    ball = np.abs(np.linalg.norm(points - centre, axis=1) - radius)
    room = np.abs(np.linalg.norm(points, axis=1) - 4.0)
    # half a millimetre of Z is at most 2 times that along the ray, and less across the surface
    assert np.minimum(ball, room).max() < 0.0011
    assert (ball < 0.0011).sum() > 2000


def test_the_room_looks_the_same_to_both_cameras():
    pose = level_pose()
    lens = NOMINAL.depth(DepthMode.NFOV_2X2BINNED)
    room = default_room()
    depth = render_depth(room, lens, pose)
    assert (depth > 0).all()
    assert 1000 < depth.min() < 2000 < 3300 < depth.max() < 3600
    infrared = render_ir(room, lens, pose)
    assert np.median(infrared) > 100
    assert (infrared == 0).mean() < 0.001
    assert len(np.unique(infrared)) > 100
    color_lens = NOMINAL.color(ColorResolution.R720P)
    color = render_color(room, color_lens, pose @ NOMINAL.depth_to_color.inverse())
    # a visible point of the room has the colour of its shape in the colour image
    cloud = np.zeros((*depth.shape, 4), np.float32)
    PointCloud(lens.rays()).into(depth, cloud)
    ball = default_room().cast(
        pose.translation, pose.apply(cloud[..., :3]) - pose.translation)
    red = np.all(ball.color == (0.18, 0.22, 0.82), axis=-1)
    assert red.sum() > 300
    middle = cloud[red][:, :3].mean(axis=0)
    pixel, valid = color_lens.project(NOMINAL.depth_to_color.apply(middle))
    assert valid
    blue, _, reds = color[int(pixel[1].round()), int(pixel[0].round())].astype(int)
    assert reds > 3 * blue


def test_level_pose_looks_down_by_6_degrees_and_the_color_camera_straight():
    pose = level_pose()
    forward = pose.rotation @ [0, 0, 1]
    np.testing.assert_allclose(
        forward, [0, math.sin(math.radians(6)), math.cos(math.radians(6))], atol=1e-12)
    color = pose @ NOMINAL.depth_to_color.inverse()
    np.testing.assert_allclose(color.rotation, np.eye(3), atol=1e-6)


def test_renders_are_deterministic():
    lens = NOMINAL.depth(DepthMode.NFOV_2X2BINNED)
    first, second = (render_ir(default_room(), lens, level_pose()) for _ in range(2))
    np.testing.assert_array_equal(first, second)
