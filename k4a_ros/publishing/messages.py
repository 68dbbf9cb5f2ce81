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
Arrays as sensor_msgs; the only place that touches ``msg.data``.

Assigning to ``msg.data`` copies, and a fresh buffer costs five times its copy in page faults. So
each message object here is made once, keeps its buffer, and is filled in place again and again;
rclpy's publish serialises it before it returns.
"""

from __future__ import annotations

import array
from collections.abc import Sequence
import sys
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from k4a_ros.frames import FrameTransform
from k4a_ros.lens import Intrinsics
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


def _buffer(message: Any, size: int) -> npt.NDArray[np.uint8]:
    """Give the message ``size`` bytes of data and return a writable view of them."""
    message.data = array.array('B', bytes(size))
    return np.frombuffer(message.data, np.uint8)


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
        width, height = size
        self.message = Image(
            height=height, width=width, encoding=encoding, is_bigendian=int(_BIG_ENDIAN),
            step=int(np.prod(shape[1:])) * pixel.itemsize)
        self.message.header.frame_id = frame
        data = _buffer(self.message, int(np.prod(shape)) * pixel.itemsize)
        self.pixels: npt.NDArray[Any] = data.view(pixel).reshape(shape)


class CloudBuffer:
    """
    An organised sensor_msgs/PointCloud2 of float32 x, y, z in metres, written in place.

    Points are 16 bytes apart, as pcl::PointXYZ and the clouds of depth_image_proc are, or with
    ``colored`` 32 bytes with the colour at byte 16, as pcl::PointXYZRGB.
    ``points`` is the (height, width, 4 or 8) float32 view; what is not named is padding.
    """

    def __init__(self, frame: str, size: tuple[int, int], colored: bool = False) -> None:
        width, height = size
        step = 32 if colored else 16
        names = [('x', 0), ('y', 4), ('z', 8), *([('rgb', 16)] if colored else [])]
        self.message = PointCloud2(
            height=height, width=width, point_step=step, row_step=step * width,
            is_bigendian=_BIG_ENDIAN, is_dense=False,
            fields=[PointField(name=n, offset=at, datatype=PointField.FLOAT32, count=1)
                    for n, at in names])
        self.message.header.frame_id = frame
        data = _buffer(self.message, step * width * height)
        self.points: npt.NDArray[np.float32] = data.view(np.float32).reshape(height, width, -1)


class CompressedBuffer:
    """
    A sensor_msgs/CompressedImage that takes over compressed bytes.

    :param format_: as the publishers of image_transport write it.
    """

    def __init__(self, frame: str, format_: str) -> None:
        self.message = CompressedImage(format=format_)
        self.message.header.frame_id = frame

    def fill(self, data: npt.NDArray[np.uint8]) -> None:
        """Replace the bytes of the message by ``data``, (N,) uint8."""
        bytes_ = self.message.data
        del bytes_[:]
        bytes_.frombytes(np.ascontiguousarray(data).data)


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
    """Return a static transform as a geometry_msgs/TransformStamped, metres."""
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
