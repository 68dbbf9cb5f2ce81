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
Subscribe to the topics of a camera, and show their rates, sizes, ages and images.

    k4a_watch [--namespace /left] [--all] [--seconds 5] [--picture sheet.png]

Without --all, topics that cost the driver much CPU time are skipped: registered, rectified and
filtered images, compressed depth and compressed infrared.
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
from k4a_ros.publishing.messages import stamp_ns
from k4a_ros.tools import sheet
from k4a_ros.tools.arguments import number_between
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

#: longest time to watch, and to wait: a day
_MAX_SECONDS = 86400.0
KINDS = {f'sensor_msgs/msg/{kind.__name__}': kind
         for kind in (CameraInfo, CompressedImage, Image, Imu, PointCloud2)}
_YUV_FORMATS = {'nv12': ColorFormat.NV12, 'yuv422_yuy2': ColorFormat.YUY2}
#: parts of the names of topics that cost the driver much CPU time
COSTLY = (
    'depth_to_rgb', 'ir_to_rgb', 'rgb_to_depth', 'depth_filtered', 'depth_rect', 'ir_rect',
    'rgb_rect', 'depth_to_rgb_rect', 'compressedDepth', 'ir/image_raw/compressed')


@dataclass
class Topic:
    """Statistics of a topic; sizes in bytes, times by time.monotonic()."""

    kind: type
    count: int = 0
    size: int = 0
    frame: str = ''
    first_s: float = 0.0
    latest_s: float = 0.0
    age_ms: float = float('nan')
    latest: Any = None

    @property
    def rate(self) -> float:
        """Mean rate since the first message, Hz."""
        return (self.count - 1) / (self.latest_s - self.first_s) if self.count > 1 else 0.0


class Watcher(Node):
    """
    Subscribes to the topics of a camera as soon as they are discovered.

    :param namespace: namespace of the camera, empty for the root namespace.
    :param all_topics: subscribe to COSTLY topics, too.
    """

    def __init__(self, namespace: str, all_topics: bool) -> None:
        super().__init__('k4a_watch')
        self._skipped = () if all_topics else COSTLY
        self._prefix = namespace.rstrip('/') + '/'
        self.topics: dict[str, Topic] = {}
        self._subscribe('/tf_static', TFMessage)
        self.create_timer(0.2, self._discover)

    def _discover(self) -> None:
        """Subscribe to new topics."""
        for name, types in self.get_topic_names_and_types():
            kind = KINDS.get(types[0])
            skipped = not name.startswith(self._prefix) or any(
                f'/{part}/' in f'{name}/' for part in self._skipped)
            if kind is not None and not skipped and name not in self.topics:
                self._subscribe(name, kind)

    def _subscribe(self, name: str, kind: Any) -> None:
        topic = self.topics[name] = Topic(kind)
        latched = kind is TFMessage
        qos = QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=500 if kind is Imu else 4,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)
        self.create_subscription(kind, name, lambda message: self._record(topic, message), qos)

    def _record(self, topic: Topic, message: Any) -> None:
        now = self.get_clock().now().nanoseconds
        header = message.transforms[0].header if topic.kind is TFMessage else message.header
        topic.latest_s = time.monotonic()
        topic.first_s = topic.first_s or topic.latest_s
        topic.count += 1
        topic.size = len(getattr(message, 'data', ()))
        topic.frame = (' '.join(t.child_frame_id for t in message.transforms)
                       if topic.kind is TFMessage else header.frame_id)
        topic.age_ms = (now - stamp_ns(header.stamp)) / 1e6
        topic.latest = message

    def silent_topics(self) -> list[str]:
        """Return the names of the topics without a message so far."""
        return sorted(name for name, topic in self.topics.items() if not topic.count)

    def table(self) -> list[str]:
        """Return the lines of the table, headings first."""
        lines = [f'{"topic":30} {"type":16} {"bytes":>9} {"count":>6} {"Hz":>7} {"age ms":>8}  '
                 'frame']
        for name, topic in sorted(self.topics.items()):
            size = str(topic.size) if topic.size else '-'
            age = f'{topic.age_ms:8.1f}' if topic.count else f'{"-":>8}'
            lines.append(f'{name:30} {topic.kind.__name__:16} {size:>9} {topic.count:6d} '
                         f'{topic.rate:7.1f} {age}  {topic.frame}')
        return lines

    def pictures(self) -> dict[str, sheet.Picture | None]:
        """Return pictures of depth, infrared, color and point cloud; None without a message."""
        bridge = CvBridge()
        result: dict[str, sheet.Picture | None] = {}
        for name, draw in (('depth/image_raw', _draw_depth), ('ir/image_raw', _draw_ir),
                           ('rgb/image_raw', _draw_color), ('points2', _draw_cloud)):
            topic = self.topics.get(self._prefix + name)
            message = topic.latest if topic else None
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
    """Return the points, (N, 3), of a cloud whose first fields are float32 x, y, z."""
    data = np.frombuffer(message.data, np.uint8).reshape(-1, message.point_step)
    points: npt.NDArray[np.float32] = data[:, :12].copy().view(np.float32)
    return points


def main() -> int:
    """
    Run the command line.

    :return: exit code: 0 if there were messages on all topics that were found, otherwise 1.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    seconds = number_between(0, _MAX_SECONDS)
    parser.add_argument(
        '--namespace', default='/', help='namespace of the camera (default: %(default)s)')
    parser.add_argument('--all', action='store_true',
                        help='subscribe also to topics that cost the driver much CPU time')
    parser.add_argument('--seconds', type=seconds, default=5.0,
                        help='how long to watch after the first message (default: %(default)g)')
    parser.add_argument('--wait', type=seconds, default=20.0,
                        help='how long to wait for a message on every topic, seconds '
                        '(default: %(default)g)')
    parser.add_argument('--picture', metavar='FILE.png',
                        help='write a contact sheet of the latest images to this file')
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    namespace = '/' + options.namespace.strip('/')
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    watcher = Watcher(namespace if namespace != '/' else '', options.all)
    failures: list[Exception] = []
    spinner = Spinner(watcher, failures.append)
    spinner.start()
    try:
        _watch(watcher, options.seconds, options.wait)
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


def _watch(watcher: Watcher, seconds: float, wait: float) -> None:
    """
    Print the table when watching ends; on a terminal, update it in place meanwhile.

    :param seconds: how long to watch after the first message of the camera.
    :param wait: how long to wait, in all, until there is a message on every topic.
    """
    timeout_s = time.monotonic() + wait
    live = sys.stdout.isatty()
    lines: list[str] = []
    while True:
        time.sleep(0.5)
        now_s = time.monotonic()
        first_s = [topic.first_s for name, topic in watcher.topics.items()
                   if topic.count and name != '/tf_static']
        complete = bool(first_s) and not watcher.silent_topics()
        done = (complete or now_s > timeout_s) and (
            not first_s or now_s > min(first_s) + seconds)
        if live and lines:
            sys.stdout.write(f'\x1b[{len(lines)}A\x1b[J')
        lines = watcher.table()
        if live or done:
            sys.stdout.write('\n'.join(lines) + '\n')
            sys.stdout.flush()
        if done:
            return


def _conclude(watcher: Watcher, picture: str | None, namespace: str) -> int:
    """Write the picture, report what is missing, and return the exit code."""
    if len(watcher.topics) == 1:
        print(f'There are no camera topics in namespace {namespace}; is the driver running, with '
              'the same ROS_DOMAIN_ID?', file=sys.stderr)
        return 1
    if picture:
        path = os.path.abspath(os.path.expanduser(picture))
        title = f'k4a_ros  {namespace}  {time.strftime("%Y-%m-%d %H:%M:%S")}'
        if not cv2.imwrite(path, sheet.contact_sheet(watcher.pictures(), title)):
            print(f'Cannot write {path}', file=sys.stderr)
            return 1
        print(f'Contact sheet: {path}')
    if watcher.silent_topics():
        print(f'No messages on {", ".join(watcher.silent_topics())}', file=sys.stderr)
        return 1
    return 0
