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

"""TF frames: equal to those of Microsoft's driver and libk4a."""

from __future__ import annotations

import json
import math

from k4a_ros.calibration import tf_frames
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.rotation import upright_axes
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from support.reference_calibration import ReferenceCalibration
from support.reference_calibration import Sensor

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())


def test_frame_names_and_tree():
    tree = [(f.parent, f.child) for f in tf_frames.static_transforms(NOMINAL)]
    assert tree == [
        ('camera_base', 'depth_camera_link'),
        ('depth_camera_link', 'rgb_camera_link'),
        ('depth_camera_link', 'imu_link')]


def test_prefix_is_prepended_verbatim():
    transforms = tf_frames.static_transforms(NOMINAL, 'left/')
    names = {name for f in transforms for name in (f.parent, f.child)}
    assert names == {'left/camera_base', 'left/depth_camera_link', 'left/rgb_camera_link',
                     'left/imu_link'}


def set_euler(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return tf2::Quaternion::setEuler (about y, then x, then z) as (x, y, z, w)."""
    cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
    cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
    cr, sr = math.cos(roll / 2), math.sin(roll / 2)
    return np.array([
        cr * sp * cy + sr * cp * sy, cr * cp * sy - sr * sp * cy,
        sr * cp * cy - cr * sp * sy, cr * cp * cy + sr * sp * sy])


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the product of two quaternions (x, y, z, w)."""
    return np.array([*(a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])),
                     a[3] * b[3] - a[:3] @ b[:3]])


def test_depth_camera_pose_matches_microsofts_driver():
    transform = tf_frames.static_transforms(NOMINAL)[0].transform
    np.testing.assert_array_equal(transform.translation, [0, 0, 0.0018])
    theirs = product(
        set_euler(-math.pi / 2, math.pi, math.pi / 2), set_euler(0, math.radians(-6), 0))
    np.testing.assert_allclose(
        theirs, [0.525483, -0.525483, 0.473147, -0.473147], atol=1e-6)
    # q and -q are the same rotation
    assert abs(theirs @ transform.quaternion()) == pytest.approx(1, abs=1e-12)
    # the x axis points right, and the z axis 6 degrees below forward
    np.testing.assert_allclose(transform.rotation @ [1, 0, 0], [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(
        transform.rotation @ [0, 0, 1],
        [math.cos(math.radians(6)), 0, -math.sin(math.radians(6))], atol=1e-12)


def test_nominal_sensor_poses():
    base, rgb, imu = (f.transform for f in tf_frames.static_transforms(NOMINAL))
    # 32 mm to the right, level, and parallel to the housing
    assert (base @ rgb).translation[1] == pytest.approx(-0.032, abs=1e-3)
    np.testing.assert_allclose((base @ rgb).rotation @ [0, 0, 1], [1, 0, 0], atol=1e-6)
    # at rest, the accelerometer measures the reaction to gravity, which points up
    np.testing.assert_allclose((base @ imu).rotation @ [0, 0, -9.81], [0, 0, 9.81], atol=1e-5)


@pytest.mark.parametrize('name', [
    'recording_001514394512/calibration.json', 'calibrations/raw_calibration_000019492412.bin'])
def test_real_sensor_poses_match_libk4a(test_data, name):
    raw = (test_data / name).read_bytes()
    theirs = ReferenceCalibration(raw, DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
    transforms = tf_frames.static_transforms(FactoryCalibration.from_raw(raw))
    for found, sensor in (
            (transforms[1], Sensor.COLOR), (transforms[2], Sensor.ACCEL)):
        rotation, translation = theirs.extrinsics(sensor, Sensor.DEPTH)
        np.testing.assert_allclose(found.transform.rotation, rotation, rtol=0, atol=1e-6)
        np.testing.assert_allclose(found.transform.translation, translation, rtol=0, atol=1e-6)


@pytest.mark.parametrize('rotation', [90, 180, 270])
def test_turned_optical_frames_move_nothing_else(rotation):
    def poses(calibration):
        return {frame: tf_frames.transform_between(calibration, frame, 'camera_base')
                for frame in ('depth_camera_link', 'rgb_camera_link', 'imu_link')}

    before, after = poses(NOMINAL), poses(NOMINAL.rotated(rotation))
    for frame, pose in before.items():
        np.testing.assert_allclose(after[frame].translation, pose.translation, atol=1e-12)
        turn = np.eye(3) if frame == 'imu_link' else upright_axes(rotation)
        np.testing.assert_allclose(after[frame].rotation @ turn, pose.rotation, atol=1e-12)
    assert tf_frames.base_from_depth(rotation).rotation == pytest.approx(
        after['depth_camera_link'].rotation, abs=1e-12)


def test_imprecise_rotations_are_normalized():
    root = json.loads(nominal_calibration().rstrip(b'\0'))
    pose = root['CalibrationInformation']['Cameras'][1]['Rt']
    pose['Rotation'] = (np.array(pose['Rotation']) * 1.006).tolist()
    calibration = FactoryCalibration.from_raw(json.dumps(root))
    for found in tf_frames.static_transforms(calibration):
        rotation = found.transform.rotation
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
        assert np.linalg.norm(found.transform.quaternion()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize('source', ['camera_base', 'imu_link', 'rgb_camera_link'])
def test_transform_between_frames_is_that_of_the_tree(source):
    points = np.array([[0.3, -0.2, 1.5], [0.0, 0.0, 0.0]])
    links = {link.child: link.transform for link in tf_frames.static_transforms(NOMINAL)}
    base = {'camera_base': points,
            'imu_link': links['depth_camera_link'].apply(links['imu_link'].apply(points)),
            'rgb_camera_link': links['depth_camera_link'].apply(
                links['rgb_camera_link'].apply(points))}[source]
    np.testing.assert_allclose(
        tf_frames.transform_between(NOMINAL, source, 'camera_base').apply(points), base,
        atol=1e-12)
    np.testing.assert_allclose(
        tf_frames.transform_between(NOMINAL, 'camera_base', source).apply(base), points,
        atol=1e-12)
