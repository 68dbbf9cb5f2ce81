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

"""Directories that only this user, or root, can write to."""

from __future__ import annotations

import os
from pathlib import Path

from k4a_ros.jit.trusted_directory import write_access_problem
import pytest


def test_directory_that_only_this_user_can_write_to_is_safe(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert write_access_problem(tmp_path) == ''
    assert write_access_problem(tmp_path / 'missing/deeper') == ''


def test_directory_of_another_user_is_not_safe(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip('only root can give a directory to another user')
    os.chown(tmp_path, 12345, -1)
    assert 'belongs to another user (uid 12345)' in write_access_problem(tmp_path)
