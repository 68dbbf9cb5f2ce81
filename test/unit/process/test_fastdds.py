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

"""When the driver sets its Fast DDS profile, and when it does not."""

from __future__ import annotations

from collections import namedtuple
import os
from pathlib import Path
from xml.etree import ElementTree

from k4a_ros.process import fastdds
import pytest
from support.sources import ROOT


def test_profile_is_set_by_default() -> None:
    environment: dict[str, str] = {}
    choice = fastdds.select_fastdds_profile(environment)
    (file,) = environment.values()
    assert Path(file).is_file() and file in choice.description
    assert not choice.problem
    assert set(environment) <= set(fastdds.USER_VARIABLES)


@pytest.mark.parametrize('name', fastdds.USER_VARIABLES)
def test_user_configuration_is_kept(name: str) -> None:
    environment = {name: 'x'}
    choice = fastdds.select_fastdds_profile(environment)
    assert name in choice.description and not choice.problem
    assert environment == {name: 'x'}


def test_profile_is_not_set_for_other_middleware() -> None:
    environment = {'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}
    choice = fastdds.select_fastdds_profile(environment)
    assert 'not Fast DDS' in choice.description and not choice.problem
    assert len(environment) == 1


def test_workspace_that_is_not_sourced_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    environment: dict[str, str] = {}
    choice = fastdds.select_fastdds_profile(environment)
    assert choice.degraded
    assert choice.description.endswith('k4a_ros is not installed; source its workspace')
    assert not environment


def test_profile_is_not_set_without_enough_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker provides 64 MB; a larger segment would end the process with SIGBUS."""
    status = namedtuple('status', 'f_bavail f_frsize')(16384, 4096)
    monkeypatch.setattr('os.statvfs', lambda path: status)
    environment: dict[str, str] = {}
    assert '64 MB free' in (problem := fastdds.select_fastdds_profile(environment).problem)
    assert '--shm-size' in problem
    assert not environment


def test_memory_of_dead_processes_is_freed_before_it_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    stale = tmp_path / 'fastdds_0123456789abcdef'
    for file in (stale, tmp_path / (stale.name + '_el')):
        file.write_bytes(bytes(4096))
        os.utime(file, (0, 0))
    monkeypatch.setattr(fastdds, 'SHARED_MEMORY', tmp_path)
    status = namedtuple('status', 'f_bavail f_frsize')
    monkeypatch.setattr(
        'os.statvfs', lambda path: status(0 if stale.exists() else 1 << 20, 4096))
    choice = fastdds.select_fastdds_profile({})
    assert choice.freed_bytes == 4096 and not choice.problem


@pytest.mark.parametrize('name', ['fastdds.xml', 'fastdds2.xml'])
def test_required_memory_is_twice_the_segment_size(name: str) -> None:
    root = ElementTree.parse(ROOT / 'config' / name)
    (size,) = (e.text for e in root.iter() if e.tag.endswith('segment_size'))
    assert int(size) * 2 == fastdds._REQUIRED_BYTES


def test_both_profiles_have_the_same_settings() -> None:
    """The heartbeat period differs."""
    def settings(name: str) -> list[tuple[str, str]]:
        root = ElementTree.parse(ROOT / 'config' / name)
        found = [(e.tag.replace('_', '').lower(), (e.text or '').strip()) for e in root.iter()]
        return [(tag, text) for tag, text in found if not tag.endswith('nanosec')]

    assert settings('fastdds.xml') == settings('fastdds2.xml')
