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

"""The names of recordings."""

from __future__ import annotations

import itertools
from pathlib import Path
import time

from k4a_ros.errors import RecordingError
from k4a_ros.recorder.files import dated_path
from k4a_ros.recorder.files import numbered
import pytest

NOW = time.strptime('2026-11-29 14:03:07', '%Y-%m-%d %H:%M:%S')


@pytest.mark.parametrize(('pattern', 'expected'), [
    ('/data/%Y-%m-%d_%H-%M-%S.mkv', '/data/2026-11-29_14-03-07.mkv'),
    ('/data/%Y/run', '/data/2026/run.mkv'),
    ('/data/run.1', '/data/run.1.mkv'),
    ('~/run.mkv', '/home/me/run.mkv'),
    ('run.mkv', '/current/run.mkv'),
])
def test_dated_path(pattern, expected, monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', '/home/me')
    monkeypatch.chdir(tmp_path)
    assert dated_path(pattern, NOW) == Path(expected.replace('/current', str(tmp_path)))


def test_home_of_an_unknown_user_is_refused():
    with pytest.raises(RecordingError, match='give another path'):
        dated_path('~nobody-of-that-name/a.mkv', NOW)


def test_numbered():
    names = [path.name for path in itertools.islice(numbered(Path('/a/run.mkv')), 3)]
    assert names == ['run.mkv', 'run_2.mkv', 'run_3.mkv']
