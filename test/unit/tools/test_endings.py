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

"""Tools end with a sentence, an exit code, and the handlers of signals that were there before."""

from __future__ import annotations

import os
import signal
import time

from k4a_ros.errors import RecordingError
from k4a_ros.tools.endings import INTERRUPTED
from k4a_ros.tools.endings import run_tool
import pytest


@pytest.mark.parametrize('code', [0, 1])
def test_exit_code_is_that_of_the_tool(capsys: pytest.CaptureFixture[str], code: int) -> None:
    assert run_tool('k4a_x', lambda: code) == code
    assert capsys.readouterr() == ('', '')


def test_error_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise RecordingError('cannot read a.mkv: it is empty')

    assert run_tool('k4a_x', fail) == 1
    assert capsys.readouterr() == ('', 'k4a_x: cannot read a.mkv: it is empty\n')


def test_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_tool('k4a_x', lambda: 1 // 0)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_the_tool_after_cleaning_up(
    capsys: pytest.CaptureFixture[str], number: signal.Signals,
) -> None:
    """The second one, as timeout sends it, does not interrupt that."""
    before = signal.getsignal(number)
    cleaned = []

    def work() -> int:
        try:
            os.kill(os.getpid(), number)
            time.sleep(60)
            return 0
        finally:
            os.kill(os.getpid(), number)
            cleaned.append(True)

    assert run_tool('k4a_x', work, '; a.mkv is not written') == INTERRUPTED
    assert cleaned
    assert capsys.readouterr().err == 'k4a_x: interrupted; a.mkv is not written\n'
    assert signal.getsignal(number) == before
