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

"""The recordings that virtual cameras play in the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.virtual import both_recording
from support.virtual import depth_recording


@pytest.fixture(scope='module')
def recording(tmp_path_factory: Any) -> Path:
    """Return a recording of depth, infrared and IMU samples."""
    return depth_recording(tmp_path_factory.mktemp('device'))


@pytest.fixture(scope='module')
def both(tmp_path_factory: Any) -> Path:
    """Return a recording with color images, which every third capture lacks."""
    return both_recording(tmp_path_factory.mktemp('device'))
