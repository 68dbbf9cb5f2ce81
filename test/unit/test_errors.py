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

"""The tree of exceptions: as drawn, with control flow apart from failures."""

from __future__ import annotations

import inspect
import re

from k4a_ros import errors
from k4a_ros.errors import CameraError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import ControlFlow
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import K4aRosError
from k4a_ros.errors import ReadTimeout
from k4a_ros.errors import TrackerClosed
import pytest


def drawn_parents() -> dict[str, str]:
    """Return class -> parent from the tree in the docstring of the module."""
    parents: dict[str, str] = {}
    ancestors = ['Exception']
    for line in (errors.__doc__ or '').splitlines():
        found = re.match(r'    ([│ ]*)[├└]── (\w+)', line)
        if found:
            depth = 1 + len(found[1]) // 4
            ancestors[depth:] = [found[2]]
            parents[found[2]] = ancestors[depth - 1]
    return parents


def test_drawn_tree_is_the_class_hierarchy() -> None:
    assert drawn_parents() == {
        name: error.__bases__[0].__name__ for name, error in vars(errors).items()
        if inspect.isclass(error) and issubclass(error, Exception)}


@pytest.mark.parametrize('kind', [ReadTimeout, EndOfRecording, TrackerClosed])
def test_control_flow_is_not_a_failure(kind: type[Exception]) -> None:
    assert issubclass(kind, ControlFlow)
    assert not issubclass(kind, (K4aRosError, CameraError))


def test_read_timeout_is_a_timeout_error() -> None:
    assert issubclass(ReadTimeout, TimeoutError)


def test_config_error_joins_problems() -> None:
    error = ConfigError('fps is 7; it must be 5, 15 or 30', 'nothing is streamed')
    assert str(error) == 'fps is 7; it must be 5, 15 or 30; nothing is streamed'
    assert error.problems == ('fps is 7; it must be 5, 15 or 30', 'nothing is streamed')
