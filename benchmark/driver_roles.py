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
The processes that benchmark/driver.py starts; the first argument is the role.

    subscribe PERIOD_NS TOPIC...                naive RECORDING TOPIC...
    c LIBRARY read|repeated RECORDING TOPIC...
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
from pathlib import Path
import struct
import sys
import threading
from typing import Any

from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.errors import ReadTimeout
from k4a_ros.process.allocator import retain_freed_memory
import numpy as np
from yardstick import run

BODIES = 'body_tracking_joints'


def height_of(cloud: bytes) -> int:
    """Return the number of rows of a serialized PointCloud2."""
    # 4 bytes of encapsulation, stamp, then a string, after which numbers are aligned to 4 bytes
    length, = struct.unpack_from('<I', cloud, 12)
    height, = struct.unpack_from('<I', cloud, 16 + (length + 3) // 4 * 4)
    return int(height)


def subscribe(topics: list[str], period_ns: int) -> None:
    """
    Count messages until stdin is closed; print how many were received and lost, as JSON.

    Of results of body tracking, the second number is that of the people in them.
    """
    import rclpy
    from rclpy.executors import ExternalShutdownException
    from sensor_msgs.msg import CompressedImage
    from sensor_msgs.msg import Image
    from sensor_msgs.msg import PointCloud2
    rclpy.init()
    node = rclpy.create_node('subscriber')
    stamps: dict[str, list[int]] = {topic: [] for topic in topics}
    people: list[int] = []

    def subscribe_to(topic: str) -> None:
        kind: Any = (PointCloud2 if topic in ('points2', BODIES) else
                     CompressedImage if topic.endswith('compressed') else Image)

        def take(data: bytes) -> None:
            # 4 bytes of encapsulation, then the stamp
            seconds, nanoseconds = struct.unpack_from('<iI', data, 4)
            stamps[topic].append(seconds * 10**9 + nanoseconds)
            if topic == BODIES:
                people.append(height_of(data))

        node.create_subscription(kind, topic, take, 4, raw=True)

    for topic in topics:
        subscribe_to(topic)

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException):
            rclpy.spin(node)

    thread = threading.Thread(target=spin)
    thread.start()
    for _ in sys.stdin:
        found = {}
        for topic, times in stamps.items():
            steps = np.rint(np.diff(times) / period_ns)
            found[topic] = (len(times), int((steps - 1).clip(0).sum()))
            if topic == BODIES:
                found[topic] = (len(times), sum(people))
                people.clear()
            times.clear()
        print(json.dumps(found), flush=True)
    rclpy.shutdown()
    thread.join()


def drive_naively(path: str, topics: list[str]) -> None:
    """Publish a recording in the obvious way, without optimization."""
    import cv2
    from cv_bridge import CvBridge
    import rclpy
    from sensor_msgs.msg import Image
    from sensor_msgs.msg import PointCloud2
    from sensor_msgs.msg import PointField
    rclpy.init()
    node = rclpy.create_node('naive')
    bridge = CvBridge()
    kinds: dict[str, Any] = dict.fromkeys(topics, Image) | {'points2': PointCloud2}
    publishers = {topic: node.create_publisher(kinds[topic], topic, 4) for topic in topics}

    def image(topic: str, pixels: Any, encoding: str, stamp: Any) -> None:
        message = bridge.cv2_to_imgmsg(pixels, encoding)
        message.header.stamp = stamp
        publishers[topic].publish(message)

    with RecordingCamera(path, loop=True) as camera:
        rays = camera.calibration.depth(camera.config.depth_mode).rays()
        x, y = rays[..., 0], rays[..., 1]
        camera.start()
        began = node.get_clock().now().nanoseconds // 1000
        first = None
        while True:
            try:
                capture = camera.read(1.0)
            except ReadTimeout:
                continue
            first = first or capture.device_us
            us = began + capture.device_us - first
            stamp = rclpy.time.Time(nanoseconds=us * 1000).to_msg()
            assert capture.depth and capture.ir and capture.color
            image('depth/image_raw', capture.depth.data, '16UC1', stamp)
            image('ir/image_raw', capture.ir.data, 'mono16', stamp)
            z = capture.depth.data.astype(np.float32) / 1000
            z[z == 0] = np.nan
            points = np.dstack([x * z, y * z, z, np.zeros_like(z)]).astype(np.float32)
            cloud = PointCloud2(
                height=z.shape[0], width=z.shape[1], point_step=16, row_step=16 * z.shape[1],
                fields=[PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
                        for i, name in enumerate('xyz')])
            cloud.header.stamp = stamp
            cloud.data = points.tobytes()
            publishers['points2'].publish(cloud)
            bgr = cv2.imdecode(capture.color.data, cv2.IMREAD_COLOR)
            image('rgb/image_raw', cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA), 'bgra8', stamp)


def drive_in_c(path: str, topics: list[str], library: str, source: str) -> int:
    """Run drive.c in this process; the source is its last argument."""
    retain_freed_memory()
    with RecordingCamera(path) as camera:
        depth = camera.calibration.depth(camera.config.depth_mode)
        color = camera.calibration.color(camera.config.color_resolution)
    rays = Path(library).with_name(f'rays-{os.getpid()}')
    depth.rays().astype(np.float32).transpose(2, 0, 1).tofile(rays)
    import pyk4a  # noqa: F401  loads libk4a and libk4arecord
    # global, because drive.c finds the functions of the SDK among the symbols of the process
    loaded = {line.split()[-1] for line in Path('/proc/self/maps').read_text().splitlines()}
    for name in sorted(path for path in loaded if '/libk4a' in path):
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    return run(library, path, rays, depth.width, depth.height, color.width, color.height,
               'decoded' if 'rgb/image_raw' in topics else 'jpeg', source)


def main(role: str, *arguments: str) -> int:
    """Run the role that the first argument names."""
    if role == 'c':
        library, source, path, *topics = arguments
        return drive_in_c(path, topics, library, source)
    with contextlib.suppress(KeyboardInterrupt):
        if role == 'subscribe':
            subscribe(list(arguments[1:]), int(arguments[0]))
        else:
            drive_naively(arguments[0], list(arguments[1:]))
    return 0


if __name__ == '__main__':
    raise SystemExit(main(*sys.argv[1:]))
