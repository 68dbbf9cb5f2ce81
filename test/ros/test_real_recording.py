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

"""Messages of a real recording, compared with what libk4arecord and libk4a return."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

import cv2
from cv_bridge import CvBridge
import geometry_msgs.msg
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np
import numpy.typing as npt
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2
from support.reference import Reference
from support.reference_calibration import ReferenceCalibration
from support.reference_calibration import Sensor
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for
from support.sdk import libk4arecord
from tf2_msgs.msg import TFMessage

TOPICS = {
    '/depth/image_raw': Image, '/depth/camera_info': CameraInfo,
    '/ir/image_raw': Image, '/ir/camera_info': CameraInfo,
    '/rgb/image_raw': Image, '/rgb/image_raw/compressed': CompressedImage,
    '/rgb/camera_info': CameraInfo, '/points2': PointCloud2, '/imu': Imu}


@dataclass
class Expected:
    """The recording as libk4arecord reads it."""

    images: dict[str, tuple[int, bytes]]
    imu: Any
    calibration: ReferenceCalibration
    raw_calibration: bytes

    def pixels(self, name: str) -> npt.NDArray[np.uint16]:
        """Return the depth or infrared image."""
        return np.frombuffer(self.images[name][1], np.uint16).reshape(576, 640)


@pytest.fixture(scope='module')
def reference(real_recording: Path) -> Expected:
    with Reference(real_recording) as playback:
        images, = playback.captures()
        sample, = playback.imu()
        raw = playback.calibration()
    return Expected(images, sample, ReferenceCalibration(
        raw, DepthMode.NFOV_UNBINNED, ColorResolution.R720P), raw)


@pytest.fixture(scope='module')
def published(real_recording: Path) -> dict[str, list[Any]]:
    """Return all messages of a driver with default parameters, by topic."""
    domain = new_domain()
    with listening(domain) as listener:
        messages = {name: listener.subscribe(kind, name) for name, kind in TOPICS.items()}
        messages['/tf_static'] = listener.subscribe(TFMessage, '/tf_static', latched=True)
        with DriverProcess.with_parameters(domain, recording_file=real_recording) as driver:
            assert driver.wait() == 0, driver.output
            assert 'End of the recording' in driver.output
        wait_for(lambda: all(messages.values()), 'a message on every topic')
    return messages


def only(published: dict[str, list[Any]], topic: str) -> Any:
    assert len(published[topic]) == 1
    return published[topic][0]


def pixels(message: Image, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    data = np.frombuffer(message.data, dtype)
    assert message.step * message.height == len(message.data)
    return data.reshape(message.height, message.width, -1).squeeze()


def test_depth_equals_the_recording(published, reference):
    message = only(published, '/depth/image_raw')
    assert (message.encoding, message.header.frame_id) == ('16UC1', 'depth_camera_link')
    assert (message.height, message.width, message.is_bigendian) == (576, 640, 0)
    np.testing.assert_array_equal(pixels(message, np.uint16), reference.pixels('depth'))


def test_infrared_equals_the_recording(published, reference):
    message = only(published, '/ir/image_raw')
    assert (message.encoding, message.header.frame_id) == ('mono16', 'depth_camera_link')
    np.testing.assert_array_equal(pixels(message, np.uint16), reference.pixels('ir'))


def test_compressed_color_is_the_recorded_jpeg(published, reference):
    message = only(published, '/rgb/image_raw/compressed')
    assert message.format == 'bgra8; jpeg compressed bgr8'
    assert message.header.frame_id == 'rgb_camera_link'
    assert bytes(message.data) == reference.images['color'][1]


def test_color_equals_the_conversion_of_libk4arecord(published, real_recording):
    message = only(published, '/rgb/image_raw')
    assert (message.encoding, message.header.frame_id) == ('bgra8', 'rgb_camera_link')
    expected = libk4a_bgra(real_recording)
    np.testing.assert_array_equal(pixels(message, np.uint8), expected)


def libk4a_bgra(path: Path) -> npt.NDArray[np.uint8]:
    """Return the first color image as libk4arecord itself converts it to BGRA."""
    sdk = ctypes.CDLL(str(libk4arecord()))  # through which functions of libk4a are found, too
    sdk.k4a_playback_open.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
    sdk.k4a_playback_set_color_conversion.argtypes = [ctypes.c_void_p, ctypes.c_int]
    sdk.k4a_playback_get_next_capture.argtypes = [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
    sdk.k4a_capture_get_color_image.argtypes = [ctypes.c_void_p]
    sdk.k4a_capture_get_color_image.restype = ctypes.c_void_p
    sdk.k4a_image_get_buffer.argtypes = [ctypes.c_void_p]
    sdk.k4a_image_get_buffer.restype = ctypes.c_void_p
    playback, capture = ctypes.c_void_p(), ctypes.c_void_p()
    assert sdk.k4a_playback_open(str(path).encode(), ctypes.byref(playback)) == 0
    assert sdk.k4a_playback_set_color_conversion(playback, 3) == 0
    assert sdk.k4a_playback_get_next_capture(playback, ctypes.byref(capture)) == 0
    image = sdk.k4a_capture_get_color_image(capture)
    size = 720 * 1280 * 4
    data = ctypes.string_at(sdk.k4a_image_get_buffer(image), size)
    sdk.k4a_image_release(ctypes.c_void_p(image))
    sdk.k4a_capture_release(capture)
    sdk.k4a_playback_close(playback)
    return np.frombuffer(data, np.uint8).reshape(720, 1280, 4)


def test_points_equal_those_of_libk4a(published, reference):
    """libk4a rounds to millimeters; the difference is 0.5 mm and the precision of float32."""
    message = only(published, '/points2')
    assert (message.height, message.width, message.point_step) == (576, 640, 16)
    assert [(f.name, f.offset, f.datatype, f.count) for f in message.fields] == [
        ('x', 0, 7, 1), ('y', 4, 7, 1), ('z', 8, 7, 1)]
    assert not message.is_dense
    cloud = np.frombuffer(message.data, np.float32).reshape(576, 640, 4)
    assert not cloud[..., 3].any()
    with_depth_only = ReferenceCalibration(
        reference.raw_calibration, depth=DepthMode.NFOV_UNBINNED)
    expected = with_depth_only.cloud(reference.pixels('depth'))
    invalid = ~expected.any(axis=2)
    np.testing.assert_array_equal(np.isnan(cloud[..., :3]).all(axis=2), invalid)
    np.testing.assert_array_equal(np.isnan(cloud[..., :3]).any(axis=2), invalid)
    error = np.abs(cloud[..., :3] * 1000 - expected)[~invalid]
    assert error.max() <= 0.51
    assert (~invalid).sum() > 200_000


@pytest.mark.parametrize(('topic', 'kind'), [
    ('/depth/camera_info', 'DEPTH'), ('/ir/camera_info', 'DEPTH'), ('/rgb/camera_info', 'COLOR')])
def test_camera_info_equals_the_calibration_of_libk4a(published, reference, topic, kind):
    message = only(published, topic)
    camera = Sensor[kind]
    matrix = reference.calibration.camera_matrix(camera)
    assert message.distortion_model == 'rational_polynomial'
    np.testing.assert_allclose(np.reshape(message.k, (3, 3)), matrix, rtol=1e-6)
    np.testing.assert_allclose(
        message.d, reference.calibration.distortion(camera), rtol=1e-6)
    np.testing.assert_array_equal(np.reshape(message.r, (3, 3)), np.eye(3))
    np.testing.assert_allclose(
        np.reshape(message.p, (3, 4)), np.hstack([matrix, np.zeros((3, 1))]), rtol=1e-6)
    image = only(published, topic.replace('camera_info', 'image_raw'))
    assert (message.width, message.height) == (image.width, image.height)
    assert message.header == image.header


def test_static_transforms_equal_the_extrinsics_of_libk4a(published, reference):
    transforms = {t.child_frame_id: t for m in published['/tf_static'] for t in m.transforms}
    assert {(t.header.frame_id, c) for c, t in transforms.items()} == {
        ('camera_base', 'depth_camera_link'), ('depth_camera_link', 'rgb_camera_link'),
        ('depth_camera_link', 'imu_link')}
    for child, source in (('rgb_camera_link', Sensor.COLOR), ('imu_link', Sensor.ACCEL)):
        rotation, translation = reference.calibration.extrinsics(source, Sensor.DEPTH)
        ours = transforms[child].transform
        np.testing.assert_allclose(
            [ours.translation.x, ours.translation.y, ours.translation.z],
            translation, atol=1e-6)
        np.testing.assert_allclose(matrix_of(ours.rotation), rotation, atol=1e-6)
    base = transforms['depth_camera_link'].transform
    microsoft = geometry_msgs.msg.Quaternion(x=0.525483, y=-0.525483, z=0.473147, w=-0.473147)
    np.testing.assert_allclose(matrix_of(base.rotation), matrix_of(microsoft), atol=2e-6)
    assert (base.translation.x, base.translation.y, base.translation.z) == (0, 0, 0.0018)


def matrix_of(q: Any) -> npt.NDArray[np.float64]:
    x, y, z, w = q.x, q.y, q.z, q.w
    assert math.isclose(x * x + y * y + z * z + w * w, 1.0, rel_tol=1e-5)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def test_imu_equals_the_recording(published, reference):
    message = only(published, '/imu')
    acc, gyro = message.linear_acceleration, message.angular_velocity
    np.testing.assert_array_equal(
        np.float32([acc.x, acc.y, acc.z]), np.float32(reference.imu['acc']))
    np.testing.assert_array_equal(
        np.float32([gyro.x, gyro.y, gyro.z]), np.float32(reference.imu['gyro']))
    assert message.header.frame_id == 'imu_link'
    assert message.orientation_covariance[0] == -1
    assert message.linear_acceleration_covariance[0] == pytest.approx(0.0107 ** 2, rel=1e-6)
    assert message.angular_velocity_covariance[8] == pytest.approx(0.00095 ** 2, rel=1e-6)


def test_stamp_differences_equal_the_recording(published):
    def stamp(topic: str) -> int:
        header = only(published, topic).header
        return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec

    assert len({stamp(topic) for topic in TOPICS if topic != '/imu'}) == 1
    assert stamp('/depth/image_raw') - stamp('/imu') == (800_222 - 336_277) * 1000


def test_cv_bridge_converts_images_unchanged(published):
    bridge = CvBridge()
    for topic in ('/depth/image_raw', '/ir/image_raw', '/rgb/image_raw'):
        message = only(published, topic)
        image = bridge.imgmsg_to_cv2(message)
        again = bridge.cv2_to_imgmsg(image, message.encoding)
        assert (again.height, again.width, again.step, again.encoding) == (
            message.height, message.width, message.step, message.encoding)
        assert bytes(again.data) == bytes(message.data)
    jpeg = only(published, '/rgb/image_raw/compressed')
    np.testing.assert_array_equal(
        bridge.compressed_imgmsg_to_cv2(jpeg, 'bgr8'),
        cv2.imdecode(np.frombuffer(jpeg.data, np.uint8), cv2.IMREAD_COLOR))
