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

"""A lazily built, thread-safe value."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
from dataclasses import dataclass
import threading
from typing import Generic
from typing import Protocol
from typing import TypeVar

T = TypeVar('T')

#: interval at which a thread that waits for a value checks whether it was canceled
_CANCEL_POLL_S = 0.01


class Startable(Protocol):
    """Something that takes long to build, and is built in the background."""

    def start(self) -> bool:
        """Start building, unless that has been done; return whether it has ended."""


@dataclass(frozen=True)
class BuildWait:
    """
    How to wait for something that is built in the background.

    ``cancel`` ends the wait when it is set. ``hold`` is entered for as long as it lasts, such as
    to keep a recording from going on meanwhile; it returns a function that returns whether there
    still is something to wait for.
    """

    cancel: threading.Event
    hold: Callable[[], contextlib.AbstractContextManager[Callable[[], bool]]] = (
        lambda: contextlib.nullcontext(lambda: True))


def is_built(part: Startable, wait: BuildWait | None) -> bool:
    """
    Start to build something, and return whether it is there.

    :param wait: how to wait for it; None: do not wait.
    """
    if part.start():
        return True
    if wait is None:
        return False
    with wait.hold() as goes_on:
        while not part.start():
            if wait.cancel.wait(_CANCEL_POLL_S) or not goes_on():
                return False
    return True


class Together:
    """Several things that are built at the same time."""

    def __init__(self, *parts: Startable) -> None:
        self._parts = parts

    def start(self) -> bool:
        """Start building all of them; return whether that has ended."""
        ended = [part.start() for part in self._parts]
        return all(ended)


class Lazy(Generic[T]):
    """
    A value that is built once, when a thread first needs it.

    :param build: returns the value; takes tenths of a second, or seconds while numba compiles.
    """

    def __init__(self, build: Callable[[], T]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._started = False
        self._value: list[T] = []
        self._error: Exception | None = None

    @property
    def started(self) -> bool:
        """Return whether the build has been started; it may have ended or failed since."""
        return self._started

    def start(self) -> bool:
        """
        Build the value in a background thread, unless the build has been started before.

        :return: whether the build has ended, so that `result` does not block.
        """
        if not self._started:
            self._started = True
            threading.Thread(target=self._build_once, name='lazy_builder', daemon=True).start()
        return bool(self._value or self._error)

    def result(self) -> T:
        """
        Return the value; build it in this thread or wait for the thread that builds it.

        :raises Exception: the error that ended the build, at every call.
        """
        if not self._value:
            self._build_once()
            if self._error is not None:
                raise self._error
        return self._value[0]

    def discard(self, close: Callable[[T], None]) -> None:
        """Close the value as soon as it is built, without waiting for that; it is not used."""
        def close_later() -> None:
            self._build_once()
            if self._value:
                close(self._value[0])

        threading.Thread(target=close_later, name='lazy_builder', daemon=True).start()

    def _build_once(self) -> None:
        with self._lock:
            self._started = True
            if self._value or self._error:
                return
            try:
                self._value.append(self._build())
            except Exception as error:  # result() raises it in the thread that needs the value
                self._error = error
