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

"""The SDK's library of recordings, which the driver does not use: a reference for tests."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.sdk import libk4a
import pytest


def libk4arecord() -> Path:
    """Return the libk4arecord beside libk4a; without it, skip the test."""
    found = sorted(libk4a.load().file.parent.glob('libk4arecord[-.]*so*'))
    if not found:
        pytest.skip(f'there is no libk4arecord beside {libk4a.load().file}')
    return found[0]
