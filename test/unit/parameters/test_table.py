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

"""The parameter table."""

from __future__ import annotations

from k4a_ros.parameters.table import nearest_name
from k4a_ros.parameters.table import SPECS
import pytest


@pytest.mark.parametrize('name', SPECS)
def test_parameter_has_description_and_limits(name: str) -> None:
    spec = SPECS[name]
    assert len(spec.description) > 20 and spec.description.endswith('.')
    assert spec.group.title
    assert type(spec.default) is spec.kind
    assert spec.check(spec.default) == spec.default
    if spec.kind in (int, float):
        assert spec.choices or (spec.minimum is not None and spec.maximum is not None)


@pytest.mark.parametrize('name', SPECS)
def test_limits_have_the_type_of_the_parameter(name: str) -> None:
    """A ROS descriptor takes an integer for a float, and has another number then."""
    spec = SPECS[name]
    for limit in (spec.minimum, spec.maximum):
        assert limit is None or type(limit) is spec.kind


def test_nearest_name_of_misspelled_parameter() -> None:
    assert nearest_name('recording_fle') == 'recording_file'
    assert nearest_name('zzz') is None
