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
What is published, as messages of ROS.

A fresh buffer costs five times its copy in page faults. So each message with much data is made
once, keeps its buffer, and is filled in place again and again; how it is published from there is
up to `k4a_ros.publishing.raw.message`.
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

#: covariance of a quantity that a sensor_msgs/Imu does not carry (Imu.msg: element 0 is -1)
ABSENT = (-1.0, *(0.0,) * 8)
#: covariance that is not known (Imu.msg: all zeros)
UNKNOWN = (0.0,) * 9

_BIG_ENDIAN = sys.byteorder == 'big'


def set_stamp(header: Any, ros_ns: int) -> None:
    """Write a ROS time in nanoseconds into a std_msgs/Header."""
    header.stamp.sec, header.stamp.nanosec = divmod(ros_ns, 1_000_000_000)


def _buffer(message: RawMessage, size: int) -> npt.NDArray[np.uint8]:
    """Give the message ``size`` bytes of data, all zero, and return them."""
    data = np.empty(size, np.uint8)
    data.fill(0)  # touches all pages, which np.zeros leaves to the first image
    message.hold(data)
    return data


def _image(
    frame: str, encoding: str, size: tuple[int, int], shape: tuple[int, ...], pixel: np.dtype[Any],
) -> Image:
    """Return a message without pixels; see `ImageBuffer`."""
    width, height = size
    message = Image(
        height=height, width=width, encoding=encoding, is_bigendian=int(_BIG_ENDIAN),
        step=int(np.prod(shape[1:])) * pixel.itemsize)
    message.header.frame_id = frame
    return message


class ImageBuffer:
    """
    A sensor_msgs/Image whose pixels are written in place.

    :param shape: of the pixels as ``dtype``; the message's height and width are given apart,
        because planar formats (nv12) have more rows than the image.

    ``message`` is the message, ``pixels`` the view on its data.
    """

    def __init__(
        self, frame: str, encoding: str, size: tuple[int, int], shape: tuple[int, ...],
        dtype: npt.DTypeLike,
    ) -> None:
        pixel = np.dtype(dtype)
        self.message = RawMessage(_image(frame, encoding, size, shape, pixel))
        data = _buffer(self.message, int(np.prod(shape)) * pixel.itemsize)
        self.pixels: npt.NDArray[Any] = data.view(pixel).reshape(shape)


class ImageView:
    """
    A sensor_msgs/Image of pixels that somebody else has, as they are.

    Parameters as of `ImageBuffer`.
    """

    def __init__(
        self, frame: str, encoding: str, size: tuple[int, int], shape: tuple[int, ...],
        dtype: npt.DTypeLike,
    ) -> None:
        self._shape, self._dtype = shape, np.dtype(dtype)
        self.message = RawMessage(
            _image(frame, encoding, size, shape, self._dtype), borrowed=True)

    def show(self, pixels: npt.NDArray[Any]) -> None:
        """
        Make ``pixels`` those of the message until it has been published.

        :raises ValueError: they have another shape or type.
        """
        if pixels.shape != self._shape or pixels.dtype != self._dtype:
            raise ValueError(f'an image of {pixels.dtype} {pixels.shape} came, expected '
                             f'{self._dtype} {self._shape}')
        self.message.hold(np.ascontiguousarray(pixels))


class CloudBuffer:
    """
    A sensor_msgs/PointCloud2 of float32 x, y, z in meters, written in place.

    Points are 16 bytes apart, as pcl::PointXYZ and the clouds of depth_image_proc are.

    :param extra: 'rgb': the color at byte 16 of 32, as pcl::PointXYZRGB; 'intensity': a float32
        at byte 12 of 16; '': neither.
    :param organized: whether there is a point, valid or not, for each of the (width, height)
        pixels; if not, there are at most as many points, all valid: see `resize`.

    ``points`` is the (height, width, 4 or 8) float32 view; what is not named is padding.
    """

    def __init__(
        self, frame: str, size: tuple[int, int], extra: str = '', *, organized: bool = True,
    ) -> None:
        width, height = size
        self._step = 32 if extra == 'rgb' else 16
        names = [('x', 0), ('y', 4), ('z', 8)]
        if extra:
            names.append((extra, {'rgb': 16, 'intensity': 12}[extra]))
        message = PointCloud2(
            height=height, width=width, point_step=self._step, row_step=self._step * width,
            is_bigendian=_BIG_ENDIAN, is_dense=not organized,
            fields=[PointField(name=n, offset=at, datatype=PointField.FLOAT32, count=1)
                    for n, at in names])
        message.header.frame_id = frame
        self.message = RawMessage(message)
        self._data = _buffer(self.message, self._step * width * height)
        self.points: npt.NDArray[np.float32] = self._data.view(np.float32).reshape(
            height, width, -1)

    def resize(self, count: int) -> None:
        """Make the message one row of the first ``count`` points of the buffer."""
        size = count * self._step
        self.message.change(height=1, width=count, row_step=size)
        self.message.hold(self._data[:size])


class CompressedBuffer:
    """
    A sensor_msgs/CompressedImage of bytes that somebody else has.

    :param format_: as the publishers of image_transport write it.
    """

    def __init__(self, frame: str, format_: str) -> None:
        message = CompressedImage(format=format_)
        message.header.frame_id = frame
        self.message = RawMessage(message, borrowed=True)

    def fill(self, data: npt.NDArray[np.uint8]) -> None:
        """Make ``data``, (N,) uint8, that of the message until it has been published."""
        self.message.hold(np.ascontiguousarray(data))


def camera_info(intrinsics: Intrinsics, frame: str) -> CameraInfo:
    """
    Return the sensor_msgs/CameraInfo of a camera mode.

    D holds k1 k2 p1 p2 k3 k4 k5 k6 (rational_polynomial, REP 104); R is the identity and
    P = [K | 0], as for a camera that is not part of a stereo pair.
    """
    k = intrinsics.camera_matrix
    message = CameraInfo(
        height=intrinsics.height, width=intrinsics.width,
        distortion_model='rational_polynomial', d=[float(v) for v in intrinsics.distortion],
        k=[float(v) for v in k.ravel()], r=[float(v) for v in np.eye(3).ravel()],
        p=[float(v) for v in np.hstack([k, np.zeros((3, 1))]).ravel()])
    message.header.frame_id = frame
    return message


def transform_message(item: FrameTransform, stamp: Time) -> TransformStamped:
    """Return a static transform as a geometry_msgs/TransformStamped, meters."""
    message = TransformStamped()
    message.header.stamp = stamp
    message.header.frame_id = item.parent
    message.child_frame_id = item.child
    translation, rotation = message.transform.translation, message.transform.rotation
    translation.x, translation.y, translation.z = item.transform.translation.tolist()
    rotation.x, rotation.y, rotation.z, rotation.w = (
        float(v) for v in item.transform.quaternion())
    return message


def imu_message(
    frame: str, accel_covariance: Sequence[float], gyro_covariance: Sequence[float],
) -> Imu:
    """
    Return a sensor_msgs/Imu without orientation; covariances are row-major 3x3.

    Acceleration includes gravity's reaction, m/s²; angular velocity is rad/s (REP 145).
    """
    message = Imu(
        orientation_covariance=ABSENT, linear_acceleration_covariance=accel_covariance,
        angular_velocity_covariance=gyro_covariance)
    message.header.frame_id = frame
    return message
