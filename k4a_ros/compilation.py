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


"""Compiles inner loops with numba, where it is installed; what it compiles, it keeps on disk."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import importlib
from typing import Any
from typing import TypeVar

numba: Any = None
with contextlib.suppress(ImportError):
    numba = importlib.import_module('numba')

F = TypeVar('F', bound=Callable[..., Any])

#: whether ``compiled`` compiles
AVAILABLE = numba is not None


def compiled(function: F) -> F:
    """
    Compile a function at its first call, or load what an earlier process has compiled.

    The arithmetic is that of IEEE 754 to the last bit, as numpy's is: no reordering, no fused
    operations. The function runs without the GIL, does not check bounds, and divides by zero as
    numpy does. Without numba it is returned as it is.
    """
    if numba is None:
        return function
    options = {'nopython': True, 'nogil': True, 'error_model': 'numpy'}
    try:
        result: F = numba.jit(cache=True, **options)(function)
    except RuntimeError:
        # neither the package's directory nor the user's cache can be written to
        result = numba.jit(**options)(function)
    return result
