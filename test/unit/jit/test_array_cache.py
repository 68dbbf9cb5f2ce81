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

"""Arrays on disk: equal to what is computed, or computed again."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path

from k4a_ros.jit import array_cache
from k4a_ros.jit.array_cache import cached_array
import numpy as np
import pytest

SHAPE = (3, 4, 2)


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache directory of this test."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache/k4a_ros'


@pytest.fixture()
def get() -> Callable[..., tuple[np.ndarray, bool]]:
    """Return a function that returns the array of a key, and whether it was computed."""
    computed = []

    def compute() -> np.ndarray:
        computed.append(1)
        array = np.random.default_rng(len(computed)).random(SHAPE, np.float32)
        array[0, 0] = np.nan
        return array

    def get(key: str = 'a', code: str = __file__) -> tuple[np.ndarray, bool]:
        before = len(computed)
        array = cached_array(key, code, SHAPE, compute)
        assert array.shape == SHAPE and array.dtype == np.float32 and not array.flags.writeable
        return array, len(computed) > before
    return get


def test_array_is_computed_once(get: Callable[..., tuple[np.ndarray, bool]]) -> None:
    first, computed = get()
    assert computed
    second, computed = get()
    assert not computed
    np.testing.assert_array_equal(first, second)


def test_other_key_or_changed_code_is_computed(
        get: Callable[..., tuple[np.ndarray, bool]], tmp_path: Path) -> None:
    source = tmp_path / 'code.py'
    source.write_text('1')
    assert get(code=str(source))[1]
    assert get('b', code=str(source))[1]
    source.write_text('2')
    assert get(code=str(source))[1]
    assert not get(code=str(source))[1]


@pytest.mark.parametrize('damage', [
    lambda content: content[:-1], lambda content: b'', lambda content: content + b'0',
    lambda content: bytes([content[0] ^ 1]) + content[1:],
    lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]])
def test_damaged_file_is_computed_again(
        get: Callable[..., tuple[np.ndarray, bool]], directory: Path,
        damage: Callable[[bytes], bytes]) -> None:
    get()
    file, = directory.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert get()[1]
    assert not get()[1]


def test_directory_that_others_can_write_to_is_not_used(
        get: Callable[..., tuple[np.ndarray, bool]], directory: Path) -> None:
    get()
    directory.chmod(0o777)
    assert get()[1] and get()[1]


@pytest.mark.parametrize('path', ['/dev/null', '/proc/none'])
def test_directory_that_cannot_be_written_costs_time_only(
        get: Callable[..., tuple[np.ndarray, bool]], monkeypatch: pytest.MonkeyPatch,
        path: str) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', path)
    assert get()[1] and get()[1]


def test_missing_code_costs_time_only(get: Callable[..., tuple[np.ndarray, bool]]) -> None:
    assert get(code='/none/code.py')[1] and get(code='/none/code.py')[1]


def test_oldest_files_are_removed(
        get: Callable[..., tuple[np.ndarray, bool]], directory: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array_cache, '_MAX_BYTES', 2 * (4 + 4 * 24))
    for key in 'abc':
        for file in directory.glob('*'):  # as if they had been written earlier
            os.utime(file, (file.stat().st_mtime - 10,) * 2)
        get(key)
    assert len(list(directory.iterdir())) == 2
    assert not get('c')[1] and not get('b')[1]
    assert get('a')[1]
