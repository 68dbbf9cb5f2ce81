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

"""The log of the SDK: routing, collecting, and suppression of similar lines."""

from __future__ import annotations

import logging

from k4a_ros.sdk import log
import pytest
from support.programs import run_python

WARNING = 2


def log_line(text: str) -> None:
    """Log a line as libk4a does."""
    log._on_message(None, WARNING, b'/src/usbstreaming.c', 7, text.encode())


@pytest.fixture()
def fresh_log(monkeypatch, caplog):
    """Forget the lines logged before, and return what the Python logger gets."""
    monkeypatch.setattr(log, '_logged', {})
    monkeypatch.setattr(log, '_listeners', [])
    caplog.set_level(logging.WARNING, 'k4a_ros.sdk')
    return caplog


def test_similar_lines_are_suppressed_for_some_seconds(fresh_log, monkeypatch):
    now = 100.0
    monkeypatch.setattr(log.time, 'monotonic', lambda: now)
    for number in range(3):
        log_line(f'timeout {number}')
    log_line('disconnected')
    now += 6.0
    log_line('timeout 3')
    assert fresh_log.messages == [
        'timeout 0 (usbstreaming.c:7)', 'disconnected (usbstreaming.c:7)',
        'timeout 3 (usbstreaming.c:7) [2 similar lines suppressed]']


def test_quiet_block_collects_lines_without_forwarding(fresh_log):
    heard: list[tuple[int, str, str]] = []
    log.add_log_listener(lambda *line: heard.append(line))
    with log.log_lines(quiet=True) as quiet:
        log_line('expected')
    with log.log_lines() as lines:
        log_line('unexpected')
    log_line('later')
    assert (quiet, lines) == (['expected'], ['unexpected'])
    assert heard == [
        (WARNING, 'usbstreaming.c', 'unexpected'), (WARNING, 'usbstreaming.c', 'later')]
    assert not any('(usbstreaming' in m and 'expected' in m.split() for m in fresh_log.messages)


def test_libk4a_logs_to_the_python_logger():
    """In a separate process, as the SDK configures its output when it first logs."""
    result = run_python("""
import logging
import sys
from k4a_ros.sdk import abi, libk4a
logging.basicConfig(format='%(name)s %(levelname)s', stream=sys.stderr)
assert libk4a.library().k4a_capture_create(None) != abi.SUCCEEDED
""")
    assert result.returncode == 0, result.stderr
    assert result.stdout == ''
    assert set(result.stderr.splitlines()) == {'k4a_ros.sdk ERROR'}
