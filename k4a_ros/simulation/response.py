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


"""
Response of the depth camera to light: amplitude, noise, invalidation, and illuminated pixels.

Sources: [HW] Microsoft, "Azure Kinect DK hardware specifications", depth camera supported
operating modes; [DC] Microsoft, "Azure Kinect DK depth camera", invalidation; [R] measured
in one frame of a real device (NFOV_UNBINNED, recorded with k4arecorder 1.4.1).
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from k4a_ros.camera_config import DepthMode
import numpy as np
import numpy.typing as npt

#: Amplitude of a white surface at 1 m, seen frontally. [R]: the 95th percentile of amplitude * Z²
#: is 1354, which is attributed to a reflectivity of 0.9.
NFOV_AMPLITUDE_AT_1_M = 1500.0
#: The same in WFOV, where the light is spread over π steradians (a cone of 120°) instead of the
#: 1.2 of the hexagon of 75° x 65° [HW].
WFOV_AMPLITUDE_AT_1_M = NFOV_AMPLITUDE_AT_1_M * 1.2 / math.pi

#: amplitude above which a pixel is saturated; [R]: 15954 is the greatest value below 65535, and
#: all pixels of value 65535 have no depth
SATURATION = 15950.0

#: [HW]: operating range, meters, for a reflectivity of 15 % to 95 %, within which the standard
#: deviation is at most 17 mm
OPERATING_RANGES_M = {
    DepthMode.NFOV_UNBINNED: (0.5, 3.86),
    DepthMode.NFOV_2X2BINNED: (0.5, 5.46),
    DepthMode.WFOV_2X2BINNED: (0.25, 2.88),
    DepthMode.WFOV_UNBINNED: (0.25, 2.21),
}
_MIN_REFLECTIVITY = 0.15

#: standard deviation of a surface of 15 % reflectivity at the end of the operating range: at most
#: 17 mm by [HW], less to leave room for darker pixels that are still valid
_SIGMA_AT_MAX_RANGE_MM = 15.0
#: standard deviation of a very bright surface
_SIGMA_FLOOR_MM = 0.5
#: pixels below this fraction of the amplitude at the end of the range are invalid ([DC], "low IR
#: signal")
_MIN_RELATIVE_AMPLITUDE = 0.8
#: Variance of the amplitude per unit of amplitude: shot noise is a Poisson process, whose variance
#: is proportional to its mean; the number of photons per unit is not published.
VARIANCE_PER_AMPLITUDE = 0.1

#: amplitude and wavelength of the systematic error; [HW]: less than 11 mm + 0.1 %. Harmonics of
#: the modulation leave a periodic error (Lindner et al., "Time-of-flight sensor calibration for
#: accurate range sensing", 2010).
_WAVE_AMPLITUDE_MM, _WAVELENGTH_MM = 4.0, 900.0

#: largest second difference of 1 / Z, relative to 1 / Z, of a valid pixel: [DC], "mixed signal
#: from foreground and background (such as around object edges)"
MAX_BEND = 0.03

#: amplitude of a white surface in ambient light, in PASSIVE_IR: a dim image
PASSIVE_AMPLITUDE = 400.0

#: Edges of the illuminated hexagon in pixels of NFOV_UNBINNED, as (column at row 0, columns per
#: row): it is to the right of the first two and to the left of the others. [R], fitted to within a
#: pixel.
_HEXAGON_LEFT = ((152.0, -0.5583), (-199.3, 0.5985))
_HEXAGON_RIGHT = ((513.5, 0.5557), (864.5, -0.6005))


@dataclass(frozen=True)
class Response:
    """
    Parameters of ``kernels.illuminate``, ``measure`` and ``develop`` for one mode.

    ``active``: amplitude of white at 1 m in the camera's own light; ``passive``: amplitude of
    white in ambient light; ``sigma_floor``: standard deviation in bright light, mm;
    ``shot_noise``: standard deviation at amplitude 1, mm; ``min_amplitude``: amplitude below which
    depth is invalid.
    """

    active: float
    passive: float
    sigma_floor: float
    shot_noise: float
    min_amplitude: float


def response_of(mode: DepthMode) -> Response:
    """Return the response in a mode."""
    if not mode.has_depth:
        return Response(0.0, PASSIVE_AMPLITUDE, 0.0, 0.0, 0.0)
    narrow = mode in (DepthMode.NFOV_UNBINNED, DepthMode.NFOV_2X2BINNED)
    active = NFOV_AMPLITUDE_AT_1_M if narrow else WFOV_AMPLITUDE_AT_1_M
    at_max_range = active * _MIN_REFLECTIVITY / OPERATING_RANGES_M[mode][1] ** 2
    shot_noise = math.sqrt((_SIGMA_AT_MAX_RANGE_MM ** 2 - _SIGMA_FLOOR_MM ** 2) * at_max_range)
    return Response(
        active, 0.0, _SIGMA_FLOOR_MM, shot_noise, _MIN_RELATIVE_AMPLITUDE * at_max_range)


def systematic_error(seed: int) -> npt.NDArray[np.float64]:
    """Return amplitude (mm), wavelength (mm) and phase of one camera's systematic error."""
    phase = np.random.default_rng([seed & _MASK_64, 1]).uniform(0.0, 2 * math.pi)
    return np.array([_WAVE_AMPLITUDE_MM, _WAVELENGTH_MM, phase])


def illumination_mask(
    mode: DepthMode, rx: npt.NDArray[np.float32], ry: npt.NDArray[np.float32],
) -> npt.NDArray[np.bool_]:
    """
    Return the pixels that the camera illuminates.

    NFOV: the hexagon of [R]; WFOV: a cone of 120° ([HW], [DC]); PASSIVE_IR: all with a ray.

    :param rx: (height, width) x/z of the rays, NaN for none; ``ry`` y/z.
    """
    has_ray = ~np.isnan(rx)
    if mode in (DepthMode.WFOV_UNBINNED, DepthMode.WFOV_2X2BINNED):
        return has_ray & (rx * rx + ry * ry <= math.tan(math.radians(60.0)) ** 2)
    if mode is DepthMode.PASSIVE_IR:
        return has_ray
    row, column = np.indices(rx.shape, np.float64)
    if mode is DepthMode.NFOV_2X2BINNED:
        row, column = 2 * row + 0.5, 2 * column + 0.5
    upper_left, lower_left = (offset + slope * row for offset, slope in _HEXAGON_LEFT)
    upper_right, lower_right = (offset + slope * row for offset, slope in _HEXAGON_RIGHT)
    lit: npt.NDArray[np.bool_] = (
        has_ray & (column >= np.maximum(upper_left, lower_left) - 0.5)
        & (column <= np.minimum(upper_right, lower_right) + 0.5))
    return lit


_MASK_64 = (1 << 64) - 1
#: number of independent noise values
_TILE = 1 << 20


class Noise:
    """
    Standard normal noise for frames of a number of pixels, reproducible for a seed and time.

    A tile of noise is generated once, and each frame reads it from offsets that are a hash of the
    time: for all practical purposes a pixel's values are independent from frame to frame.
    """

    def __init__(self, seed: int, pixels: int) -> None:
        self._seed = seed
        tile = np.random.default_rng([seed & _MASK_64, 0]).standard_normal(_TILE, np.float32)
        # repeated, so that a frame can start at any offset
        self._pixels = pixels
        self._tile = np.resize(tile, _TILE + pixels)

    def at(
        self, device_us: int,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the noise of depth and of infrared at a time, (pixels,) each."""
        mixed = _mix(_mix(self._seed & _MASK_64) ^ (device_us & _MASK_64))
        first, second = mixed % _TILE, (mixed >> 32) % _TILE
        return (self._tile[first:first + self._pixels],
                self._tile[second:second + self._pixels])


def _mix(value: int) -> int:
    """Return a 64-bit hash (Steele et al., splitmix64, 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK_64
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return value ^ (value >> 31)
