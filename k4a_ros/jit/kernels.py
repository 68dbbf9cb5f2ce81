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

Importing numba takes tenths of a second and 50 MB, so it is imported only when a kernel is needed:
a driver with subscribers to plain images only never imports it.
"""

from __future__ import annotations

import functools
from typing import NamedTuple


class KernelCounts(NamedTuple):
    """How many kernels have been imported, and how many of them are compiled or loaded."""

    ready: int
    imported: int


@functools.cache
def numba_works() -> bool:
    """Import numba; return whether that succeeded."""
    from k4a_ros.jit import numba_jit
    return numba_jit.AVAILABLE


def use_numba(compiled: bool | None = None) -> bool:
    """
    Return whether to use compiled kernels.

    :param compiled: True or False to force the choice; None to use numba where it works.
    """
    return numba_works() if compiled is None else compiled


def kernel_counts() -> KernelCounts:
    """Return how many kernels there are now; none where numba does not work."""
    if not numba_works():
        return KernelCounts(0, 0)
    from k4a_ros.jit.numba_jit import KERNELS
    kernels = [*KERNELS]
    return KernelCounts(sum(bool(kernel.signatures) for kernel in kernels), len(kernels))
