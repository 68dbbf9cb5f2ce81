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

"""Conversion of IMU samples from the layout of libk4a (k4a_imu_sample_t)."""

from __future__ import annotations

from k4a_ros.capture import ImuSamples
import numpy as np
import numpy.typing as npt

#: memory layout of k4a_imu_sample_t; timestamps in microseconds
IMU_DTYPE = np.dtype({
    'names': ['temperature', 'acc', 'acc_us', 'gyro', 'gyro_us'],
    'formats': ['<f4', ('<f4', 3), '<u8', ('<f4', 3), '<u8'],
    'offsets': [0, 4, 16, 24, 40], 'itemsize': 48})


def imu_samples(samples: npt.NDArray[np.void], shift_us: int) -> ImuSamples:
    """
    Return copies of native IMU samples as ImuSamples.

    :param samples: (N,) IMU_DTYPE.
    :param shift_us: offset to add to all timestamps, microseconds.
    """
    return ImuSamples(
        acc=samples['acc'].copy(), acc_us=samples['acc_us'].astype(np.int64) + shift_us,
        gyro=samples['gyro'].copy(), gyro_us=samples['gyro_us'].astype(np.int64) + shift_us,
        temperature=samples['temperature'].copy())
