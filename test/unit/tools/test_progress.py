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

"""The progress bar of conversions."""

from __future__ import annotations

import io
import sys

from k4a_ros.tools import progress
from k4a_ros.tools.progress import Progress
import pytest


class _Terminal(io.StringIO):
    """A text stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_bar_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, 'stderr', terminal)
    monkeypatch.setattr(progress, '_PERIOD_S', 0.0)
    with Progress(1_000_000, 11_000_000) as bar:
        for device_us in (0, 6_000_000, 99_000_000):
            bar.update(device_us)
    first, middle, last = terminal.getvalue().split('\r')[1:]
    assert first.startswith('[' + '-' * 30 + ']   0%  0.0 of 10.0 s, 0.0 x real time')
    assert middle.startswith('[' + '#' * 15 + '-' * 15 + ']  50%  5.0 of 10.0 s, ')
    assert last.startswith('[' + '#' * 30 + '] 100%  10.0 of 10.0 s, ') and last.endswith('\n')


def test_bar_is_not_updated_more_often_than_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, 'stderr', terminal)
    monkeypatch.setattr(progress, '_PERIOD_S', 1000.0)
    with Progress(0, 1000) as bar:
        for device_us in range(1000):
            bar.update(device_us)
    assert terminal.getvalue().count('\r') == 1


def test_nothing_is_shown_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(0, 1000) as bar:
        bar.update(500)
    assert capsys.readouterr().err == ''
