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
Import what message packages need for their type supports, without the code generator of ROS.

Each message package imports one function of rosidl_generator_py for that. The package also imports
its code generator with a parser and a template engine, if they are there, which takes 30 ms.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import Any

_PACKAGE = 'rosidl_generator_py'
_GENERATOR = f'{_PACKAGE}.generate_py_impl'


def import_type_support() -> None:
    """Import the package, unless that has been done, as if its generator were not installed."""
    if _PACKAGE in sys.modules:
        return
    modules: dict[str, Any] = sys.modules
    modules[_GENERATOR] = None  # Python then raises ImportError, which the package expects
    try:
        with contextlib.suppress(ImportError):  # raised again by the first message
            importlib.import_module(_PACKAGE)
    finally:
        del modules[_GENERATOR]
