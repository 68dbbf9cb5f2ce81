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


"""The simulated camera as users start it: a process of its own, and its topics over DDS."""

from __future__ import annotations

from collections.abc import Iterator
import time
from typing import Any

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

NODE = '/k4a_driver'
FPS = 15


def seconds(stamp: Any) -> float:
    return float(stamp.sec + stamp.nanosec * 1e-9)


def mean(message: Image) -> float:
    return float(np.frombuffer(message.data, np.uint8).mean())


@pytest.fixture(scope='module')
def domain() -> Iterator[int]:
    """Give a domain in which a driver runs with a simulated camera."""
    number = new_domain()
    with DriverProcess.with_parameters(
            number, camera='simulated', fps=FPS, depth_mode='NFOV_2X2BINNED') as driver:
        driver.wait_for_line('Opened simulated camera')
        yield number
        assert driver.process.poll() is None, driver.output
        assert 'Traceback' not in driver.output


@pytest.fixture
def listener(domain: int) -> Iterator[Listener]:
    """Give a node that hears, in a process that does little else."""
    with listening(domain) as node:
        yield node


@pytest.fixture(scope='module')
def setter(domain: int) -> Iterator[Listener]:
    """Give a node that sets parameters, and hears nothing."""
    with listening(domain) as node:
        yield node


def test_every_topic_has_its_rate_and_stamps_of_now(
    listener: Listener,
) -> None:
    topics = {
        'depth/image_raw': (Image, FPS), 'depth/camera_info': (CameraInfo, FPS),
        'ir/image_raw': (Image, FPS), 'rgb/image_raw': (Image, FPS),
        'rgb/image_raw/compressed': (CompressedImage, FPS), 'points2': (PointCloud2, FPS),
        'imu': (Imu, 1666)}
    heard = {topic: listener.subscribe(kind, f'/{topic}') for topic, (kind, _) in topics.items()}
    for topic, messages in heard.items():
        wait_for(lambda messages=messages: len(messages) > 2, topic)
    time.sleep(2.0)

    def age(topic: str) -> float:
        return time.time() - seconds(heard[topic][-1].header.stamp)

    for topic, (_, rate) in topics.items():
        stamps = np.array([seconds(message.header.stamp) for message in heard[topic]])
        # on a busy machine some are left out; those that come are whole periods apart
        periods = np.diff(stamps) * rate
        assert (np.rint(periods) >= 1).all(), topic
        assert np.abs(periods - np.rint(periods)).max() < 0.2, topic
        # on a busy machine this process may be behind for a moment
        wait_for(lambda topic=topic: age(topic) < 2.0, f'a stamp of now on {topic}')
        assert age(topic) > -0.05, topic
    jpeg = np.frombuffer(heard['rgb/image_raw/compressed'][-1].data, np.uint8)
    assert cv2.imdecode(jpeg, cv2.IMREAD_COLOR).shape == (720, 1280, 3)
    depth = np.frombuffer(heard['depth/image_raw'][-1].data, np.uint16)
    assert depth.size == 320 * 288
    assert (depth > 0).mean() > 0.5


def test_a_control_that_is_set_changes_the_image_and_shows_what_the_camera_took(
    listener: Listener, setter: Listener,
) -> None:
    images = listener.subscribe(Image, '/rgb/image_raw')
    wait_for(lambda: images, 'an image')
    usual = mean(images[-1])
    result = setter.set_parameters(NODE, exposure_time_us=1300)
    assert result.successful, result.reason
    wait_for(lambda: mean(images[-1]) < usual - 40, 'a darker image')
    assert not setter.set_parameters(NODE, gain=300).successful
    assert setter.set_parameters(NODE, exposure_auto=True).successful
    wait_for(lambda: abs(mean(images[-1]) - usual) < 20, 'an image as bright as before')


@pytest.mark.parametrize(('fault', 'lacking'), [
    ('stall 0.3', ''), ('drop depth 15', '/depth/image_raw'),
    ('drop color 15', '/rgb/image_raw'), ('corrupt jpeg 15', '/rgb/image_raw'),
    ('imu gap 1', '/imu')])
def test_the_other_topics_go_on_through_a_fault(
    listener: Listener, setter: Listener, fault: str, lacking: str,
) -> None:
    heard = {topic: listener.subscribe(kind, topic) for topic, kind in (
        ('/depth/image_raw', Image), ('/rgb/image_raw', Image), ('/imu', Imu))}
    for topic, messages in heard.items():
        wait_for(lambda messages=messages: len(messages) > 2, topic)
    result = setter.set_parameters(NODE, simulation_fault=fault)
    assert result.successful, result.reason
    before = {topic: len(messages) for topic, messages in heard.items()}
    for topic, messages in heard.items():
        wait_for(lambda m=messages, t=topic: len(m) > before[t] + 2 * FPS,
                 f'{topic} after {fault}')

    def longest(topic: str) -> float:
        return float(np.diff([seconds(m.header.stamp) for m in heard[topic]]).max())

    if lacking:  # a busy listener may still be at what came before
        wait_for(lambda: longest(lacking) > 0.9, f'a gap in {lacking}')
    for topic in heard:
        assert topic == lacking or longest(topic) <= 0.9, topic


def test_a_fault_that_there_is_not_is_refused_with_those_that_there_are(
    setter: Listener,
) -> None:
    result = setter.set_parameters(NODE, simulation_fault='explode')
    assert not result.successful
    assert 'explode' in result.reason
    assert 'stall S' in result.reason


def test_what_no_camera_streams_is_refused_at_the_start() -> None:
    with DriverProcess.with_parameters(
            new_domain(), camera='simulated', depth_mode='WFOV_UNBINNED', fps=30,
            color_resolution='1080P', color_format='nv12') as driver:
        assert driver.wait(10.0) == 1, driver.output
        assert len(driver.lines) == 1, driver.output
        assert 'WFOV_UNBINNED does not run at 30 fps' in driver.output
        assert 'nv12 exists at 720P only' in driver.output
