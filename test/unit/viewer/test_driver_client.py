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

"""Values of pages in the types of parameters, and descriptors for pages."""

from __future__ import annotations

from k4a_ros.parameters.ros_declaration import descriptor
from k4a_ros.viewer.driver_client import converted
from k4a_ros.viewer.driver_client import described
from k4a_ros.viewer.errors import Refused
import pytest


@pytest.mark.parametrize(('kind', 'value', 'expected'), [
    ('bool', True, True), ('int', 3, 3), ('int', 3.0, 3), ('float', 3, 3.0), ('float', 0.5, 0.5),
    ('string', '', '')])
def test_converted(kind: str, value: object, expected: object) -> None:
    result = converted('name', kind, value)
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(('kind', 'value'), [
    ('bool', 1), ('bool', 'true'), ('int', True), ('int', 0.5), ('int', '3'), ('int', 2 ** 63),
    ('int', float('inf')), ('float', float('nan')), ('float', None), ('string', 3),
    ('string', None), ('int', [1]), ('bool', {})])
def test_converted_refuses_other_types(kind: str, value: object) -> None:
    with pytest.raises(Refused, match='name cannot be'):
        converted('name', kind, value)


def test_described_has_what_the_driver_says() -> None:
    brightness = described(descriptor('brightness'), 'int', 128)
    assert (brightness['minimum'], brightness['maximum']) == (0, 255)
    assert brightness['group'] == 'Color camera controls' and brightness['change'] == 'live'
    assert described(descriptor('fps'), 'int', 30)['choices'] == ['5', '15', '30']
    assert described(descriptor('record_file'), 'string', '')['read_only']
    assert described(descriptor('point_cloud_voxel_size'), 'float', 0.0)['unit'] == 'm'
