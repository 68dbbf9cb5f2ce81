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


from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path

from k4a_ros.errors import CameraError
from k4a_ros.process.fastdds import TransportChoice
from k4a_ros.sdk import libk4a
from k4a_ros.tools.preflight import host
from k4a_ros.tools.preflight import run
from k4a_ros.tools.preflight.result import Check
from k4a_ros.tools.preflight.result import passed
from k4a_ros.tools.preflight.result import problem
from k4a_ros.tools.preflight.result import Status
from k4a_ros.tools.preflight.result import warning
import pytest


def found(name: str) -> Check:
    return next(check for check in host.host_checks() if check.name == name)


def test_every_check_of_this_computer_has_one_line_and_a_remedy_if_needed() -> None:
    for check in run.all_checks():
        assert '\n' not in str(check)
        assert bool(check.remedy) == (check.status is not Status.OK), check


def test_missing_sdk_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise CameraError('cannot load the Azure Kinect SDK')
    monkeypatch.setattr(libk4a, 'load', fail)
    assert found('libk4a').status is Status.PROBLEM


def test_missing_depth_engine_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    used = libk4a.load()
    assert found('depth engine').found == used.depth_engine
    monkeypatch.setattr(libk4a, 'load', lambda: replace(used, depth_engine=''))
    assert found('libk4a').status is Status.OK
    assert found('depth engine').status is Status.PROBLEM


def test_degraded_transport_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, 'select_fastdds_profile', lambda environment: TransportChoice(
        '/dev/shm has 64 MB free', degraded=True))
    assert found('transport').status is Status.WARNING


def test_little_disk_space_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, '_DISK_BYTES', 1 << 62)
    assert found('disk').status is Status.WARNING


@pytest.mark.parametrize(('checks', 'code'), [
    ([passed('disk', '5 GB free')], 0),
    ([warning('disk', '1 GB free', 'Free some')], 0),
    ([passed('disk', '5 GB free'), problem('display', 'DISPLAY is not set', 'Set it')], 1)])
def test_exit_code_tells_whether_there_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], checks: list[Check],
    code: int,
) -> None:
    monkeypatch.setattr(run, 'all_checks', lambda root=Path('/'): iter(checks))
    assert run.run_checks(as_json=False) == code
    assert len(capsys.readouterr().out.splitlines()) == len(checks)
    assert run.run_checks(as_json=True) == code
    assert [entry['status'] for entry in json.loads(capsys.readouterr().out)] == [
        check.status.value for check in checks]
