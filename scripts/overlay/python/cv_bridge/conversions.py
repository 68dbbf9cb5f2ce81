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
Encodings of sensor_msgs/Image as array types, and conversion between them.

Names are those of sensor_msgs/image_encodings.hpp. As in cv_bridge (2025), planar encodings such
as nv12 are not supported: one array cannot hold them.
"""

from __future__ import annotations

import re

import cv2
import numpy as np
import numpy.typing as npt

_DEPTHS = {'8U': 'uint8', '8S': 'int8', '16U': 'uint16', '16S': 'int16', '32S': 'int32',
           '32F': 'float32', '64F': 'float64'}
_CHANNELS = {'mono': 1, 'bgr': 3, 'rgb': 3, 'bgra': 4, 'rgba': 4}
_BAYER = {'bayer_rggb': 'BayerBG', 'bayer_bggr': 'BayerRG', 'bayer_gbrg': 'BayerGR',
          'bayer_grbg': 'BayerGB'}
_YUV = {'yuv422': 'UYVY', 'yuv422_yuy2': 'YUY2'}


class UnsupportedEncoding(ValueError):
    """An encoding is unknown, or cannot be converted to the requested one."""


def _family(encoding: str) -> str:
    """Return a color encoding without its depth, such as rgb for rgb16; '' for other encodings."""
    if encoding in _YUV:
        return encoding
    match = re.fullmatch(r'(\w+?)(8|16)', encoding)
    return match[1] if match and match[1] in {*_CHANNELS, *_BAYER} else ''


def encoding_type(encoding: str) -> tuple[str, int]:
    """
    Return the array type of an encoding.

    :returns: name of the numpy dtype and number of channels.
    :raises UnsupportedEncoding: the encoding is unknown.
    """
    family = _family(encoding)
    if family in _YUV:
        return 'uint8', 2
    if family:
        return ('uint16' if encoding.endswith('16') else 'uint8'), _CHANNELS.get(family, 1)
    match = re.fullmatch(r'(8U|8S|16U|16S|32S|32F|64F)(?:C(\d+))?', encoding)
    if match is None:
        raise UnsupportedEncoding(f'Unrecognized image encoding [{encoding}]')
    return _DEPTHS[match[1]], int(match[2] or 1)


def type_name(dtype: np.dtype, channels: int) -> str:
    """Return the generic encoding of an array type: uint16 with 1 channel is 16UC1."""
    names = {name: depth for depth, name in _DEPTHS.items()}
    return f'{names[dtype.name]}C{channels}'


def convert(image: npt.NDArray, source: str, target: str) -> npt.NDArray:
    """
    Convert an image from one encoding to another, color and depth.

    :param image: (height, width) or (height, width, channels).
    :returns: a new array; between 8 and 16 bits, values are scaled so that white stays white.
    :raises UnsupportedEncoding: an encoding is unknown or the conversion is meaningless.
    """
    if source == target:
        return image.copy()
    channels, (dtype, target_channels) = encoding_type(source)[1], encoding_type(target)
    from_family, to_family = _family(source), _family(target)
    if not (from_family and to_family):
        if to_family:
            raise UnsupportedEncoding(f'[{source}] is not a color format. but [{target}] is. '
                                      'The conversion does not make sense')
        if channels != target_channels:
            raise UnsupportedEncoding(f'[{source}] and [{target}] do not have the same number of '
                                      'channels')
    elif from_family != to_family:
        image = cv2.cvtColor(image, _conversion(source, target))
    return _with_dtype(image, dtype)


def _conversion(source: str, target: str) -> int:
    """Return the code of cv2.cvtColor for two color encodings."""
    from_family, to_family = _family(source), _family(target)
    to_name = 'GRAY' if to_family == 'mono' else to_family.upper()
    if from_family in _YUV:
        name = f'YUV2{to_name}_{_YUV[from_family]}'
    elif from_family in _BAYER:
        name = f'{_BAYER[from_family]}2{to_name}'
    else:
        name = f'{"GRAY" if from_family == "mono" else from_family.upper()}2{to_name}'
    supported = to_family in _CHANNELS and not (from_family in _BAYER and to_name.endswith('A'))
    if not supported:
        raise UnsupportedEncoding(f'Unsupported conversion from [{source}] to [{target}]')
    return int(getattr(cv2, f'COLOR_{name}'))


def _with_dtype(image: npt.NDArray, dtype: str) -> npt.NDArray:
    """Return a copy with another dtype, rounded and saturated like cv::Mat::convertTo."""
    target = np.dtype(dtype)
    scale = {('uint8', 'uint16'): 257.0, ('uint16', 'uint8'): 1 / 257.0}
    if image.dtype == target:
        return image.copy()
    result = image * scale.get((image.dtype.name, dtype), 1.0)
    if target.kind in 'iu':
        limits = np.iinfo(target)
        result = np.clip(np.rint(result), limits.min, limits.max)
    return result.astype(target)
