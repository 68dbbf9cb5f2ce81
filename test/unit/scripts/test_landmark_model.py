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

"""The models from npm: checked, and put where the mediapipe wheel has it."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path
import sys
import tarfile
from typing import Any

from k4a_ros.body.landmarks.pose_2d import blazepose
from k4a_ros.body.landmarks.pose_2d import head_models
import pytest
from support.sources import ROOT

SPEC = importlib.util.spec_from_file_location(
    'landmark_model', ROOT / 'scripts/internal/landmark_model.py')
landmark_model = importlib.util.module_from_spec(SPEC)
sys.modules['landmark_model'] = landmark_model  # a dataclass looks itself up
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
def published(tmp_path: Path) -> Any:
    """Publish a package in a file."""
    content = package('package/model.tflite', b'model')
    path = tmp_path / 'pose.tgz'
    path.write_bytes(content)
    return landmark_model.Package(
        path.as_uri(), hashlib.sha256(content).hexdigest(),
        (('package/model.tflite', Path('mediapipe/model.tflite')),))


def test_model_is_written_below_site_packages(published: Any, tmp_path: Path) -> None:
    landmark_model.install_models(tmp_path / 'site-packages', (published,))
    assert (tmp_path / 'site-packages/mediapipe/model.tflite').read_bytes() == b'model'


def test_models_are_put_where_the_driver_looks_for_them() -> None:
    targets = {path for one in landmark_model.PACKAGES for _, path in one.files}
    assert targets == {Path('mediapipe') / file.path for file in (
        blazepose.MODEL_FILE, head_models.POSE_DETECTOR.file, head_models.FACE_DETECTOR.file)}


def test_changed_package_is_refused(published: Any, tmp_path: Path) -> None:
    (tmp_path / 'pose.tgz').write_bytes(package('package/model.tflite', b'other'))
    with pytest.raises(OSError, match=f'SHA-256 of {published.url} is .*, expected'):
        landmark_model.install_models(tmp_path / 'site-packages', (published,))
    assert not (tmp_path / 'site-packages').exists()
