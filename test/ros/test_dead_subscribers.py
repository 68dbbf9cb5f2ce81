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


"""A subscriber that was stopped or killed slows down its own topic, but not others."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from support import shared_memory
from support.live import Live
from support.live import live_device
from support.recordings import write_recording
from support.ros import PATIENCE
from support.ros import stamps_after
from support.ros import wait_for

TOPIC = 'rgb/image_raw'
FPS = 15
#: Images of 8.3 MB are 126 fragments; if a subscriber is dead, each takes 0.7 ms at least.
CONFIG = CameraConfig.of_modes(
    DepthMode.NFOV_2X2BINNED, ColorResolution.R1080P, ColorFormat.BGRA32, FPS)
#: number of camera infos in which the images are counted
WINDOW = 12
#: time after which discovery drops a subscriber that does not respond
LEASE_S = 20.0
_SUBSCRIBER = f"""
import rclpy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('other')
node.create_subscription(Image, '{TOPIC}', lambda _: print('message', flush=True), 5, raw=True)
rclpy.spin(node)
"""


@contextlib.contextmanager
def dead_subscriber(domain: int, number: signal.Signals) -> Iterator[None]:
    """Run a subscriber that gets a signal after its first message, and free its memory."""
    process = subprocess.Popen(
        [sys.executable, '-c', _SUBSCRIBER], text=True, stdout=subprocess.PIPE,
        env=os.environ | {'ROS_DOMAIN_ID': str(domain), 'LD_PRELOAD': ''})
    try:
        assert process.stdout is not None and process.stdout.readline() == 'message\n'
        shared_memory.note(process.pid)
        process.send_signal(number)
        yield
    finally:
        process.kill()
        process.communicate()


def is_slowed_down_alone(images: list[Any], infos: list[Any], since_ns: int) -> bool:
    """Return whether at least half of the images of a number of camera infos are missing."""
    of_images, of_infos = stamps_after(images, since_ns), stamps_after(infos, since_ns)
    of_infos = of_infos[:np.searchsorted(of_infos, max(of_images, default=0))]
    missing = ~np.isin(of_infos, of_images)
    return any(np.count_nonzero(missing[begin:begin + WINDOW]) >= WINDOW // 2
               for begin in range(len(missing) - WINDOW + 1))


class Observation:
    """
    What a dead subscriber causes: fewer images alone, and a diagnosis that says so.

    :param images: messages of the topic of the subscriber.
    :param infos: messages of camera infos, one for each image.
    """

    def __init__(self, live: Live, images: list[Any], infos: list[Any]) -> None:
        self._live, self._images, self._infos = live, images, infos
        self._since_ns, self._first = time.time_ns(), len(live.diagnostics)
        self.missing = ['infos without images', 'a diagnosis']

    def complete(self) -> bool:
        """Return whether both have been seen so far."""
        if is_slowed_down_alone(self._images, self._infos, self._since_ns):
            self.missing = [name for name in self.missing if name != 'infos without images']
        if any(f'{TOPIC}: publishing takes' in status.message
               and 'stopped or killed' in status.message
               for message in self._live.diagnostics[self._first:] for status in message.status):
            self.missing = [name for name in self.missing if name != 'a diagnosis']
        return not self.missing


def await_slow_topic(
    live: Live, images: list[Any], infos: list[Any], dead: contextlib.ExitStack,
    number: signal.Signals,
) -> None:
    """
    Stop or kill subscribers until images become fewer alone, and /diagnostics names their topic.

    Discovery drops each after 20 s, and the topic is as fast as before: on a busy machine, that
    can be too early to see a window of images and infos.

    :param dead: ends the subscribers.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        dead.enter_context(dead_subscriber(live.listener.domain, number))
        observation = Observation(live, images, infos)
        with contextlib.suppress(AssertionError):
            wait_for(observation.complete, 'a slow topic', LEASE_S)
        if observation.complete():
            return
        assert time.monotonic() < deadline, f'missing: {" and ".join(observation.missing)}'


@pytest.fixture(autouse=True)
def _free_shared_memory() -> Iterator[None]:
    """Free what the killed processes leave, after the driver has ended."""
    yield
    shared_memory.remove_left_behind()


def test_dead_subscriber_slows_down_no_other_topic(tmp_path: Path) -> None:
    """
    The camera info of an image is published with it unless the image has a thread of its own.

    The stopped subscriber and the killed one do not respond at the same time.
    """
    recording = write_recording(tmp_path / 'a.mkv', CONFIG, 4).path
    with live_device(recording, color_resolution='1080P', color_format='bgra', fps=FPS) as live:
        infos = live.listener.subscribe(CameraInfo, 'rgb/camera_info')
        imu = live.listener.subscribe(Imu, 'imu')
        images = live.listener.subscribe(Image, TOPIC, depth=5, data=False)
        with contextlib.ExitStack() as dead:
            for number in (signal.SIGSTOP, signal.SIGKILL):
                await_slow_topic(live, images, infos, dead, number)
                live.more(imu, 100)
                live.more(live.depth)
    shared_memory.remove_ports(live.listener.domain)
