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


@pytest.mark.parametrize('name', ['depth_mode', 'color_resolution'])
def test_off_that_yaml_reads_as_false_is_off(name: str) -> None:
    assert SPECS[name].check(False) == 'OFF'
    with pytest.raises(ConfigError, match=f'{name} is True; it must be one of OFF, '):
        SPECS[name].check(True)


def test_false_is_not_off_where_off_is_no_choice() -> None:
    with pytest.raises(ConfigError, match='color_format is False; it must be one of jpeg, '):
        SPECS['color_format'].check(False)


def test_quoted_number_is_accepted_for_a_numeric_choice() -> None:
    assert SPECS['fps'].check('30') == 30
    assert SPECS['wired_sync_mode'].check('2') == 2
    with pytest.raises(ConfigError, match="gain is '30'; it must be an integer"):
        SPECS['gain'].check('30')


@pytest.mark.parametrize('value', ['\0', 'a\0b', '\ud800'])
@pytest.mark.parametrize('name', ['sensor_sn', 'recording_file', 'simulation_fault'])
def test_string_that_is_no_utf8_text_raises(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f'{name} is .*; it must be text in UTF-8') as error:
        SPECS[name].check(value)
    str(error.value).encode()


@pytest.mark.parametrize(('name', 'limit'), [('recording_file', 4095), ('sensor_sn', 1000)])
def test_overlong_string_raises(name: str, limit: int) -> None:
    assert SPECS[name].check('a' * limit)
    with pytest.raises(ConfigError, match=f'has {limit + 1} bytes; it must have at most {limit}'):
        SPECS[name].check('ä' * (limit // 2) + 'b' * (1 + limit % 2))


@pytest.mark.parametrize('prefix', ['', 'left_', 'robot1/head.cam-', '7'])
def test_tf_prefix_of_valid_characters_is_accepted(prefix: str) -> None:
    assert SPECS['tf_prefix'].check(prefix) == prefix


@pytest.mark.parametrize('prefix', ['/left_', 'a\n', 'a b', 'é', 'a' * 129, 'a' * 200_000])
def test_tf_prefix_that_is_no_frame_name_raises(prefix: str) -> None:
    with pytest.raises(ConfigError, match=r'tf_prefix (is|has) .* must ') as error:
        SPECS['tf_prefix'].check(prefix)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize('value', ['x', 29, 3.0, True])
def test_wrong_type_for_numeric_choice_raises(value: object) -> None:
    with pytest.raises(ConfigError, match='fps is'):
        SPECS['fps'].check(value)


@pytest.mark.parametrize(('name', 'allowed'), [
    ('sensor_sn', ''), ('fps', '5, 15, 30'), ('playback_rate', '0 to 100'),
    ('exposure_time_us', '500 to 133330 us'), ('simulation_seed', '0 to 2147483647'),
    ('tf_prefix', 'up to 128 letters, digits and _ - . /, without a leading /')])
def test_allowed_values_as_text(name: str, allowed: str) -> None:
    assert SPECS[name].allowed == allowed


def test_out_of_range_error_names_limits_and_unit() -> None:
    with pytest.raises(ConfigError, match='is 499; it must be between 500 and 133330 us'):
        SPECS['exposure_time_us'].check(499)
