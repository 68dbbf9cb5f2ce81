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

"""The log of libk4a: forwarded to the logger k4a_ros.sdk, and collected around calls that fail."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import ctypes
from ctypes import c_char_p
from ctypes import c_int
from ctypes import c_void_p
from dataclasses import dataclass
from dataclasses import field
import logging
import math
import os
import re
import time

#: k4a_log_level_t -> level of the Python logger
_LOG_LEVELS = {
    0: logging.CRITICAL, 1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG,
}
#: first letter of the environment variable K4A_LOG_LEVEL -> k4a_log_level_t
_LOG_LETTERS = {'c': 0, 'e': 1, 'w': 2, 'i': 3, 't': 4}
#: k4a_log_level_t: K4A_LOG_LEVEL_WARNING
_LOG_WARNING = 2
#: Minimum time between two log lines that differ in numbers only; doubled each time that the line
#: comes again soon, up to the maximum, because a camera may fail in the same way for hours.
_LOG_REPEAT_S, _MAX_LOG_REPEAT_S = 5.0, 300.0
_MESSAGE_HANDLER = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p, c_int, c_char_p)
_log = logging.getLogger('k4a_ros.sdk')


@contextlib.contextmanager
def log_lines(*, quiet: bool = False) -> Iterator[list[str]]:
    """
    Collect the lines that the SDK logs within the block, from all threads.

    :param quiet: failures are expected: do not forward lines to the logger or to listeners.
    """
    collector = _Collector(quiet)
    _collectors.append(collector)
    try:
        yield collector.lines
    finally:
        _collectors.remove(collector)


def add_log_listener(listener: Callable[[int, str, str], None]) -> None:
    """
    Add a permanent listener to the SDK's log, except within `log_lines` blocks that are quiet.

    :param listener: called with the k4a_log_level_t, the name of the SDK's source file and the
        line, in the thread that logs it.
    """
    _listeners.append(listener)


@dataclass(eq=False)
class _Collector:
    quiet: bool
    lines: list[str] = field(default_factory=list)


_collectors: list[_Collector] = []
_listeners: list[Callable[[int, str, str], None]] = []
#: line without its numbers -> time when it was last logged, number of repetitions since, and
#: minimum time until it is logged again
_logged: dict[str, tuple[float, int, float]] = {}


def _on_message(_: object, level: int, file: bytes, line: int, message: bytes) -> None:
    """Dispatch a line of the SDK's log; forward similar lines to the logger at a limited rate."""
    text = message.decode(errors='replace').strip()
    collectors = list(_collectors)
    for collector in collectors:
        collector.lines.append(text)
    source = os.path.basename(file).decode(errors='replace')
    if any(collector.quiet for collector in collectors) or _is_timeout_of_orbbec(source, text):
        return
    for listener in _listeners:
        listener(level, source, text)
    key = re.sub('[0-9]+', '0', f'{file!r} {line} {text}')
    now = time.monotonic()
    last, repeats, pause = _logged.get(key, (-math.inf, 0, _LOG_REPEAT_S))
    if now - last < pause:
        _logged[key] = (last, repeats + 1, pause)
        return
    soon = now - last < 2 * pause + _MAX_LOG_REPEAT_S
    _logged[key] = (now, 0, min(2 * pause, _MAX_LOG_REPEAT_S) if soon else _LOG_REPEAT_S)
    repeated = f' [{repeats} similar lines suppressed]' if repeats else ''
    _log.log(_LOG_LEVELS.get(level, logging.INFO), '%s (%s:%d)%s',
             text, source, line, repeated)


def _is_timeout_of_orbbec(source: str, text: str) -> bool:
    """
    Return whether a line is only about a read that timed out, in Orbbec's wrapper of libk4a.

    It logs a warning each time that its queue is empty, several times a second with a camera in
    perfect health (k4a_device_get_capture in ob_k4a_impl.cpp).
    """
    return source.startswith('ob_k4a_impl') and bool(re.search('time-?out', text))


#: referenced here because the library keeps calling it
_message_handler = _MESSAGE_HANDLER(_on_message)


def route_log(sdk: ctypes.CDLL) -> None:
    """
    Forward libk4a's log to the logger k4a_ros.sdk, until the interpreter exits.

    The environment variable K4A_LOG_LEVEL sets the level, by default warning. Warnings and errors
    are always received, even if they are not logged, because they explain why calls fail.
    """
    _log.addHandler(logging.NullHandler())
    letter = os.environ.get('K4A_LOG_LEVEL', '')[:1].lower()
    level = max(_LOG_WARNING, _LOG_LETTERS.get(letter, _LOG_WARNING))
    if letter in _LOG_LETTERS:
        _log.setLevel(_LOG_LEVELS[_LOG_LETTERS[letter]])
    handler = ctypes.cast(_message_handler, c_void_p)
    sdk.k4a_set_debug_message_handler(handler, None, level)
    atexit.register(sdk.k4a_set_debug_message_handler, None, None, level)
