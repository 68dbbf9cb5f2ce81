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

"""The order in which places of libk4a are tried."""

from __future__ import annotations

from pathlib import Path
import platform
import sys

from k4a_ros.sdk import libk4a
from k4a_ros.sdk import locate
from k4a_ros.sdk.locate import Candidate
import pytest
from support import virtual
from support.programs import run_python


@pytest.fixture(autouse=True)
def wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Install pyk4a-bundle, of which only the folder of libraries matters; return its libk4a."""
    monkeypatch.delenv(locate.PATH_VARIABLE, raising=False)
    folder = tmp_path / 'site-packages/pyk4a_bundle.libs'
    folder.mkdir(parents=True)
    for name in ('libk4a-f64cb9eb.so.1.4.2', 'libk4arecord-939c473c.so.1.4.2', 'libudev.so.1'):
        (folder / name).touch()
    monkeypatch.setattr(sys, 'path', ['', str(folder.parent)])
    return folder / 'libk4a-f64cb9eb.so.1.4.2'


def test_wheel_comes_before_the_system(wheel: Path) -> None:
    assert locate.candidates() == [
        Candidate(str(wheel), 'pyk4a-bundle'), Candidate('libk4a.so.1.4', 'system'),
        Candidate('libk4a.so', 'system')]


def test_wheel_in_the_working_directory_is_not_used(
        wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(wheel.parents[1])
    monkeypatch.setattr(sys, 'path', [''])
    assert locate.wheel_files() == []


def test_named_library_is_the_only_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(locate.PATH_VARIABLE, '/opt/b/libk4a.so')
    assert locate.candidates() == [Candidate('/opt/b/libk4a.so', 'K4A_LIBRARY_PATH')]
    assert locate.candidates('/opt/a/libk4a.so') == [
        Candidate('/opt/a/libk4a.so', 'k4a_library_path')]


@pytest.mark.parametrize(('name', 'expected'), [
    ('libk4a-f64cb9eb.so.1.4.2', '1.4.2'), ('libk4a.so.1.4', '1.4'), ('libk4a.so', '')])
def test_version_is_in_the_name_of_the_file(name: str, expected: str) -> None:
    assert locate.version(Path('/usr/lib', name)) == expected


@pytest.mark.parametrize(('machine', 'pip'), [('x86_64', True), ('aarch64', False)])
def test_hint_suggests_what_exists_for_this_computer(
        monkeypatch: pytest.MonkeyPatch, machine: str, pip: bool) -> None:
    monkeypatch.setattr(platform, 'machine', lambda: machine)
    hint = locate.installation_hint()
    assert 'libk4a1.4' in hint and 'k4a_library_path' in hint
    assert ("'pip install pyk4a-bundle'" in hint) is pip


def test_preloaded_libk4a_is_used_and_preloaded_functions_take_precedence() -> None:
    """The virtual device replaces functions of whichever libk4a is found."""
    code = """
import ctypes
from k4a_ros.sdk import libk4a, locate
found = libk4a.load()
print(found.origin, locate.file_of(found.sdk.k4a_device_open).name, found.file.name)
"""
    real = libk4a.load()
    device = virtual.library()
    for preload, origin in ((f'{device}', 'pyk4a-bundle'),
                            (f'{device}:{real.file}', 'loaded before the driver')):
        result = run_python(code, LD_PRELOAD=preload)
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith(origin)
        assert result.stdout.split()[-2:] == [device.name, real.file.name]
