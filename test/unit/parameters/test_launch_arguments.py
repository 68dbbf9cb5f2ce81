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

"""Launch arguments: their list, their values, and unknown names."""

from __future__ import annotations

from pathlib import Path
import re
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.launch_arguments import check_names
from k4a_ros.parameters.launch_arguments import DRIVER_ARGUMENTS
from k4a_ros.parameters.launch_arguments import given_parameters
from k4a_ros.parameters.launch_arguments import LaunchArgument
from k4a_ros.parameters.launch_arguments import parameter_arguments
from k4a_ros.parameters.spec import ParameterSpec
from k4a_ros.parameters.table import SPECS
import pytest

ARGUMENTS = {argument.name: argument for argument in parameter_arguments()}
FILE = Path('/opt/share/k4a_ros/launch/driver.launch.py')
COMMAND = ('/opt/bin/ros2', 'launch', 'k4a_ros', 'driver.launch.py')

#: arguments of driver.launch.py of Microsoft's driver (humble) that set a parameter
MICROSOFT = (
    'depth_enabled', 'depth_mode', 'depth_unit', 'color_enabled', 'color_format',
    'color_resolution', 'fps', 'point_cloud', 'rgb_point_cloud', 'point_cloud_in_depth_frame',
    'sensor_sn', 'recording_file', 'recording_loop_enabled', 'body_tracking_enabled',
    'body_tracking_smoothing_factor', 'rescale_ir_to_mono8', 'ir_mono8_scaling_factor',
    'imu_rate_target', 'wired_sync_mode', 'subordinate_delay_off_master_usec')


def check(*words: str, command: tuple[str, ...] = COMMAND, file: Path = FILE) -> None:
    check_names(file, [*DRIVER_ARGUMENTS, *parameter_arguments()], words, [*command, *words])


def values_of(spec: ParameterSpec) -> strategies.SearchStrategy:
    """Return valid values of a parameter, other than an empty string."""
    if spec.choices:
        return strategies.sampled_from([spec.kind(choice) for choice in spec.choices])
    if spec.kind is bool:
        return strategies.booleans()
    if spec.kind is int:
        return strategies.integers(int(spec.minimum), int(spec.maximum))
    if spec.kind is float:
        return strategies.floats(spec.minimum, spec.maximum)
    if spec.name.endswith('_url'):
        return strategies.from_regex('[A-Za-z0-9_]{1,40}', fullmatch=True).map(
            'file:///{}'.format)
    pattern = spec.pattern or '[A-Za-z0-9_]{1,40}'
    return strategies.from_regex(pattern, fullmatch=True, alphabet=strategies.characters(
        codec='ascii')).filter(bool)


def test_every_parameter_is_an_argument_in_the_order_of_the_table() -> None:
    assert [*ARGUMENTS] == [*SPECS]
    assert not {argument.name for argument in DRIVER_ARGUMENTS} & {*SPECS}


def test_arguments_of_microsofts_launch_file_are_accepted() -> None:
    assert {*MICROSOFT} <= {*ARGUMENTS}
    check(*(f'{name}:=1' for name in MICROSOFT))


def test_description_has_group_choices_range_unit_and_default() -> None:
    mode = ARGUMENTS['depth_mode']
    assert mode.description.startswith('[Camera modes] Depth camera mode: ')
    assert mode.description.endswith(
        'One of OFF, NFOV_2X2BINNED, NFOV_UNBINNED, WFOV_2X2BINNED, WFOV_UNBINNED, PASSIVE_IR.')
    assert (mode.shown_default, mode.default) == ('NFOV_UNBINNED', '')
    assert ARGUMENTS['fps'].description.endswith('One of 5, 15, 30. Unit: Hz.')
    assert ARGUMENTS['playback_rate'].description.endswith('Range: 0 to 100.')
    assert ARGUMENTS['exposure_time_us'].description.endswith('Range: 500 to 133330 us.')
    assert ARGUMENTS['color_enabled'].shown_default == 'true'
    assert ARGUMENTS['playback_rate'].shown_default == '1.0'
    for argument in (*DRIVER_ARGUMENTS, *ARGUMENTS.values()):
        assert re.fullmatch(r'\[.+\] [A-Z].+\.', argument.description), argument


def test_arguments_that_are_not_given_set_no_parameter() -> None:
    assert given_parameters({name: argument.default for name, argument in ARGUMENTS.items()}) == {}
    assert given_parameters({'other': '1', 'namespace': 'left'}) == {}


@given(strategies.data())
def test_every_valid_value_keeps_its_type(data: strategies.DataObject) -> None:
    """What a user types becomes the value in the type of the table."""
    spec = SPECS[data.draw(strategies.sampled_from([*SPECS]))]
    value = data.draw(values_of(spec))
    text = str(value).lower() if spec.kind is bool else str(value)
    result = given_parameters({spec.name: text})[spec.name]
    assert type(result) is spec.kind
    assert result == value


@pytest.mark.parametrize('name, text, expected', [
    ('color_resolution', 'OFF', 'OFF'), ('sensor_sn', '000123456789', '000123456789'),
    ('sensor_sn', '000123', '000123'), ('tf_prefix', 'true', 'true'), ('tf_prefix', '1e5', '1e5'),
    ('playback_rate', '2', 2.0), ('playback_rate', '1e1', 10.0), ('fps', '15', 15),
    ('exposure_auto', 'False', False), ('exposure_auto', 'on', True),
    ('simulation_seed', '010', 10),
])
def test_typed_text_becomes_the_value(name: str, text: str, expected: object) -> None:
    result = given_parameters({name: text})[name]
    assert result == expected
    assert type(result) is type(expected)


def test_all_invalid_values_are_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        given_parameters({'fps': '17', 'depth_mode': 'WFOV_UNBINED', 'color_enabled': 'maybe',
                          'playback_rate': 'nan', 'gain': '1.5'})
    assert len(caught.value.problems) == 5
    for words in ('fps is 17', 'did you mean WFOV_UNBINNED?', "color_enabled is 'maybe'",
                  "gain is '1.5'; it must be an integer"):
        assert words in str(caught.value)


@pytest.mark.parametrize('word, hint', [
    ('depht_mode:=OFF', 'driver.launch.py has no argument depht_mode (did you mean depth_mode?)'),
    ('name_space:=left', 'did you mean namespace?'),
    ('zzz:=1', 'see --show-args'),
    ('required:=true', 'the launch ends with the driver'),
    ('use_sim_time:=true', 'params_file'),
])
def test_unknown_name_is_an_error_with_a_hint(word: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(hint)):
        check('fps:=15', word)


def test_all_unknown_names_are_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        check('depht:=1', 'zzz:=1')
    assert len(caught.value.problems) == 2


def test_values_and_configurations_of_launch_are_not_mistaken_for_names() -> None:
    check('log_level:=k4a_driver:=debug', 'launch-prefix:=gdb --args', 'sigterm_timeout:=9')


@pytest.mark.parametrize('command', [
    ('ros2', 'launch', 'my_robot', 'robot.launch.py'),
    ('ros2', 'launch', 'my_robot', 'driver.launch.py'),
    ('ros2', 'launch', '/other/driver.launch.py'),
    ('ros2', 'launch', 'k4a_ros', 'view.launch.py'),
    ('launch_test', 'some_launch_test.py'),
])
def test_names_of_an_including_launch_file_are_accepted(command: tuple[str, ...]) -> None:
    """Its arguments are on the command line too, and are none of this file."""
    check('robot_name:=x', command=command)


def test_file_that_is_launched_by_its_path_checks_names(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / 'launch/driver.launch.py'
    file.parent.mkdir()
    file.touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match='zzz'):
        check('zzz:=1', command=('ros2', 'launch', '-n', 'launch/driver.launch.py'), file=file)


def test_shown_default_is_not_used_as_a_value() -> None:
    assert LaunchArgument('a', '[B] C.', shown_default='1').default == ''


def test_module_imports_neither_ros_nor_numba() -> None:
    """It is imported by the Python of ros2 launch, for every launch."""
    program = ('import sys, k4a_ros.parameters.launch_arguments; '
               'print({"rclpy", "numba", "numpy", "launch"} & set(sys.modules))')
    result = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == 'set()'
