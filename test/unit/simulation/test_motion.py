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


"""Motions, the camera's path, and inertial sensors on it."""

from __future__ import annotations

from itertools import pairwise
import math

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.simulation.inertial import GRAVITY
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Circle
from k4a_ros.simulation.motion import Line
from k4a_ros.simulation.motion import Sway
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np
import pytest

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())


def sensor(*waypoints: Waypoint, noise: bool = False, **more) -> Sensor:
    """Return a sensor that moves through an empty scene."""
    return Sensor(Scene((), camera=CameraPath(waypoints)), NOMINAL, CameraConfig(), noise=noise,
                  **more)


def test_motions_reach_their_ends():
    sway = Sway((0.4, 0, -0.2), 2.0)
    np.testing.assert_allclose([sway.offset(t) for t in (0, 0.5, 1, 1.5, 2.5)], [
        (0, 0, 0), (0.4, 0, -0.2), (0, 0, 0), (-0.4, 0, 0.2), (0.4, 0, -0.2)], atol=1e-12)
    line = Line((1.0, 2.0, 3.0), 4.0)
    np.testing.assert_allclose([line.offset(t) for t in (0, 1, 2, 4)], [
        (0, 0, 0), (0.5, 1, 1.5), (1, 2, 3), (0, 0, 0)], atol=1e-12)
    circle = Circle(0.5, 4.0)
    np.testing.assert_allclose([circle.offset(t) for t in (0, 1, 2)], [
        (0.5, 0, 0), (0, 0, 0.5), (-0.5, 0, 0)], atol=1e-12)


def test_depth_camera_is_tilted_and_color_camera_is_level():
    pose = CameraPath().depth_camera(0)
    np.testing.assert_allclose(
        pose.rotation @ [0, 0, 1], [0, math.sin(math.radians(6)), math.cos(math.radians(6))],
        atol=1e-12)
    color = pose @ NOMINAL.depth_to_color.inverse()
    np.testing.assert_allclose(color.rotation, np.eye(3), atol=1e-6)


@pytest.mark.parametrize(('angle', 'forward'), [
    ({'yaw': math.pi / 2}, (-1, 0, 0)), ({'pitch': math.pi / 2}, (0, 1, 0)),
    ({'roll': math.pi / 2}, (0, 0, 1))])
def test_angles_follow_rep_103(angle, forward):
    rotation, _ = CameraPath((Waypoint(0, (0, 0, 0), **angle),)).housing([3.0])
    np.testing.assert_allclose(rotation[0] @ [1, 0, 0], forward, atol=1e-12)
    if 'roll' in angle:
        # its left side points up
        np.testing.assert_allclose(rotation[0] @ [0, 1, 0], [0, -1, 0], atol=1e-12)


def test_path_passes_its_waypoints_and_returns():
    path = CameraPath((Waypoint(1.0, (0, 0, 0)), Waypoint(2.0, (1, 0, 0), 0.5),
                       Waypoint(4.0, (1, 0, 2), -0.5)))
    _, places = path.housing([1, 2, 4, 6, 7, 9, 0, 1.5])
    np.testing.assert_allclose(places, [
        (0, 0, 0), (1, 0, 0), (1, 0, 2), (1, 0, 0), (0, 0, 0), (1, 0, 2 * 0.5), (1, 0, 0),
        (0.5, 0, 0)][:5] + [places[5].tolist(), (1, 0, 0), (0.5, 0, 0)], atol=1e-12)
    times = np.arange(0, 8, 0.001)
    _, places = path.housing(times)
    speed = np.diff(places, axis=0) / 0.001
    acceleration = np.diff(speed, axis=0) / 0.001
    # peaks of a minimum jerk motion: 15/8 of the mean speed, 10/√3 of distance / time²
    assert np.linalg.norm(speed, axis=1).max() == pytest.approx(15 / 8, rel=1e-3)
    assert np.linalg.norm(acceleration, axis=1).max() == pytest.approx(10 / math.sqrt(3), rel=0.01)
    assert np.linalg.norm(np.diff(acceleration, axis=0), axis=1).max() < 0.1


def test_accelerometer_at_rest_measures_gravity_in_its_frame():
    samples = sensor(Waypoint(0, (1, 2, 3), 0.3, 0.2, -0.1)).imu(0, 100_000)
    path = CameraPath((Waypoint(0, (1, 2, 3), 0.3, 0.2, -0.1),))
    up = path.depth_camera(0).rotation.T @ [0, -1, 0]
    expected = GRAVITY * NOMINAL.depth_to_accel.normalized().rotation @ up
    np.testing.assert_allclose(samples.acc, np.tile(expected, (len(samples), 1)), rtol=1e-5,
                               atol=1e-5)
    assert np.abs(samples.gyro).max() < 1e-6
    # a level camera: z points down and reads -g, as the device does
    level = sensor(Waypoint(0, (0, 0, 0))).imu(0, 1000)
    np.testing.assert_allclose(level.acc[0], [0, 0, -GRAVITY], atol=1e-5)


@pytest.mark.parametrize(('angle', 'axis'), [('yaw', 2), ('pitch', 1), ('roll', 0)])
def test_gyroscope_measures_the_rotation_of_the_camera(angle, axis):
    device = sensor(Waypoint(0, (0, 0, 0)), Waypoint(2.0, (0, 0, 0), **{angle: 1.0}))
    samples = device.imu(0, 2_000_000)
    # rates about the axes of camera_base
    from k4a_ros.calibration import tf_frames
    to_base = tf_frames.base_from_depth().rotation @ NOMINAL.depth_to_gyro.normalized().rotation.T
    rates = samples.gyro @ to_base.T
    assert np.abs(np.delete(rates, axis, axis=1)).max() < 1e-5
    assert rates[:, axis].max() == pytest.approx(15 / 8 / 2, rel=1e-4)
    # the integral is the total angle
    assert rates[:, axis].sum() * 600.24e-6 == pytest.approx(1.0, rel=1e-4)


def test_accelerometer_measures_the_acceleration_of_its_position():
    # along x of the housing: integrating twice gives the distance
    device = sensor(Waypoint(0, (0, 0, 0)), Waypoint(1.0, (0, 0, 0.5)))
    samples = device.imu(0, 1_000_240)
    along = -samples.acc[:, 0].astype(float)  # x points backward
    speed = np.cumsum(along) * 600.24e-6
    assert speed[-1] == pytest.approx(0, abs=1e-3)
    assert (np.cumsum(speed) * 600.24e-6)[-1] == pytest.approx(0.5, rel=1e-3)
    # when the housing rotates, the accelerometer moves on a circle
    turning = sensor(Waypoint(0, (0, 0, 0)), Waypoint(1.0, (0, 0, 0), yaw=2.0)).imu(0, 500_000)
    accel = NOMINAL.depth_to_accel.inverse().translation
    centripetal = turning.acc[-1] - turning.acc[0]
    # halfway the angular acceleration is 0, and the rate is at its peak
    rate = np.linalg.norm(turning.gyro[-1])
    assert rate == pytest.approx(2 * 15 / 8, rel=1e-3)
    reach = math.hypot(accel[0], accel[2])
    assert np.linalg.norm(centripetal[:2]) == pytest.approx(rate ** 2 * reach, rel=0.05)


def test_samples_do_not_depend_on_the_intervals():
    device = sensor(Waypoint(0, (0, 0, 0)), Waypoint(2, (1, 0, 0), 0.3), noise=True, seed=9)
    whole = device.imu(0, 1_000_000)
    assert len(whole) == 1667
    np.testing.assert_array_equal(whole.acc_us[:4], [0, 600, 1200, 1800])
    assert whole.acc_us[-1] == 999_999
    rng = np.random.default_rng(1)
    cuts = [0, *np.sort(rng.integers(0, 1_000_000, 60)).tolist(), 1_000_000]
    parts = [device.imu(a, b) for a, b in pairwise(cuts)]
    for name in ('acc', 'acc_us', 'gyro', 'gyro_us', 'temperature'):
        np.testing.assert_array_equal(
            np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name))
    assert whole.acc.dtype == whole.gyro.dtype == whole.temperature.dtype == np.float32
    assert len(device.imu(601, 1200)) == 0
    assert len(device.imu(5000, 5000)) == 0


def test_noise_matches_the_calibration():
    samples = sensor(Waypoint(0, (0, 0, 0)), noise=True).imu(0, 10_000_000)
    np.testing.assert_allclose(samples.acc.std(axis=0), NOMINAL.accel_sigma, rtol=0.03)
    np.testing.assert_allclose(samples.gyro.std(axis=0), NOMINAL.gyro_sigma, rtol=0.03)
    np.testing.assert_allclose(samples.acc.mean(axis=0), [0, 0, -GRAVITY], atol=5e-4)
