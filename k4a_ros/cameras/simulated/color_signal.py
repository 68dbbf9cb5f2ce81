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
Model of the color camera's image pipeline: the effects of its controls, and its output formats.

This is a model, not the firmware: exposure and gain scale the light, white balance scales the
channels by the difference to the light's color temperature, and a tone curve applies brightness,
contrast and backlight compensation; then follow saturation, sharpness, and the flicker of lamps.
Automatic exposure chooses exposure time and gain together, so the gain control has no effect then.
At the defaults a well-lit image passes unchanged.
"""

from __future__ import annotations

import importlib.util
import math

import cv2
from k4a_ros.camera_config import ColorFormat
from k4a_ros.cameras.controls import ColorControls
from k4a_ros.cameras.controls import exposure_nearest
from k4a_ros.images import yuv
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

#: exposure time, microseconds, and gain at which the rendered image passes unchanged
NOMINAL_EXPOSURE_US = 16670
NOMINAL_GAIN = 128
#: light of the scene: color temperature, kelvin, and mains frequency of its flicker, Hz
LIGHT_KELVIN = 4500
LIGHT_MAINS_HZ = 60
#: steps of the gain control that double the signal
_GAIN_STEPS_PER_STOP = 32
#: fraction of the light that flickers
_FLICKER = 0.3
#: time from the first row of the rolling shutter to the last, microseconds
_READOUT_US = 30_000.0
#: mean pixel value that automatic exposure aims at
_TARGET_MEAN = 115.0
#: hysteresis of automatic exposure: it stops below the first deviation, and starts above the
#: second
_EXPOSURE_BAND_STOPS = (0.1, 0.5)
#: range of automatic exposure, stops
_EXPOSURE_RANGE_STOPS = (-5.0, 4.0)
#: fraction of the remaining deviation that the automatic modes correct with each frame
_CONVERGENCE_RATE = 0.25
#: hysteresis of automatic white balance, as fractions of the color temperature
_KELVIN_BAND = (0.02, 0.3)
_GAMMA = 2.2
#: approximate JPEG quality of the device, which encodes MJPG at 4:2:2
_JPEG_QUALITY = 90

_HAS_SIMPLEJPEG = importlib.util.find_spec('simplejpeg') is not None


class ColorSignal:
    """
    Converts rendered images to the images that the camera delivers.

    The automatic modes measure each image and act on the next one, so an image depends on earlier
    ones while they have not settled.

    :param controls: read for every image; the automatic modes write the values that they choose.
    :param period_us: frame period, which limits the exposure time.
    """

    def __init__(self, controls: ColorControls, period_us: int) -> None:
        self._controls = controls
        self._period_us = period_us
        self._stops = 0.0  # automatic exposure relative to nominal
        # the automatic modes restart with every stream, which makes it reproducible
        controls.apply_automatic('exposure_time_us', exposure_nearest(
            NOMINAL_EXPOSURE_US, controls['powerline_frequency'], period_us))
        controls.apply_automatic('whitebalance', LIGHT_KELVIN)
        self._kelvin = float(controls['whitebalance'])
        self._exposing = self._balancing = False  # whether each automatic mode is adapting
        self._curve_key: tuple[float, int, int, int, bool] | None = None
        self._curve: Picture | None = None  # for the arguments in _curve_key

    def exposure_us(self) -> int:
        """Return the exposure time of the next image, microseconds."""
        return min(int(self._controls['exposure_time_us']), self._period_us)

    def white_balance(self) -> int:
        """Return the white balance of the next image, kelvin."""
        return int(self._controls['whitebalance'])

    def iso_speed(self) -> int:
        """Return the ISO speed of the next image; nominal gain is ISO 100."""
        return round(100 * 2 ** self._gain_stops())

    def process(self, picture: Picture, device_us: int) -> Picture:
        """
        Return an image with the effects of the controls; possibly the same array.

        :param picture: (height, width, 3) uint8, blue, green, red, at nominal exposure.
        :param device_us: center of exposure, which determines the phase of the flicker.
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
        """Return the brightness of the image relative to nominal, stops."""
        if self._controls['exposure_auto']:
            return self._stops
        return math.log2(self.exposure_us() / NOMINAL_EXPOSURE_US) + self._gain_stops()

    def _gain_stops(self) -> float:
        """Return the gain in stops; in automatic mode what the exposure time does not provide."""
        if self._controls['exposure_auto']:
            return self._stops - math.log2(self.exposure_us() / NOMINAL_EXPOSURE_US)
        return (self._controls['gain'] - NOMINAL_GAIN) / _GAIN_STEPS_PER_STOP

    def _tone_curve(self) -> Picture | None:
        """Return the lookup table for cv2.LUT; None for the identity."""
        controls = self._controls
        kelvin = self._kelvin if controls['whitebalance_auto'] else controls['whitebalance']
        key = (round(self._light_stops(), 3), round(kelvin), int(controls['brightness']),
               int(controls['contrast']), bool(controls['backlight_compensation']))
        if key != self._curve_key:
            self._curve_key = key
            self._curve = _curve(*key)
        return self._curve

    def _flickering(self, picture: Picture, device_us: int) -> Picture:
        """Return the image with the bands that flickering lamps cause on a rolling shutter."""
        exposure = self.exposure_us()
        flashes = 2 * LIGHT_MAINS_HZ * exposure * 1e-6  # of the lamps within one exposure
        modulation = _FLICKER * float(np.sinc(flashes))
        if abs(modulation) < 0.01:
            return picture
        rows = np.arange(len(picture)) * (_READOUT_US / len(picture)) + device_us
        light = 1 + modulation * np.cos(2 * math.pi * 2 * LIGHT_MAINS_HZ * rows * 1e-6)
        factors = (light ** (1 / _GAMMA)).astype(np.float32)
        return np.asarray(np.clip(picture * factors[:, None, None], 0, 255), np.uint8)

    def _adapt(self, picture: Picture) -> None:
        """Measure an output image, and let the automatic modes choose values for the next one."""
        controls = self._controls
        sample = np.ascontiguousarray(picture[8::16, 8::16])
        blue, _, red = (max(1.0, value) for value in cv2.mean(sample)[:3])
        if controls['exposure_auto']:
            height, width = sample.shape[:2]
            center = sample[height // 4:-(height // 4), width // 4:-(width // 4)]
            metered = center if controls['backlight_compensation'] else sample
            deviation = _GAMMA * math.log2(_TARGET_MEAN / max(1.0, float(metered.mean())))
            self._exposing = abs(deviation) > _EXPOSURE_BAND_STOPS[not self._exposing]
            if self._exposing:
                stops = self._stops + _CONVERGENCE_RATE * deviation
                self._stops = min(max(stops, _EXPOSURE_RANGE_STOPS[0]), _EXPOSURE_RANGE_STOPS[1])
            controls.apply_automatic('exposure_time_us', exposure_nearest(
                NOMINAL_EXPOSURE_US * 2 ** self._stops, controls['powerline_frequency'],
                self._period_us))
        else:
            self._stops = self._light_stops()
        if controls['whitebalance_auto']:
            # a blue image requires a higher color temperature
            target = min(max(self._kelvin * (blue / red) ** _GAMMA, 2500.0), 12500.0)
            deviation = target / self._kelvin - 1
            self._balancing = abs(deviation) > _KELVIN_BAND[not self._balancing]
            if self._balancing:
                self._kelvin *= 1 + _CONVERGENCE_RATE * deviation
            controls.apply_automatic('whitebalance', round(self._kelvin / 10) * 10)
        else:
            self._kelvin = float(controls['whitebalance'])


def _curve(
    stops: float, kelvin: float, brightness: int, contrast: int, backlight: bool,
) -> Picture | None:
    """
    Return a lookup table (256, 1, 3) uint8 for cv2.LUT, or None for the identity.

    :param stops: brightness relative to nominal.
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
    Return the gains of blue, green (1) and red for a white balance.

    The gains turn light of this color temperature white. They are relative to LIGHT_KELVIN, the
    light of the scene, for which all gains are 1.
    """
    gains = _black_body(LIGHT_KELVIN) / _black_body(kelvin)
    result: npt.NDArray[np.float64] = gains / gains[1]
    return result


def _black_body(kelvin: float) -> npt.NDArray[np.float64]:
    """
    Return the radiance of a black body in blue, green and red, by Planck's law.

    The camera's color filters are approximated as lines at 450, 550 and 600 nm.
    """
    wavelength = np.array([450e-9, 550e-9, 600e-9])
    second_radiation_constant = 1.438776877e-2  # m K (CODATA 2018)
    radiance: npt.NDArray[np.float64] = (
        wavelength ** -5.0 / np.expm1(second_radiation_constant / (wavelength * kelvin)))
    return radiance


def _saturated(picture: Picture, factor: float) -> Picture:
    """Return the image with its distance from gray scaled by a factor (luma of ITU-R BT.601)."""
    luma = np.array([0.114, 0.587, 0.299])
    matrix = (1 - factor) * np.tile(luma, (3, 1)) + factor * np.eye(3)
    return np.asarray(cv2.transform(picture, matrix), np.uint8)


def _sharpened(picture: Picture, amount: float) -> Picture:
    """Return the image sharpened by an amount, -1 (blurred) to 1, by unsharp masking."""
    blurred = cv2.GaussianBlur(picture, (0, 0), 1.5)
    return np.asarray(cv2.addWeighted(picture, 1 + amount, blurred, -amount, 0), np.uint8)


def encode(picture: Picture, color_format: ColorFormat) -> Picture:
    """
    Return an image in one of the camera's formats.

    :param picture: (height, width, 3) uint8, blue, green, red.
    :return: uint8, with the shape that `k4a_ros.capture.Image` specifies for the format.
    """
    if color_format is ColorFormat.MJPG:
        return _jpeg(picture)
    if color_format is ColorFormat.BGRA32:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA), np.uint8)
    luma, chroma = yuv.from_bgr(picture)
    chroma = chroma.reshape(luma.shape[0] // 2, luma.shape[1])
    if color_format is ColorFormat.NV12:
        return np.vstack([luma, chroma])
    return np.stack([luma, np.repeat(chroma, 2, axis=0)], axis=-1)


def _jpeg(picture: Picture) -> Picture:
    """Return a JPEG with 4:2:2 chroma subsampling, as from the device."""
    if _HAS_SIMPLEJPEG:
        import simplejpeg
        return np.frombuffer(simplejpeg.encode_jpeg(
            np.ascontiguousarray(picture), quality=_JPEG_QUALITY, colorspace='BGR',
            colorsubsampling='422', fastdct=True), np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    if hasattr(cv2, 'IMWRITE_JPEG_SAMPLING_FACTOR'):
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]
    jpeg: Picture = np.asarray(cv2.imencode('.jpg', picture, options)[1], np.uint8).ravel()
    return jpeg


def corrupt(jpeg: Picture) -> Picture:
    """Return a JPEG without its first marker and its second half, as after a USB error."""
    damaged: Picture = jpeg[:max(4, len(jpeg) // 2)].copy()
    damaged[:4] = 0
    return damaged
