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
Run k4a_driver on a recording or the simulated camera, and k4a_watch beside it for ten seconds.

The exit code is 0 if both succeed. With --view, it is k4a_view instead, until Ctrl-C.

Usage: demo.py [--view] [RECORDING.mkv], in the environment of the checkout.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from ros_domains import claim_domain

WATCH_SECONDS = 10
#: limits for a busy machine: on an idle one, images arrive after 3 s, and programs stop in one
WAIT_SECONDS = 120
STOP_SECONDS = 30.0
PICTURE = Path('k4a_demo.png')


def stop(process: subprocess.Popen[bytes]) -> int:
    """Stop a process with SIGINT, then SIGTERM, then SIGKILL; return its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                print(f'k4a_ros: {process.args[0]} ignores {number.name}', file=sys.stderr)
    return process.wait()


def play(recording: Path | None, view: bool) -> int:
    """Run both programs until k4a_watch or k4a_view ends; return the exit code of the demo."""
    if recording is None:
        parameters = ['-p', 'camera:=simulated']
        if view:
            parameters += ['-p', 'body_tracking_enabled:=true',
                           '-p', 'body_tracking_backend:=ground_truth']
    else:
        parameters = ['-p', f'recording_file:={json.dumps(str(recording))}',
                      '-p', 'recording_loop_enabled:=true']
    driver = subprocess.Popen(['k4a_driver', '--ros-args', *parameters])
    watcher = None
    try:
        watcher = subprocess.Popen(['k4a_view'] if view else [
            'k4a_watch', '--seconds', str(WATCH_SECONDS), '--wait', str(WAIT_SECONDS),
            '--picture', str(PICTURE)])
        while watcher.poll() is None and driver.poll() is None:
            time.sleep(0.05)
        if driver.poll() is not None:
            print('k4a_ros: k4a_driver ended early; its error is above', file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        if not view:  # whose usual end this is
            raise
    finally:
        codes = [stop(process) for process in (watcher, driver) if process is not None]
    if codes[1]:
        print(f'k4a_ros: k4a_driver ended with exit code {codes[1]}', file=sys.stderr)
    return 1 if any(codes) else 0


def main() -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(
        prog='demo', description='Stream a recording or the simulated camera, and watch it.')
    parser.add_argument(
        'recording', nargs='?', type=Path,
        help='Azure Kinect recording (.mkv); default: the simulated camera')
    parser.add_argument(
        '--view', action='store_true',
        help='show it in a browser until Ctrl-C, at the address that is printed')
    options = parser.parse_args()
    recording: Path | None = options.recording
    # A shell may have started this process with SIGINT ignored, which its children would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    domain = claim_domain()  # as long as the programs run
    os.environ.setdefault('ROS_DOMAIN_ID', str(domain))
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    if recording is not None and not recording.expanduser().is_file():
        sys.exit(f'k4a_ros: cannot play {recording}: no such file')
    return play(None if recording is None else recording.expanduser().resolve(), options.view)


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f'k4a_ros: {error}')
