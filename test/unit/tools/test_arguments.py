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

"""Numbers on the command lines of the tools are checked, and refused in one line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from k4a_ros.tools import info
from k4a_ros.tools import simulate
from k4a_ros.tools.arguments import integer_between
from k4a_ros.tools.arguments import number_between
import pytest


@pytest.mark.parametrize('text', ['nan', 'inf', '-inf', '-1', '11', '1e400', 'x', '', '9' * 5000])
@pytest.mark.parametrize('kind', [number_between(0, 10), integer_between(0, 10)])
def test_number_outside_of_its_limits_raises(kind: Callable[[str], float], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match='between 0 and 10') as error:
        kind(text)
    assert len(str(error.value)) < 120


def test_number_within_its_limits_is_converted() -> None:
    assert [number_between(0, 10)(text) for text in ('0', '2.5', '1e1')] == [0, 2.5, 10]
    assert integer_between(0, 10)('10') == 10


@pytest.mark.parametrize(('option', 'value'), [
    ('--seconds', 'nan'), ('--seconds', '-1'), ('--seed', '-1'), ('--seed', 'x')])
def test_simulate_refuses_unusable_numbers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str, value: str,
) -> None:
    monkeypatch.setattr('sys.argv', ['k4a_simulate', 'a.mkv', f'{option}={value}'])
    with pytest.raises(SystemExit) as caught:
        simulate.main()
    assert caught.value.code == 2
    assert f'argument {option}: {value!r} is not ' in capsys.readouterr().err.splitlines()[-1]


def test_info_refuses_a_negative_index(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        info.main(['--index=-1'])
    assert "argument --index: '-1' is not an integer between 0 and 255" in capsys.readouterr().err
