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
Inner loops, compiled where numba is installed, and in numpy where it is not.

Nothing imports numba before it is needed: that takes some tenths of a second and 50 MB, and who
subscribes to plain images only does without it.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any


@functools.cache
def can_compile() -> bool:
    """Return whether numba is installed and works: imports it."""
    return bool(importlib.import_module('k4a_ros.compilation').AVAILABLE)


def loops(name: str, compiled: bool | None = None) -> Any:
    """
    Return a module of inner loops.

    :param name: of the module, up to ``kernels`` or ``fallback``.
    :param compiled: whether to use numba; None for where it is installed.
    """
    if compiled is None:
        compiled = can_compile()
    return importlib.import_module(name + ('kernels' if compiled else 'fallback'))
