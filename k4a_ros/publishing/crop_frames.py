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

"""Frames of other nodes, for the crop box of points2: through tf2."""

from __future__ import annotations

import threading

from geometry_msgs.msg import TransformStamped
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.errors import TransformError
from rclpy.node import Node
from rclpy.time import Time
import tf2_ros

#: A transform that is not known yet at the time of an image is replaced by the latest one, unless
#: that is older than this.
_MAX_AGE_NS = 500_000_000


class CropFrames:
    """
    Looks up transforms in /tf and /tf_static, without waiting.

    There are no subscriptions before `listen`.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._buffer: tf2_ros.Buffer | None = None
        self._listener: tf2_ros.TransformListener | None = None

    def listen(self, on: bool) -> None:
        """Subscribe to transforms, or no longer."""
        with self._lock:
            if on and self._listener is None:
                self._buffer = tf2_ros.Buffer()
                self._listener = tf2_ros.TransformListener(self._buffer, self._node)
            elif not on and self._listener is not None:
                self._listener.unregister()
                self._listener = self._buffer = None

    def clear(self) -> None:
        """Forget moving transforms, because ROS time has changed."""
        buffer = self._buffer
        if buffer is not None:
            buffer.clear()

    def transform(self, target: str, source: str, ros_ns: int) -> RigidTransform:
        """
        Return the transform of points from one frame to another.

        :param ros_ns: time of the points. Transforms are often published later than they are
            needed here; then this is the latest one, if that is at most half a second older.
        :raises TransformError: there is none; a phrase that says why.
        """
        buffer = self._buffer
        if buffer is None:
            raise TransformError('transforms are not received yet')
        try:
            return _rigid(buffer.lookup_transform(target, source, Time(nanoseconds=ros_ns)))
        except tf2_ros.ExtrapolationException as error:
            return self._latest(buffer, target, source, ros_ns, str(error))
        except tf2_ros.TransformException as error:
            raise TransformError(str(error)) from error

    @staticmethod
    def _latest(
        buffer: tf2_ros.Buffer, target: str, source: str, ros_ns: int, reason: str,
    ) -> RigidTransform:
        try:
            latest = buffer.lookup_transform(target, source, Time())
        except tf2_ros.TransformException as error:
            raise TransformError(str(error)) from error
        age_ns = ros_ns - Time.from_msg(latest.header.stamp).nanoseconds
        if not 0 <= age_ns <= _MAX_AGE_NS:
            raise TransformError(reason)
        return _rigid(latest)


def _rigid(message: TransformStamped) -> RigidTransform:
    """Return a message as a transform."""
    q, t = message.transform.rotation, message.transform.translation
    return RigidTransform.of_pose((q.x, q.y, q.z, q.w), (t.x, t.y, t.z))
