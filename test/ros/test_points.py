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

"""Options of points2, compared with the images that the clouds are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geometry_msgs.msg import TransformStamped
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.tf_frames import base_from_depth
from k4a_ros.camera_config import DepthMode
import numpy as np
import numpy.typing as npt
import pytest
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import PATIENCE
from support.ros import wait_for
from tf2_ros import StaticTransformBroadcaster

# a slanted wall: depth decreases from left to right, from 4 m to 1 m
SCENE = """
materials:
  wall: {color: [0.8, 0.8, 0.8]}
shapes:
  - {plane: {point: [0, 0, 2], normal: [-0.5, 0, -0.866]}, material: wall}
"""
LENS = FactoryCalibration.from_raw(nominal_calibration()).depth(DepthMode.NFOV_2X2BINNED)
DEFAULTS = {'point_cloud_organized': True, 'point_cloud_min_depth': 0.0,
            'point_cloud_max_depth': 0.0, 'point_cloud_decimation': 1, 'ir_point_cloud': False,
            'rgb_point_cloud': False, 'point_cloud_voxel_size': 0.0,
            'point_cloud_crop_frame': 'camera_base'}
DEFAULTS |= {f'point_cloud_crop_{side}_{axis}': limit
             for side, limit in (('min', -20.0), ('max', 20.0)) for axis in 'xyz'}


@pytest.fixture(scope='module')
def running(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Listener, DriverProcess]]:
    """Yield a simulated camera without noise, NFOV_2X2BINNED, and a listener to it."""
    scene = tmp_path_factory.mktemp('points') / 'scene.yaml'
    Path(scene).write_text(SCENE)
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_2X2BINNED', fps=5, imu_enabled=False,
            simulation_scene=scene, simulation_noise=False) as driver:
        driver.wait_for_line('Opened simulated')
        yield listener, driver


@pytest.fixture
def camera(running: tuple[Listener, DriverProcess]) -> Listener:
    """Return the listener."""
    return running[0]


@pytest.fixture
def driver(running: tuple[Listener, DriverProcess]) -> DriverProcess:
    """Return the driver."""
    return running[1]


def cloud_with(listener: Listener, **options: object) -> tuple[PointCloud2, Any, Any]:
    """Set options, and return a cloud with the depth and infrared that it is made of."""
    answer = listener.set_parameters('/k4a_driver', **(DEFAULTS | options))
    assert answer.successful, answer.reason
    changed_ns = listener.node.get_clock().now().nanoseconds
    received: dict[str, list[Any]] = {
        topic: listener.subscribe(kind, f'/{topic}', depth=2) for topic, kind in (
            ('points2', PointCloud2), ('depth/image_raw', Image), ('ir/image_raw', Image))}

    def complete() -> Any:
        clouds = {stamp(m): m for m in received['points2']}
        images = [{stamp(m): m for m in received[topic]}
                  for topic in ('depth/image_raw', 'ir/image_raw')]
        # changing options restarts the streams: skip clouds from before that
        matching = [m for s, m in clouds.items() if s > changed_ns + 300_000_000
                    and all(s in i for i in images) and has_layout(m, options)]
        return matching and (matching[0], *(array(i[stamp(matching[0])]) for i in images))

    cloud, depth, infrared = wait_for(complete, f'a cloud with {options}', timeout=3 * PATIENCE)
    return cloud, depth, infrared


def has_layout(cloud: PointCloud2, options: dict[str, object]) -> bool:
    """Return whether a cloud is organized if the options say so, and only then."""
    organized = options.get('point_cloud_organized', True) and not (
        options.get('point_cloud_voxel_size'))
    return (cloud.height == 1) != organized


def stamp(message: Any) -> int:
    """Return the stamp of a message, nanoseconds."""
    return int(message.header.stamp.sec * 10**9 + message.header.stamp.nanosec)


def array(message: Image) -> npt.NDArray[np.uint16]:
    """Return the pixels of a 16-bit image."""
    return np.frombuffer(message.data, np.uint16).reshape(message.height, message.width)


def points(cloud: PointCloud2) -> npt.NDArray[np.float32]:
    """Return the fields of all points, one column each."""
    kind = np.dtype({'names': [f.name for f in cloud.fields],
                     'formats': ['<f4'] * len(cloud.fields),
                     'offsets': [f.offset for f in cloud.fields], 'itemsize': cloud.point_step})
    data = np.frombuffer(cloud.data, kind)
    return np.stack([data[f.name] for f in cloud.fields], axis=-1)


def test_unorganized_cloud_has_only_valid_points(camera: Listener) -> None:
    cloud, depth, _ = cloud_with(camera, point_cloud_organized=False)
    valid = depth > 0
    assert cloud.is_dense and cloud.row_step == cloud.width * 16 == len(cloud.data)
    np.testing.assert_allclose(points(cloud)[:, 2], depth[valid] / 1000, rtol=1e-6)


def test_depth_range_and_decimation_select_points(camera: Listener) -> None:
    cloud, depth, _ = cloud_with(
        camera, point_cloud_organized=False, point_cloud_min_depth=1.5,
        point_cloud_max_depth=2.25, point_cloud_decimation=4)
    part = depth[::4, ::4]
    inside = (part >= 1500) & (part <= 2250)
    assert 100 < inside.sum() < (part > 0).sum()
    np.testing.assert_allclose(points(cloud)[:, 2], part[inside] / 1000, rtol=1e-6)


def test_intensity_is_the_raw_infrared(camera: Listener) -> None:
    cloud, depth, infrared = cloud_with(
        camera, ir_point_cloud=True, point_cloud_organized=False)
    assert [f.name for f in cloud.fields] == ['x', 'y', 'z', 'intensity']
    valid = depth > 0
    np.testing.assert_array_equal(points(cloud)[:, 3], infrared[valid])


def expected_points(depth: npt.NDArray[np.uint16]) -> npt.NDArray[np.float64]:
    """Return the points of all pixels, (height, width, 3), NaN for invalid ones."""
    z = np.where(depth > 0, depth / 1000, np.nan)
    return np.dstack((LENS.rays() * z[..., np.newaxis], z))


def test_crop_box_leaves_out_points_of_an_organized_cloud(camera: Listener) -> None:
    cloud, depth, _ = cloud_with(
        camera, point_cloud_crop_min_x=1.2, point_cloud_crop_max_x=2.5,
        point_cloud_crop_min_z=-0.3)
    expected = expected_points(depth)
    x, _, z = np.moveaxis(base_from_depth().apply(expected), -1, 0)
    inside = (x >= 1.2) & (x <= 2.5) & (z >= -0.3)
    assert 1000 < inside.sum() < 0.8 * (depth > 0).sum()
    found = points(cloud)[:, :3].reshape(expected.shape)
    assert (np.isnan(found[..., 2]) != inside).mean() > 0.9999  # rounding at the limits
    np.testing.assert_allclose(found[inside], expected[inside], rtol=1e-5, atol=1e-5)
    assert cloud.height == 288 and not cloud.is_dense


def send_static(listener: Listener, child: str, x: float, yaw: float) -> None:
    """Publish the pose of a frame in camera_base, as another node would do."""
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = 'camera_base'
    message.transform.translation.x = x
    message.transform.rotation.z, message.transform.rotation.w = np.sin(yaw / 2), np.cos(yaw / 2)
    StaticTransformBroadcaster(listener.node).sendTransform(message)


def test_crop_box_in_the_frame_of_another_node(camera: Listener) -> None:
    send_static(camera, 'table', 1.5, 0.4)
    cloud, depth, _ = cloud_with(
        camera, point_cloud_crop_frame='table', point_cloud_crop_min_x=0.0,
        point_cloud_crop_max_y=0.2)
    expected = expected_points(depth)
    x, y, _ = np.moveaxis(base_from_depth().apply(expected), -1, 0)
    inside = ((x - 1.5) * np.cos(0.4) + y * np.sin(0.4) >= 0) & (
        y * np.cos(0.4) - (x - 1.5) * np.sin(0.4) <= 0.2)
    assert 1000 < inside.sum() < 0.8 * (depth > 0).sum()
    found = points(cloud)[:, :3].reshape(expected.shape)
    assert (np.isnan(found[..., 2]) != inside).mean() > 0.9999
    assert cloud.header.frame_id == 'depth_camera_link'


def test_cloud_without_transform_to_its_box_waits_for_it(
    camera: Listener, driver: DriverProcess,
) -> None:
    answer = camera.set_parameters('/k4a_driver', **(DEFAULTS | {
        'point_cloud_crop_frame': 'late', 'point_cloud_crop_min_x': 1.0}))
    assert answer.successful, answer.reason
    received = camera.subscribe(PointCloud2, '/points2', depth=2)
    line = driver.wait_for_line('there is no transform from depth_camera_link to late')
    assert 'set point_cloud_crop_frame to camera_base' in line
    count = len(received)
    depth = camera.subscribe(Image, '/depth/image_raw', depth=2)
    wait_for(lambda: len(depth) > 5, 'depth images meanwhile')
    assert len(received) == count
    assert driver.output.count('points2 is not published') == 1
    send_static(camera, 'late', 0.0, 0.0)
    wait_for(lambda: len(received) > count, 'clouds when there is a transform')


def test_voxels_are_unorganized_means_of_what_is_in_the_box(camera: Listener) -> None:
    size = 0.0973  # few depths, which are whole millimeters, are at the face of a cube
    cloud, depth, _ = cloud_with(
        camera, point_cloud_voxel_size=size, point_cloud_crop_frame='depth_camera_link',
        point_cloud_crop_max_z=2.0)
    assert cloud.is_dense and cloud.row_step == cloud.width * 16 == len(cloud.data)
    inside = expected_points(depth)[(depth > 0) & (depth <= 2000)]
    cubes, members = np.unique(np.floor(inside / size), axis=0, return_inverse=True)
    assert cloud.width == pytest.approx(len(cubes), rel=0.02)  # rounding at their faces
    assert cloud.width < len(inside) / 20
    found = points(cloud)[:, :3]
    assert len(np.unique(np.floor(found / size), axis=0)) == len(found)
    means = {tuple(cube): inside[members.reshape(-1) == index].mean(axis=0)
             for index, cube in enumerate(cubes)}
    near = [np.abs(point - means.get(tuple(np.floor(point / size)), np.inf)).max() < 0.002
            for point in found]
    assert np.mean(near) > 0.95


def test_both_limits_change_in_one_request(camera: Listener) -> None:
    for low, high in ((0.0, 1.0), (2.0, 3.0), (0.0, 1.0)):
        answer = camera.set_parameters(
            '/k4a_driver', point_cloud_crop_min_x=low, point_cloud_crop_max_x=high)
        assert answer.successful, answer.reason
    answer = camera.set_parameters('/k4a_driver', point_cloud_crop_min_x=1.5)
    assert not answer.successful
    assert 'point_cloud_crop_max_x is 1; it must be less' in answer.reason
    answer = camera.set_parameters('/k4a_driver', point_cloud_crop_frame='/map')
    assert not answer.successful
    assert 'without a leading /' in answer.reason


def test_contradictory_options_are_rejected(camera: Listener) -> None:
    answer = camera.set_parameters(
        '/k4a_driver', rgb_point_cloud=True, ir_point_cloud=True, point_cloud_min_depth=3.0,
        point_cloud_max_depth=1.0)
    assert not answer.successful
    assert 'rgb_point_cloud and ir_point_cloud are both true' in answer.reason
    assert 'point_cloud_max_depth is 1' in answer.reason


def test_registered_infrared_covers_the_registered_depth(camera: Listener) -> None:
    received = {name: camera.subscribe(Image, f'/{name}_to_rgb/image_raw', depth=2)
                for name in ('depth', 'ir')}

    def pair() -> Any:
        depths, irs = ({stamp(m): m for m in received[name]} for name in ('depth', 'ir'))
        both = sorted(depths.keys() & irs.keys())
        return both and (array(depths[both[-1]]), array(irs[both[-1]]), irs[both[-1]])

    depth, infrared, message = wait_for(pair, 'both images', timeout=3 * PATIENCE)
    assert infrared.shape == (720, 1280) and message.header.frame_id == 'rgb_camera_link'
    assert (depth > 0).mean() > 0.4
    np.testing.assert_array_equal(infrared > 0, depth > 0)
    # infrared is brighter where the wall is nearer
    near, far = (np.median(infrared[(depth > low) & (depth < low + 200)]) for low in (1200, 3000))
    assert near > 2 * far
