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


"""Measurements of an accelerometer and a gyroscope on a moving camera."""

from __future__ import annotations

from k4a_ros.calibration import tf_frames
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.capture import ImuSamples
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.shapes import Array
import numpy as np
import numpy.typing as npt

#: standard gravity, m/s² (ISO 80000-3)
GRAVITY = 9.80665
#: sample period of 600.24 µs: 1666 Hz, the rate of the device's LSM6DSM (data sheet)
PERIOD_NUMERATOR, PERIOD_DENOMINATOR = 60024, 100
#: temperature of a camera that has been running for a while
TEMPERATURE_C = 32.0

#: step of the central differences
_STEP_S = 5e-4
#: standard deviations for a calibration without noise: m/s², rad/s
_DEFAULT_ACCEL_SIGMA, _DEFAULT_GYRO_SIGMA = 0.0107, 0.00095


class InertialSensors:
    """
    The inertial sensors of one camera.

    Each measures in its own frame, whose axes point backward, left and down: at rest z of the
    accelerometer is -g, as on the device. Rates are central differences of the camera's path over
    1 ms, with a relative error of about 1e-7.
    """

    def __init__(
        self, path: CameraPath, calibration: FactoryCalibration, seed: int, noise: bool,
    ) -> None:
        self._path = path
        from_depth = tf_frames.base_from_depth()
        self._accel = from_depth @ calibration.depth_to_accel.normalized().inverse()
        self._gyro = from_depth @ calibration.depth_to_gyro.normalized().inverse()
        self._sigma = np.zeros(6)
        if noise:
            accel, gyro = calibration.accel_sigma, calibration.gyro_sigma
            self._sigma[:3] = _DEFAULT_ACCEL_SIGMA if accel is None else accel
            self._sigma[3:] = _DEFAULT_GYRO_SIGMA if gyro is None else gyro
        random = np.random.default_rng([seed & (1 << 64) - 1, 2])
        self._noise = random.standard_normal((1 << 16, 6))
        self._at_rest = self._noise_free(np.zeros(1)) if path.is_still else None

    def accelerometer(self, time: float) -> RigidTransform:
        """Return the pose of the accelerometer in the world at a time, seconds."""
        rotation, translation = self._path.housing([time])
        return RigidTransform(rotation[0], translation[0]) @ self._accel

    def samples(self, from_us: int, to_us: int) -> ImuSamples:
        """Return the samples with from_us <= t < to_us."""
        first, last = (-(-time * PERIOD_DENOMINATOR // PERIOD_NUMERATOR)
                       for time in (from_us, to_us))
        numbers = np.arange(first, max(first, last), dtype=np.int64)
        times: npt.NDArray[np.int64] = numbers * PERIOD_NUMERATOR // PERIOD_DENOMINATOR
        values = self._at_rest
        if values is None:
            values = self._noise_free(times.astype(np.float64) * np.float64(1e-6))
        values = values + self._sigma * self._noise[numbers % len(self._noise)]
        values = values.astype(np.float32)
        return ImuSamples(
            np.ascontiguousarray(values[:, :3]), times,
            np.ascontiguousarray(values[:, 3:]), times,
            np.full(len(values), TEMPERATURE_C, np.float32))

    def _noise_free(self, times: Array) -> Array:
        """Return specific force and angular velocity, (N, 6)."""
        poses = [self._path.housing(times + step) for step in (-_STEP_S, 0.0, _STEP_S)]
        before, now, after = (
            rotation @ self._accel.translation + translation for rotation, translation in poses)
        # the specific force at rest points up, and y points down
        force = (after - 2 * now + before) / _STEP_S ** 2 - [0.0, GRAVITY, 0.0]
        accel_axes = poses[1][0] @ self._accel.rotation
        turn = np.swapaxes(poses[0][0] @ self._gyro.rotation, 1, 2) @ (
            poses[2][0] @ self._gyro.rotation)
        skew = (turn - np.swapaxes(turn, 1, 2)) / (4 * _STEP_S)
        return np.concatenate((
            np.einsum('nji,nj->ni', accel_axes, force),
            np.stack((skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]), axis=1)), axis=1)
