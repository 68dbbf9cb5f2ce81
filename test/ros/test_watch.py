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


"""k4a_watch as a process beside a camera."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import subprocess
import sys

import cv2
import pytest
from support.ros import DriverProcess
from support.ros import new_domain
from support.time_limits import PATIENCE
from support.time_limits import PROCESS_TIMEOUT_S

PROGRAM = 'from k4a_ros.tools.watch import main; raise SystemExit(main())'


@pytest.fixture(scope='module')
def domain() -> Iterator[int]:
    """Run a simulated camera in the namespace left, and return its domain."""
    number = new_domain()
    with DriverProcess.with_parameters(
            number, '-r', '__ns:=/left', camera='simulated', depth_mode='NFOV_2X2BINNED',
            color_resolution='720P') as driver:
        driver.wait_for_line('Opened simulated camera')
        yield number


def watch(domain: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """
    Run k4a_watch until it exits.

    Fast DDS complains of files that processes of all domains share, if two open one at a time.
    """
    result = subprocess.run(
        [sys.executable, '-c', PROGRAM, *arguments], capture_output=True, text=True,
        timeout=PROCESS_TIMEOUT_S, env=os.environ | {'ROS_DOMAIN_ID': str(domain)})
    lines = result.stderr.splitlines(keepends=True)
    result.stderr = ''.join(line for line in lines if 'RTPS_TRANSPORT_SHM' not in line)
    return result


@pytest.mark.parametrize('all_topics', [False, True])
def test_table_and_contact_sheet(domain: int, tmp_path: Path, all_topics: bool) -> None:
    picture = tmp_path / 'sheet.png'
    # with all topics the driver may have to compile kernels first
    result = watch(domain, '--namespace', 'left', '--seconds', '3', '--wait', str(4 * PATIENCE),
                   '--picture', str(picture), *['--all'][:all_topics])
    assert result.stderr == ''
    assert result.returncode == 0
    heading, *lines, last = result.stdout.splitlines()
    assert heading.split() == ['topic', 'type', 'bytes', 'count', 'Hz', 'age', 'ms', 'frame']
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert rows['/left/depth/image_raw'][:2] == ['Image', str(320 * 288 * 2)]
    assert rows['/left/depth/image_raw'][-1] == 'depth_camera_link'
    assert all(int(row[2]) > 0 for row in rows.values())
    for costly in ('depth_to_rgb/image_raw', 'rgb_to_depth/image_raw',
                   'depth/image_raw/compressedDepth', 'depth_filtered/image_raw',
                   'depth_rect/image_rect', 'rgb_rect/image_rect', 'ir/image_raw/compressed'):
        assert (f'/left/{costly}' in rows) == all_topics
    assert last == f'Contact sheet: {picture}'
    assert cv2.imread(str(picture)).std() > 20


def test_without_a_camera_the_exit_code_is_1(domain: int) -> None:
    result = watch(domain, '--namespace', 'right', '--wait', '2')
    assert result.stderr.startswith('There are no camera topics in namespace /right')
    assert result.returncode == 1
