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

"""Type conversion and constraints of parameters."""

from __future__ import annotations

from k4a_ros.errors import ConfigError
from k4a_ros.parameters.table import SPECS
import pytest


def test_int_is_converted_to_float() -> None:
    value = SPECS['playback_rate'].check(2)
    assert (value, type(value)) == (2.0, float)


def test_bare_number_is_converted_to_serial_number() -> None:
    assert SPECS['sensor_sn'].check(123456789012) == '123456789012'
    assert SPECS['sensor_sn'].check(1514394512.0) == '1514394512'


@pytest.mark.parametrize('value', [True, -1, 0.5, float('nan'), float('inf')])
def test_value_that_is_no_serial_number_raises(value: object) -> None:
    with pytest.raises(ConfigError, match='sensor_sn'):
        SPECS['sensor_sn'].check(value)


@pytest.mark.parametrize('value', ['30', 29, 3.0, True])
def test_wrong_type_for_numeric_choice_raises(value: object) -> None:
    with pytest.raises(ConfigError, match='fps is'):
        SPECS['fps'].check(value)


@pytest.mark.parametrize(('name', 'allowed'), [
    ('tf_prefix', ''), ('fps', '5, 15, 30'), ('playback_rate', '0 to 100'),
    ('exposure_time_us', '500 to 133330 us'), ('simulation_seed', '0 to 2147483647')])
def test_allowed_values_as_text(name: str, allowed: str) -> None:
    assert SPECS[name].allowed == allowed


def test_out_of_range_error_names_limits_and_unit() -> None:
    with pytest.raises(ConfigError, match='is 499; it must be between 500 and 133330 us'):
        SPECS['exposure_time_us'].check(499)
