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


"""Something that takes a while to make, and is made when it is first wanted."""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Generic
from typing import TypeVar

T = TypeVar('T')

_THREAD = 'later'


def building() -> bool:
    """Tell whether threads make something still: the interpreter must not be taken down then."""
    return any(thread.name == _THREAD for thread in threading.enumerate())


class Lazy(Generic[T]):
    """
    The result of ``make``, which is called once, by whoever needs it first.

    :param make: takes tenths of a second, or seconds when numba compiles for the first time.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._begun = False
        self._made: list[T] = []
        self._error: Exception | None = None

    @property
    def begun(self) -> bool:
        """Tell whether it is there, or being made."""
        return self._begun

    def begin(self) -> bool:
        """Have it made by a thread of its own, unless it has been; return whether it is there."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._once, name=_THREAD, daemon=True).start()
        return bool(self._made or self._error)

    def result(self) -> T:
        """Return it, waiting for it or making it; raise whatever kept it from being made."""
        self._once()
        if self._error is not None:
            raise self._error
        return self._made[0]

    def _once(self) -> None:
        with self._lock:
            self._begun = True
            if self._made or self._error:
                return
            try:
                self._made.append(self._make())
            except Exception as error:  # it is raised where the result is needed
                self._error = error
