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
Where sound comes from: steered response power with phase transform (SRP-PHAT).

For each pair of microphones, the cross-correlation of their whitened spectra (GCC-PHAT; Knapp and
Carter, "The generalized correlation method for estimation of time delay", 1976) has a peak at the
difference of the arrival times. For each direction of a grid, the values of all pairs at the
differences that it would cause are added up (DiBiase, "A high-accuracy, low-latency technique for
talker localization in reverberant environments", 2000); the direction with the highest sum is
refined on a finer grid around it.

Microphones in one plane cannot tell above from below, so directions have an elevation of 0 or
more. Reflections from floor and ceiling arrive from steeper angles and raise it in a room; the
azimuth is hardly affected.
"""

from __future__ import annotations

from dataclasses import dataclass
import functools
import itertools
import math

from k4a_ros.audio.microphones import POSITIONS_M
from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.microphones import SPEED_OF_SOUND
from k4a_ros.audio.source import Samples
import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]

#: length of one spectrum; half of it overlaps with the next
_FRAME = 2048
_STEP = _FRAME // 2
#: Band of speech that is used, Hz: below, the array is small compared to the wavelength; above
#: 4.2 kHz, microphones that are 40 mm apart are more than half a wavelength apart.
_BAND_HZ = (300.0, 6000.0)
#: the correlations are computed this many times finer than the samples
_UPSAMPLING = 8
#: grid of directions, and the finer ones around the best, degrees
_GRID_DEG = 5.0
_REFINEMENTS_DEG = (1.0, 0.25)
#: highest elevation of the grid: at the zenith, all azimuths are the same direction
_MAX_ELEVATION_DEG = 85.0
#: a frame whose level is below that of the loudest one by more than this is left out
_QUIET = 10.0 ** (-20 / 20)
#: confidence of a direction that is one: the noise of the microphones alone gives up to 0.04
_MIN_CONFIDENCE = 0.1


@dataclass(frozen=True)
class Direction:
    """
    A direction in the frame of the array.

    ``azimuth`` to the left of x, ``elevation`` above the plane of the microphones, radians.
    ``confidence``: 0 for diffuse noise, 1 for a single source without echo.
    """

    azimuth: float
    elevation: float
    confidence: float

    @property
    def vector(self) -> tuple[float, float, float]:
        """Return the unit vector to the source."""
        c = math.cos(self.elevation)
        return (c * math.cos(self.azimuth), c * math.sin(self.azimuth), math.sin(self.elevation))


def estimate_direction(samples: Samples, positions_m: _Array = POSITIONS_M) -> Direction | None:
    """
    Return the direction of the loudest source; None if there is only noise.

    :param samples: (N, M) int16 at `RATE`, at least 2048 samples; 100 ms or more are reliable.
    :param positions_m: (M, 3) of the microphones, meters, in a plane of constant z.
    """
    spectra = _spectra(samples)
    if spectra is None:
        return None
    pairs = list(itertools.combinations(range(len(positions_m)), 2))
    first, second = np.array(pairs).T
    whitened = spectra / np.maximum(np.abs(spectra), 1e-12)
    cross = np.einsum('fpb,fpb->pb', whitened[:, first], whitened[:, second].conj())
    cross /= len(spectra)
    bins = _FRAME // 2 * _UPSAMPLING + 1
    padded = np.zeros((len(pairs), bins), np.complex128)
    low, high = _band()
    padded[:, low:high] = cross
    # 1 at the delay of a single source
    correlation = np.fft.irfft(padded) * (_FRAME * _UPSAMPLING / (2 * (high - low)))
    between = (positions_m[second] - positions_m[first]) * (RATE * _UPSAMPLING / SPEED_OF_SOUND)
    azimuth, elevation = 0.0, 0.0
    grid = _grid()
    for step in (0.0, *_REFINEMENTS_DEG):
        if step:
            grid = _around(azimuth, elevation, step)
        power = _steered_power(correlation, between, grid)
        best = int(np.argmax(power))
        azimuth, elevation = grid[best]
    confidence = min(float(power[best]), 1.0)
    if confidence < _MIN_CONFIDENCE:
        return None
    return Direction(math.remainder(azimuth, math.tau), elevation, confidence)


def _spectra(samples: Samples) -> npt.NDArray[np.complex128] | None:
    """Return the spectra (frames, microphones, band) of all frames that are not quiet."""
    starts = range(0, len(samples) - _FRAME + 1, _STEP)
    frames = np.stack([samples[start:start + _FRAME] for start in starts]).astype(np.float64)
    low, high = _band()
    spectra = np.fft.rfft(frames * np.hanning(_FRAME)[None, :, None], axis=1)[:, low:high]
    levels = np.sqrt((np.abs(spectra) ** 2).sum((1, 2)))
    if not levels.max() > 0.0:
        return None
    result: npt.NDArray[np.complex128] = spectra[levels >= _QUIET * levels.max()].transpose(
        0, 2, 1)
    return result


def _band() -> tuple[int, int]:
    """Return first bin, and bin after the last, of the band that is used."""
    low, high = (round(hz * _FRAME / RATE) for hz in _BAND_HZ)
    return low, high + 1


def _steered_power(correlation: _Array, between: _Array, grid: _Array) -> _Array:
    """
    Return the mean of the correlations of all pairs at the delays of each direction.

    :param between: (pairs, 3) from the first to the second microphone, steps of the correlation.
    :param grid: (N, 2) azimuth and elevation.
    """
    c = np.cos(grid[:, 1])
    vectors = np.stack(
        [c * np.cos(grid[:, 0]), c * np.sin(grid[:, 0]), np.sin(grid[:, 1])], axis=1)
    # sound reaches the microphone that is farther in its direction first
    delays = np.rint(between @ vectors.T).astype(np.int64)
    power: _Array = correlation[np.arange(len(between))[:, None], delays].mean(0)
    return power


@functools.cache
def _grid() -> _Array:
    azimuths = np.arange(-180.0, 180.0, _GRID_DEG)
    elevations = np.arange(0.0, _MAX_ELEVATION_DEG + 1e-9, _GRID_DEG)
    grid: _Array = np.radians(np.array(list(itertools.product(azimuths, elevations))))
    return grid


def _around(azimuth: float, elevation: float, step_deg: float) -> _Array:
    """Return a grid of directions around one, five steps to each side."""
    offsets = np.radians(step_deg) * np.arange(-5, 6)
    return np.array([
        (azimuth + a, min(max(elevation + e, 0.0), math.radians(_MAX_ELEVATION_DEG)))
        for a, e in itertools.product(offsets, offsets)])
