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

import subprocess
import sys

import pytest
from support.sources import DIRECTORIES
from support.sources import ROOT
from support.time_limits import PROCESS_TIMEOUT_S


@pytest.mark.flake8
@pytest.mark.linter
def test_flake8() -> None:
    """All Python sources follow the rules of ament_flake8."""
    # in a process of its own: from Python 3.14 on, helpers of multiprocessing live as long as it
    result = subprocess.run(
        [sys.executable, '-c', 'import sys; from ament_flake8.main import main; sys.exit(main())',
         *DIRECTORIES, 'setup.py'],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=PROCESS_TIMEOUT_S)
    assert result.returncode == 0, result.stdout
