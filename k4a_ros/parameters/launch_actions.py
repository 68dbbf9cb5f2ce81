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

"""Actions that the launch files share; needs launch and launch_ros, which only they import."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from k4a_ros.parameters.launch_arguments import LaunchArgument
from k4a_ros.parameters.spec import Value
from launch.actions import DeclareLaunchArgument
from launch.launch_context import LaunchContext
from launch.substitution import Substitution
from launch_ros.parameter_descriptions import ParameterValue
import yaml


class _ShownDefault(Substitution):  # type: ignore[misc]
    """An empty string that ``ros2 launch --show-args`` shows as the default of the driver."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def describe(self) -> str:
        """Return the default of the driver as TextSubstitution describes it."""
        return f"'{self._text}'"

    def perform(self, context: LaunchContext) -> str:
        """Return an empty string: the argument is not given."""
        return ''


class _QuotedString(str):
    """A string that is written to YAML in quotes."""


class _StringValue(ParameterValue):  # type: ignore[misc]
    """
    A parameter that stays a string.

    launch_ros writes parameters to a YAML file, without quotes around what PyYAML reads as a
    string, such as 000123456789 or 1e5. rcl reads those as numbers.
    """

    def evaluate(self, context: LaunchContext) -> str:
        """Return the string."""
        return _QuotedString(super().evaluate(context))


yaml.add_representer(_QuotedString, lambda dumper, text: dumper.represent_scalar(
    'tag:yaml.org,2002:str', str(text), style='"'))


def declarations(arguments: Iterable[LaunchArgument]) -> list[DeclareLaunchArgument]:
    """Return the actions that declare arguments."""
    return [
        DeclareLaunchArgument(
            argument.name, description=argument.description,
            default_value=argument.default if argument.shown_default is None
            else _ShownDefault(argument.shown_default))
        for argument in arguments]


def parameters(values: Mapping[str, Value]) -> dict[str, Any]:
    """Return parameters of a launch_ros Node that reach it in the types that they have here."""
    return {name: _StringValue(value, value_type=str) if isinstance(value, str) else value
            for name, value in values.items()}
