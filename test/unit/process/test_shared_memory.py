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

"""Removing what killed processes leave in /dev/shm: only that, decided by locks."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import fcntl
import os
from pathlib import Path

from k4a_ros.process.shared_memory import remove_own_files
from k4a_ros.process.shared_memory import remove_stale_files
import pytest
from support.programs import run_python

SEGMENT, OTHER = 'fastdds_0123456789abcdef', 'fastrtps_fedcba9876543210'


def create(directory: Path, *names: str, size: int = 8192) -> None:
    """Write files of a resource and its locks, as old as can be."""
    for name in names:
        (directory / name).write_bytes(bytes(0 if name.endswith(('_el', '_sl')) else size))
        os.utime(directory / name, (0, 0))


@contextlib.contextmanager
def locked(file: Path, mode: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a lock as a living owner does."""
    with file.open() as opened:
        fcntl.flock(opened, mode)
        yield


def names(directory: Path) -> set[str]:
    return {file.name for file in directory.iterdir()}


@pytest.mark.parametrize('resource', [SEGMENT, OTHER])
def test_resource_of_a_dead_owner_is_removed_with_its_lock(tmp_path: Path, resource: str) -> None:
    create(tmp_path, resource, resource + '_el')
    assert remove_stale_files(tmp_path) == 8192
    assert not names(tmp_path)


@pytest.mark.parametrize('mode', [fcntl.LOCK_EX, fcntl.LOCK_SH])
def test_resource_of_a_living_owner_is_kept(tmp_path: Path, mode: int) -> None:
    """The other one, of a dead owner, is removed nevertheless."""
    create(tmp_path, SEGMENT, SEGMENT + '_el', OTHER, OTHER + '_el')
    with locked(tmp_path / (SEGMENT + '_el'), mode):
        assert remove_stale_files(tmp_path) == 8192
        assert names(tmp_path) == {SEGMENT, SEGMENT + '_el'}


@pytest.mark.parametrize('lock', ['el', 'sl'])
def test_port_is_left_alone(tmp_path: Path, lock: str) -> None:
    """Its number is used again, perhaps by a process that starts at this moment."""
    create(tmp_path, 'fastdds_port7400', f'fastdds_port7400_{lock}')
    assert remove_stale_files(tmp_path) == 0
    assert names(tmp_path) == {'fastdds_port7400', f'fastdds_port7400_{lock}'}


def test_files_that_are_not_of_fast_dds_or_have_no_lock_are_kept(tmp_path: Path) -> None:
    kept = {SEGMENT, 'fastdds_port7400', 'sem.fastdds_port7400_mutex', 'fast_datasharing_1',
            'other_el', 'fastdds_0123_el', 'psm_0123456789abcdef'}
    create(tmp_path, *kept)
    assert remove_stale_files(tmp_path) == 0
    assert names(tmp_path) == kept


def test_lock_file_that_its_owner_has_just_created_is_kept(tmp_path: Path) -> None:
    create(tmp_path, SEGMENT, SEGMENT + '_el')
    os.utime(tmp_path / (SEGMENT + '_el'))
    assert remove_stale_files(tmp_path) == 0
    assert len(names(tmp_path)) == 2


def test_lock_without_resource_is_removed(tmp_path: Path) -> None:
    create(tmp_path, SEGMENT + '_el')
    assert remove_stale_files(tmp_path) == 0
    assert not names(tmp_path)


def test_lock_file_that_is_no_file_is_kept(tmp_path: Path) -> None:
    """Neither a link nor a FIFO, which would block, is followed."""
    create(tmp_path, SEGMENT, OTHER, 'target')
    os.mkfifo(tmp_path / (SEGMENT + '_el'))
    (tmp_path / (OTHER + '_el')).symlink_to('target')
    assert remove_stale_files(tmp_path) == 0
    assert len(names(tmp_path)) == 5


def test_files_that_cannot_be_removed_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files of other users cannot be removed from /dev/shm."""
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    create(tmp_path, SEGMENT, SEGMENT + '_el')
    monkeypatch.setattr('os.unlink', refuse)
    assert remove_stale_files(tmp_path) == 0
    assert len(names(tmp_path)) == 2


def test_missing_directory_is_no_error(tmp_path: Path) -> None:
    assert remove_stale_files(tmp_path / 'missing') == 0


def test_own_files_are_removed_and_no_others(tmp_path: Path) -> None:
    create(tmp_path, SEGMENT, SEGMENT + '_el', OTHER, OTHER + '_el', 'fastdds_port7411_el')
    with locked(tmp_path / f'{SEGMENT}_el'), locked(tmp_path / 'fastdds_port7411_el'):
        remove_own_files(tmp_path)
    assert names(tmp_path) == {OTHER, OTHER + '_el', 'fastdds_port7411_el'}


def test_open_lock_file_of_another_owner_is_kept(tmp_path: Path) -> None:
    """Fast DDS opens it for a moment in order to test whether the owner lives."""
    create(tmp_path, OTHER, OTHER + '_el')
    program = f"""
import fcntl
from pathlib import Path
from k4a_ros.process.shared_memory import remove_own_files
opened = open({str(tmp_path / f'{OTHER}_el')!r})
remove_own_files(Path({str(tmp_path)!r}))
"""
    with locked(tmp_path / f'{OTHER}_el'):
        done = run_python(program)
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == {OTHER, OTHER + '_el'}
