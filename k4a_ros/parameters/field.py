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


"""The fields of the parameter table."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from k4a_ros.parameters.spec import ParameterGroup


def parameter(default: Any, description: str, group: ParameterGroup, **constraints: Any) -> Any:
    """Return a dataclass field whose metadata are the arguments of its `ParameterSpec`."""
    return field(default=default, metadata={
        'description': description, 'group': group, **constraints})
