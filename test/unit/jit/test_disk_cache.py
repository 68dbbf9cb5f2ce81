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

"""A numba cache that is damaged, full or writable by others costs time, not the process."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest
from support.time_limits import PROCESS_TIMEOUT_S

disk_cache = pytest.importorskip(
    'k4a_ros.jit.disk_cache', reason='kernels are not compiled without numba')

PROGRAM = """
import logging, resource, sys
logging.basicConfig(format='%(levelname)s %(message)s')
if len(sys.argv) > 1:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
import numpy as np
from k4a_ros.images.warm_up import warm_up_rvl
from k4a_ros.images import rvl_kernels
warm_up_rvl()
print(sum(rvl_kernels.encode.stats.cache_hits.values()))
"""


def run(cache: Path, *arguments: str) -> tuple[int, str]:
    """Encode and decode with a cache; return how often it was used, and the warnings."""
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM, *arguments], capture_output=True, text=True,
        timeout=PROCESS_TIMEOUT_S, env=os.environ | {'NUMBA_CACHE_DIR': str(cache)})
    assert done.returncode == 0, done.stderr
    return int(done.stdout), done.stderr


@pytest.fixture(scope='module')
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache with the RVL kernels."""
    cache = tmp_path_factory.mktemp('numba')
    assert run(cache) == (0, '')
    assert run(cache) == (1, '')
    return cache


def test_loading_does_not_prepare_the_compiler(filled: Path) -> None:
    check = '\nassert "numba.np.linalg" not in sys.modules'
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM + check], capture_output=True, text=True,
        timeout=PROCESS_TIMEOUT_S, env=os.environ | {'NUMBA_CACHE_DIR': str(filled)})
    assert (done.returncode, done.stdout, done.stderr) == (0, '1\n', '')


def _truncate_index(path: Path) -> None:
    if path.suffix == '.nbi':
        path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def _truncate_code(path: Path) -> None:
    if path.suffix == '.nbc':
        path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b'')


@pytest.mark.parametrize('damage', [_truncate_index, _truncate_code, _empty])
def test_damaged_cache_is_discarded_with_one_warning(
        filled: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    cache = tmp_path / 'cache'
    shutil.copytree(filled, cache)
    for path in cache.rglob('*.nb[ic]'):
        damage(path)
    hits, log = run(cache)
    assert hits == 0
    assert log.count('WARNING') == 1
    assert 'is damaged' in log
    assert str(cache) in log
    assert run(cache) == (1, '')


def test_full_disk_compiles_in_memory_with_one_warning(tmp_path: Path) -> None:
    hits, log = run(tmp_path, '100')
    assert hits == 0
    assert log.count('WARNING') == 1
    assert 'Cannot write to the numba cache' in log
    assert not list(tmp_path.rglob('*.nb[ic]'))


def test_cache_that_others_can_write_to_is_not_loaded(filled: Path, tmp_path: Path) -> None:
    cache = tmp_path / 'cache'
    shutil.copytree(filled, cache)
    for path in (cache, *(path for path in cache.rglob('*') if path.is_dir())):
        path.chmod(0o777)
    hits, log = run(cache)
    assert hits == 0
    assert log.count('WARNING') == 1
    assert 'every user can write to' in log


def test_kernel_is_compiled_again_when_one_that_it_calls_has_changed(tmp_path: Path) -> None:
    """Also one in another file, which numba does not look at."""
    kernel = 'from k4a_ros.jit.numba_jit import compiled\n{}\n@compiled\ndef {}(x): return {}\n'
    for name, imported, value in (('inner', '', 'x + 1'), ('middle', 'inner', 'inner(x)'),
                                  ('outer', 'middle', 'middle(x)')):
        (tmp_path / f'{name}_kernels.py').write_text(kernel.format(
            imported and f'from {imported}_kernels import {imported}', name, value))

    def result() -> str:
        return subprocess.run(
            [sys.executable, '-c', 'from outer_kernels import outer\n'
             'print(outer(1), sum(outer.stats.cache_hits.values()))'], cwd=tmp_path, check=True,
            capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S,
            env=os.environ | {'NUMBA_CACHE_DIR': str(tmp_path / 'cache')}).stdout

    assert [result(), result()] == ['2 0\n', '2 1\n']
    inner = tmp_path / 'inner_kernels.py'
    inner.write_text(inner.read_text().replace('x + 1', 'x + 10'))
    assert [result(), result()] == ['11 0\n', '11 1\n']
