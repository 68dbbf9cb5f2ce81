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

"""The simulated color signal: effects of the controls, automatic modes and color formats."""

from __future__ import annotations

from collections.abc import Callable

import cv2
from k4a_ros.camera_config import ColorFormat
from k4a_ros.cameras.controls import ColorControls
from k4a_ros.cameras.simulated.color_signal import ColorSignal
from k4a_ros.cameras.simulated.color_signal import corrupt
from k4a_ros.cameras.simulated.color_signal import encode
from k4a_ros.images.color import ColorConverter
import numpy as np
import pytest

PERIOD_US = 33333
SIZE = (320, 240)


def picture(level: int = 115) -> np.ndarray:
    """Return a gray image with texture, darker to the left."""
    width, height = SIZE
    ramp = np.linspace(level - 40, level + 40, width)[None, :, None]
    checks = 10 * ((np.indices((height, width)).sum(0) // 8) % 2)[:, :, None]
    return np.clip(ramp + checks + np.zeros(3), 0, 255).astype(np.uint8)


def manual(**values: float | bool) -> ColorControls:
    """Return controls in manual mode at nominal exposure, changed to these values."""
    controls = ColorControls()
    for name, value in ({'exposure_time_us': 16670, 'whitebalance': 4500} | values).items():
        controls.change(name, value)
    return controls


def processed(
    controls: ColorControls, source: np.ndarray | None = None, frames: int = 1,
    period_us: int = PERIOD_US,
) -> np.ndarray:
    """Return the picture as the camera outputs it after some frames."""
    signal = ColorSignal(controls, period_us)
    source = picture() if source is None else source
    for number in range(frames):
        result = signal.process(source, number * period_us)
    return result


def test_defaults_do_not_change_well_lit_picture() -> None:
    source = picture()
    np.testing.assert_array_equal(processed(ColorControls(), source, 5), source)
    np.testing.assert_array_equal(processed(manual(), source), source)


@pytest.mark.parametrize('name', ['brightness', 'gain'])
def test_brightness_and_gain_brighten(name: str) -> None:
    means = [processed(manual(**{name: value})).mean() for value in (60, 128, 200)]
    assert means[0] + 10 < means[1] < means[2] - 10


def test_gain_acts_like_exposure_time() -> None:
    twice = processed(manual(exposure_time_us=33330)).astype(float)
    usable = twice < 250
    ratio = (twice[usable] / picture()[usable]) ** 2.2
    assert abs(np.median(ratio) - 2) < 0.05
    gained = processed(manual(gain=160)).astype(float)
    assert np.abs(gained - twice).max() <= 1


def test_exposure_time_is_limited_to_frame_period() -> None:
    long = processed(manual(exposure_time_us=133330))
    assert np.abs(long.astype(int) - processed(manual(exposure_time_us=33330))).max() <= 1
    slow = processed(manual(exposure_time_us=133330), period_us=200000)
    assert slow.mean() > long.mean() + 30


def test_contrast_increases_spread() -> None:
    spreads = [processed(manual(contrast=value)).std() for value in (0, 5, 10)]
    assert spreads[0] * 1.3 < spreads[1] < spreads[2] / 1.3


def test_saturation_and_white_balance_change_colors() -> None:
    source = picture()
    source[:, :, 2] = np.clip(source[:, :, 2].astype(int) + 40, 0, 255)

    def redness(**values: float) -> float:
        b, _, r = cv2.mean(processed(manual(**values), source))[:3]
        return float(r - b)
    assert abs(redness(saturation=0)) < 1
    assert redness(saturation=63) > 1.5 * redness()
    assert redness(whitebalance=2500) < redness() - 30 < redness() + 20 < redness(
        whitebalance=9000)


def test_sharpness_changes_edges() -> None:
    def edges(value: int) -> float:
        return float(np.abs(cv2.Laplacian(processed(manual(sharpness=value)), cv2.CV_32F)).mean())
    assert edges(0) * 1.3 < edges(2) < edges(4) / 1.3


def test_backlight_compensation_brightens_dark_areas() -> None:
    change = processed(manual(backlight_compensation=True)).mean(2) - picture().mean(2)
    assert change.min() > 0
    assert change[:, :20].mean() > change[:, -20:].mean()


def test_exposure_time_off_powerline_period_causes_flicker_bands() -> None:
    def bands(controls: ColorControls) -> float:
        rows = processed(controls).astype(float).mean((1, 2))
        return float(np.ptp(cv2.blur(rows, (1, 17))))
    assert bands(manual()) < 1
    assert bands(manual(exposure_time_us=8330)) < 2
    assert bands(manual(exposure_time_us=2500)) > 10
    assert bands(manual(powerline_frequency=50, exposure_time_us=10000)) > 3


def converging(frames: int, prepare: Callable[[ColorControls], None]) -> tuple[float, float]:
    """Return how far the mean color of the first and of the last frame is from gray 119."""
    controls = ColorControls()
    prepare(controls)
    signal = ColorSignal(controls, PERIOD_US)
    first = signal.process(picture(), 0)
    controls.change('exposure_auto', True)
    controls.change('whitebalance_auto', True)
    for number in range(1, frames):
        last = signal.process(picture(), number * PERIOD_US)
    return float(np.abs(np.array(cv2.mean(first)[:3]) - 119).max()), float(
        np.abs(np.array(cv2.mean(last)[:3]) - 119).max())


@pytest.mark.parametrize(('name', 'value'), [
    ('exposure_time_us', 500), ('exposure_time_us', 33330), ('whitebalance', 2500),
    ('whitebalance', 12500)])
def test_automatic_modes_converge_within_a_second(name: str, value: int) -> None:
    first, last = converging(30, lambda controls: controls.change(name, value) and None)
    assert first > 35
    assert last < 12


def test_automatic_exposure_adapts_to_scene() -> None:
    dark, bright = ColorControls(), ColorControls()
    assert processed(dark, picture(50), 40).mean() > 90
    assert processed(bright, picture(200), 40).mean() < 140
    assert dark['exposure_time_us'] == 33330  # the frame period
    assert bright['exposure_time_us'] < 16670


def test_disabled_automatic_modes_keep_values() -> None:
    controls = manual(exposure_time_us=500, whitebalance=3000)
    processed(controls, frames=20)
    assert controls['exposure_time_us'] == 500
    assert controls['whitebalance'] == 3000


@pytest.mark.parametrize('form', list(ColorFormat))
def test_every_format_encodes_picture(form: ColorFormat) -> None:
    source = cv2.GaussianBlur(picture(), (0, 0), 3)
    converter = ColorConverter(form, SIZE, 'bgr8')
    out = np.empty(converter.shape, np.uint8)
    converter.convert(encode(source, form), out)
    assert np.abs(out.astype(int) - source).max() <= 6


def test_corrupt_jpeg_cannot_be_decoded() -> None:
    converter = ColorConverter(ColorFormat.MJPG, SIZE, 'bgr8')
    jpeg = encode(picture(), ColorFormat.MJPG)
    assert jpeg[:2].tolist() == [0xff, 0xd8]
    with pytest.raises(ValueError, match=r'JPEG|jpeg|marker'):
        converter.convert(corrupt(jpeg), np.empty(converter.shape, np.uint8))
