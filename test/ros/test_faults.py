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

"""Faults of a camera, as its users see them over DDS."""

from __future__ import annotations

from itertools import pairwise
import random
import time
from typing import Any

from k4a_ros import settings
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

NODE = '/k4a_driver'
SMALL = {'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': 'OFF',
         'imu_enabled': False, 'fps': 30}


def fault(listener: Listener, text: str) -> None:
    answer = listener.set_parameters(NODE, simulation_fault=text)
    assert answer.successful, answer.reason


def stamps(messages: list[Any]) -> list[int]:
    return [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in messages]


def test_a_hundred_times_unplugged_and_plugged_in() -> None:
    """Each time images are there again within two seconds, and stamps never step back."""
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(domain, **SMALL) as driver:
        depth = listener.subscribe(Image, '/depth/image_raw', depth=5)
        wait_for(lambda: depth, 'depth')
        slowest = 0.0
        for number in range(1, 101):
            fault(listener, 'unplug 0.02')
            wait_for(lambda n=number: sum('is lost' in s for s in driver.lines) == n, 'the loss')
            count, began = len(depth), time.monotonic()
            wait_for(lambda c=count: len(depth) > c, 'images')
            slowest = max(slowest, time.monotonic() - began)
        assert driver.process.poll() is None
        assert slowest < 2.0
        assert sum('000000000000 is back' in line for line in driver.lines) == 100
        assert 'Traceback' not in driver.output
        times = stamps(depth)
        assert times == sorted(set(times))


def test_a_stall_is_caught_up_without_a_step_in_the_stamps() -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(domain, **SMALL):
        depth = listener.subscribe(Image, '/depth/image_raw')
        wait_for(lambda: len(depth) > 60, 'the clock to settle')
        for _ in range(3):
            count = len(depth)
            fault(listener, 'stall 0.2')
            wait_for(lambda c=count: len(depth) > c + 30, 'images after the stall')
        times = stamps(depth)[60:]
        steps = [b - a for a, b in pairwise(times)]
        assert min(steps) > 0
        # a step is one period, or several where images were left out; never something between
        for step in steps:
            periods = round(step / 33_333_000)
            assert periods >= 1 and abs(step - periods * 33_333_000) < 2_000_000


def test_other_streams_go_on_when_one_fails() -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, **(SMALL | {'color_resolution': '720P', 'imu_enabled': True, 'fps': 15})
    ) as driver:
        depth = listener.subscribe(Image, '/depth/image_raw')
        rgb = listener.subscribe(Image, '/rgb/image_raw', depth=5)
        jpeg = listener.subscribe(CompressedImage, '/rgb/image_raw/compressed')
        imu = listener.subscribe(Imu, '/imu')
        wait_for(lambda: depth and rgb and jpeg and imu, 'all streams')
        fault(listener, 'corrupt jpeg 8')
        driver.wait_for_line('rgb/image_raw: an image could not be converted')
        before = len(depth), len(jpeg), len(imu)
        wait_for(lambda: len(depth) > before[0] + 10 and len(jpeg) > before[1] + 10
                 and len(imu) > before[2] + 100, 'the other streams')
        count = len(rgb)
        wait_for(lambda: len(rgb) > count + 3, 'colour images again')
        assert sum('could not be converted' in line for line in driver.lines) == 1

        fault(listener, 'drop color 5; imu gap 0.3')
        count = len(depth)
        wait_for(lambda: len(depth) > count + 20, 'depth')
        times = stamps(imu)
        assert times == sorted(set(times))
        assert max(b - a for a, b in pairwise(times)) > 250_000_000


def test_a_subordinate_without_pulses_waits_and_says_so() -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, **(SMALL | {'wired_sync_mode': 2})) as driver:
        depth = listener.subscribe(Image, '/depth/image_raw')
        wait_for(lambda: depth, 'depth')
        fault(listener, 'no sync pulse 4')
        time.sleep(3.0)
        assert not any('is lost' in line for line in driver.lines)
        count = len(depth)
        wait_for(lambda: len(depth) > count + 5, 'depth after the pulses came back')


def test_ten_thousand_random_parameter_sets() -> None:
    """Whatever is asked, there is a true answer, and the node lives."""
    draw = random.Random(7)
    domain = new_domain()
    values: dict[type, list[object]] = {
        bool: [True, False, 3], int: [0, 1, 2, 5, 15, 30, 100, -1, 10**9, 'x'],
        float: [0.0, 0.5, 1.0, 1e9, -1.0, True], str: ['', 'x', 'auto', 5]}
    names = [n for n in settings.names() if n not in ('simulation_fault',)
             and not settings.spec(n).restarts]
    with listening(domain) as listener, DriverProcess.with_parameters(domain, **SMALL) as driver:
        depth = listener.subscribe(Image, '/depth/image_raw', depth=5)
        wait_for(lambda: depth, 'depth')
        with listener.setting(NODE) as setting:
            for _ in range(10_000):
                chosen = draw.sample(names, draw.randint(1, 4))
                asked = {name: draw.choice(
                    [*values[settings.kind(name)], *settings.spec(name).choices])
                    for name in chosen}
                answer = setting(asked)
                assert answer.successful or answer.reason
        assert driver.process.poll() is None
        count = len(depth)
        wait_for(lambda: len(depth) > count + 5, 'depth after all that')
        assert 'Traceback' not in driver.output
