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

"""Conversion between image messages and arrays."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from .conversions import convert
from .conversions import encoding_type
from .conversions import type_name
from .conversions import UnsupportedEncoding


class CvBridgeError(TypeError):
    """An image or encoding cannot be converted."""


class CvBridge:
    """Converts between sensor_msgs image messages and numpy arrays as OpenCV uses them."""

    def dtype_with_channels_to_cvtype2(self, dtype: np.dtype, n_channels: int) -> str:
        """Return the encoding of an array type: uint16 with 1 channel is 16UC1."""
        return type_name(dtype, n_channels)

    def encoding_to_dtype_with_channels(self, encoding: str) -> tuple[str, int]:
        """
        Return the name of the numpy dtype and the number of channels of an encoding.

        :raises CvBridgeError: the encoding is unknown.
        """
        try:
            return encoding_type(encoding)
        except UnsupportedEncoding as error:
            raise CvBridgeError(error) from error

    def imgmsg_to_cv2(self, img_msg: Image, desired_encoding: str = 'passthrough') -> npt.NDArray:
        """
        Return the image of a message.

        :param desired_encoding: encoding to convert to; 'passthrough' does not convert.
        :returns: (height, width) for one channel, else (height, width, channels), in the byte
            order of this machine.
        :raises CvBridgeError: an encoding is unknown or cannot be converted.
        """
        name, channels = self.encoding_to_dtype_with_channels(img_msg.encoding)
        dtype = np.dtype(name).newbyteorder('>' if img_msg.is_bigendian else '<')
        data = bytes(img_msg.data) if isinstance(img_msg.data, list) else img_msg.data
        columns = img_msg.step // (dtype.itemsize * channels)
        shape = (img_msg.height, columns, channels)[:2 if channels == 1 else 3]
        image = np.ndarray(shape, dtype, buffer=data)[:, :img_msg.width]
        image = np.ascontiguousarray(image, dtype=dtype.newbyteorder('='))
        if desired_encoding == 'passthrough':
            return image
        return self._convert(image, img_msg.encoding, desired_encoding)

    def cv2_to_imgmsg(self, cvim: npt.NDArray, encoding: str = 'passthrough',
                      header: Header | None = None) -> Image:
        """
        Return an image as a message.

        :param cvim: (height, width) or (height, width, channels).
        :param encoding: encoding of the image; 'passthrough' uses that of its type, such as 16UC1.
        :raises CvBridgeError: the encoding is unknown or does not match the type of the image.
        """
        _require_array(cvim)
        cvtype = type_name(cvim.dtype, 1 if cvim.ndim < 3 else cvim.shape[2])
        if encoding != 'passthrough':
            name, channels = self.encoding_to_dtype_with_channels(encoding)
            if type_name(np.dtype(name), channels) != cvtype:
                raise CvBridgeError(f'encoding specified as {encoding}, but image has '
                                    f'incompatible type {cvtype}')
        message = Image() if header is None else Image(header=header)
        message.height, message.width = cvim.shape[:2]
        message.encoding = cvtype if encoding == 'passthrough' else encoding
        order = cvim.dtype.byteorder
        message.is_bigendian = order == '>' or (order == '=' and sys.byteorder == 'big')
        message.data.frombytes(cvim.tobytes())
        message.step = len(message.data) // message.height
        return message

    def compressed_imgmsg_to_cv2(self, cmprs_img_msg: CompressedImage,
                                 desired_encoding: str = 'passthrough') -> npt.NDArray:
        """
        Return the decoded image of a compressed message.

        :param desired_encoding: encoding to convert to; 'passthrough' keeps what OpenCV decodes,
            bgr8 or mono.
        :raises CvBridgeError: the encoding cannot be converted.
        """
        data = np.frombuffer(cmprs_img_msg.data, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        if desired_encoding == 'passthrough':
            return image
        return self._convert(image, 'bgr8', desired_encoding)

    def cv2_to_compressed_imgmsg(self, cvim: npt.NDArray, dst_format: str = 'jpg'
                                 ) -> CompressedImage:
        """
        Return a compressed image as a message.

        :param dst_format: file extension of the format without the dot, such as jpg or png.
        """
        _require_array(cvim)
        message = CompressedImage(format=dst_format)
        message.data.frombytes(cv2.imencode(f'.{dst_format}', cvim)[1].tobytes())
        return message

    def _convert(self, image: npt.NDArray, source: str, target: str) -> npt.NDArray:
        try:
            return convert(image, source, target)
        except UnsupportedEncoding as error:
            raise CvBridgeError(error) from error


def _require_array(image: object) -> None:
    if not isinstance(image, (np.ndarray, np.generic)):
        raise TypeError('Your input type is not a numpy array')
