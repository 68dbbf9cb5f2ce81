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
Kill processes that use shared memory, and start the driver after them.

Run by test/ros/test_shared_memory.py in a mount namespace whose /dev/shm has 420 MB: a killed
process leaves 140 MB behind, and the driver requires 256 MB.
"""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

from diagnostic_msgs.msg import DiagnosticArray
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

DIRECTORY = Path('/dev/shm')
_NODE = """
import os, sys, time
from k4a_ros.process.fastdds import select_fastdds_profile
import rclpy
if sys.argv[1:]:
    os.environ['FASTDDS_BUILTIN_TRANSPORTS'] = sys.argv[1]
select_fastdds_profile(os.environ)
rclpy.init()
node = rclpy.create_node('test')
print('ready', flush=True)
sys.stdin.read()
"""


def start_node(domain: int, transports: str = '') -> subprocess.Popen[str]:
    """Start a process with a node, with the profile of the driver or with built-in transports."""
    process = subprocess.Popen(
        [sys.executable, '-c', _NODE, *([transports] if transports else [])], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=os.environ | {'ROS_DOMAIN_ID': str(domain)})
    assert process.stdout is not None and process.stdout.readline() == 'ready\n'
    return process


def files() -> set[str]:
    return {file.name for file in DIRECTORY.iterdir()}


def check_memory_of_killed_processes_is_freed() -> None:
    """Two killed processes leave too little memory; a driver frees it, and nothing else."""
    domain = new_domain()
    living = start_node(domain, 'DEFAULT')
    used_by_living = files()
    for _ in range(2):
        killed = start_node(new_domain())
        killed.kill()
        killed.communicate()
    status = os.statvfs(DIRECTORY)
    assert status.f_bavail * status.f_frsize < 256 << 20
    # locks, also of the living process, which are old but held
    for file in DIRECTORY.glob('*_?l'):
        os.utime(file, (0, 0))
    with DriverProcess(
            domain, '-p', 'camera:=simulated', '-p', 'autostart:=false',
            '--log-level', 'k4a_driver:=debug') as driver:
        driver.wait_for_line('Removed 2')
        driver.wait_for_line('Fast DDS profile set')
    assert used_by_living <= files()
    # locks of segments have 16 digits
    assert {file.name for file in DIRECTORY.glob(f'fastdds_{"?" * 16}_el')} <= used_by_living
    living.communicate()
    assert living.returncode == 0


def check_lack_of_memory_is_reported() -> None:
    """With another 200 MB in use, the driver warns, in its log and in /diagnostics."""
    filler = DIRECTORY / 'filler'
    with filler.open('wb') as file:
        os.posix_fallocate(file.fileno(), 0, 200 << 20)
    domain = new_domain()
    with listening(domain) as listener:
        messages = listener.subscribe(DiagnosticArray, '/diagnostics')
        with DriverProcess(
                domain, '-p', 'camera:=simulated', '-p', 'autostart:=false') as driver:
            assert 'WARN' in driver.wait_for_line('--shm-size')
            wait_for(lambda: any(
                '--shm-size' in status.message and status.level == b'\1'
                for message in messages for status in message.status), 'a warning')
    filler.unlink()


if __name__ == '__main__':
    check_memory_of_killed_processes_is_freed()
    check_lack_of_memory_is_reported()
