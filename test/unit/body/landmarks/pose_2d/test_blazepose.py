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

"""Find, verify and run the landmark model."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
import re
import sys
from types import SimpleNamespace

from k4a_ros.body.landmarks.pose_2d import blazepose
from k4a_ros.body.landmarks.pose_2d.blazepose import find_model
from k4a_ros.body.landmarks.pose_2d.blazepose import LandmarkModel
from k4a_ros.body.landmarks.pose_2d.model_file import INSTALL_COMMAND
from k4a_ros.body.landmarks.pose_2d.model_file import LITERT_COMMAND
from k4a_ros.errors import BodyTrackingError
import numpy as np
import pytest
from support.landmarks import installed_model


def test_missing_mediapipe_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(BodyTrackingError, match='mediapipe is not installed') as caught:
        LandmarkModel()
    assert INSTALL_COMMAND in str(caught.value)
    assert re.fullmatch(r'pip install --no-deps .*mediapipe==[\d.]+', INSTALL_COMMAND)
    assert '\n' not in str(caught.value)


def test_mediapipe_without_the_model_raises(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: spec)
    with pytest.raises(BodyTrackingError, match='the installed mediapipe has no pose_landmark'):
        find_model()


def test_wrong_checksum_raises_without_importing_mediapipe(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / 'mediapipe/modules/pose_landmark'
    folder.mkdir(parents=True)
    (tmp_path / 'mediapipe/__init__.py').write_text('raise RuntimeError("imported")\n')
    (folder / 'pose_landmark_full.tflite').write_bytes(b'something else')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, 'mediapipe', raising=False)
    with pytest.raises(
            BodyTrackingError, match=r'SHA-256 is [0-9a-f]{64}, expected e9a5c5cb') as caught:
        LandmarkModel()
    assert f'"{INSTALL_COMMAND} --force-reinstall"' in str(caught.value)


def test_missing_model_path_raises(tmp_path: Path) -> None:
    with pytest.raises(
            BodyTrackingError, match=r'body_tracking_model_path is .*none\.tflite: no such file'):
        LandmarkModel(str(tmp_path / 'none.tflite'))


def test_model_path_that_is_no_regular_file_raises(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe.tflite')
    for path, reason in ((tmp_path / 'pipe.tflite', 'named pipe'), ('/dev/zero', 'a device'),
                         ('a' * 5000, 'file name too long')):
        with pytest.raises(BodyTrackingError, match=f'body_tracking_model_path is .*{reason}'):
            LandmarkModel(str(path))


def test_file_that_is_not_a_model_raises(tmp_path: Path) -> None:
    path = tmp_path / 'text.tflite'
    path.write_text('this is not a network')
    with pytest.raises(BodyTrackingError, match='cannot read the landmark model'):
        LandmarkModel(str(path))


def test_model_with_other_outputs_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / 'other.tflite'
    path.write_bytes(b'')
    monkeypatch.setattr(blazepose, '_load', lambda path: lambda crop: {
        'Identity': np.zeros((1, 195)), 'Identity_1': np.zeros((1, 4))})
    with pytest.raises(BodyTrackingError, match=r"have the sizes .*'Identity_1': 4.*expected"):
        LandmarkModel(str(path))


def test_missing_litert_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    path = installed_model()
    monkeypatch.setitem(sys.modules, 'ai_edge_litert', None)
    with pytest.raises(BodyTrackingError, match='LiteRT is not installed; run ') as caught:
        LandmarkModel(str(path))
    assert f'"{LITERT_COMMAND}"' in str(caught.value)
    assert re.fullmatch(r'pip install --no-deps ai-edge-litert==[\d.]+', LITERT_COMMAND)
