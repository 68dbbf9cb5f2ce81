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


"""The color camera's controls: ranges, tables, and what they do to the picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
from hypothesis import given
from hypothesis import strategies as st
from k4a_ros.camera_config import ColorFormat
from k4a_ros.cameras.controls import ColorControls
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.controls import exposure_at_least
from k4a_ros.cameras.controls import EXPOSURES
from k4a_ros.cameras.simulated.color_signal import ColorSignal
from k4a_ros.cameras.simulated.color_signal import corrupt
from k4a_ros.cameras.simulated.color_signal import encode
from k4a_ros.errors import ConfigError
from k4a_ros.images.color import ColorConverter
from k4a_ros.parameters.spec import Change
from k4a_ros.parameters.table import SPECS
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
    """Return controls without automatic modes, at nominal exposure, and then with these values."""
    controls = ColorControls()
    for name, value in ({'exposure_time_us': 16670, 'whitebalance': 4500} | values).items():
        controls.change(name, value)
    return controls


def shown(controls: ColorControls, source: np.ndarray | None = None, frames: int = 1,
          period_us: int = PERIOD_US) -> np.ndarray:
    """Return what the camera makes of the picture, after some frames."""
    signal = ColorSignal(controls, period_us)
    source = picture() if source is None else source
    for number in range(frames):
        result = signal.process(source, number * period_us)
    return result


def test_parameters_have_hardware_ranges_and_defaults() -> None:
    for name, rule in CONTROLS.items():
        spec = SPECS[name]
        assert spec.change is Change.LIVE
        assert spec.default == rule.default
        assert (spec.kind is bool) == rule.switch
        if spec.choices:
            assert spec.choices == (str(rule.minimum), str(rule.maximum))
        elif not rule.switch:
            assert (spec.minimum, spec.maximum) == (rule.minimum, rule.maximum)


@given(st.sampled_from([50, 60]), st.integers(1, 200000))
def test_exposures_are_rounded_up_to_the_table(mains: int, wanted: int) -> None:
    controls = ColorControls()
    controls.change('powerline_frequency', mains)
    controls.change('exposure_time_us', wanted)
    actual = controls['exposure_time_us']
    assert actual in EXPOSURES[mains]
    assert actual >= min(wanted, EXPOSURES[mains][-1])
    shorter = [us for us in EXPOSURES[mains] if us < actual]
    assert not shorter or shorter[-1] < wanted


def test_the_exposure_tables_meet_the_sdk() -> None:
    assert exposure_at_least(8331, 60) == 16670
    assert exposure_at_least(8330, 60) == 8330
    assert exposure_at_least(8330, 50) == 10000
    assert exposure_at_least(10 ** 6, 50) == 130000
    assert exposure_at_least(1, 60) == 500


@given(st.sampled_from(sorted(CONTROLS)), st.floats(-1e6, 1e6))
def test_any_number_is_taken_to_a_step_or_refused(name: str, value: float) -> None:
    controls = ColorControls()
    rule = controls.limits(name)
    try:
        controls.change(name, value)
    except ConfigError as error:
        assert name in str(error)
        assert rule.switch or not rule.minimum <= value <= rule.maximum
        return
    assert not rule.switch
    assert rule.minimum <= controls[name] <= rule.maximum
    if name != 'exposure_time_us':
        assert (controls[name] - rule.minimum) % rule.step == 0
        assert abs(controls[name] - value) <= rule.step / 2


def test_setting_a_value_ends_its_automatic_mode_and_says_so() -> None:
    controls = ColorControls()
    assert controls['exposure_auto'] is True
    assert controls.change('exposure_time_us', 9000) == {
        'exposure_auto': False, 'exposure_time_us': 16670}
    assert controls.change('whitebalance', 5004) == {
        'whitebalance_auto': False, 'whitebalance': 5000}
    assert controls.change('gain', 7) == {'gain': 7}


def test_another_mains_frequency_has_another_table() -> None:
    controls = manual(exposure_time_us=33330)
    assert controls.change('powerline_frequency', 50) == {
        'exposure_time_us': 30000, 'powerline_frequency': 50}
    assert controls.limits('exposure_time_us').maximum == 130000


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('exposure_auto', 1, 'true or false'), ('gain', True, 'a number'), ('gain', 256, '0 and 255'),
    ('exposure_time_us', 0, '500 and'), ('gain', float('nan'), 'a number'),
    ('focus', 3, 'no control')])
def test_what_a_control_cannot_be(name: str, value: float, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        ColorControls().change(name, value)


def test_a_well_lit_picture_passes_unchanged_at_the_defaults() -> None:
    source = picture()
    np.testing.assert_array_equal(shown(ColorControls(), source, 5), source)
    np.testing.assert_array_equal(shown(manual(), source), source)


@pytest.mark.parametrize('name', ['brightness', 'gain'])
def test_more_is_brighter(name: str) -> None:
    means = [shown(manual(**{name: value})).mean() for value in (60, 128, 200)]
    assert means[0] + 10 < means[1] < means[2] - 10


def test_exposure_is_light_and_gain_is_the_same_again() -> None:
    twice = shown(manual(exposure_time_us=33330)).astype(float)
    usable = twice < 250
    ratio = (twice[usable] / picture()[usable]) ** 2.2
    assert abs(np.median(ratio) - 2) < 0.05
    gained = shown(manual(gain=160)).astype(float)
    assert np.abs(gained - twice).max() <= 1


def test_no_exposure_is_longer_than_a_frame() -> None:
    long = shown(manual(exposure_time_us=133330))
    assert np.abs(long.astype(int) - shown(manual(exposure_time_us=33330))).max() <= 1
    slow = shown(manual(exposure_time_us=133330), period_us=200000)
    assert slow.mean() > long.mean() + 30


def test_contrast_spreads_the_values() -> None:
    spreads = [shown(manual(contrast=value)).std() for value in (0, 5, 10)]
    assert spreads[0] * 1.3 < spreads[1] < spreads[2] / 1.3


def test_saturation_and_white_balance_change_colors() -> None:
    source = picture()
    source[:, :, 2] = np.clip(source[:, :, 2].astype(int) + 40, 0, 255)

    def redness(**values: float) -> float:
        b, _, r = cv2.mean(shown(manual(**values), source))[:3]
        return float(r - b)
    assert abs(redness(saturation=0)) < 1
    assert redness(saturation=63) > 1.5 * redness()
    assert redness(whitebalance=2500) < redness() - 30 < redness() + 20 < redness(
        whitebalance=9000)


def test_sharpness_changes_edges() -> None:
    def edges(value: int) -> float:
        return float(np.abs(cv2.Laplacian(shown(manual(sharpness=value)), cv2.CV_32F)).mean())
    assert edges(0) * 1.3 < edges(2) < edges(4) / 1.3


def test_backlight_compensation_brightens_the_dark() -> None:
    change = shown(manual(backlight_compensation=True)).mean(2) - picture().mean(2)
    assert change.min() > 0
    assert change[:, :20].mean() > change[:, -20:].mean()


def test_lamps_flicker_where_the_exposure_does_not_fit_the_mains() -> None:
    def bands(controls: ColorControls) -> float:
        rows = shown(controls).astype(float).mean((1, 2))
        return float(np.ptp(cv2.blur(rows, (1, 17))))
    assert bands(manual()) < 1
    assert bands(manual(exposure_time_us=8330)) < 2
    assert bands(manual(exposure_time_us=2500)) > 10
    assert bands(manual(powerline_frequency=50, exposure_time_us=10000)) > 3


def converging(frames: int, prepare: Callable[[ColorControls], None]) -> tuple[float, float]:
    """Return the mean picture's first and last difference from gray 115."""
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


def test_automatic_exposure_adapts_to_the_scene_and_tells_what_it_chose() -> None:
    dark, bright = ColorControls(), ColorControls()
    assert shown(dark, picture(50), 40).mean() > 90
    assert shown(bright, picture(200), 40).mean() < 140
    assert dark['exposure_time_us'] == 33330  # as long as the frame
    assert bright['exposure_time_us'] < 16670


def test_automatic_modes_leave_alone_what_is_set_by_hand() -> None:
    controls = manual(exposure_time_us=500, whitebalance=3000)
    shown(controls, frames=20)
    assert controls['exposure_time_us'] == 500
    assert controls['whitebalance'] == 3000


@pytest.mark.parametrize('form', list(ColorFormat))
def test_every_format_shows_the_picture(form: ColorFormat) -> None:
    source = cv2.GaussianBlur(picture(), (0, 0), 3)
    converter = ColorConverter(form, SIZE, 'bgr8')
    out = np.empty(converter.shape, np.uint8)
    converter.convert(encode(source, form), out)
    assert np.abs(out.astype(int) - source).max() <= 6


def test_a_corrupt_jpeg_cannot_be_decoded() -> None:
    converter = ColorConverter(ColorFormat.MJPG, SIZE, 'bgr8')
    jpeg = encode(picture(), ColorFormat.MJPG)
    assert jpeg[:2].tolist() == [0xff, 0xd8]
    with pytest.raises(ValueError, match=r'JPEG|jpeg|marker'):
        converter.convert(corrupt(jpeg), np.empty(converter.shape, np.uint8))
