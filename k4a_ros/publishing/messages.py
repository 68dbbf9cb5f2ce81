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
ROS messages, with buffers that are reused.

Page faults make a fresh buffer five times as expensive as copying to it. Each large message is
therefore created once and its buffer filled in place for every capture;
`k4a_ros.publishing.raw.message` publishes it from there.
"""

from __future__ import annotations

from collections.abc import Sequence
import sys
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.tf_frames import FrameTransform
from k4a_ros.publishing.raw.message import RawMessage
import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2
from sensor_msgs.msg import PointField

#: covariance of a quantity that is not measured (Imu.msg: element 0 is -1)
NOT_MEASURED_COVARIANCE = (-1.0, *(0.0,) * 8)
#: unknown covariance of a quantity that is measured (Imu.msg: all zeros)
UNKNOWN_COVARIANCE = (0.0,) * 9

_BIG_ENDIAN = sys.byteorder == 'big'


def set_stamp(header: Any, ros_ns: int) -> None:
    """Set the stamp of a std_msgs/Header to a ROS time in nanoseconds."""
    stamp = header.stamp
    stamp.sec, stamp.nanosec = divmod(ros_ns, 1_000_000_000)


def stamp_message(ros_ns: int) -> Time:
    """Return a ROS time in nanoseconds as a message."""
    seconds, nanoseconds = divmod(ros_ns, 1_000_000_000)
    return Time(sec=seconds, nanosec=nanoseconds)


def stamp_ns(stamp: Time) -> int:
    """Return a ROS time in nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _allocate_data(message: RawMessage, size: int) -> npt.NDArray[np.uint8]:
    """Set the data of a message to ``size`` bytes, all zero, and return them."""
    data = np.empty(size, np.uint8)
    data.fill(0)  # page faults occur here, and not with the first image as for np.zeros
    message.set_data(data)
    return data


def _image_message(
    frame: str, encoding: str, size: tuple[int, int], shape: tuple[int, ...], pixel: np.dtype[Any],
) -> Image:
    """Return a message without pixels; parameters as in `ImageBuffer`."""
    width, height = size
    message = Image(
        height=height, width=width, encoding=encoding, is_bigendian=int(_BIG_ENDIAN),
        step=int(np.prod(shape[1:])) * pixel.itemsize)
    message.header.frame_id = frame
    return message


class ImageBuffer:
    """
    A sensor_msgs/Image with its own buffer.

    ``message`` is the message, ``pixels`` a view of its data, to be written in place.

    :param frame: TF frame of the camera.
    :param size: width and height of the image.
    :param shape: of ``pixels``; planar formats such as nv12 have more rows than the image.
    :param dtype: of ``pixels``.
    """

    def __init__(
        self, frame: str, encoding: str, size: tuple[int, int], shape: tuple[int, ...],
        dtype: npt.DTypeLike,
    ) -> None:
        pixel = np.dtype(dtype)
        self.message = RawMessage(_image_message(frame, encoding, size, shape, pixel))
        data = _allocate_data(self.message, int(np.prod(shape)) * pixel.itemsize)
        self.pixels: npt.NDArray[Any] = data.view(pixel).reshape(shape)


class ImageView:
    """
    A sensor_msgs/Image that borrows the pixels of the caller without a copy.

    Parameters as in `ImageBuffer`.
    """

    def __init__(
        self, frame: str, encoding: str, size: tuple[int, int], shape: tuple[int, ...],
        dtype: npt.DTypeLike,
    ) -> None:
        self._shape, self._dtype = shape, np.dtype(dtype)
        self.message = RawMessage(
            _image_message(frame, encoding, size, shape, self._dtype), borrowed=True)

    def set_pixels(self, pixels: npt.NDArray[Any]) -> None:
        """
        Set the pixels of the message; they are released when it has been published.

        :raises ValueError: the pixels have the wrong shape or dtype.
        """
        if pixels.shape != self._shape or pixels.dtype != self._dtype:
            raise ValueError(f'the image is {pixels.dtype} {pixels.shape}, expected '
                             f'{self._dtype} {self._shape}')
        self.message.set_data(np.ascontiguousarray(pixels))


class CloudBuffer:
    """
    A sensor_msgs/PointCloud2 of float32 x, y, z in meters, with its own buffer.

    Points take 16 bytes, as in pcl::PointXYZ and depth_image_proc, or 32 with color.

    ``message`` is the message, ``points`` a (height, width, 4 or 8) float32 view of its data, to
    be written in place; columns that are not fields are padding.

    :param frame: TF frame of the points.
    :param size: width and height of an organized cloud.
    :param extra_field: 'rgb': color at byte 16 of 32, as in pcl::PointXYZRGB; 'intensity': a
        float32 at byte 12 of 16; '': neither.
    :param organized: one point for each pixel, NaN for invalid ones; otherwise, and after
        `resize`, a variable number of valid points.
    """

    def __init__(
        self, frame: str, size: tuple[int, int], extra_field: str = '', *, organized: bool = True,
    ) -> None:
        width, height = size
        self._size = size
        self._step = 32 if extra_field == 'rgb' else 16
        fields = [('x', 0), ('y', 4), ('z', 8)]
        if extra_field:
            fields.append((extra_field, {'rgb': 16, 'intensity': 12}[extra_field]))
        message = PointCloud2(
            height=height, width=width, point_step=self._step, row_step=self._step * width,
            is_bigendian=_BIG_ENDIAN, is_dense=not organized,
            fields=[PointField(name=name, offset=offset, datatype=PointField.FLOAT32, count=1)
                    for name, offset in fields])
        message.header.frame_id = frame
        self.message = RawMessage(message)
        self._data = _allocate_data(self.message, self._step * width * height)
        self._is_image = organized
        self.points: npt.NDArray[np.float32] = self._data.view(np.float32).reshape(
            height, width, -1)

    def resize(self, count: int) -> None:
        """Make the cloud one row of the first ``count`` points of the buffer."""
        size = count * self._step
        self._is_image = False
        self.message.set_fields(height=1, width=count, row_step=size, is_dense=True)
        self.message.set_data(self._data[:size])

    def organize(self) -> None:
        """Make the cloud an image again, with all points of the buffer."""
        if self._is_image:
            return
        self._is_image = True
        width, height = self._size
        self.message.set_fields(
            height=height, width=width, row_step=self._step * width, is_dense=False)
        self.message.set_data(self._data)


class CompressedView:
    """
    A sensor_msgs/CompressedImage that borrows the bytes of the caller without a copy.

    :param frame: TF frame of the camera.
    :param format_: ``format`` of the message, as defined by the image_transport plugins.
    """

    def __init__(self, frame: str, format_: str) -> None:
        message = CompressedImage(format=format_)
        message.header.frame_id = frame
        self.message = RawMessage(message, borrowed=True)

    def set_data(self, data: npt.NDArray[np.uint8]) -> None:
        """Set the data, (N,) uint8; it is released when the message has been published."""
        self.message.set_data(np.ascontiguousarray(data))


def camera_info(
    intrinsics: Intrinsics, frame: str, *, rectified: bool = False,
) -> CameraInfo:
    """
    Return the sensor_msgs/CameraInfo of a camera; see `Intrinsics.camera_info`.

    :param rectified: the camera has no distortion: the model is plumb_bob with D = 0, which every
        consumer knows.
    """
    values = intrinsics.camera_info
    message = CameraInfo(
        height=values.height, width=values.width,
        distortion_model='plumb_bob' if rectified else values.model,
        d=(0.0,) * 5 if rectified else values.d, k=values.k, r=values.r, p=values.p)
    message.header.frame_id = frame
    return message


def transform_message(transform: FrameTransform, stamp: Time) -> TransformStamped:
    """Return a static transform as a geometry_msgs/TransformStamped."""
    message = TransformStamped()
    message.header.stamp = stamp
    message.header.frame_id = transform.parent
    message.child_frame_id = transform.child
    translation, rotation = message.transform.translation, message.transform.rotation
    translation.x, translation.y, translation.z = transform.transform.translation.tolist()
    rotation.x, rotation.y, rotation.z, rotation.w = (
        float(v) for v in transform.transform.quaternion())
    return message


def imu_message(
    frame: str, accel_covariance: Sequence[float], gyro_covariance: Sequence[float],
) -> Imu:
    """
    Return a sensor_msgs/Imu without orientation.

    Acceleration, m/s², includes the reaction to gravity; angular velocity is rad/s (REP 145).

    :param accel_covariance: row-major 3x3, m²/s⁴.
    :param gyro_covariance: row-major 3x3, rad²/s².
    """
    message = Imu(
        orientation_covariance=NOT_MEASURED_COVARIANCE,
        linear_acceleration_covariance=accel_covariance,
        angular_velocity_covariance=gyro_covariance)
    message.header.frame_id = frame
    return message
