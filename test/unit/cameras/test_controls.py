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

"""Color controls: ranges, tables of exposure times, and side effects."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from k4a_ros.cameras.controls import checked_control
from k4a_ros.cameras.controls import ColorControls
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.controls import exposure_at_least
from k4a_ros.cameras.controls import exposure_nearest
from k4a_ros.cameras.controls import EXPOSURES
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.spec import Change
from k4a_ros.parameters.table import SPECS
import pytest


def test_parameters_have_hardware_ranges_and_defaults() -> None:
    for name, limits in CONTROLS.items():
        spec = SPECS[name]
        assert spec.change is Change.LIVE
        assert spec.default == limits.default
        assert (spec.kind is bool) == limits.switch
        if spec.choices:
            assert spec.choices == (str(limits.minimum), str(limits.maximum))
        elif not limits.switch:
            assert (spec.minimum, spec.maximum) == (limits.minimum, limits.maximum)


@given(st.sampled_from([50, 60]), st.integers(1, 200000))
def test_exposure_time_is_rounded_up_to_table(powerline_hz: int, requested: int) -> None:
    controls = ColorControls()
    controls.change('powerline_frequency', powerline_hz)
    controls.change('exposure_time_us', requested)
    actual = controls['exposure_time_us']
    assert actual in EXPOSURES[powerline_hz]
    assert actual >= min(requested, EXPOSURES[powerline_hz][-1])
    shorter = [us for us in EXPOSURES[powerline_hz] if us < actual]
    assert not shorter or shorter[-1] < requested


def test_exposure_at_least_matches_sdk_tables() -> None:
    assert exposure_at_least(8331, 60) == 16670
    assert exposure_at_least(8330, 60) == 8330
    assert exposure_at_least(8330, 50) == 10000
    assert exposure_at_least(10 ** 6, 50) == 130000
    assert exposure_at_least(1, 60) == 500


def test_exposure_nearest_compares_ratios_up_to_limit() -> None:
    assert exposure_nearest(5000, 60, 33333) == 8330
    assert exposure_nearest(4000, 60, 33333) == 2500
    assert exposure_nearest(10 ** 6, 60, 33333) == 33330
    assert exposure_nearest(10 ** 6, 60, 100) == 500


@given(st.sampled_from(sorted(CONTROLS)), st.floats(-1e6, 1e6))
def test_number_is_rounded_to_step_or_rejected(name: str, value: float) -> None:
    controls = ColorControls()
    limits = controls.limits(name)
    try:
        controls.change(name, value)
    except ConfigError as error:
        assert name in str(error)
        assert limits.switch or not limits.minimum <= value <= limits.maximum
        return
    assert not limits.switch
    assert limits.minimum <= controls[name] <= limits.maximum
    if name != 'exposure_time_us':
        assert (controls[name] - limits.minimum) % limits.step == 0
        assert abs(controls[name] - value) <= limits.step / 2


def test_checked_exposure_time_is_rounded_up_to_microseconds() -> None:
    limits = CONTROLS['exposure_time_us']
    assert checked_control('exposure_time_us', limits, 500.2) == 501
    with pytest.raises(ConfigError, match=r'499\.9; it must be between 500 and 133330'):
        checked_control('exposure_time_us', limits, 499.9)


def test_setting_value_disables_automatic_mode() -> None:
    controls = ColorControls()
    assert controls['exposure_auto'] is True
    assert controls.change('exposure_time_us', 9000) == {
        'exposure_auto': False, 'exposure_time_us': 16670}
    assert controls.change('whitebalance', 5004) == {
        'whitebalance_auto': False, 'whitebalance': 5000}
    assert controls.change('gain', 7) == {'gain': 7}


def test_powerline_frequency_selects_exposure_table() -> None:
    controls = ColorControls()
    controls.change('exposure_time_us', 33330)
    assert controls.change('powerline_frequency', 50) == {
        'exposure_time_us': 30000, 'powerline_frequency': 50}
    assert controls.limits('exposure_time_us').maximum == 130000


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('exposure_auto', 1, 'true or false'), ('gain', True, 'a number'), ('gain', 256, '0 and 255'),
    ('exposure_time_us', 0, '500 and'), ('exposure_time_us', True, 'a number'),
    ('exposure_time_us', float('inf'), 'a number'), ('gain', float('nan'), 'a number'),
    ('focus', 3, 'no control focus; it has exposure_auto')])
def test_invalid_value_is_rejected(name: str, value: float, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        ColorControls().change(name, value)
