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

"""Transforms over time, from /tf and /tf_static."""

from __future__ import annotations

import bisect
import threading

from geometry_msgs.msg import TransformStamped
import numpy as np
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSProfile
from rclpy.time import Time
from tf2_msgs.msg import TFMessage

_CACHE_NS = 10_000_000_000
#: rotation as a quaternion x, y, z, w, and translation
Pose = tuple[np.ndarray, np.ndarray]


class TransformException(Exception):
    """There is no such transform."""


class LookupException(TransformException):
    """A frame does not exist."""


class ConnectivityException(TransformException):
    """Two frames are not connected."""


class ExtrapolationException(TransformException):
    """A transform is not known at the time."""


class _Link:
    """Poses of a frame in its parent over time."""

    def __init__(self, parent: str, static: bool) -> None:
        self.parent = parent
        self.static = static
        self.times: list[int] = []
        self.poses: list[Pose] = []

    def add(self, time_ns: int, pose: Pose) -> None:
        """Add a pose; those that are too old are forgotten."""
        if self.static:
            self.times, self.poses = [time_ns], [pose]
            return
        if self.times and time_ns < self.times[-1] - _CACHE_NS:
            return
        index = bisect.bisect(self.times, time_ns)
        self.times.insert(index, time_ns)
        self.poses.insert(index, pose)
        old = bisect.bisect_left(self.times, self.times[-1] - _CACHE_NS)
        del self.times[:old], self.poses[:old]

    def at(self, time_ns: int, child: str) -> Pose:
        """Return the pose at a time, interpolated."""
        if self.static:
            return self.poses[0]
        index = bisect.bisect_left(self.times, time_ns)
        if index < len(self.times) and self.times[index] == time_ns:
            return self.poses[index]
        if not 0 < index < len(self.times):
            raise ExtrapolationException(
                f'Lookup would require extrapolation: {child} in {self.parent} is known from '
                f'{self.times[0] / 1e9:.3f} to {self.times[-1] / 1e9:.3f}, not at '
                f'{time_ns / 1e9:.3f}')
        ratio = (time_ns - self.times[index - 1]) / (self.times[index] - self.times[index - 1])
        (q0, t0), (q1, t1) = self.poses[index - 1:index + 1]
        q = (1 - ratio) * q0 + ratio * (q1 if q0 @ q1 >= 0 else -q1)
        return q / np.linalg.norm(q), (1 - ratio) * t0 + ratio * t1


class Buffer:
    """The part of tf2_ros.Buffer that looks up transforms without waiting."""

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}
        self._lock = threading.Lock()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Add a transform."""
        self._set(transform, static=False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Add a transform that holds at any time."""
        self._set(transform, static=True)

    def clear(self) -> None:
        """Forget all transforms but static ones."""
        with self._lock:
            self._links = {child: link for child, link in self._links.items() if link.static}

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Time, timeout: Duration | None = None,
    ) -> TransformStamped:
        """
        Return the transform of points from one frame to another.

        :param time: 0 for the latest.
        :param timeout: must be None or 0.
        """
        assert timeout is None or not timeout.nanoseconds
        with self._lock:
            target, source = self._chain(target_frame), self._chain(source_frame)
            if target[-1] != source[-1]:
                raise ConnectivityException(
                    f'Could not find a connection between {target_frame!r} and {source_frame!r}')
            time_ns = time.nanoseconds or min(
                (self._links[frame].times[-1] for frame in {*target} ^ {*source}
                 if not self._links[frame].static), default=0)
            q, t = self._in_root(source, target, time_ns)
            q_target, t_target = self._in_root(target, source, time_ns)
        inverse = q_target * (-1, -1, -1, 1)
        q, t = _product(inverse, q), _rotate(inverse, t - t_target)
        result = TransformStamped(child_frame_id=source_frame)
        result.header.frame_id = target_frame
        result.header.stamp = Time(nanoseconds=time_ns).to_msg()
        (result.transform.rotation.x, result.transform.rotation.y,
         result.transform.rotation.z, result.transform.rotation.w) = q.tolist()
        (result.transform.translation.x, result.transform.translation.y,
         result.transform.translation.z) = t.tolist()
        return result

    def _set(self, transform: TransformStamped, static: bool) -> None:
        r, t = transform.transform.rotation, transform.transform.translation
        pose = np.array((r.x, r.y, r.z, r.w)), np.array((t.x, t.y, t.z))
        parent, child = transform.header.frame_id, transform.child_frame_id
        if parent == child or abs(np.linalg.norm(pose[0]) - 1) > 0.01:
            return  # tf2 ignores them as well
        with self._lock:
            link = self._links.get(child)
            if link is None or (link.parent, link.static) != (parent, static):
                link = self._links[child] = _Link(parent, static)
            link.add(Time.from_msg(transform.header.stamp).nanoseconds, pose)

    def _chain(self, frame: str) -> list[str]:
        """Return a frame and its ancestors, up to the root."""
        if frame not in self._links and all(frame != x.parent for x in self._links.values()):
            raise LookupException(f'{frame!r} does not exist')
        chain = [frame]
        while chain[-1] in self._links:
            chain.append(self._links[chain[-1]].parent)
            if len(chain) > len(self._links) + 1:
                raise LookupException(f'the tree of {frame!r} contains a loop')
        return chain

    def _in_root(self, chain: list[str], other: list[str], time_ns: int) -> Pose:
        """Return the pose of a frame in the nearest ancestor that is also one of another."""
        q, t = np.array((0.0, 0.0, 0.0, 1.0)), np.zeros(3)
        for frame in chain:
            if frame in other:
                break
            link_q, link_t = self._links[frame].at(time_ns, frame)
            q, t = _product(link_q, q), _rotate(link_q, t) + link_t
        return q, t


class TransformListener:
    """Puts what is published on /tf and /tf_static into a buffer."""

    def __init__(self, buffer: Buffer, node: Node) -> None:
        """Subscribe; callbacks are made by the executor of the node."""
        self.buffer = buffer
        self.node = node
        self.tf_sub = node.create_subscription(
            TFMessage, '/tf', self.callback, QoSProfile(depth=100))
        self.tf_static_sub = node.create_subscription(
            TFMessage, '/tf_static', self.static_callback,
            QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL))

    def unregister(self) -> None:
        """Remove the subscriptions."""
        self.node.destroy_subscription(self.tf_sub)
        self.node.destroy_subscription(self.tf_static_sub)

    def callback(self, data: TFMessage) -> None:
        """Add moving transforms."""
        for transform in data.transforms:
            self.buffer.set_transform(transform, 'default_authority')

    def static_callback(self, data: TFMessage) -> None:
        """Add static transforms."""
        for transform in data.transforms:
            self.buffer.set_transform_static(transform, 'default_authority')


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the product of two quaternions x, y, z, w."""
    v = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.append(v, a[3] * b[3] - a[:3] @ b[:3])


def _rotate(q: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Return a point, rotated by a quaternion."""
    return point + 2 * np.cross(q[:3], np.cross(q[:3], point) + q[3] * point)
