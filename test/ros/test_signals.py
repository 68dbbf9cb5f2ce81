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

"""Signals at random moments, from the start of the process on, end the driver promptly."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
import random
import re
import time

from k4a_ros.process.shutdown import SIGNALS
import pytest
from sensor_msgs.msg import Image
from support import shared_memory
from support import virtual
from support.faults import PROMPTLY_S
from support.live import MODES
from support.live import recording_in
from support.live import SIMULATED
from support.ros import Case
from support.ros import DriverProcess
from support.ros import handles_signals
from support.ros import listening
from support.ros import new_domain
from support.time_limits import promptly

#: number of drivers that are ended; more of them find rarer faults
COUNT = int(os.environ.get('K4A_ROS_TEST_SIGNALS', '12'))
#: latest moment of the first signal, and of the second after it, seconds
MAX_DELAY_S, MAX_SECOND_S = 5.0, 1.5
CAMERAS = ('recording', 'simulated', 'device')


@pytest.mark.parametrize('number', range(COUNT))
def test_signals_end_the_driver_at_any_moment(case: Case, number: int) -> None:
    """
    One or two signals, with or without a subscriber; the exit code is the documented one.

    A moment before Python has imported the driver is too early for handlers: then the signal ends
    the process as it does any other.
    """
    case(send_signals)


def send_signals(tmp_path: Path, number: int) -> None:
    draw = random.Random(number)
    camera = CAMERAS[number % len(CAMERAS)]
    delay_s, second_s = draw.uniform(0.0, MAX_DELAY_S), draw.uniform(0.0, MAX_SECOND_S)
    first, second = draw.choice(SIGNALS), draw.choice([None, None, *SIGNALS])
    parameters, variables = dict(SIMULATED), {}
    if camera == 'recording':
        parameters = {'recording_file': recording_in(tmp_path), 'recording_loop_enabled': True,
                      'playback_start_delay': 0}
    elif camera == 'device':
        parameters, variables = dict(MODES), virtual.environment(recording_in(tmp_path))
    domain = new_domain()
    with contextlib.ExitStack() as stack:
        if draw.random() < 0.5:
            listener = stack.enter_context(listening(domain))
            listener.subscribe(Image, '/depth/image_raw', depth=5, data=False)
        driver = stack.enter_context(
            DriverProcess.with_parameters(domain, variables=variables, **parameters))
        time.sleep(delay_s)
        handled = handles_signals(driver.process.pid)
        shared_memory.note(driver.process.pid)
        with promptly(PROMPTLY_S):
            driver.process.send_signal(first)
            if second is not None:
                time.sleep(second_s)
                driver.process.send_signal(second)
            code = driver.wait()
        what = f'{camera}, {first.name} after {delay_s:.2f} s, {second}: {code}\n{driver.output}'
        if not handled:
            assert code in (0, -first), what
            return
        assert 'Traceback' not in driver.output, what
        assert 'ERROR' not in driver.output and 'FATAL' not in driver.output, what
        if code:
            assert second is not None and code == 128 + second, what
            assert 'ended at once by a second signal' in driver.lines[-1], what
    if code:  # ports are small and used again
        left = shared_memory.remove_left_behind()
        assert not [name for name in left if re.search('fastdds_[0-9a-f]{16}', name)], left
