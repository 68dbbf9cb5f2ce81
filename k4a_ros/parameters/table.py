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

"""
The parameter table: every parameter of the driver, with its default, limits and description.

ROS declarations, config/driver.yaml and docs/parameters.md are generated from it. The type of a
parameter is the type of its field; relations between parameters are checked in settings.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields
import difflib
import typing

from k4a_ros.parameters.camera_parameters import CameraParameters
from k4a_ros.parameters.spec import ParameterSpec
from k4a_ros.parameters.spec import Value
from k4a_ros.parameters.topic_parameters import TopicParameters


@dataclass(frozen=True)
class Parameters(TopicParameters, CameraParameters):
    """Values of all parameters; `SPECS` describes each of them, those of the camera first."""


_TYPES = typing.get_type_hints(Parameters)

#: every parameter by name, in the order of the table
SPECS: Mapping[str, ParameterSpec] = {
    item.name: ParameterSpec(
        item.name, _TYPES[item.name], typing.cast(Value, item.default), **item.metadata)
    for item in fields(Parameters)}


def nearest_name(name: str) -> str | None:
    """Return the parameter whose name is most similar to a misspelled one, if any is."""
    found = difflib.get_close_matches(name, SPECS, n=1, cutoff=0.6)
    return found[0] if found else None
