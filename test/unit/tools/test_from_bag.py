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

"""k4a_from_bag: its command line, and how it ends."""

from __future__ import annotations

from pathlib import Path
import signal

from k4a_ros.bags.to_bag import BagOptions
from k4a_ros.bags.to_bag import convert
from k4a_ros.tools import from_bag
import pytest
from support.recordings import write_recording


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('bag')
    written = write_recording(path / 'depth.mkv')
    (path / 'calibration.json').write_bytes(written.calibration)
    convert(written.path, path / 'bag', BagOptions(namespace='left'))
    return path / 'bag'


def test_recording_is_written(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / 'out.mkv'
    assert from_bag.main([
        str(bag), str(out), '--namespace', '/left/', '--calibration',
        str(bag.parent / 'calibration.json')]) == 0
    output = capsys.readouterr().out
    assert f'{out}: ' in output and '3 depth' in output and '3 ir' in output
    assert out.stat().st_size > 100_000


@pytest.mark.parametrize(('arguments', 'sentence'), [
    (['--calibration', 'missing.json'], 'calibration missing.json: no such file or directory'),
    (['--calibration', __file__], 'k4a_from_bag: '),
    (['--namespace', 'right'], "in the namespace 'right'"),
])
def test_unusable_argument_is_one_sentence(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str],
    sentence: str,
) -> None:
    assert from_bag.main([str(bag), str(tmp_path / 'out.mkv'), *arguments]) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.count('\n') == 1
    assert not [*tmp_path.iterdir()]


def test_signal_ends_it_and_leaves_nothing(
    bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def update(progress: object, device_us: int) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr('k4a_ros.tools.progress.Progress.update', update)
    assert from_bag.main([str(bag), str(tmp_path / 'out.mkv')]) == 130
    assert capsys.readouterr().err.endswith('out.mkv is not written\n')
    assert not [*tmp_path.iterdir()]
