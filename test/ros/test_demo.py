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

"""scripts/demo: driver and watcher, as the user sees them."""

from __future__ import annotations

from pathlib import Path
import signal
import subprocess
import sys
import urllib.request

from support import programs
from support.ros import new_domain
from support.sources import ROOT
from support.time_limits import PROCESS_TIMEOUT_S


def test_demo_watches_the_simulated_camera(tmp_path: Path) -> None:
    """The demo succeeds, and writes a picture; scripts/demo sets up the environment before."""
    binaries = tmp_path / 'bin'
    binaries.mkdir()
    domain = new_domain()
    result = subprocess.run(
        [sys.executable, str(ROOT / 'scripts/internal/demo.py')], cwd=tmp_path,
        timeout=PROCESS_TIMEOUT_S, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
        env=programs.environment(binaries, ROS_DOMAIN_ID=str(domain)))
    assert result.returncode == 0, result.stdout
    assert (tmp_path / 'k4a_demo.png').read_bytes().startswith(b'\x89PNG')
    for topic in ('depth/image_raw', 'rgb/image_raw/compressed', 'points2', 'imu'):
        assert topic in result.stdout


def test_demo_with_view_serves_a_page_until_ctrl_c(tmp_path: Path) -> None:
    binaries = tmp_path / 'bin'
    binaries.mkdir()
    domain = new_domain()
    with subprocess.Popen(
            [sys.executable, str(ROOT / 'scripts/internal/demo.py'), '--view'], cwd=tmp_path,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            env=programs.environment(binaries, ROS_DOMAIN_ID=str(domain))) as demo:
        assert demo.stdout is not None
        address = next(line for line in demo.stdout if 'k4a_view: open' in line).split()[2]
        with urllib.request.urlopen(address) as response:
            assert b'k4a_view' in response.read()
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        assert demo.wait(PROCESS_TIMEOUT_S) == 0
