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

"""The parameter table, and what follows from it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies
from k4a_ros.errors import ConfigError
from k4a_ros.parameters import generate_docs
from k4a_ros.parameters import settings
from k4a_ros.parameters.settings import Settings
import pytest
from support.sources import ROOT
import yaml

NAMES = settings.names()


@pytest.mark.parametrize('name', NAMES)
def test_every_parameter_says_what_it_is(name: str) -> None:
    spec, kind = settings.spec(name), settings.kind(name)
    assert len(spec.text) > 20 and spec.text.endswith('.')
    assert spec.group
    assert type(settings.default(name)) is kind
    assert settings.check(name, settings.default(name)) == settings.default(name)
    if kind in (int, float):
        assert spec.choices or (spec.minimum is not None and spec.maximum is not None)


def test_files_that_follow_from_the_table_are_up_to_date() -> None:
    remedy = 'run python3 -m k4a_ros.parameters.generate_docs'
    assert (ROOT / 'config/driver.yaml').read_text() == generate_docs.yaml(), remedy
    assert (ROOT / 'docs/parameters.md').read_text() == generate_docs.markdown(), remedy


def test_the_yaml_file_holds_every_default() -> None:
    text = generate_docs.yaml()
    given_ = yaml.safe_load(text)['/**']['ros__parameters']
    assert not Settings.from_values(given_).unused_parameters()
    assert all(not settings.spec(name).cameras for name in given_)
    everything = yaml.safe_load(re.sub(r'^    #(?=\w)', '    ', text, flags=re.MULTILINE))
    parameters = everything['/**']['ros__parameters']
    assert parameters == {name: settings.default(name) for name in NAMES}
    assert Settings.from_values(parameters) == Settings()


anything = (strategies.none() | strategies.booleans() | strategies.integers()
            | strategies.floats() | strategies.text() | strategies.lists(strategies.integers()))


@given(strategies.dictionaries(strategies.sampled_from(NAMES), anything))
def test_any_values_are_taken_or_refused_by_name(values: dict[str, object]) -> None:
    try:
        result = Settings.from_values(values)
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert any(name in problem for name in NAMES)
        return
    for name in NAMES:
        assert type(getattr(result, name)) is settings.kind(name)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_values({'playback_rate': -1, 'depth_unit': '16UC2', 'point_cloud': 'on'})
    assert len(caught.value.problems) == 3
    assert 'did you mean 16UC1?' in caught.value.problems[1]


def test_numbers_stand_for_what_was_meant() -> None:
    assert Settings.from_values({'playback_rate': 2}).playback_rate == 2.0
    assert Settings.from_values({'sensor_sn': 123456789012}).sensor_sn == '123456789012'
    assert Settings.from_values({'sensor_sn': 1514394512.0}).sensor_sn == '1514394512'
    for value in (True, -1, 0.5, float('nan'), float('inf')):
        with pytest.raises(ConfigError, match='sensor_sn'):
            Settings.from_values({'sensor_sn': value})


def test_nothing_to_publish_is_refused() -> None:
    with pytest.raises(ConfigError, match='nothing would be published'):
        Settings.from_values(
            {'depth_enabled': False, 'color_enabled': False, 'imu_enabled': False})


def test_a_misspelt_name_is_recognized() -> None:
    assert settings.nearest('recording_fle') == 'recording_file'
    assert settings.nearest('zzz') is None


def test_colored_clouds_need_both_cameras() -> None:
    camera = {'camera': 'simulated', 'rgb_point_cloud': True}
    assert Settings.from_values(camera).rgb_point_cloud
    for missing in ({'depth_mode': 'PASSIVE_IR'}, {'color_enabled': False}):
        with pytest.raises(ConfigError, match='rgb_point_cloud needs depth and color'):
            Settings.from_values(camera | missing)
