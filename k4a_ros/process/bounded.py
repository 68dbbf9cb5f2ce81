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

"""Run functions that may block in threads, and wait for them for a limited time."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time
from typing import Generic
from typing import TypeVar

T = TypeVar('T')

_POLL_S = 0.05


def abandonable_thread(name: str, function: Callable[[], object]) -> threading.Thread:
    """Return a thread, not yet started, that need not end before the process."""
    return threading.Thread(target=function, name=f'abandonable {name}', daemon=True)


class BoundedCaller:
    """
    Runs one function at a time in a background thread, and waits for it for a limited time.

    A call that takes longer goes on in the background; no other one is started before it ends.

    :param name: what the functions do, in a word.
    :param timeout_s: time to wait.
    :param cancel: ends the wait when set.
    """

    def __init__(self, name: str, timeout_s: float, cancel: threading.Event) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._cancel = cancel
        self._call: _Call[object] | None = None

    def __call__(self, function: Callable[[], T]) -> T:
        """
        Return the result of a function, or raise its exception.

        :raises TimeoutError: it has not returned in time, or an earlier call is still running.
        """
        if self._call is not None and not self._call.ended.is_set():
            raise TimeoutError(f'an earlier {self._name} is still running')
        call: _Call[T] = _Call(self._name, function)
        self._call = call  # type: ignore[assignment]
        deadline_s = time.monotonic() + self._timeout_s
        while not call.ended.wait(_POLL_S):
            if self._cancel.is_set() or time.monotonic() > deadline_s:
                raise TimeoutError(f'it takes longer than {self._timeout_s:g} s')
        return call.result()


class _Call(Generic[T]):
    """A function that runs in a background thread."""

    def __init__(self, name: str, function: Callable[[], T]) -> None:
        self._function = function
        self._value: list[T] = []
        self._error: BaseException | None = None
        self.ended = threading.Event()
        abandonable_thread(name, self._run).start()

    def _run(self) -> None:
        try:
            self._value.append(self._function())
        except BaseException as error:  # raised in the thread that waits
            self._error = error
        finally:
            self.ended.set()

    def result(self) -> T:
        """Return the result, or raise the exception, of a function that has ended."""
        if self._error is not None:
            raise self._error
        return self._value[0]
