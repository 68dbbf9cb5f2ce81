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

"""The landmark model from npm: checked, and put where the mediapipe wheel has it."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path
import tarfile

from k4a_ros.body.landmarks.pose_2d import blazepose
import pytest
from support.sources import ROOT

SPEC = importlib.util.spec_from_file_location(
    'landmark_model', ROOT / 'scripts/internal/landmark_model.py')
landmark_model = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(landmark_model)


def package(member: str, content: bytes) -> bytes:
    """Return an npm package with one file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w:gz') as archive:
        entry = tarfile.TarInfo(member)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Publish a package in a file."""
    content = package(landmark_model.MEMBER, b'model')
    path = tmp_path / 'pose.tgz'
    path.write_bytes(content)
    monkeypatch.setattr(landmark_model, 'URL', path.as_uri())
    monkeypatch.setattr(
        landmark_model, 'PACKAGE_SHA256', hashlib.sha256(content).hexdigest())
    return path


def test_model_is_put_where_the_driver_looks_for_it(published: Path, tmp_path: Path) -> None:
    landmark_model.install_model(tmp_path / 'site-packages')
    expected = tmp_path / 'site-packages/mediapipe' / blazepose._PATH_IN_PACKAGE
    assert expected.read_bytes() == b'model'


def test_changed_package_is_refused(published: Path, tmp_path: Path) -> None:
    published.write_bytes(package(landmark_model.MEMBER, b'other'))
    with pytest.raises(OSError, match=f'SHA-256 of {published.as_uri()} is .*, expected'):
        landmark_model.install_model(tmp_path / 'site-packages')
    assert not (tmp_path / 'site-packages').exists()
