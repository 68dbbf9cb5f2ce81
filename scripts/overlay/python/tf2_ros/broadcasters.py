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

"""Publishers of transforms on /tf and /tf_static."""

from __future__ import annotations

from collections.abc import Iterable

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSProfile
from tf2_msgs.msg import TFMessage

Transforms = TransformStamped | Iterable[TransformStamped]


def _as_list(transform: Transforms) -> list[TransformStamped]:
    return [transform] if isinstance(transform, TransformStamped) else list(transform)


class TransformBroadcaster:
    """Publishes dynamic transforms on /tf."""

    def __init__(self, node: Node, qos: QoSProfile | int | None = None) -> None:
        """
        Create the publisher.

        :param node: node of the publisher.
        :param qos: quality of service or depth; default: reliable, volatile, depth 100.
        """
        qos = QoSProfile(depth=100) if qos is None else qos
        self.pub_tf = node.create_publisher(TFMessage, '/tf', qos)

    def sendTransform(self, transform: Transforms) -> None:
        """Publish one or several transforms in one message."""
        self.pub_tf.publish(TFMessage(transforms=_as_list(transform)))


class StaticTransformBroadcaster:
    """
    Publishes static transforms on /tf_static.

    A late subscriber gets only the last message, so every message contains all transforms so far.
    As in tf2_ros, the first transform of a child frame cannot be replaced.
    """

    def __init__(self, node: Node, qos: QoSProfile | int | None = None) -> None:
        """
        Create the publisher.

        :param node: node of the publisher.
        :param qos: quality of service or depth; default: reliable, transient local, depth 1.
        """
        if qos is None:
            qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.pub_tf = node.create_publisher(TFMessage, '/tf_static', qos)
        self.net_message = TFMessage()
        self._child_frames: set[str] = set()

    def sendTransform(self, transform: Transforms) -> None:
        """Add one or several transforms, and publish all transforms of this broadcaster."""
        for added in _as_list(transform):
            if added.child_frame_id not in self._child_frames:
                self._child_frames.add(added.child_frame_id)
                self.net_message.transforms.append(added)
        self.pub_tf.publish(self.net_message)
