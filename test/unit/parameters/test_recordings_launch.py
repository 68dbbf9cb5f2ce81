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

"""The arguments of the drivers of recordings that were made together."""

from __future__ import annotations

from k4a_ros.errors import ConfigError
from k4a_ros.parameters.recordings_launch import ARGUMENTS
from k4a_ros.parameters.recordings_launch import driver_arguments
import pytest
from support.recordings import write_recording


@pytest.fixture(scope='module')
def files(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp('pair')
    return ','.join(str(write_recording(directory / name, start_us=start_us).path)
                    for name, start_us in (('1 left.mkv', 2_000_000), ('right.mkv', 2_050_000)))


def given(files: str, **more: str) -> dict[str, str]:
    return {argument.name: argument.default for argument in ARGUMENTS} | {
        'recording_files': files, 'namespaces': 'left, right', **more}


def test_drivers_share_the_time_line(files: str) -> None:
    left, right = driver_arguments(given(files, publish_clock='50'), 1000.0)
    assert left['recording_file'] == files.split(',')[0]
    assert [driver['namespace'] for driver in (left, right)] == ['left', 'right']
    assert [driver['tf_prefix'] for driver in (left, right)] == ['left_', 'right_']
    assert [driver['publish_clock'] for driver in (left, right)] == ['50', '0']
    assert left['playback_time_origin'] == right['playback_time_origin'] == '1008.000000'
    assert left['playback_loop_period'] == right['playback_loop_period']
    assert 0.18 < float(left['playback_loop_period']) < 0.19


def test_what_is_given_is_kept(files: str) -> None:
    for driver in driver_arguments(given(
            files, playback_time_origin='7', playback_loop_period='9'), 1000.0):
        assert (driver['playback_time_origin'], driver['playback_loop_period']) == ('7', '9')


@pytest.mark.parametrize('more, message', [
    ({'recording_files': ''}, "recording_files is ''; it must be two or more"),
    ({'recording_files': 'a.mkv,a.mkv'}, 'it must be two or more files'),
    ({'namespaces': 'left'}, 'the namespaces are left; they must be 2 different names'),
    ({'namespaces': 'a,a'}, 'the namespaces are a, a; they must be 2 different names'),
    ({'namespaces': ''}, 'the namespaces are 1_left, right; .* namespaces:=left,right'),
    ({'start_delay': 'soon'}, 'start_delay is soon; it must be a number of seconds from 0 to 60'),
    ({'start_delay': 'nan'}, 'start_delay is nan'), ({'start_delay': '61'}, 'start_delay is 61'),
], ids=str)
def test_invalid_argument_is_refused(files: str, more: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        driver_arguments(given(files, **more), 1000.0)
