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

"""
Get the models of body tracking from npm, for versions of Python that mediapipe lacks.

The packages @mediapipe/pose and @mediapipe/face_detection of Google (Apache-2.0) hold the same
models as the wheel. They are put where the wheel has them.

Usage: landmark_model.py SITE_PACKAGES
"""

from __future__ import annotations

from dataclasses import dataclass
import hashlib
import io
from pathlib import Path
import sys
import tarfile
import urllib.request

_TIMEOUT_S = 60


@dataclass(frozen=True)
class Package:
    """A package on npm, its checksum, and the files to take from it: (member, target)."""

    url: str
    sha256: str
    files: tuple[tuple[str, Path], ...]


_MODULES = Path('mediapipe', 'modules')
PACKAGES = (
    Package(
        'https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz',
        '8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84', (
            ('package/pose_landmark_full.tflite',
             _MODULES / 'pose_landmark/pose_landmark_full.tflite'),
            # packs a single file
            ('package/pose_solution_packed_assets.data',
             _MODULES / 'pose_detection/pose_detection.tflite'))),
    Package(
        'https://registry.npmjs.org/@mediapipe/face_detection/-/'
        'face_detection-0.4.1657300184.tgz',
        'a118cde74923dc4435257fbfbb613464a0f58d115dff6314d4ff96c8aebf6419', (
            ('package/face_detection_full_range_sparse.tflite',
             _MODULES / 'face_detection/face_detection_full_range_sparse.tflite'),)))


def install_models(site_packages: Path, packages: tuple[Package, ...] = PACKAGES) -> None:
    """
    Download the packages, check them, and write the models below site_packages.

    :raises OSError: one cannot be downloaded, or is not the one that was published.
    """
    for package in packages:
        with urllib.request.urlopen(package.url, timeout=_TIMEOUT_S) as answer:
            content = answer.read()
        digest = hashlib.sha256(content).hexdigest()
        if digest != package.sha256:
            raise OSError(
                f'the SHA-256 of {package.url} is {digest}, expected {package.sha256}')
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member, path in package.files:
                target = site_packages / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.extractfile(member).read())


if __name__ == '__main__':
    install_models(Path(sys.argv[1]))
