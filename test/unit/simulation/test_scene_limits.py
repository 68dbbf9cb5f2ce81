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

"""Scene files that would take minutes are refused before anything is built from them."""

from __future__ import annotations

import os
from pathlib import Path
import time

from k4a_ros.errors import SceneError
from k4a_ros.simulation import scene_limits
from k4a_ros.simulation.scene_file import load_scene
from k4a_ros.simulation.scene_file import parse
import pytest
import yaml

SPHERE = '{sphere: {center: [0,0,2], radius: 0.1}}'
MOTION = 'motion: {circle: {radius: 1, period: 1}}'


def with_movers(shapes: int, movers: int) -> str:
    """Return a scene whose movers all have the same shapes, by an alias."""
    return (f'shapes: &s [{",".join([SPHERE] * shapes)}]\nmovers:\n' + ''.join(
        f'- {{name: m{i}, shapes: *s, {MOTION}}}\n' for i in range(movers)))


def exponential(length: int) -> str:
    """Return a list of nodes, each of which repeats the one before ten times."""
    return 'a0: &a0 [x]\n' + ''.join(
        f'a{i}: &a{i} [{",".join([f"*a{i - 1}"] * 10)}]\n' for i in range(1, length))


@pytest.mark.parametrize(('text', 'reason'), [
    (with_movers(2000, 100), 'line 4: it has more than 60000 values, with aliases expanded'),
    (with_movers(500, 4), 'has more than 2000 shapes, with those of movers'),
    (exponential(30), 'line 6: it has more than 60000 values'),
    ('shapes: &a [*a]', 'line 1: a node contains itself'),
    # later versions of libyaml have a limit of their own
    ('shapes: ' + '[' * 5000 + ']' * 5000,
     'nested more than 20 levels deep|exceeded maximum nesting depth'),
    ('#' * 262_145, 'more than 262144 characters'),
], ids=['aliases', 'shapes', 'exponential', 'recursive', 'nested', 'long'])
@pytest.mark.parametrize('loader', [scene_limits.LOADER, yaml.SafeLoader])
def test_scene_above_a_limit_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, text: str, reason: str, loader: object,
) -> None:
    monkeypatch.setattr(scene_limits, 'LOADER', loader)
    start_s = time.process_time()
    with pytest.raises(SceneError, match=reason):
        parse(text, 'room.yaml')
    assert time.process_time() - start_s < 10  # 0.1 s with libyaml, up to 3 s without


def test_largest_scene_is_accepted() -> None:
    shape = '{box: {size: [1, 1, 1], center: [0, 0, 2], yaw: 1}, material: m}'
    text = 'materials: {m: {color: [1, 1, 1]}}\nshapes:\n' + f'- {shape}\n' * 2000
    assert len(parse(text, 'room.yaml').shapes) == 2000


def test_scene_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    for path, reason in ((tmp_path / 'pipe', 'named pipe'), (Path('/dev/zero'), 'device'),
                         (tmp_path, 'directory')):
        with pytest.raises(SceneError, match=f'cannot read the scene file {path}: .*{reason}'):
            load_scene(path)
    (tmp_path / 'long').write_bytes(b'#' * 262_145)
    with pytest.raises(SceneError, match='it has more than 262144 bytes'):
        load_scene(tmp_path / 'long')
