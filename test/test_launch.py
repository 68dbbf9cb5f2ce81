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


"""What is in test/launch, run by launch_test: the launch files with the real launch."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import pytest
from support.time_limits import PROCESS_TIMEOUT_S

FILES = sorted((Path(__file__).parent / 'launch').glob('*_launch_test.py'))


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)
def test_launch(file: Path) -> None:
    for name in ('launch_ros', 'launch_testing'):
        pytest.importorskip(name, reason=f'{name} comes with a ROS installation only')
    result = subprocess.run(
        [sys.executable, '-m', 'launch_testing.launch_test', str(file)], timeout=PROCESS_TIMEOUT_S,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout
    assert '... ok' in result.stdout, result.stdout
