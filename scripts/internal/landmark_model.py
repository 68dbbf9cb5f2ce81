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
Get the landmark model of body tracking from npm, for versions of Python that mediapipe lacks.

The package @mediapipe/pose of Google (Apache-2.0) holds the same file as the wheel. It is put
where the wheel has it.

Usage: landmark_model.py SITE_PACKAGES
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
import sys
import tarfile
import urllib.request

URL = 'https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz'
PACKAGE_SHA256 = '8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84'
MEMBER = 'package/pose_landmark_full.tflite'
TARGET = Path('mediapipe/modules/pose_landmark/pose_landmark_full.tflite')
_TIMEOUT_S = 60


def install_model(site_packages: Path) -> None:
    """
    Download the package, check it, and write the model below site_packages.

    :raises OSError: it cannot be downloaded, or is not the one that was published.
    """
    with urllib.request.urlopen(URL, timeout=_TIMEOUT_S) as answer:
        content = answer.read()
    digest = hashlib.sha256(content).hexdigest()
    if digest != PACKAGE_SHA256:
        raise OSError(f'the SHA-256 of {URL} is {digest}, expected {PACKAGE_SHA256}')
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        model = archive.extractfile(MEMBER).read()
    target = site_packages / TARGET
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(model)


if __name__ == '__main__':
    install_model(Path(sys.argv[1]))
