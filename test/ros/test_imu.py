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

"""IMU messages that are published from one array, and what subscribers with short queues get."""

from __future__ import annotations

from collections.abc import Iterator
import ctypes
import itertools
import json
import os
import subprocess
import sys

from k4a_ros.publishing.messages import imu_message
from k4a_ros.publishing.raw import rcl
from k4a_ros.publishing.raw import serialized_imu
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.publishing.topic_sender import TopicSender
import numpy as np
import pytest
from rclpy.exceptions import InvalidHandle
from sensor_msgs.msg import Imu
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import PATIENCE
from support.ros import wait_for

ACC_COVARIANCE, GYRO_COVARIANCE = np.arange(1.0, 10.0), np.arange(11.0, 20.0)


@pytest.fixture(scope='module')
def listener() -> Iterator[Listener]:
    """Yield one node for all tests, which publishes and subscribes."""
    with listening(new_domain()) as node:
        yield node


@pytest.fixture
def method(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[str]:
    """Select rcl or rclpy."""
    monkeypatch.setenv(rcl.METHOD_VARIABLE, request.param)
    rcl.verified_rcl.cache_clear()
    assert (rcl.verified_rcl(Imu) is None) == (request.param == 'rclpy')
    yield request.param
    rcl.verified_rcl.cache_clear()


def readings(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return stamps in nanoseconds, accelerations and angular velocities."""
    random = np.random.default_rng(seed)
    stamps = 1_700_000_000_999_000_000 + np.arange(count) * 600_000
    return stamps, random.normal(size=(count, 3)), random.normal(size=(count, 3))


def expected(stamp_ns: int, acc: np.ndarray, gyro: np.ndarray) -> Imu:
    message = imu_message('imu_link', ACC_COVARIANCE, GYRO_COVARIANCE)
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(int(stamp_ns), 10**9)
    for vector, values in (
            (message.linear_acceleration, acc), (message.angular_velocity, gyro)):
        vector.x, vector.y, vector.z = values.tolist()
    return message


@pytest.mark.parametrize('method', ['', 'rclpy'], indirect=True)
def test_messages_equal_those_of_rclpy(listener: Listener, method: str) -> None:
    """Batches that grow and shrink, across a second, with pauses and without."""
    topic = f'imu_{method}'
    received: list[Imu] = []
    listener.node.create_subscription(Imu, topic, received.append, 100)
    publisher = listener.node.create_publisher(Imu, topic, 100)
    wait_for(publisher.get_subscription_count, 'a subscriber')
    counted: list[int] = []
    sender = TopicSender(publisher, lambda number, error: counted.append(number))
    imu = sender.imu_publisher(imu_message('imu_link', ACC_COVARIANCE, GYRO_COVARIANCE))
    sent = []
    for count in (3, 14, 2):
        stamps, acc, gyro = readings(count, count)
        imu.publish(stamps, stamps // 1000, acc, gyro, speed=float(count != 3))
        sent += [expected(*row) for row in zip(stamps, acc, gyro, strict=True)]
    wait_for(lambda: len(received) == 19, 'all messages')
    assert received == sent
    assert sum(counted) == 19


def test_rclpy_is_used_if_the_serialized_form_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    rcl.verified_rcl.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(serialized_imu, '_GYRO_FROM_END', 23)
        assert rcl.verified_rcl(Imu) is None
    rcl.verified_rcl.cache_clear()
    assert rcl.verified_rcl(Imu) is not None


def test_rejected_message_is_dropped_and_the_others_are_published(
    listener: Listener, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rejected message is published on its own first, with the usual attempts."""
    received = listener.subscribe(Imu, 'rejected')
    publisher = listener.node.create_publisher(Imu, 'rejected', 100)
    wait_for(publisher.get_subscription_count, 'a subscriber')
    results: list[tuple[int, bool]] = []
    sender = TopicSender(
        publisher, lambda number, error: results.append((number, isinstance(error, RCLError))))
    library = rcl.verified_rcl(Imu)
    assert library is not None
    publish, calls = library._publish_serialized, itertools.count()

    @ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)
    def reject(handle: int, address: int, allocation: None) -> int:
        return 1 if next(calls) in (2, 4) else int(publish(handle, address, allocation))

    monkeypatch.setattr(library, '_publish_serialized', reject)
    imu = sender.imu_publisher(imu_message('imu_link', ACC_COVARIANCE, GYRO_COVARIANCE))
    imu.load()
    attempts: list[int] = []

    def publish_again(message: Imu) -> None:
        """Fail for one of the messages, each time."""
        attempts.append(message.header.stamp.nanosec)
        if message.header.stamp.nanosec == 200_000:  # number 2
            raise RCLError('busy')
        publish_with_ros(message)

    publish_with_ros = publisher.publish
    monkeypatch.setattr(publisher, 'publish', publish_again)
    stamps, acc, gyro = readings(5)
    imu.publish(stamps, stamps // 1000, acc, gyro)
    wait_for(lambda: len(received) == 4, 'the other messages')
    assert results == [(1, True), (1, False), (3, False)]
    numbers = [message.header.stamp.nanosec for message in received]
    expected_numbers = [(999_000_000 + number * 600_000) % 10**9 for number in (0, 1, 3, 4)]
    assert numbers == expected_numbers
    assert len(attempts) == 4


def test_destruction_of_the_publisher_waits_until_it_is_released(listener: Listener) -> None:
    received = listener.subscribe(Imu, 'destroyed')
    publisher = listener.node.create_publisher(Imu, 'destroyed', 100)
    wait_for(publisher.get_subscription_count, 'a subscriber')
    sender = TopicSender(publisher, lambda *_: None)
    imu = sender.imu_publisher(imu_message('imu_link', ACC_COVARIANCE, GYRO_COVARIANCE))
    stamps, acc, gyro = readings(5)
    imu.publish(stamps, stamps // 1000, acc, gyro)
    sender.stop()
    imu.publish(stamps, stamps // 1000, acc, gyro)
    listener.node.destroy_publisher(publisher)
    imu.publish(stamps, stamps // 1000, acc, gyro)
    wait_for(lambda: len(received) == 15, 'all messages')
    sender.stop()
    with pytest.raises(InvalidHandle):
        imu.publish(stamps, stamps // 1000, acc, gyro)


# A subscriber with a queue of ten messages, which it empties every 2 ms. It reports received and
# lost samples of the times at which it was not late itself.
SUBSCRIBER = """
import json, time
import numpy as np
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Imu
rclpy.init()
node = rclpy.create_node('short_queue')
subscription = node.create_subscription(Imu, 'imu', lambda message: None, QoSProfile(depth=10))
stamps, before, period = [], 0, 10**9 / 1666
while rclpy.ok():
    received = lost = 0
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        started = time.monotonic()
        time.sleep(0.002)
        stamps = []
        while (taken := subscription.handle.take_message(Imu, True)) is not None:
            sec, nanosec = np.frombuffer(taken[0][4:12], np.uint32).tolist()
            stamps.append(sec * 10**9 + nanosec)
        if stamps and before and time.monotonic() - started < 0.0035:
            received += len(stamps)
            lost += int((np.rint(np.diff([before, *stamps]) / period) - 1).sum())
        before = stamps[-1] if stamps else before
    print(json.dumps([received, lost]), flush=True)
"""


def test_subscriber_with_a_queue_of_ten_loses_less_than_one_percent() -> None:
    """
    So do rosbag2 and most nodes. Bursts of 13, as a recording is read, would lose a quarter.

    It is enough that this is so in one second: on a busy machine, processes stand still.
    """
    domain = new_domain()
    with DriverProcess(
            domain, '-p', 'camera:=simulated', '-p', 'depth_mode:=OFF', '-p',
            'color_resolution:=720P', '-p', 'fps:=5'):
        process = subprocess.Popen(
            [sys.executable, '-c', SUBSCRIBER], stdout=subprocess.PIPE, text=True,
            env=os.environ | {'ROS_DOMAIN_ID': str(domain)})
        try:
            assert process.stdout is not None
            seen = []

            def complete() -> bool:
                seen.append(json.loads(process.stdout.readline()))
                received, lost = seen[-1]
                return received > 400 and lost < 0.01 * received

            wait_for(complete, f'a second with less than 1 % lost: {seen}')
        finally:
            process.terminate()
            process.wait(PATIENCE)
            process.stdout.close()
