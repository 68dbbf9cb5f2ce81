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
Choose between kernels compiled with numba and their numpy fallback.

Importing numba takes some tenths of a second and 50 MB, so nothing imports it before a kernel is
needed: a driver whose subscribers want plain images only never does.
"""

from __future__ import annotations

import functools


@functools.cache
def numba_works() -> bool:
    """Return whether numba is installed and can be imported; this imports it."""
    from k4a_ros.jit import numba_jit
    return numba_jit.AVAILABLE


def use_numba(compiled: bool | None = None) -> bool:
    """
    Return whether to use compiled kernels.

    :param compiled: True or False to force one of the two; None for numba where it works.
    """
    return numba_works() if compiled is None else compiled
