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

"""Frames of other nodes, for the crop box of points2."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import TransformStamped
from k4a_ros.errors import TransformError
from k4a_ros.publishing.crop_frames import CropFrames
import numpy as np
import pytest
from rclpy.time import Time

SECOND = 10 ** 9
#: a robot that turns left, 1 rad/s, and drives along x of the map, 2 m/s, from this time on
START_NS = 1_000 * SECOND


class Node:
    """A node that can only be subscribed to."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def create_subscription(self, kind: Any, topic: str, *_: object, **__: object) -> str:
        self.topics.append(topic)
        return topic

    def destroy_subscription(self, topic: str) -> None:
        if topic in self.topics:
            self.topics.remove(topic)


def message(parent: str, child: str, ros_ns: int, yaw: float, x: float) -> TransformStamped:
    """Return a pose in a plane."""
    result = TransformStamped(child_frame_id=child)
    result.header.frame_id = parent
    result.header.stamp = Time(nanoseconds=ros_ns).to_msg()
    result.transform.translation.x = x
    result.transform.rotation.z, result.transform.rotation.w = np.sin(yaw / 2), np.cos(yaw / 2)
    return result


@pytest.fixture
def frames() -> CropFrames:
    """Return frames of map, a moving robot and a camera on it, known for two seconds."""
    node: Any = Node()
    result = CropFrames(node)
    result.listen(True)
    assert set(node.topics) == {'/tf', '/tf_static'}
    buffer: Any = result._buffer
    buffer.set_transform_static(message('robot', 'camera', 0, 0.0, 0.3), 'test')
    for step in range(41):
        s = step / 20
        buffer.set_transform(
            message('map', 'robot', START_NS + round(s * SECOND), s, 2 * s), 'test')
    return result


@pytest.mark.parametrize('s', [0.0, 0.5, 1.37, 2.0])
def test_moving_frame_is_that_of_the_time_of_the_points(frames: CropFrames, s: float) -> None:
    found = frames.transform('map', 'camera', START_NS + round(s * SECOND))
    point = found.apply([1.0, 0.0, 0.5])
    expected = [2 * s + 1.3 * np.cos(s), 1.3 * np.sin(s), 0.5]
    np.testing.assert_allclose(point, expected, atol=2e-4)
    back = frames.transform('camera', 'map', START_NS + round(s * SECOND))
    np.testing.assert_allclose(back.apply(expected), [1.0, 0.0, 0.5], atol=2e-4)


def test_late_transform_is_replaced_by_the_latest_one(frames: CropFrames) -> None:
    latest = frames.transform('map', 'camera', START_NS + 2 * SECOND)
    found = frames.transform('map', 'camera', START_NS + round(2.4 * SECOND))
    np.testing.assert_array_equal(found.translation, latest.translation)


@pytest.mark.parametrize('s', [-0.1, 2.6])
def test_transform_of_another_time_is_none(frames: CropFrames, s: float) -> None:
    with pytest.raises(TransformError, match='extrapolation'):
        frames.transform('map', 'camera', START_NS + round(s * SECOND))


def test_static_frame_holds_at_any_time(frames: CropFrames) -> None:
    for ros_ns in (1, START_NS, 2 * START_NS):
        found = frames.transform('robot', 'camera', ros_ns)
        np.testing.assert_allclose(found.translation, [0.3, 0.0, 0.0])


@pytest.mark.parametrize('target', ['nowhere', 'island'])
def test_frame_without_connection_is_none(frames: CropFrames, target: str) -> None:
    buffer: Any = frames._buffer
    buffer.set_transform_static(message('island', 'tree', 0, 0.0, 0.0), 'test')
    with pytest.raises(TransformError):
        frames.transform(target, 'camera', START_NS)


def test_moving_frames_are_forgotten_when_time_jumps(frames: CropFrames) -> None:
    frames.clear()
    with pytest.raises(TransformError):
        frames.transform('map', 'camera', START_NS)
    frames.transform('robot', 'camera', START_NS)


def test_nothing_is_subscribed_to_while_it_is_not_needed() -> None:
    node: Any = Node()
    frames = CropFrames(node)
    frames.listen(False)
    frames.clear()
    assert node.topics == []
    with pytest.raises(TransformError):
        frames.transform('map', 'camera', START_NS)
    frames.listen(True)
    frames.listen(True)
    assert len(node.topics) == 2
    frames.listen(False)
    assert node.topics == []
