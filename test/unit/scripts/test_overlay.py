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
Stand-ins for packages that PyPI lacks: they behave as the real packages.

In an environment on top of a ROS installation, the same tests run against the real packages.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import os
import subprocess
import sys
import time

import cv2
from cv_bridge import CvBridge
from cv_bridge import CvBridgeError
from geometry_msgs.msg import TransformStamped
import numpy as np
import numpy.typing as npt
import pytest
import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.time import Time
from rosbag2_interfaces.srv import Burst
from rosbag2_interfaces.srv import Seek
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from support.domains import ros_domains
from tf2_msgs.msg import TFMessage
from tf2_ros import Buffer
from tf2_ros import ConnectivityException
from tf2_ros import ExtrapolationException
from tf2_ros import LookupException
from tf2_ros import StaticTransformBroadcaster
from tf2_ros import TransformBroadcaster
from tf2_ros import TransformException
from tf2_ros import TransformListener

TF_MESSAGE_HASH = 'RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087'
DISCOVERY_SECONDS = 100.0

# Run by a second process: print the frames of the first message on /tf_static.
LISTEN = """
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from support.domains import ros_domains
from tf2_msgs.msg import TFMessage
rclpy.init()
node = rclpy.create_node('listener')
got = []
node.create_subscription(
    TFMessage, '/tf_static', got.append,
    QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
while not got:
    rclpy.spin_once(node, timeout_sec=0.1)
for transform in got[0].transforms:
    print(transform.header.frame_id, transform.child_frame_id, transform.transform.translation.x)
node.destroy_node()
rclpy.shutdown()
"""


def transform(child: str, x: float = 0.0) -> TransformStamped:
    """Return a transform from base to a child frame."""
    result = TransformStamped(header=Header(frame_id='base'), child_frame_id=child)
    result.transform.translation.x = x
    return result


def wait_for(condition: Callable[[], bool], node: Node) -> None:
    """Spin a node until a condition holds."""
    deadline = time.monotonic() + DISCOVERY_SECONDS
    while not condition():
        assert time.monotonic() < deadline, 'the condition did not become true in time'
        rclpy.spin_once(node, timeout_sec=0.05)


@pytest.fixture(scope='module')
def domain() -> Iterator[None]:
    """Use a ROS domain of their own for these tests and their child processes."""
    with pytest.MonkeyPatch.context() as patch:
        number = ros_domains.claim_domain(DISCOVERY_SECONDS)
        patch.setenv('ROS_DOMAIN_ID', str(number))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        yield


@pytest.fixture
def node(domain: None) -> Iterator[Node]:
    """Return a node that is destroyed after the test."""
    rclpy.init()
    with contextlib.ExitStack() as stack:
        stack.callback(rclpy.try_shutdown)
        node = rclpy.create_node('overlay_test')
        stack.callback(node.destroy_node)
        yield node


def test_tf_message_has_the_type_hash_of_tf2_msgs(node: Node) -> None:
    """Name and hash of the type are those that other ROS 2 nodes expect."""
    publisher = node.create_publisher(TFMessage, 'transforms', 1)
    wait_for(lambda: bool(node.get_publishers_info_by_topic('transforms')), node)
    info, = node.get_publishers_info_by_topic('transforms')
    assert info.topic_type == 'tf2_msgs/msg/TFMessage'
    assert str(info.topic_type_hash) == TF_MESSAGE_HASH
    node.destroy_publisher(publisher)


def test_player_services_can_be_called(node: Node) -> None:
    """Requests and responses of a stand-in for a service arrive with their fields."""
    asked: list[Seek.Request] = []

    def seek(request: Seek.Request, response: Seek.Response) -> Seek.Response:
        asked.append(request)
        response.success = request.time.sec > 0
        return response

    node.create_service(Seek, '~/seek', seek)
    node.create_service(Burst, '~/burst', lambda request, response: response)
    assert dict(node.get_service_names_and_types())['/overlay_test/burst'] == [
        'rosbag2_interfaces/srv/Burst']
    client = node.create_client(Seek, '~/seek')
    wait_for(client.service_is_ready, node)
    request = Seek.Request()
    request.time.sec, request.time.nanosec = 1_700_000_000, 999_999_999
    future = client.call_async(request)
    wait_for(future.done, node)
    assert future.result().success is True
    assert asked == [request]


def pose(parent: str, child: str, seconds: float, x: float, yaw: float) -> TransformStamped:
    """Return a transform at a time."""
    result = transform(child, x)
    result.header.frame_id = parent
    result.header.stamp = Time(nanoseconds=round(seconds * 1e9)).to_msg()
    result.transform.rotation.z, result.transform.rotation.w = np.sin(yaw / 2), np.cos(yaw / 2)
    return result


def found(buffer: Buffer, target: str, source: str, seconds: float) -> tuple[float, ...]:
    """Return x, y and yaw of a transform."""
    result = buffer.lookup_transform(target, source, Time(nanoseconds=round(seconds * 1e9)))
    assert (result.header.frame_id, result.child_frame_id) == (target, source)
    r, t = result.transform.rotation, result.transform.translation
    return t.x, t.y, 2 * np.arctan2(r.z, r.w)


def test_buffer_connects_interpolates_and_refuses() -> None:
    buffer = Buffer()
    for seconds in (100.0, 101.0):
        s = seconds - 100
        buffer.set_transform(pose('map', 'odom', seconds, 4 * s, 0.0), 'test')
        buffer.set_transform(pose('odom', 'base', seconds + 0.5, 2.0, s), 'test')
    buffer.set_transform_static(pose('base', 'camera', 0, 1.0, 0.0), 'test')
    c, n = np.cos(0.5), np.sin(0.5)
    np.testing.assert_allclose(found(buffer, 'odom', 'camera', 101.0), (2 + c, n, 0.5), atol=1e-9)
    np.testing.assert_allclose(found(buffer, 'map', 'camera', 101.0), (6 + c, n, 0.5), atol=1e-9)
    np.testing.assert_allclose(
        found(buffer, 'camera', 'odom', 101.0), (-2 * c - 1, 2 * n, -0.5), atol=1e-9)
    # 0 is the latest time that all moving transforms have
    np.testing.assert_allclose(found(buffer, 'map', 'camera', 0), (6 + c, n, 0.5), atol=1e-9)
    np.testing.assert_allclose(found(buffer, 'odom', 'base', 0), (2, 0, 1), atol=1e-9)
    assert found(buffer, 'camera', 'base', 7.0) == (-1, 0, 0)
    for target, seconds, kind in (
            ('map', 100.2, ExtrapolationException), ('map', 101.2, ExtrapolationException),
            ('nowhere', 101.0, LookupException), ('island', 101.0, ConnectivityException)):
        buffer.set_transform_static(pose('island', 'tree', 0, 0.0, 0.0), 'test')
        with pytest.raises(kind) as caught:
            buffer.lookup_transform(target, 'camera', Time(nanoseconds=round(seconds * 1e9)))
        assert isinstance(caught.value, TransformException)
    buffer.clear()
    assert found(buffer, 'camera', 'base', 0) == (-1, 0, 0)
    with pytest.raises(TransformException):
        found(buffer, 'map', 'camera', 101.0)


def test_listener_fills_the_buffer(node: Node) -> None:
    StaticTransformBroadcaster(node).sendTransform(transform('camera', 1.0))
    buffer = Buffer()
    listener = TransformListener(buffer, node)
    broadcaster = TransformBroadcaster(node)

    def arrived() -> bool:
        broadcaster.sendTransform(pose('map', 'base', 100.0, 3.0, 0.0))
        with contextlib.suppress(TransformException):
            return found(buffer, 'map', 'camera', 100.0) == (4, 0, 0)
        return False

    wait_for(arrived, node)
    listener.unregister()


def test_late_subscriber_gets_all_static_transforms(node: Node) -> None:
    """A late subscriber gets all transforms; the first one of a child frame is kept."""
    broadcaster = StaticTransformBroadcaster(node)
    broadcaster.sendTransform(transform('one', 1.0))
    broadcaster.sendTransform([transform('two', 2.0), transform('three', 3.0)])
    broadcaster.sendTransform(transform('one', 9.0))
    late = subprocess.run(
        [sys.executable, '-c', LISTEN], capture_output=True, text=True, timeout=DISCOVERY_SECONDS,
        env=dict(os.environ))
    assert late.stdout.splitlines() == ['base one 1.0', 'base two 2.0', 'base three 3.0'], \
        late.stderr


def test_static_broadcaster_quality_of_service(node: Node) -> None:
    """By default /tf_static is reliable and transient local; a profile overrides that."""
    StaticTransformBroadcaster(node)
    info, = node.get_publishers_info_by_topic('/tf_static')
    assert info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    other = rclpy.create_node('other')
    StaticTransformBroadcaster(other, qos=QoSProfile(
        depth=1, durability=DurabilityPolicy.VOLATILE))
    volatile = [each.qos_profile.durability for each in other.get_publishers_info_by_topic(
        '/tf_static') if each.node_name == 'other']
    other.destroy_node()
    assert volatile == [DurabilityPolicy.VOLATILE]


def test_transform_broadcaster_sends_one_message_for_each_call(node: Node) -> None:
    """A transform, or any iterable of transforms, is one message on /tf."""
    got: list[TFMessage] = []
    broadcaster = TransformBroadcaster(node)
    node.create_subscription(TFMessage, '/tf', got.append, 10)
    wait_for(lambda: node.count_subscribers('/tf') == 1 and
             broadcaster.pub_tf.get_subscription_count() == 1, node)
    broadcaster.sendTransform(transform('a'))
    broadcaster.sendTransform((transform('b'), transform('c')))
    wait_for(lambda: len(got) == 2, node)
    assert [[each.child_frame_id for each in message.transforms] for message in got] \
        == [['a'], ['b', 'c']]


def pixels(dtype: str, *shape: int) -> npt.NDArray:
    """Return an image of random values that includes the extremes of its type."""
    random_numbers = np.random.default_rng(1)
    if dtype == 'float32':
        return random_numbers.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    image = random_numbers.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    image.flat[:2] = limits.min, limits.max
    return image


@pytest.mark.parametrize(('encoding', 'dtype', 'channels'), [
    ('16UC1', 'uint16', 0), ('mono16', 'uint16', 0), ('mono8', 'uint8', 0),
    ('32FC1', 'float32', 0), ('bgra8', 'uint8', 4), ('bgr8', 'uint8', 3), ('rgb8', 'uint8', 3),
    ('rgba8', 'uint8', 4), ('yuv422_yuy2', 'uint8', 2)])
def test_image_round_trip(encoding: str, dtype: str, channels: int) -> None:
    """In every encoding, an image converts to a message and back bit for bit."""
    image = pixels(dtype, 6, 8, *([channels] if channels else []))
    message = CvBridge().cv2_to_imgmsg(image, encoding, header=Header(frame_id='lens'))
    assert (message.height, message.width, message.encoding) == (6, 8, encoding)
    assert message.step == 8 * max(1, channels) * np.dtype(dtype).itemsize
    assert message.header.frame_id == 'lens'
    assert bytes(message.data) == image.tobytes()
    for desired in ('passthrough', encoding):
        back = CvBridge().imgmsg_to_cv2(message, desired)
        assert back.dtype == image.dtype
        np.testing.assert_array_equal(back, image)


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
@pytest.mark.parametrize('depth', ['8U', '16U', '32F'])
def test_passthrough_names_the_type(depth: str, channels: int) -> None:
    """Without an encoding, the message has that of the array's type."""
    dtype = {'8U': 'uint8', '16U': 'uint16', '32F': 'float32'}[depth]
    image = pixels(dtype, 3, 5, channels)
    message = CvBridge().cv2_to_imgmsg(image)
    assert message.encoding == f'{depth}C{channels}'
    assert CvBridge().encoding_to_dtype_with_channels(message.encoding) == (dtype, channels)
    np.testing.assert_array_equal(
        CvBridge().imgmsg_to_cv2(message), image[..., 0] if channels == 1 else image)


@pytest.mark.parametrize(('source', 'target', 'code'), [
    ('bgra8', 'bgr8', cv2.COLOR_BGRA2BGR), ('bgra8', 'rgb8', cv2.COLOR_BGRA2RGB),
    ('rgb8', 'bgr8', cv2.COLOR_RGB2BGR), ('bgr8', 'mono8', cv2.COLOR_BGR2GRAY),
    ('mono8', 'bgr8', cv2.COLOR_GRAY2BGR), ('rgba8', 'bgra8', cv2.COLOR_RGBA2BGRA),
    ('yuv422_yuy2', 'bgr8', cv2.COLOR_YUV2BGR_YUY2),
    ('yuv422_yuy2', 'mono8', cv2.COLOR_YUV2GRAY_YUY2), ('yuv422', 'rgb8', cv2.COLOR_YUV2RGB_UYVY),
    ('bayer_rggb8', 'bgr8', cv2.COLOR_BayerBG2BGR)])
def test_color_conversion_matches_opencv(source: str, target: str, code: int) -> None:
    """Color encodings are converted as by cv2.cvtColor."""
    channels = CvBridge().encoding_to_dtype_with_channels(source)[1]
    image = pixels('uint8', 6, 8, channels)
    image = image[..., 0] if channels == 1 else image
    message = CvBridge().cv2_to_imgmsg(image, source)
    expected = cv2.cvtColor(image, code)
    got = CvBridge().imgmsg_to_cv2(message, target)
    np.testing.assert_array_equal(got, expected.reshape(got.shape))
    assert got.shape[:2] == (6, 8)


def test_bit_depth_conversion() -> None:
    """Gray values are scaled between 8 and 16 bits; values without color are not."""
    bridge = CvBridge()
    gray = np.array([[0, 128, 255]], np.uint8)
    wide = bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(gray, 'mono8'), 'mono16')
    np.testing.assert_array_equal(wide, np.array([[0, 32896, 65535]], np.uint16))
    narrow = bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(wide, 'mono16'), 'mono8')
    np.testing.assert_array_equal(narrow, gray)
    depth = np.array([[0, 1500, 65535]], np.uint16)
    meters = bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(depth, '16UC1'), '32FC1')
    np.testing.assert_array_equal(meters, depth.astype(np.float32))


def test_padding_and_byte_order() -> None:
    """Padding of rows is removed, and big-endian values are swapped."""
    image = pixels('uint16', 3, 4)
    padded = np.zeros((3, 6), '>u2')
    padded[:, :4] = image
    message = Image(height=3, width=4, step=12, encoding='16UC1', is_bigendian=1)
    message.data.frombytes(padded.tobytes())
    np.testing.assert_array_equal(CvBridge().imgmsg_to_cv2(message), image)


@pytest.mark.parametrize('encoding', ['nonsense', '7UC1', 'bgr9'])
def test_unknown_encoding_is_named(encoding: str) -> None:
    """An unknown encoding is named in the error."""
    message = Image(height=2, width=2, step=2, encoding=encoding)
    with pytest.raises(CvBridgeError, match=rf'Unrecognized image encoding \[{encoding}\]'):
        CvBridge().imgmsg_to_cv2(message)
    with pytest.raises(CvBridgeError, match='Unrecognized image encoding'):
        CvBridge().cv2_to_imgmsg(pixels('uint8', 2, 2), encoding)


def test_meaningless_conversions_are_refused() -> None:
    """Depth to color, an encoding of another type, and a list instead of an array."""
    depth = CvBridge().cv2_to_imgmsg(pixels('uint16', 2, 2), '16UC1')
    with pytest.raises(CvBridgeError, match='is not a color format'):
        CvBridge().imgmsg_to_cv2(depth, 'bgr8')
    with pytest.raises(CvBridgeError, match='incompatible type 16UC1'):
        CvBridge().cv2_to_imgmsg(pixels('uint16', 2, 2), 'bgr8')
    with pytest.raises(TypeError, match='not a numpy array'):
        CvBridge().cv2_to_imgmsg([[1]])


def test_compressed_round_trip() -> None:
    """PNG is lossless, JPEG nearly so; the result is converted on request."""
    image = cv2.GaussianBlur(pixels('uint8', 32, 32, 3), (0, 0), 4)
    bridge = CvBridge()
    message = bridge.cv2_to_compressed_imgmsg(image, 'png')
    assert message.format == 'png'
    np.testing.assert_array_equal(bridge.compressed_imgmsg_to_cv2(message), image)
    np.testing.assert_array_equal(
        bridge.compressed_imgmsg_to_cv2(message, 'rgb8'), image[..., ::-1])
    jpeg = bridge.cv2_to_compressed_imgmsg(image)
    assert jpeg.format == 'jpg'
    difference = bridge.compressed_imgmsg_to_cv2(jpeg).astype(int) - image
    assert abs(difference).max() < 30
    depth = pixels('uint16', 8, 8)
    message = bridge.cv2_to_compressed_imgmsg(depth, 'png')
    np.testing.assert_array_equal(bridge.compressed_imgmsg_to_cv2(message), depth)
