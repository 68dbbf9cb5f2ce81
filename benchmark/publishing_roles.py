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
The processes that publishing.py and lost_messages.py start; the first argument is the role.

    subscribe SIZE TOPIC...                     c TOPIC SIZE LIBRARY
    ours|bridge|rclpy TOPIC SIZE                batches TOPIC imu LIBRARY

SIZE is the number of a size of `SIZES`, or imu.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import contextlib
import ctypes
import functools
import json
import sys
import threading
import time
from typing import Any

from k4a_ros.process.allocator import retain_freed_memory
import numpy as np
from yardstick import run

#: name, width, height, channels, bytes of a channel, encoding
SIZES = (
    ('737 kB', 640, 576, 1, 2, 'mono16'), ('8.3 MB', 1920, 1080, 4, 1, 'bgra8'),
    ('33 MB', 3840, 2160, 4, 1, 'bgra8'))
#: stands for IMU samples where others have the index of a size
IMU, IMU_BURST, IMU_DEPTH = 'imu', 5, 200
#: the number of samples that a camera delivers at a time
IMU_BATCH = 15
#: share of the time between readings that is between bursts, as in k4a_ros
IMU_PACE = 0.85
Send = Callable[[int, int], int]


def subscribe(kind: str, topics: list[str]) -> None:
    """
    Answer each line of stdin with the latencies since the previous line, in ms, as JSON.

    The line has the number of messages expected; those missing after half a second are lost.
    """
    import rclpy
    from rclpy.executors import ExternalShutdownException
    from sensor_msgs.msg import Image
    from sensor_msgs.msg import Imu
    rclpy.init()
    node = rclpy.create_node('subscriber')
    latencies: list[float] = []

    def take(data: bytes) -> None:
        now = time.monotonic_ns()
        # 4 bytes of encapsulation, then the stamp
        sec, nanosec = np.frombuffer(data[4:12], np.uint32).tolist()
        latencies.append((now - sec * 1_000_000_000 - nanosec) / 1e6)

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException):
            rclpy.spin(node)

    for topic in topics:
        if kind == IMU:
            node.create_subscription(Imu, topic, take, IMU_DEPTH, raw=True)
        else:
            node.create_subscription(Image, topic, take, 4, raw=True)
    thread = threading.Thread(target=spin)
    thread.start()
    print('ready', flush=True)
    for line in sys.stdin:
        deadline = time.monotonic() + 0.5
        while len(latencies) < int(line) and time.monotonic() < deadline:
            time.sleep(0.01)
        print(json.dumps(latencies), flush=True)
        latencies.clear()
    rclpy.shutdown()
    thread.join()


def answer(
    role: str, kind: type, topic: str, depth: int, prepare: Callable[[Any], Send],
) -> None:
    """
    Publish like publish.c and publish_imu.c, with the same input and output.

    :param prepare: returns what publishes a number of messages at a period, nanoseconds, with a
        publisher, and returns the processor time before the first one, nanoseconds.
    """
    import rclpy
    rclpy.init()
    node = rclpy.create_node(role)
    publisher = node.create_publisher(kind, topic, depth)
    send = prepare(publisher)
    while not publisher.get_subscription_count():
        time.sleep(0.01)
    print('ready', flush=True)
    for line in sys.stdin:
        before = send(*map(int, line.split()))
        print(time.process_time_ns() - before, flush=True)
    node.destroy_node()
    rclpy.shutdown()


def publish(role: str, topic: str, size: tuple[Any, ...]) -> None:
    """Publish images like publish.c."""
    from sensor_msgs.msg import Image

    def prepare(publisher: Any) -> Send:
        send_one = (_publish_ours if role == 'ours' else _publish_bridge)(publisher, size)

        def send(count: int, period: int) -> int:
            before = time.process_time_ns()
            due = time.monotonic_ns()
            for _ in range(count):
                _sleep_until(due)
                send_one(time.monotonic_ns())
                due += period
            _sleep_until(due)
            return before

        return send

    answer(role, Image, topic, 4, prepare)


def publish_imu(role: str, topic: str) -> None:
    """Publish IMU samples like publish_imu.c."""
    from sensor_msgs.msg import Imu

    def prepare(publisher: Any) -> Send:
        send_batch = (_publish_imu_ours if role == 'ours' else _publish_imu_rclpy)(publisher)
        return functools.partial(_send_batches, send_batch, np.random.default_rng(0))

    answer(role, Imu, topic, IMU_DEPTH, prepare)


def _send_batches(
    send_batch: Callable[..., None], random: np.random.Generator, count: int, period: int,
) -> int:
    acc, gyro = random.normal(size=(2, count, 3))
    number = np.arange(count)
    device_us = number * period // 1000
    # a camera delivers readings together with their times
    due = time.monotonic_ns()
    # latencies are measured from when each burst is due
    in_batch = number % IMU_BATCH
    stamps_ns = due + (number - in_batch) * period + (
        in_batch // IMU_BURST * int(IMU_BURST * period * IMU_PACE))
    readings = stamps_ns, device_us, acc, gyro
    waiting = deque([
        [values[begin:begin + IMU_BATCH] for values in readings]
        for begin in range(0, count, IMU_BATCH)])
    before = time.process_time_ns()
    while waiting:
        _sleep_until(due)
        batch = waiting.popleft()
        due += IMU_BATCH * period
        while waiting and time.monotonic_ns() > due:  # it is late: publish all that waits
            batch = [np.concatenate(pair) for pair in zip(
                batch, waiting.popleft(), strict=True)]
            due += IMU_BATCH * period
        send_batch(*batch)
    _sleep_until(due)
    return before


def publish_imu_in_c(topic: str, library: str) -> None:
    """Publish like publish_imu.c, whose function is called once for each batch."""
    from sensor_msgs.msg import Imu

    def prepare(publisher: Any) -> Send:
        functions = ctypes.CDLL(library)
        functions.create_imu.restype = ctypes.c_void_p
        send_batch = functools.partial(
            functions.publish_many, ctypes.c_void_p(publisher.handle.pointer),
            ctypes.c_void_p(functions.create_imu()), IMU_BATCH)

        def send(count: int, period: int) -> int:
            before = time.process_time_ns()
            with publisher.handle:
                for _ in range(count // IMU_BATCH):
                    send_batch(ctypes.c_longlong(period))
            return before

        return send

    answer('batches', Imu, topic, IMU_DEPTH, prepare)


def _publish_imu_ours(publisher: Any) -> Any:
    from k4a_ros.publishing.messages import imu_message
    from k4a_ros.publishing.messages import UNKNOWN_COVARIANCE
    from k4a_ros.publishing.topic_sender import TopicSender
    sender = TopicSender(publisher, lambda *_: None)
    imu = sender.imu_publisher(imu_message('imu_link', UNKNOWN_COVARIANCE, UNKNOWN_COVARIANCE))
    imu.load()
    return imu.publish


def _publish_imu_rclpy(publisher: Any) -> Any:
    from k4a_ros.publishing.messages import imu_message
    from k4a_ros.publishing.messages import UNKNOWN_COVARIANCE
    message = imu_message('imu_link', UNKNOWN_COVARIANCE, UNKNOWN_COVARIANCE)
    linear, angular = message.linear_acceleration, message.angular_velocity

    def send(stamps_ns: Any, device_us: Any, acc: Any, gyro: Any) -> None:
        rows = [*zip(stamps_ns.tolist(), acc.tolist(), gyro.tolist(), strict=True)]
        for begin in range(0, len(rows), IMU_BURST):
            _sleep_until(rows[begin][0])
            for stamp_ns, a, g in rows[begin:begin + IMU_BURST]:
                message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
                linear.x, linear.y, linear.z = a
                angular.x, angular.y, angular.z = g
                publisher.publish(message)

    return send


def _sleep_until(due: int) -> None:
    left = due - time.monotonic_ns()
    if left > 0:
        time.sleep(left / 1e9)


def _publish_ours(publisher: Any, size: tuple[Any, ...]) -> Any:
    from k4a_ros.publishing.messages import ImageBuffer
    from k4a_ros.publishing.messages import set_stamp
    from k4a_ros.publishing.raw.message import RetryingPublisher
    width, height, channels, depth, encoding = size
    buffer = ImageBuffer('camera', encoding, (width, height), (height, width, channels),
                         f'u{depth}')
    buffer.pixels[:] = np.arange(buffer.pixels.size).reshape(buffer.pixels.shape)
    writer = RetryingPublisher(publisher)

    def send(now: int) -> None:
        set_stamp(buffer.message.header, now)
        writer.publish(buffer.message)

    return send


def _publish_bridge(publisher: Any, size: tuple[Any, ...]) -> Any:
    from cv_bridge import CvBridge
    width, height, channels, depth, encoding = size
    image = np.arange(height * width * channels).astype(f'u{depth}').reshape(
        height, width, channels)
    bridge = CvBridge()

    def send(now: int) -> None:
        message = bridge.cv2_to_imgmsg(image, encoding)
        message.header.frame_id = 'camera'
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(now, 1_000_000_000)
        publisher.publish(message)

    return send


def main(role: str, *arguments: str) -> int:
    """Run a process of a role."""
    if role not in ('bridge', 'rclpy'):
        retain_freed_memory()
    if role == 'subscribe':
        subscribe(arguments[0], [*arguments[1:]])
        return 0
    topic, kind, *library = arguments
    size = () if kind == IMU else SIZES[int(kind)][1:]
    if role == 'c':
        return run(library[0], topic, *size)
    if role == 'batches':
        publish_imu_in_c(topic, library[0])
    elif kind == IMU:
        publish_imu(role, topic)
    else:
        publish(role, topic, size)
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
