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

"""Only regular files are opened, whatever a path names, and opening never blocks."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import socket

from k4a_ros.errors import FileError
from k4a_ros.process import files
import pytest


def make_directory(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    os.chdir(path.parent)  # the path of a socket is at most 107 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


def make_link_to_device(path: Path) -> None:
    path.symlink_to('/dev/zero')


def make_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


OPENERS: list[Callable[[str], object]] = [
    files.check_regular, files.open_regular, lambda path: files.read_regular(path, 10)]


@pytest.mark.parametrize('opener', OPENERS)
@pytest.mark.parametrize(('make', 'reason'), [
    (make_directory, 'a directory, not a regular file'), (make_pipe, r'a named pipe \(FIFO\)'),
    (make_socket, 'a socket'), (make_link_to_device, 'a device'),
    (make_link_to_itself, 'too many levels of symbolic links'),
    (lambda path: None, 'no such file or directory')])
def test_other_kinds_of_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opener: Callable[[str], object],
    make: Callable[[Path], None], reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / 'a')
    with pytest.raises(FileError, match=reason):
        opener(str(tmp_path / 'a'))


@pytest.mark.parametrize('opener', OPENERS)
@pytest.mark.parametrize(('path', 'reason'), [
    ('a' * 5000, 'file name too long'), ('a\0b', 'characters that no file name can have'),
    ('\ud800', 'characters that no file name can have'), ('', 'no such file'),
    ('/dev/null/a', 'not a directory')])
def test_unusable_paths_are_refused(
    opener: Callable[[str], object], path: str, reason: str,
) -> None:
    with pytest.raises(FileError, match=reason):
        opener(path)


def test_pipe_that_replaces_the_file_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.mkfifo(tmp_path / 'a')
    monkeypatch.setattr(files, 'check_regular', lambda path: None)
    with pytest.raises(FileError, match='named pipe'):
        files.open_regular(tmp_path / 'a')


def test_file_that_exceeds_its_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'a').write_bytes(b'12345')
    assert files.read_regular(tmp_path / 'a', 5) == b'12345'
    with pytest.raises(FileError, match='it has more than 4 bytes'):
        files.read_regular(tmp_path / 'a', 4)
