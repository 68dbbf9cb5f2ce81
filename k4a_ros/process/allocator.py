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
Configure the memory allocator of the process to reuse image buffers.

By default glibc returns large blocks to the system as soon as they are freed. The kernel then has
to clear each page of the next block, which costs five times as much as writing to it.
"""

from __future__ import annotations

import ctypes

#: options of mallopt (malloc.h)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
#: Larger than any image.
_THRESHOLD = 1 << 30
#: Largest mmap threshold that older glibc accepts (half of its HEAP_MAX_SIZE).
_MAX_THRESHOLD_OF_OLDER_GLIBC = 32 << 20


def retain_freed_memory() -> bool:
    """
    Make glibc keep large freed blocks for reuse; a no-op with other C libraries.

    :return: whether the settings were accepted.
    """
    try:
        process = ctypes.CDLL(None)
        _, mallopt = process.gnu_get_libc_version, process.mallopt
    except (AttributeError, OSError, TypeError):  # not glibc, or no handle of the process itself
        return False
    mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
    accepted = (mallopt(_M_MMAP_THRESHOLD, _THRESHOLD)
                or mallopt(_M_MMAP_THRESHOLD, _MAX_THRESHOLD_OF_OLDER_GLIBC))
    return bool(accepted and mallopt(_M_TRIM_THRESHOLD, _THRESHOLD))
