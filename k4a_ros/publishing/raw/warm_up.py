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

"""Warm up the loop that publishes IMU samples: compile it, or load it from numba's cache."""

from __future__ import annotations

import ctypes

from k4a_ros.jit.announce import warms_up
import numpy as np


def clock_functions() -> tuple[int, int]:
    """Return the addresses of clock_gettime and clock_nanosleep."""
    library = ctypes.CDLL(None)
    gettime, nanosleep = (ctypes.cast(function, ctypes.c_void_p).value or 0 for function in (
        library.clock_gettime, library.clock_nanosleep))
    return gettime, nanosleep


@warms_up('IMU samples')
def warm_up_imu() -> None:
    """Call the kernel of ``imu_kernels`` with the argument types that the driver uses."""
    from k4a_ros.publishing.raw import imu_kernels as kernels
    words = np.zeros(kernels.WORDS, np.int64)
    words[kernels.CLOCK_GETTIME], words[kernels.CLOCK_NANOSLEEP] = clock_functions()
    times, vectors = np.zeros(0, np.int64), np.zeros((0, 3))
    kernels.publish_readings(
        words, words.view(np.float64), 0, 1.0, times, times, vectors, vectors)
