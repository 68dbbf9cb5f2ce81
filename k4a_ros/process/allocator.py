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
The memory allocator of the process: keep what images have needed, for those that come.

By default glibc gives large blocks back to the system as soon as they are free, and the system
has to clear each page of the next one: that costs five times what writing to them costs.
"""

from __future__ import annotations

import ctypes

#: malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: More than any image. The second is the most that older glibc takes as a threshold for mmap
#: (half of its HEAP_MAX_SIZE).
_LARGE, _LARGEST_OF_OLD = 1 << 30, 32 << 20


def retain_freed_memory() -> bool:
    """
    Have the C library keep large blocks that are freed; other libraries than glibc stay as is.

    :return: whether the library has such a setting and took it.
    """
    try:
        process = ctypes.CDLL(None)
        _, mallopt = process.gnu_get_libc_version, process.mallopt
    except (AttributeError, OSError, TypeError):  # no glibc; no such thing as the process itself
        return False
    mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
    mapped = (mallopt(_MMAP_THRESHOLD, _LARGE)
              or mallopt(_MMAP_THRESHOLD, _LARGEST_OF_OLD))
    return bool(mapped and mallopt(_TRIM_THRESHOLD, _LARGE))
