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
numba's cache on disk, made safe: a damaged, full or foreign cache costs time, never the process.

numba loads a cached kernel with pickle and lets every error through: a file that a power cut
truncated, or a full disk, would end the process that needs the kernel, at every start.
"""

from __future__ import annotations

from collections.abc import Callable
import logging
import os
from pathlib import Path
from typing import Any

from k4a_ros.jit.trusted_directory import write_access_problem
from numba.core.caching import FunctionCache
from numba.core.caching import IndexDataCacheFile
from numba.core.runtime import rtsys

_LOG = logging.getLogger(__name__)
#: kinds of problems that have been logged by this process
_reported: set[str] = set()


class DiskCache(FunctionCache):  # type: ignore[misc]
    """
    The cache of one kernel, which discards what it cannot read, and compiles in memory instead.

    It is outdated when the file of the kernel, or of any that it may call, has changed. Each kind
    of problem is logged once per process.

    Loading also takes less than with numba, which prepares its compiler each time: it imports 130
    modules and registers what can be compiled. Finished machine code needs only its runtime, and
    the compiler prepares itself where it is used.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        if called := _called_files(function):  # numba's stamp is of the file of the kernel alone
            stats = [os.stat(path) for path in sorted(called)]
            self._cache_file = IndexDataCacheFile(
                cache_path=self._cache_path, filename_base=self._impl.filename_base,
                source_stamp=(self._impl.locator.get_source_stamp(),
                              *((stat.st_mtime, stat.st_size) for stat in stats)))

    @classmethod
    def of(cls, function: Callable[..., Any]) -> DiskCache | None:
        """Return the cache of a function, None if there is no directory to keep it in safely."""
        try:
            cache = cls(function)
        except RuntimeError:
            # neither the package's directory nor the user's cache directory is writable
            return None
        problem = write_access_problem(Path(cache.cache_path))
        if problem:
            _report('foreign', f'Ignoring the numba cache in {cache.cache_path}: {problem}, and '
                    'cached files are code. Kernels are compiled in memory at every start; set '
                    'NUMBA_CACHE_DIR to a directory that only you can write to')
            return None
        return cache

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load a compiled kernel, or return None if there is none that can be read."""
        try:
            rtsys.initialize(target_context)
            return self._load_overload(sig, target_context)
        except Exception as error:  # unpickling damaged data can raise anything
            _report('damaged', f'The numba cache in {self.cache_path} is damaged '
                    f'({type(error).__name__}: {error}); discarding what cannot be read and '
                    'compiling it again')
            self._discard()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled kernel, if the disk takes it."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # a full disk, or a damaged index that is read before writing
            _report('unwritable', f'Cannot write to the numba cache in {self.cache_path} '
                    f'({error}); kernels are compiled in memory at every start. Free some disk '
                    'space, or set NUMBA_CACHE_DIR')
            self._discard()

    def _discard(self) -> None:
        """Remove the files of this kernel, as far as that is possible."""
        for path in Path(self.cache_path).glob(f'{self._impl.filename_base}.*nb[ic]'):
            try:
                path.unlink()
            except OSError:
                self.disable()


def _report(kind: str, text: str) -> None:
    if kind not in _reported:
        _reported.add(kind)
        _LOG.warning('%s', text)


def _called_files(function: Callable[..., Any]) -> set[str]:
    """Return the other files with kernels that the file of a function imports, also indirectly."""
    own = function.__code__.co_filename
    found: set[str] = set()
    todo = [function]
    while todo:
        for value in todo.pop().__globals__.values():
            called = getattr(value, 'py_func', None)
            if called is not None and called.__code__.co_filename not in found | {own}:
                found.add(called.__code__.co_filename)
                todo.append(called)
    return found
