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

"""Faults of the simulated camera, as subscribers see them."""

from __future__ import annotations

from itertools import pairwise
import time

from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from support.faults import assert_no_step
from support.faults import assert_stamps_increase
from support.faults import await_settled_clock
from support.faults import NODE
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for

SMALL = {'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': 'OFF',
         'imu_enabled': False, 'fps': 30}


def inject(listener: Listener, text: str) -> None:
    answer = listener.set_parameters(NODE, simulation_fault=text)
    assert answer.successful, answer.reason


def test_stall_does_not_disturb_the_stamps() -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(domain, **SMALL):
        depth = listener.subscribe(Image, '/depth/image_raw')
        await_settled_clock(depth)
        first = len(depth)
        for _ in range(3):
            count = len(depth)
            inject(listener, 'stall 0.2')
            wait_for(lambda c=count: len(depth) > c + 30, 'images after the stall')
        assert_no_step(depth[first:])


def test_failure_of_one_stream_does_not_affect_the_others() -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, **(SMALL | {'color_resolution': '720P', 'imu_enabled': True, 'fps': 15})
    ) as driver:
        depth = listener.subscribe(Image, '/depth/image_raw')
        rgb = listener.subscribe(Image, '/rgb/image_raw', depth=5)
        jpeg = listener.subscribe(CompressedImage, '/rgb/image_raw/compressed')
        imu = listener.subscribe(Imu, '/imu')
        wait_for(lambda: depth and rgb and jpeg and imu, 'all streams')
        expected = 'rgb/image_raw: dropped a message (1 so far): cannot convert the image: '
        # while publishing takes long, images are skipped
        wait_for(lambda: expected in driver.output or inject(listener, 'corrupt jpeg 8'), expected)
        before = len(depth), len(jpeg), len(imu)
        wait_for(lambda: len(depth) > before[0] + 10 and len(jpeg) > before[1] + 10
                 and len(imu) > before[2] + 100, 'the other streams')
        count = len(rgb)
        wait_for(lambda: len(rgb) > count + 3, 'color images again')
        # the warning is not repeated at once
        assert sum('rgb/image_raw: dropped a message' in line for line in driver.lines) < 4

        inject(listener, 'drop color 5; imu gap 0.3')
        count = len(depth)
        wait_for(lambda: len(depth) > count + 20, 'depth')
        # a busy listener may lag behind
        wait_for(lambda: max(b - a for a, b in pairwise(stamps(imu))) > 250_000_000,
                 'the gap in the IMU samples')
        assert_stamps_increase(imu)


def test_subordinate_waits_for_sync_pulses() -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, **(SMALL | {'wired_sync_mode': 2})) as driver:
        depth = listener.subscribe(Image, '/depth/image_raw')
        wait_for(lambda: depth, 'depth')
        inject(listener, 'no sync pulse 3')
        time.sleep(2.5)  # longer than other cameras may be silent
        assert not any('Lost connection' in line for line in driver.lines)
        count = len(depth)
        wait_for(lambda: len(depth) > count + 5, 'depth after the sync pulses')
