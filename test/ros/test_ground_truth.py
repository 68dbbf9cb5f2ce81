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

"""Topics of a simulated camera against the known geometry of its scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
from cv_bridge import CvBridge
import numpy as np
import numpy.typing as npt
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import PATIENCE
from support.ros import wait_for
from support.transforms import frames
from support.transforms import moved
from tf2_msgs.msg import TFMessage

BALL, RADIUS = np.array([0.25, 0.1, 1.5]), 0.2
WALL = 2.5
SCENE = f"""
materials:
  wall: {{color: [0.8, 0.8, 0.8]}}
  ball: {{color: [0.9, 0.1, 0.1]}}
shapes:
  - {{plane: {{point: [0, 0, {WALL}], normal: [0, 0, -1]}}, material: wall}}
  - {{sphere: {{center: {BALL.tolist()}, radius: {RADIUS}}}, material: ball}}
"""


def cloud_points(message: PointCloud2) -> npt.NDArray[np.float64]:
    points = np.frombuffer(message.data, np.float32).reshape(-1, 4)[:, :3].astype(np.float64)
    return points[np.isfinite(points[:, 0])]


def is_red(bgr: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    blue, green, red = (bgr[..., i].astype(int) for i in range(3))
    return (red > 1.6 * green + 20) & (red > 1.6 * blue + 20)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    (tmp_path / 'scene.yaml').write_text(SCENE)
    return tmp_path / 'scene.yaml'


@pytest.mark.parametrize('mode', [
    'NFOV_2X2BINNED', 'NFOV_UNBINNED', 'WFOV_2X2BINNED', 'WFOV_UNBINNED'])
def test_points_are_within_1_mm_of_the_surfaces(scene: Path, mode: str) -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode=mode, color_enabled=False, fps=5,
            simulation_scene=scene, simulation_noise=False):
        clouds = listener.subscribe(PointCloud2, '/points2', depth=2)
        transforms = listener.subscribe(TFMessage, '/tf_static', latched=True)
        imu = listener.subscribe(Imu, '/imu')
        wait_for(lambda: clouds and transforms and len(imu) > 100, 'cloud, transforms and IMU')
    to_world = frames(transforms)
    points = moved(cloud_points(clouds[0]), to_world['depth_camera_link'])
    wall = np.abs(points[:, 2] - WALL)
    ball = np.abs(np.linalg.norm(points - BALL, axis=1) - RADIUS)
    assert np.minimum(wall, ball).max() < 0.001
    assert (ball < 0.001).sum() > 500 and (wall < 0.001).sum() > 5000
    # at rest, an accelerometer measures the reaction to gravity: up, which is -y in the scene
    samples = [[getattr(m.linear_acceleration, axis) for axis in 'xyz'] for m in imu]
    mean = np.mean(samples, axis=0)
    np.testing.assert_allclose(to_world['imu_link'][:3, :3] @ mean, [0, -9.81, 0], atol=0.02)


@pytest.mark.parametrize('distance', [0.5, 1.0, 2.0, 3.0])
def test_depth_noise_is_within_the_specification(tmp_path: Path, distance: float) -> None:
    """Random error at most 17 mm, systematic below 11 mm + 0.1 % (hardware specification)."""
    path = tmp_path / 'wall.yaml'
    path.write_text(f'shapes: [{{plane: {{point: [0, 0, {distance}], normal: [0, 0, -1]}}}}]')
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_UNBINNED', color_enabled=False, fps=15,
            imu_enabled=False, simulation_scene=path):
        clouds = listener.subscribe(PointCloud2, '/points2', depth=2)
        transforms = listener.subscribe(TFMessage, '/tf_static', latched=True)
        wait_for(lambda: len(clouds) >= 10 and transforms, 'clouds')
    to_world = frames(transforms)['depth_camera_link']
    grids = [np.frombuffer(m.data, np.float32).reshape(576, 640, 4)[188:388, 220:420, :3]
             for m in clouds[:10]]
    error = np.stack([moved(g.reshape(-1, 3).astype(np.float64), to_world)[:, 2] for g in grids])
    error -= distance
    assert np.isfinite(error).mean() > 0.99
    random = np.nanstd(error, axis=0)
    assert np.nanmean(random) > 0.0001 and np.sqrt(np.nanmean(random ** 2)) < 0.017
    assert abs(np.nanmean(error)) < 0.011 + 0.001 * distance


def test_color_image_shows_the_sphere_at_its_position(scene: Path) -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='OFF', fps=5, simulation_scene=scene,
            imu_enabled=False):
        images = listener.subscribe(Image, '/rgb/image_raw', depth=2)
        infos = listener.subscribe(CameraInfo, '/rgb/camera_info')
        transforms = listener.subscribe(TFMessage, '/tf_static', latched=True)
        wait_for(lambda: images and infos and transforms, 'an image')
    bgr = CvBridge().imgmsg_to_cv2(images[-1], 'bgr8')
    red = is_red(bgr)
    # the outline of a sphere: directions at its angular radius around its center
    from_world = np.linalg.inv(frames(transforms)['rgb_camera_link'])
    center = moved(BALL[np.newaxis], from_world)[0]
    away = float(np.linalg.norm(center))
    axis = center / away
    side = np.cross(axis, [0, 1, 0])
    side /= np.linalg.norm(side)
    turn = np.linspace(0, 2 * np.pi, 200)[:, np.newaxis]
    ring = np.cos(turn) * side + np.sin(turn) * np.cross(axis, side)
    angle = np.arcsin(RADIUS / away)
    outline = axis * np.cos(angle) + ring * np.sin(angle)
    info = infos[-1]
    pixels, _ = cv2.projectPoints(
        outline, np.zeros(3), np.zeros(3), np.reshape(info.k, (3, 3)), np.array(info.d))
    expected = np.zeros(red.shape, np.uint8)
    cv2.fillPoly(expected, [np.rint(pixels).astype(np.int32)], 1)
    both = (red & (expected == 1)).sum()
    assert both / (red | (expected == 1)).sum() > 0.98


def test_registered_images_match_the_scene(scene: Path) -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_UNBINNED', fps=5, imu_enabled=False,
            simulation_scene=scene, simulation_noise=False, depth_unit='32FC1'):
        depth = listener.subscribe(Image, '/depth_to_rgb/image_raw', depth=2)
        depth_info = listener.subscribe(CameraInfo, '/depth_to_rgb/camera_info')
        rgb_info = listener.subscribe(CameraInfo, '/rgb/camera_info')
        color = listener.subscribe(Image, '/rgb_to_depth/image_raw', depth=2)
        cloud = listener.subscribe(PointCloud2, '/points2', depth=2)
        transforms = listener.subscribe(TFMessage, '/tf_static', latched=True)
        wait_for(lambda: depth and depth_info and rgb_info and color and cloud and transforms,
                 'all topics', timeout=3 * PATIENCE)  # the first time, kernels are compiled
    assert (depth[0].width, depth[0].height) == (1280, 720)
    assert depth[0].header.frame_id == 'rgb_camera_link'
    assert (depth_info[0].k == rgb_info[0].k).all()
    z = np.frombuffer(depth[0].data, np.float32).reshape(720, 1280)
    seen = np.isfinite(z)
    assert seen.mean() > 0.5
    # each pixel of the color camera has the depth of the surface that it shows
    pixels = np.argwhere(seen)[::97, ::-1].astype(np.float64)
    matrix_, lens = np.reshape(depth_info[0].k, (3, 3)), np.array(depth_info[0].d)
    rays = cv2.undistortPoints(pixels[:, np.newaxis], matrix_, lens)[:, 0]
    at = z[seen][::97, np.newaxis].astype(np.float64)
    points = moved(np.hstack([rays * at, at]), frames(transforms)['rgb_camera_link'])
    error = np.minimum(np.abs(points[:, 2] - WALL),
                       np.abs(np.linalg.norm(points - BALL, axis=1) - RADIUS))
    assert np.median(error) < 0.001
    assert np.percentile(error, 97) < 0.003  # except at the outline of the sphere

    assert color[0].encoding == 'bgra8' and color[0].header.frame_id == 'depth_camera_link'
    colors = np.frombuffer(color[0].data, np.uint8).reshape(576, 640, 4)
    grid = np.frombuffer(cloud[0].data, np.float32).reshape(576, 640, 4)[..., :3]
    where = moved(grid.reshape(-1, 3).astype(np.float64), frames(transforms)['depth_camera_link'])
    inside = np.linalg.norm(where - BALL, axis=1).reshape(576, 640)
    known = np.isfinite(grid[..., 0]) & (colors[..., 3] > 0)
    ball = known & (inside < RADIUS + 0.001)
    assert ball.sum() > 1000
    assert is_red(colors)[ball].mean() > 0.97
    beside = known & (inside > RADIUS + 0.3) & (where[:, 0].reshape(576, 640) > BALL[0])
    assert is_red(colors)[beside].mean() < 0.01


@pytest.mark.parametrize('in_depth', [True, False])
def test_colored_points_match_the_scene(scene: Path, in_depth: bool) -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_2X2BINNED', fps=5, imu_enabled=False,
            simulation_scene=scene, simulation_noise=False, rgb_point_cloud=True,
            point_cloud_in_depth_frame=in_depth, registration_occlusion=True):
        clouds = listener.subscribe(PointCloud2, '/points2', depth=2)
        transforms = listener.subscribe(TFMessage, '/tf_static', latched=True)
        wait_for(lambda: clouds and transforms, 'a cloud', timeout=3 * PATIENCE)
    message = clouds[0]
    assert [f.name for f in message.fields] == ['x', 'y', 'z', 'rgb'] and message.point_step == 32
    frame = 'depth_camera_link' if in_depth else 'rgb_camera_link'
    assert message.header.frame_id == frame
    assert (message.width, message.height) == ((320, 288) if in_depth else (1280, 720))
    table = np.frombuffer(message.data, np.uint8).reshape(-1, 32)
    points = table[:, :12].copy().view(np.float32).astype(np.float64)
    valid = np.isfinite(points[:, 0])
    assert valid.mean() > 0.3
    where = moved(points[valid], frames(transforms)[frame])
    bgr = table[valid][:, 16:19]
    from_ball = np.abs(np.linalg.norm(where - BALL, axis=1) - RADIUS)
    error = np.minimum(np.abs(where[:, 2] - WALL), from_ball)
    assert np.median(error) < 0.001 and np.percentile(error, 97) < 0.005
    ball = from_ball < 0.001
    assert ball.sum() > 300
    assert is_red(bgr)[ball].mean() > 0.97
    far = np.linalg.norm(where - BALL, axis=1) > RADIUS + 0.5
    assert is_red(bgr)[far].mean() < 0.02
