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
What the controls of the color camera do to its picture, and the picture's formats.

A model, not the firmware: light is made brighter or darker by exposure and gain, colored by the
difference between the light's temperature and the white balance, and put through a curve for
brightness, contrast and backlight; then saturation, sharpness, and the flicker of the lamps.
Automatic exposure chooses length and gain together, so that the gain control has no effect. At
the defaults a well-lit picture passes unchanged.
"""

from __future__ import annotations

import importlib.util
import math

import cv2
from k4a_ros.camera_config import ColorFormat
from k4a_ros.cameras.controls import ColorControls
from k4a_ros.cameras.controls import exposure_nearest
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

#: length of exposure, microseconds, and gain at which the scene's picture passes unchanged
NOMINAL_EXPOSURE_US = 16670
NOMINAL_GAIN = 128
#: the light in the scene: color temperature, kelvin, and the mains that make it flicker, Hz
LIGHT_KELVIN = 4500
LIGHT_MAINS = 60
#: steps of gain that double the signal
_GAIN_PER_STOP = 32
#: how much of the light flickers
_FLICKER = 0.3
#: time from the first row of the sensor to the last, as part of the shortest frame period, µs
_READOUT_US = 30_000.0
#: mean of the picture that automatic exposure aims at; from which difference on it begins to
#: act, and at which it stops, in stops
_TARGET_MEAN = 115.0
_EXPOSURE_BAND = (0.1, 0.5)
_STOPS_LIMIT = (-5.0, 4.0)
#: part of the remaining difference that the automatic modes remove with each frame
_SPEED = 0.25
#: the same of automatic white balance, as part of the kelvins
_KELVIN_BAND = (0.02, 0.3)
_GAMMA = 2.2
#: MJPG of the device has about this quality at 4:2:2
_JPEG_QUALITY = 90

_HAS_SIMPLEJPEG = importlib.util.find_spec('simplejpeg') is not None


class ColorSignal:
    """
    From what the lens shows to what the camera delivers.

    The automatic modes look at each picture and act on the next, so a picture depends on those
    before it while they have not settled.

    :param controls: read for every picture; the automatic modes write what they choose.
    :param period_us: time between frames, which limits the exposure.
    """

    def __init__(self, controls: ColorControls, period_us: int) -> None:
        self._controls = controls
        self._period_us = period_us
        self._stops = 0.0  # what automatic exposure adds to the nominal one
        # the automatic modes begin anew with every start, so that its pictures are the same
        controls.choose('exposure_time_us', exposure_nearest(
            NOMINAL_EXPOSURE_US, controls['powerline_frequency'], period_us))
        controls.choose('whitebalance', LIGHT_KELVIN)
        self._kelvin = float(controls['whitebalance'])
        self._exposing = self._balancing = False  # whether an automatic mode is at work
        self._curve_key: tuple[float, int, int, int, bool] | None = None
        self._curve: Picture | None = None

    def exposure_us(self) -> int:
        """Return the length of exposure of the next picture."""
        return min(int(self._controls['exposure_time_us']), self._period_us)

    def white_balance(self) -> int:
        """Return the white balance of the next picture, kelvin."""
        return int(self._controls['whitebalance'])

    def iso_speed(self) -> int:
        """Return the sensitivity of the next picture; the nominal gain is 100."""
        return round(100 * 2 ** self._gain_stops())

    def process(self, picture: Picture, device_us: int) -> Picture:
        """
        Return what the camera makes of a picture; it may be the same array.

        :param picture: (height, width, 3) uint8, blue, green, red, at nominal exposure.
        :param device_us: center of exposure, for the phase of the flicker.
        """
        controls = self._controls
        curve = self._tone_curve()
        if curve is not None:
            picture = np.asarray(cv2.LUT(picture, curve), np.uint8)
        if controls['saturation'] != 32:
            picture = _saturated(picture, controls['saturation'] / 32)
        if controls['sharpness'] != 2:
            picture = _sharpened(picture, (controls['sharpness'] - 2) / 2)
        picture = self._flickering(picture, device_us)
        self._adapt(picture)
        return picture

    def _light_stops(self) -> float:
        """Return how much brighter than nominal the picture is, in stops."""
        if self._controls['exposure_auto']:
            return self._stops
        return math.log2(self.exposure_us() / NOMINAL_EXPOSURE_US) + self._gain_stops()

    def _gain_stops(self) -> float:
        """Return what the gain adds, in stops; that of automatic exposure beyond its length."""
        if self._controls['exposure_auto']:
            return self._stops - math.log2(self.exposure_us() / NOMINAL_EXPOSURE_US)
        return (self._controls['gain'] - NOMINAL_GAIN) / _GAIN_PER_STOP

    def _tone_curve(self) -> Picture | None:
        """Return the table from the scene's values to the camera's; None if it changes none."""
        controls = self._controls
        kelvin = self._kelvin if controls['whitebalance_auto'] else controls['whitebalance']
        key = (round(self._light_stops(), 3), round(kelvin), int(controls['brightness']),
               int(controls['contrast']), bool(controls['backlight_compensation']))
        if key != self._curve_key:
            self._curve_key = key
            self._curve = _curve(*key)
        return self._curve

    def _flickering(self, picture: Picture, device_us: int) -> Picture:
        """Return the picture with the bands that lamps on the mains give a rolling shutter."""
        exposure = self.exposure_us()
        beat = 2 * LIGHT_MAINS * exposure * 1e-6  # flashes of the lamp within one exposure
        depth = _FLICKER * float(np.sinc(beat))
        if abs(depth) < 0.01:
            return picture
        rows = np.arange(len(picture)) * (_READOUT_US / len(picture)) + device_us
        light = 1 + depth * np.cos(2 * math.pi * 2 * LIGHT_MAINS * rows * 1e-6)
        factors = (light ** (1 / _GAMMA)).astype(np.float32)
        return np.asarray(np.clip(picture * factors[:, None, None], 0, 255), np.uint8)

    def _adapt(self, picture: Picture) -> None:
        """Let the automatic modes look at what came out, and act on what comes next."""
        controls = self._controls
        sample = np.ascontiguousarray(picture[8::16, 8::16])
        blue, _, red = (max(1.0, value) for value in cv2.mean(sample)[:3])
        if controls['exposure_auto']:
            height, width = sample.shape[:2]
            middle = sample[height // 4:-(height // 4), width // 4:-(width // 4)]
            metered = middle if controls['backlight_compensation'] else sample
            missing = _GAMMA * math.log2(_TARGET_MEAN / max(1.0, float(metered.mean())))
            self._exposing = abs(missing) > _EXPOSURE_BAND[not self._exposing]
            if self._exposing:
                stops = self._stops + _SPEED * missing
                self._stops = min(max(stops, _STOPS_LIMIT[0]), _STOPS_LIMIT[1])
            controls.choose('exposure_time_us', exposure_nearest(
                NOMINAL_EXPOSURE_US * 2 ** self._stops, controls['powerline_frequency'],
                self._period_us))
        else:
            self._stops = self._light_stops()
        if controls['whitebalance_auto']:
            # a blue picture asks for more kelvin
            wanted = min(max(self._kelvin * (blue / red) ** _GAMMA, 2500.0), 12500.0)
            missing = wanted / self._kelvin - 1
            self._balancing = abs(missing) > _KELVIN_BAND[not self._balancing]
            if self._balancing:
                self._kelvin *= 1 + _SPEED * missing
            controls.choose('whitebalance', round(self._kelvin / 10) * 10)
        else:
            self._kelvin = float(controls['whitebalance'])


def _curve(
    stops: float, kelvin: float, brightness: int, contrast: int, backlight: bool,
) -> Picture | None:
    """
    Return (256, 1, 3) uint8 for cv2.LUT, or None for the identity.

    :param stops: light, doublings.
    :param kelvin: white balance.
    """
    gains = 2 ** stops * white_gains(kelvin)
    value = (np.arange(256)[:, None] / 255) ** _GAMMA * gains
    value = np.clip(value, 0, 1) ** (1 / _GAMMA)
    if backlight:
        value = value ** 0.75
    value = (value - 0.5) * 2 ** ((contrast - 5) / 4) + 0.5 + (brightness - 128) / 255
    table = np.clip(np.rint(value * 255), 0, 255).astype(np.uint8)
    if (table == np.arange(256)[:, None]).all():
        return None
    return np.asarray(table.reshape(256, 1, 3), np.uint8)


def white_gains(kelvin: float) -> npt.NDArray[np.float64]:
    """
    Return the gains of blue, green and red that this white balance gives, that of green 1.

    They make light of this temperature white; the scene's light has LIGHT_KELVIN, where the
    gains are all 1.
    """
    gains = _black_body(LIGHT_KELVIN) / _black_body(kelvin)
    result: npt.NDArray[np.float64] = gains / gains[1]
    return result


def _black_body(kelvin: float) -> npt.NDArray[np.float64]:
    """
    Return blue, green and red of a black body, by Planck's law at the colors' wavelengths.

    The camera's filters are taken to be lines at 450, 550 and 600 nm.
    """
    wavelength = np.array([450e-9, 550e-9, 600e-9])
    second_radiation_constant = 1.438776877e-2  # m K (CODATA 2018)
    radiance: npt.NDArray[np.float64] = (
        wavelength ** -5.0 / np.expm1(second_radiation_constant / (wavelength * kelvin)))
    return radiance


def _saturated(picture: Picture, factor: float) -> Picture:
    """Return the picture with colors this much farther from gray (luma of ITU-R BT.601)."""
    luma = np.array([0.114, 0.587, 0.299])
    matrix = (1 - factor) * np.tile(luma, (3, 1)) + factor * np.eye(3)
    return np.asarray(cv2.transform(picture, matrix), np.uint8)


def _sharpened(picture: Picture, amount: float) -> Picture:
    """Return the picture sharper by this (-1 to 1): blended with, or away from, a blurred one."""
    blurred = cv2.GaussianBlur(picture, (0, 0), 1.5)
    return np.asarray(cv2.addWeighted(picture, 1 + amount, blurred, -amount, 0), np.uint8)


def encode(picture: Picture, form: ColorFormat) -> Picture:
    """
    Return a picture as the camera delivers it.

    :param picture: (height, width, 3) uint8, blue, green, red.
    :return: uint8, of the shape that `k4a_ros.cameras.base.Image` tells for the format.
    """
    if form is ColorFormat.MJPG:
        return _jpeg(picture)
    if form is ColorFormat.BGRA32:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA), np.uint8)
    height, width = picture.shape[:2]
    planar = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    luma = planar[:height]
    chroma = planar[height:].reshape(2, height // 2, width // 2).transpose(1, 2, 0)
    if form is ColorFormat.NV12:
        return np.vstack([luma, chroma.reshape(height // 2, width)])
    return np.stack([luma, np.repeat(chroma.reshape(-1, width), 2, axis=0)], axis=-1)


def _jpeg(picture: Picture) -> Picture:
    """Return a JPEG with half the colors, side by side, as the device makes them."""
    if _HAS_SIMPLEJPEG:
        import simplejpeg
        return np.frombuffer(simplejpeg.encode_jpeg(
            np.ascontiguousarray(picture), quality=_JPEG_QUALITY, colorspace='BGR',
            colorsubsampling='422', fastdct=True), np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    if hasattr(cv2, 'IMWRITE_JPEG_SAMPLING_FACTOR'):
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]
    return np.asarray(cv2.imencode('.jpg', picture, options)[1], np.uint8).ravel()


def corrupt(jpeg: Picture) -> Picture:
    """Return a JPEG that lost its first marker and its second half, as on a bad cable."""
    damaged = jpeg[:max(4, len(jpeg) // 2)].copy()
    damaged[:4] = 0
    return damaged
