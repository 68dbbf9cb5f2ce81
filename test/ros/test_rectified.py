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

"""Rectified images, as consumers use them that assume a pinhole camera."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
from k4a_ros.images.depth_codec import decompress
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from support.consumers import depth_image_proc_points
from support.consumers import laser_ranges
from support.consumers import rtabmap_points
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for

# a red wall that recedes from left to right, and a green one well in front of its right half
SCENE = """
materials:
  red: {color: [0.9, 0.1, 0.1]}
  green: {color: [0.1, 0.9, 0.1]}
shapes:
  - {plane: {point: [0, 0, 2], normal: [0.3, 0.1, -0.95]}, material: red}
  - {box: {size: [0.6, 0.8, 0.02], center: [0.35, 0, 1.2], yaw: 10}, material: green}
"""
IMAGES = {'depth_rect': 'image_rect', 'ir_rect': 'image_rect', 'rgb_rect': 'image_rect',
          'depth_to_rgb_rect': 'image_rect', 'depth': 'image_raw'}
#: the messages of one capture, by topic
Shot = dict[str, Any]


@pytest.fixture(scope='module')
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """Yield a listener to a simulated camera without noise."""
    scene = tmp_path_factory.mktemp('rectified') / 'scene.yaml'
    Path(scene).write_text(SCENE)
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_2X2BINNED', fps=5, imu_enabled=False,
            rgb_encoding='bgr8', simulation_scene=scene, simulation_noise=False) as driver:
        driver.wait_for_line('Opened simulated')
        yield listener


@pytest.fixture(scope='module')
def shot(camera: Listener) -> Shot:
    """Return all topics of one capture."""
    received: dict[str, list[Any]] = {}
    for name, image in IMAGES.items():
        received[f'{name}/{image}'] = camera.subscribe(Image, f'/{name}/{image}', depth=2)
        received[f'{name}/camera_info'] = camera.subscribe(
            CameraInfo, f'/{name}/camera_info', depth=2)
    received['points2'] = camera.subscribe(PointCloud2, '/points2', depth=2)

    def complete() -> Any:
        common = set.intersection(*(set(stamps(m)) for m in received.values()))
        return common and {topic: messages[stamps(messages).index(max(common))]
                           for topic, messages in received.items()}

    found: Shot = wait_for(complete, 'all topics of a capture')
    return found


def pixels(image: Image) -> np.ndarray:
    """Return the pixels of an image."""
    dtype, channels = {'16UC1': (np.uint16, ()), 'mono16': (np.uint16, ()),
                       'bgr8': (np.uint8, (3,)), 'bgra8': (np.uint8, (4,))}[image.encoding]
    return np.frombuffer(image.data, dtype).reshape(image.height, image.width, *channels)


def cloud(message: PointCloud2) -> np.ndarray:
    """Return the points of points2, (height, width, 3)."""
    return np.frombuffer(message.data, np.float32).reshape(message.height, message.width, 4)[
        ..., :3]


def walls(shot: Shot) -> list[tuple[np.ndarray, float]]:
    """Return normal and distance of the two walls, which are fitted to the points of points2."""
    points = cloud(shot['points2'])
    points = points[~np.isnan(points[..., 2])].astype(float)
    found = []
    # the walls in front of and behind a plane between them
    between = points[:, 2] - 0.3 * points[:, 0] > 1.45
    for group in (points[between], points[~between]):
        center = group.mean(axis=0)
        normal = np.linalg.svd(group - center, full_matrices=False)[2][2]
        assert np.abs((group - center) @ normal).max() < 0.002
        found.append((normal, float(normal @ center)))
    return found


def distances(points: np.ndarray, shot: Shot) -> np.ndarray:
    """Return the distance of valid points (..., 3) to the nearest of the walls of points2."""
    valid = points[~np.isnan(points[..., 2])]
    assert len(valid) > 10000
    nearest: np.ndarray = np.min(
        [np.abs(valid @ normal - distance) for normal, distance in walls(shot)], axis=0)
    return nearest


def test_camera_info_is_that_of_a_pinhole_camera(shot):
    for name, frame in (('depth_rect', 'depth_camera_link'), ('ir_rect', 'depth_camera_link'),
                        ('rgb_rect', 'rgb_camera_link'),
                        ('depth_to_rgb_rect', 'rgb_camera_link')):
        info, image = shot[f'{name}/camera_info'], shot[f'{name}/image_rect']
        assert info.header == image.header and image.header.frame_id == frame
        assert (info.width, info.height) == (image.width, image.height)
        assert info.distortion_model == 'plumb_bob' and list(info.d) == [0.0] * 5
        np.testing.assert_array_equal(np.reshape(info.r, (3, 3)), np.eye(3))
        k = np.reshape(info.k, (3, 3))
        np.testing.assert_array_equal(np.reshape(info.p, (3, 4)), np.c_[k, np.zeros(3)])
        assert k[0, 0] == k[1, 1]
    assert shot['rgb_rect/camera_info'].p.tolist() == shot[
        'depth_to_rgb_rect/camera_info'].p.tolist()
    assert (shot['rgb_rect/image_rect'].width, shot['rgb_rect/image_rect'].height) == (1280, 720)


def test_depth_image_proc_and_rtabmap_compute_the_points_of_points2(shot):
    depth, info = pixels(shot['depth_rect/image_rect']), shot['depth_rect/camera_info']
    for compute in (depth_image_proc_points, rtabmap_points):
        error = distances(compute(depth, info), shot)
        assert (error <= 0.001).mean() >= 0.995 and error.max() < 0.004
    # from the image that is not rectified, they do not
    raw = depth_image_proc_points(
        pixels(shot['depth/image_raw']), shot['depth/camera_info'])
    assert np.percentile(distances(raw, shot), 95) > 0.02


def test_depth_image_proc_colors_the_points_of_the_color_camera(shot):
    """point_cloud_xyzrgb takes the color of the pixel, and expects images of one size."""
    depth, info = pixels(shot['depth_to_rgb_rect/image_rect']), shot['rgb_rect/camera_info']
    color = pixels(shot['rgb_rect/image_rect']).astype(int)
    assert color.shape[:2] == depth.shape
    points = depth_image_proc_points(depth, info)
    green = color[..., 1] > color[..., 2]
    is_front = points[..., 2] - 0.3 * points[..., 0] < 1.45
    valid = ~np.isnan(points[..., 2])
    assert valid.sum() > 100_000 and 0.1 < is_front[valid].mean() < 0.9
    # but for the strip of the wall that the box hides from the color camera only
    assert (green == is_front)[valid].mean() > 0.97


def test_laser_scan_is_that_of_points2(shot):
    """depthimage_to_laserscan projects the middle rows onto a plane through the x-axis."""
    (angle_min, increment), ranges = laser_ranges(
        pixels(shot['depth_rect/image_rect']), shot['depth_rect/camera_info'])
    valid = ~np.isnan(ranges)
    assert valid.sum() > 200
    # a range belongs to an angle up to one increment away: compare with both ends
    errors = []
    for end in (0, 1):
        angles = angle_min + (np.arange(len(ranges)) + end) * increment
        points = np.stack((-np.sin(angles) * ranges, np.zeros_like(ranges),
                           np.cos(angles) * ranges), axis=-1)[valid]
        errors.append([points @ normal - distance for normal, distance in walls(shot)])
    low, high = np.min(errors, axis=0), np.max(errors, axis=0)
    assert (((low < 0.002) & (high > -0.002)).any(axis=0)).all()


def test_infrared_and_depth_show_the_same_pixels(shot):
    depth, infrared = (pixels(shot[f'{name}/image_rect']) for name in ('depth_rect', 'ir_rect'))
    assert depth.shape == infrared.shape
    assert (infrared[depth > 0] > 0).all()


@pytest.mark.parametrize(('topic', 'kind'), [
    ('depth_rect/image_rect', 'compressedDepth'), ('depth_to_rgb/image_raw', 'compressedDepth'),
    ('depth_to_rgb_rect/image_rect', 'compressedDepth'), ('ir/image_raw', 'compressed'),
    ('ir_rect/image_rect', 'compressed'), ('rgb_rect/image_rect', 'compressed'),
    ('rgb_to_depth/image_raw', 'compressed')])
def test_compressed_images_decode_as_by_image_transport(camera, topic, kind):
    """As compressed_subscriber.cpp and codec.cpp of image_transport_plugins decode them."""
    with camera.subscribed(Image, f'/{topic}', depth=2) as images, camera.subscribed(
            CompressedImage, f'/{topic}/{kind}', depth=2) as compressed:
        common = wait_for(lambda: set(stamps(images)) & set(stamps(compressed)), 'both images')
    image, data = (messages[stamps(messages).index(min(common))]
                   for messages in (images, compressed))
    assert data.header == image.header
    if kind == 'compressedDepth':
        assert data.format == '16UC1; compressedDepth png'
        np.testing.assert_array_equal(decompress(bytes(data.data), data.format), pixels(image))
        return
    encoding, codec = data.format.split('; ')
    decoded = cv2.imdecode(np.frombuffer(data.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if topic.startswith('ir'):
        assert (encoding, codec) == ('mono8', 'jpeg compressed mono8')
        expected = np.minimum(pixels(image), 255)
    else:
        assert (encoding, codec) == (image.encoding, 'jpeg compressed bgr8')
        expected = pixels(image)[..., :3]
    assert decoded.shape == expected.shape
    difference = np.abs(decoded.astype(int) - expected)
    assert np.median(difference) <= 2 and np.percentile(difference, 90) <= 8


def test_field_of_view_and_size_are_parameters(camera, shot):
    infos = camera.subscribe(CameraInfo, '/depth_rect/camera_info', depth=2)
    colors = camera.subscribe(CameraInfo, '/rgb_rect/camera_info', depth=2)
    full = shot['depth_rect/camera_info']
    for values, focal, size, color_size in (
            ({'rectified_size': 0.5}, full.k[0] / 2, None, (640, 360)),
            ({'rectified_fov': 'no_border', 'rectified_size': 1.0}, None, (320, 288),
             (1280, 720)),
            ({'rectified_fov': 'full'}, full.k[0], (full.width, full.height), None)):
        answer = camera.set_parameters('/k4a_driver', **values)
        assert answer.successful, answer.reason

        def arrived(
            focal: Any = focal, size: Any = size, color_size: Any = color_size,
        ) -> bool:
            if not (infos and colors):
                return False
            sizes = [(m.width, m.height) for m in (infos[-1], colors[-1])]
            return (focal in (None, pytest.approx(infos[-1].k[0]))
                    and size in (None, sizes[0]) and color_size in (None, sizes[1]))

        wait_for(arrived, f'images with {values}')
