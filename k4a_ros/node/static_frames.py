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

"""The static TF frames of the camera."""

from __future__ import annotations

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.tf_frames import microphone_transform
from k4a_ros.calibration.tf_frames import static_transforms
from k4a_ros.publishing.messages import transform_message
from rclpy.node import Node
from tf2_ros import StaticTransformBroadcaster


class StaticFrames:
    """
    Publishes the frames on /tf_static.

    Listeners replace a static transform by a later one, but a broadcaster of tf2_ros does not:
    frames that have changed get a new one.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._broadcaster = StaticTransformBroadcaster(node)
        self._poses: list[tuple[str | float, ...]] = []

    def publish(
        self, calibration: FactoryCalibration, prefix: str, *, microphones: bool,
    ) -> None:
        """
        Publish the frames of a camera.

        :param prefix: of the names of the frames.
        :param microphones: whether the microphone array has one.
        """
        transforms = static_transforms(calibration, prefix)
        if microphones:
            transforms += (microphone_transform(prefix),)
        poses: list[tuple[str | float, ...]] = [
            (one.parent, one.child, *one.transform.translation, *one.transform.quaternion())
            for one in transforms]
        if self._poses and poses != self._poses:
            self._node.destroy_publisher(self._broadcaster.pub_tf)
            self._broadcaster = StaticTransformBroadcaster(self._node)
        self._poses = poses
        now = self._node.get_clock().now().to_msg()
        self._broadcaster.sendTransform([transform_message(one, now) for one in transforms])
