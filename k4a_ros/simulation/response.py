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
What the depth camera makes of the light that comes back.

Sources: [HW] Microsoft, "Azure Kinect DK hardware specifications", depth camera supported
operating modes; [DC] Microsoft, "Azure Kinect DK depth camera", invalidation; [R] one frame of a
real device (NFOV_UNBINNED, recorded with k4arecorder 1.4.1), measured.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from k4a_ros.camera_config import DepthMode
import numpy as np
import numpy.typing as npt

#: Amplitude of a white surface seen frontally at 1 m. [R]: amplitude * Z² has its 95th percentile
#: at 1354 there, which is taken to be a reflectivity of 0.9.
NFOV_AT_1_M = 1500.0
#: The same in WFOV: the light is spread over π steradians (a cone of 120°) instead of the 1.2 of
#: the hexagon of 75° x 65° [HW].
WFOV_AT_1_M = NFOV_AT_1_M * 1.2 / math.pi

#: [R]: 15954 is the brightest pixel below 65535, and all pixels that are 65535 have no depth
SATURATION = 15950.0

#: [HW]: operating range, meters, of 15 % to 95 % reflectivity, within which the standard deviation
#: is 17 mm at most
RANGES = {
    DepthMode.NFOV_UNBINNED: (0.5, 3.86),
    DepthMode.NFOV_2X2BINNED: (0.5, 5.46),
    DepthMode.WFOV_2X2BINNED: (0.25, 2.88),
    DepthMode.WFOV_UNBINNED: (0.25, 2.21),
}
_LEAST_REFLECTIVITY = 0.15

#: standard deviation, mm, of 15 % reflectivity at the end of the range (17 by [HW], less for what
#: is still measured below it), and of a very bright surface
_SIGMA_AT_END = 15.0
_SIGMA_FLOOR = 0.5
#: pixels with less than this share of the amplitude there are invalid ([DC], "low IR signal")
_LEAST_LIGHT = 0.8
#: Variance of the amplitude per amplitude: shot noise is a Poisson process, so it is
#: proportional; how many photons a unit is, is not published.
PHOTONS = 0.1

#: systematic error: amplitude and wavelength, mm; [HW]: less than 11 mm + 0.1 %. A periodic error
#: is what remains of higher harmonics of the modulation (Lindner et al., "Time-of-flight sensor
#: calibration for accurate range sensing", 2010).
_WAVE = (4.0, 900.0)

#: Share of 1 / Z by which it may bend between three pixels: [DC], "mixed signal from foreground
#: and background (such as around object edges)"
JUMP = 0.03

#: amplitude of a white surface in the light of the room, in PASSIVE_IR: a dim picture
PASSIVE = 400.0

#: Edges of the hexagon in NFOV_UNBINNED pixels as (column at row 0, columns per row): it is right
#: of the first two and left of the other two. [R], fitted to within a pixel.
_HEXAGON = ((152.0, -0.5583), (-199.3, 0.5985), (513.5, 0.5557), (864.5, -0.6005))


@dataclass(frozen=True)
class Response:
    """
    What ``kernels.measure`` and ``develop`` need to know of a mode.

    ``active``: amplitude of white at 1 m in the camera's own light, ``passive`` that in other
    light; the others as there.
    """

    active: float
    passive: float
    floor: float
    shot: float
    least: float


def response(mode: DepthMode) -> Response:
    """Return the response of a mode."""
    if not mode.has_depth:
        return Response(0.0, PASSIVE, 0.0, 0.0, 0.0)
    narrow = mode in (DepthMode.NFOV_UNBINNED, DepthMode.NFOV_2X2BINNED)
    active = NFOV_AT_1_M if narrow else WFOV_AT_1_M
    at_end = active * _LEAST_REFLECTIVITY / RANGES[mode][1] ** 2
    shot = math.sqrt((_SIGMA_AT_END ** 2 - _SIGMA_FLOOR ** 2) * at_end)
    return Response(active, 0.0, _SIGMA_FLOOR, shot, _LEAST_LIGHT * at_end)


def systematic(seed: int) -> npt.NDArray[np.float64]:
    """Return amplitude, wavelength (mm) and phase of one camera's systematic error."""
    return np.array([*_WAVE, np.random.default_rng([seed & _WORD, 1]).uniform(0.0, 2 * math.pi)])


def illuminated(
    mode: DepthMode, rx: npt.NDArray[np.float32], ry: npt.NDArray[np.float32],
) -> npt.NDArray[np.bool_]:
    """
    Return which pixels the camera's light reaches.

    NFOV: the hexagon of [R]; WFOV: the cone of 120° ([HW], [DC]); PASSIVE_IR: all with a ray.

    :param rx: (height, width) x/z of the pixels' rays, NaN for none; ``ry`` y/z.
    """
    seen = ~np.isnan(rx)
    if mode in (DepthMode.WFOV_UNBINNED, DepthMode.WFOV_2X2BINNED):
        return seen & (rx * rx + ry * ry <= math.tan(math.radians(60.0)) ** 2)
    if mode is DepthMode.PASSIVE_IR:
        return seen
    row, column = np.indices(rx.shape, np.float64)
    if mode is DepthMode.NFOV_2X2BINNED:
        row, column = 2 * row + 0.5, 2 * column + 0.5
    left = [at + slope * row for at, slope in _HEXAGON[:2]]
    right = [at + slope * row for at, slope in _HEXAGON[2:]]
    lit: npt.NDArray[np.bool_] = (
        seen & (column >= np.maximum(*left) - 0.5) & (column <= np.minimum(*right) + 0.5))
    return lit


_WORD = (1 << 64) - 1
#: independent values of the noise
_TILE = 1 << 20


class Noise:
    """
    Standard normal noise for frames of so many pixels, the same for the same seed and time.

    A tile of it is made once, and each frame begins at places of it that follow from the time:
    a pixel's values from frame to frame are independent for all practical purposes.
    """

    def __init__(self, seed: int, pixels: int) -> None:
        self._seed = seed
        tile = np.random.default_rng([seed & _WORD, 0]).standard_normal(_TILE, np.float32)
        # so much of it again that a frame may begin anywhere
        self._pixels = pixels
        self._tile = np.resize(tile, _TILE + pixels)

    def of(
        self, device_us: int,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the noise of the depth and that of the infrared, (pixels,) each."""
        mixed = _mix(_mix(self._seed & _WORD) ^ (device_us & _WORD))
        first, second = mixed % _TILE, (mixed >> 32) % _TILE
        return (self._tile[first:first + self._pixels],
                self._tile[second:second + self._pixels])


def _mix(value: int) -> int:
    """Return 64 bits that look random (Steele et al., splitmix64, 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & _WORD
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _WORD
    return value ^ (value >> 31)
