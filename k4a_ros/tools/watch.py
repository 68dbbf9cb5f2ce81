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
Watch what a camera publishes: a live table of its topics, and one picture of what it sees.

    k4a_watch [--namespace /left] [--all] [--seconds 5] [--picture sheet.png]

What is computed for its subscribers only, at a price, is left out unless all is asked for: the
images of one camera seen from the other, and compressed depth.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
import os
import sys
import time
from typing import Any

import cv2
from cv_bridge import CvBridge
from k4a_ros.camera_config import ColorFormat
from k4a_ros.images.color import ColorConverter
from k4a_ros.process.spinner import Spinner
from k4a_ros.tools import sheet
import numpy as np
import numpy.typing as npt
import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.qos import HistoryPolicy
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage

KINDS = {f'sensor_msgs/msg/{kind.__name__}': kind
         for kind in (CameraInfo, CompressedImage, Image, Imu, PointCloud2)}
_YUV_FORMATS = {'nv12': ColorFormat.NV12, 'yuv422_yuy2': ColorFormat.YUY2}
#: parts of the names of topics
COSTLY = ('depth_to_rgb', 'ir_to_rgb', 'rgb_to_depth', 'compressedDepth')


@dataclass
class Topic:
    """What has been seen of one topic; `last` is its newest message."""

    kind: type
    count: int = 0
    size: int = 0
    frame: str = ''
    first: float = 0.0
    latest: float = 0.0
    age_ms: float = float('nan')
    last: Any = None

    @property
    def rate(self) -> float:
        """Messages a second since the first one came."""
        return (self.count - 1) / (self.latest - self.first) if self.count > 1 else 0.0


class Watcher(Node):
    """
    Subscribes to the topics of a camera as soon as they appear.

    :param namespace: of the camera, '' for that of no other.
    :param every: also to those that cost the driver much.
    """

    def __init__(self, namespace: str, every: bool) -> None:
        super().__init__('k4a_watch')
        self._left_out = () if every else COSTLY
        self._prefix = namespace.rstrip('/') + '/'
        self.topics: dict[str, Topic] = {}
        self._watch('/tf_static', TFMessage)
        self.create_timer(0.2, self._look)

    def _look(self) -> None:
        for name, types in self.get_topic_names_and_types():
            kind = KINDS.get(types[0])
            wanted = name.startswith(self._prefix) and not any(
                part in self._left_out for part in name.split('/'))
            if kind is not None and wanted and name not in self.topics:
                self._watch(name, kind)

    def _watch(self, name: str, kind: Any) -> None:
        topic = self.topics[name] = Topic(kind)
        latched = kind is TFMessage
        qos = QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=500 if kind is Imu else 4,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)
        self.create_subscription(kind, name, lambda message: self._take(topic, message), qos)

    def _take(self, topic: Topic, message: Any) -> None:
        now = self.get_clock().now().nanoseconds
        header = message.transforms[0].header if topic.kind is TFMessage else message.header
        topic.latest = time.monotonic()
        topic.first = topic.first or topic.latest
        topic.count += 1
        topic.size = len(getattr(message, 'data', ()))
        topic.frame = (' '.join(t.child_frame_id for t in message.transforms)
                       if topic.kind is TFMessage else header.frame_id)
        stamp = header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
        topic.age_ms = (now - stamp) / 1e6
        topic.last = message

    def table(self) -> list[str]:
        """Return the table, one line each, heading first."""
        lines = [f'{"topic":30} {"type":16} {"bytes":>9} {"count":>6} {"Hz":>7} {"age ms":>8}  '
                 'frame']
        for name, topic in sorted(self.topics.items()):
            size = str(topic.size) if topic.size else '-'
            age = f'{topic.age_ms:8.1f}' if topic.count else f'{"-":>8}'
            lines.append(f'{name:30} {topic.kind.__name__:16} {size:>9} {topic.count:6d} '
                         f'{topic.rate:7.1f} {age}  {topic.frame}')
        return lines

    def pictures(self) -> dict[str, sheet.Picture | None]:
        """Return what is to be seen of depth, infrared, color and cloud; None where absent."""
        bridge = CvBridge()
        result: dict[str, sheet.Picture | None] = {}
        for name, draw in (('depth/image_raw', _draw_depth), ('ir/image_raw', _draw_ir),
                           ('rgb/image_raw', _draw_color), ('points2', _draw_cloud)):
            topic = self.topics.get(self._prefix + name)
            message = topic.last if topic else None
            result[name] = None if message is None else draw(bridge, message)
        return result


def _draw_depth(bridge: CvBridge, message: Image) -> sheet.Picture:
    depth = np.asarray(bridge.imgmsg_to_cv2(message), np.float32)
    return sheet.depth_picture(depth / np.float32(1000) if message.encoding == '16UC1' else depth)


def _draw_ir(bridge: CvBridge, message: Image) -> sheet.Picture:
    return sheet.ir_picture(bridge.imgmsg_to_cv2(message))


def _draw_color(bridge: CvBridge, message: Image) -> sheet.Picture:
    if message.encoding in _YUV_FORMATS:  # cv_bridge does not expect them in full range
        form = _YUV_FORMATS[message.encoding]
        data = np.frombuffer(message.data, np.uint8)
        shape = (-1, message.width) if form is ColorFormat.NV12 else (-1, message.width, 2)
        picture = np.empty((message.height, message.width, 3), np.uint8)
        ColorConverter(form, (message.width, message.height), 'bgr8').convert(
            data.reshape(shape), picture)
        return picture
    return np.asarray(bridge.imgmsg_to_cv2(message, 'bgr8'))


def _draw_cloud(bridge: CvBridge, message: PointCloud2) -> sheet.Picture:
    return sheet.cloud_picture(cloud_points(message), (640, 480))


def cloud_points(message: PointCloud2) -> npt.NDArray[np.float32]:
    """Return the points of a cloud whose fields begin with float32 x, y, z: (N, 3) meters."""
    data = np.frombuffer(message.data, np.uint8).reshape(-1, message.point_step)
    return data[:, :12].copy().view(np.float32)


def main() -> int:
    """
    Watch for a while.

    :return: exit code; 0 if every topic that was found gave something, 1 otherwise.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--namespace', default='/', help='of the camera (default: /)')
    parser.add_argument('--all', action='store_true', help='also what costs the driver much')
    parser.add_argument('--seconds', type=float, default=5.0, help='after the first message')
    parser.add_argument('--wait', type=float, default=20.0, help='for the first message')
    parser.add_argument('--picture', help='write a contact sheet (PNG) there')
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    namespace = '/' + options.namespace.strip('/')
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    watcher = Watcher(namespace if namespace != '/' else '', options.all)
    failures: list[Exception] = []
    spinner = Spinner(watcher, failures.append)
    spinner.start()
    try:
        _show(watcher, options.seconds, options.wait)
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    finally:
        spinner.stop()
        code = _conclude(watcher, options.picture, namespace)
        watcher.destroy_node()
        rclpy.try_shutdown()
    if failures:
        raise failures[0]
    return code


def _show(watcher: Watcher, seconds: float, wait: float) -> None:
    """Print the table, again and again in place on a terminal, once at the end elsewhere."""
    start = time.monotonic()
    live = sys.stdout.isatty()
    lines: list[str] = []
    while True:
        time.sleep(0.5)
        came = [t.first for n, t in watcher.topics.items() if t.count and n != '/tf_static']
        if live and lines:
            sys.stdout.write(f'\x1b[{len(lines)}A\x1b[J')
        lines = watcher.table()
        done = time.monotonic() > (min(came) + seconds if came else start + wait)
        if live or done:
            sys.stdout.write('\n'.join(lines) + '\n')
            sys.stdout.flush()
        if done:
            return


def _conclude(watcher: Watcher, picture: str | None, namespace: str) -> int:
    silent = [name for name, topic in watcher.topics.items() if not topic.count]
    if len(watcher.topics) == 1:
        print(f'No camera publishes under {namespace}', file=sys.stderr)
        return 1
    if picture:
        path = os.path.abspath(os.path.expanduser(picture))
        title = f'k4a_ros  {namespace}  {time.strftime("%Y-%m-%d %H:%M:%S")}'
        if not cv2.imwrite(path, sheet.contact_sheet(watcher.pictures(), title)):
            print(f'The picture could not be written to {path}', file=sys.stderr)
            return 1
        print(f'Contact sheet: {path}')
    if silent:
        print(f'Nothing came on {", ".join(sorted(silent))}', file=sys.stderr)
        return 1
    return 0
