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


"""k4a_reset, with the kernel's files in a directory, and with a driver that streams."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys
from typing import Any

from k4a_ros.tools import reset
import pytest
from support.live import live_device
from support.live import recording_in
from support.ros import wait_for
from support.usb import add_camera
from support.usb import add_controller

FIRST, SECOND = '000123456712', '000123456812'


@pytest.fixture()
def two_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Connect two cameras, and return the list of the nodes that are reset."""
    controller = add_controller(tmp_path, '0000:00:14.0', '8086')
    add_camera(tmp_path, controller, '2-1', FIRST)
    add_camera(tmp_path, controller, '2-2', SECOND)
    nodes: list[str] = []
    monkeypatch.setattr(reset, 'reset', lambda node: nodes.append(
        str(node.relative_to(tmp_path / 'dev/bus/usb'))))
    return nodes


@pytest.mark.parametrize('serial', [SECOND, SECOND.lstrip('0')])
def test_color_and_depth_camera_of_the_chosen_one_are_reset(
    tmp_path: Path, two_cameras: list[str], capsys: Any, serial: str,
) -> None:
    assert reset.main(['--serial', serial], tmp_path) == 0
    assert two_cameras == ['002/006', '002/005']
    assert capsys.readouterr().out == f'Camera {SECOND} was reset\n'


@pytest.mark.parametrize('arguments, reason', [
    ([], f'2 cameras are connected; choose one with --serial: {FIRST}, {SECOND}'),
    (['--serial', '42'], f'no Azure Kinect has the serial number 42; connected are: {FIRST}'),
])
def test_camera_that_is_not_named_is_not_reset(
    tmp_path: Path, two_cameras: list[str], capsys: Any, arguments: list[str], reason: str,
) -> None:
    assert reset.main(arguments, tmp_path) == 1
    assert reason in capsys.readouterr().err
    assert two_cameras == []


def test_no_camera_is_one_line(tmp_path: Path, capsys: Any) -> None:
    assert reset.main([], tmp_path) == 1
    assert capsys.readouterr().err.startswith('k4a_reset: no Azure Kinect is connected')


@pytest.mark.parametrize('error, remedy', [
    (PermissionError(13, 'Permission denied'), 'install the udev rule config/99-k4a.rules'),
    (OSError(19, 'No such device'), 'No such device; unplug its power and USB cables'),
])
def test_failed_reset_is_explained(
    tmp_path: Path, two_cameras: list[str], capsys: Any, monkeypatch: pytest.MonkeyPatch,
    error: OSError, remedy: str,
) -> None:
    def fail(node: Path) -> None:
        raise error

    monkeypatch.setattr(reset, 'reset', fail)
    assert reset.main(['--serial', FIRST], tmp_path) == 1
    line = capsys.readouterr().err
    assert line.startswith(f'k4a_reset: cannot reset camera {FIRST}: ') and remedy in line


def test_camera_that_does_not_come_back_is_an_error(
    tmp_path: Path, two_cameras: list[str], capsys: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        reset, 'reset', lambda node: (tmp_path / 'sys/bus/usb/devices/2-1.2').unlink(
            missing_ok=True))
    assert reset.main(['--serial', FIRST, '--timeout', '0.3'], tmp_path) == 1
    assert f'camera {FIRST} was reset, but is not back on USB after 0.3 s' in (
        capsys.readouterr().err)


def test_driver_opens_a_camera_again_that_is_reset(tmp_path: Path) -> None:
    add_camera(tmp_path, add_controller(tmp_path, '0000:00:14.0', '8086'), '2-1', FIRST)
    with live_device(recording_in(tmp_path)) as live:
        live.more(live.depth)
        lost, back = live.lines('Lost connection'), live.lines('Reconnected to')
        code = f'from pathlib import Path; from k4a_ros.tools.reset import main; ' \
               f'raise SystemExit(main([], Path({str(tmp_path)!r})))'
        done = subprocess.run(
            [sys.executable, '-c', code], capture_output=True, text=True,
            env={**os.environ, 'K4A_VIRTUAL_CONTROL': live.control})
        assert (done.returncode, done.stderr) == (0, '')
        wait_for(lambda: live.lines('Lost connection') > lost, 'the loss')
        wait_for(lambda: live.lines('Reconnected to') > back, 'the camera to be back')
        live.more(live.depth)
