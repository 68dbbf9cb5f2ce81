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
How messages with much data lie in memory: the C structures that rosidl makes of them.

The members and their order are those of the .msg files of sensor_msgs; strings and sequences are
rosidl_runtime_c's: pointer, size and capacity. Whether it is so in the ROS that is installed is
not taken for granted, see `k4a_ros.publishing.raw.rcl`.
"""

from __future__ import annotations

from collections.abc import Iterator
import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from sensor_msgs.msg import PointField


class Sequence(ctypes.Structure):
    """A string (size without the 0 at its end) or a sequence of rosidl_runtime_c."""

    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_size_t),
                ('capacity', ctypes.c_size_t)]


class Text(Sequence):
    """A rosidl_runtime_c__String."""


class Octets(Sequence):
    """A sequence of uint8."""


class TimeStruct(ctypes.Structure):
    """A builtin_interfaces/Time."""

    _fields_ = [('sec', ctypes.c_int32), ('nanosec', ctypes.c_uint32)]


class HeaderStruct(ctypes.Structure):
    """A std_msgs/Header."""

    _fields_ = [('stamp', TimeStruct), ('frame_id', Text)]


class PointFieldStruct(ctypes.Structure):
    """A sensor_msgs/PointField."""

    _fields_ = [('name', Text), ('offset', ctypes.c_uint32), ('datatype', ctypes.c_uint8),
                ('count', ctypes.c_uint32)]


class PointFields(Sequence):
    """A sequence of sensor_msgs/PointField."""


class ImageStruct(ctypes.Structure):
    """A sensor_msgs/Image."""

    _fields_ = [('header', HeaderStruct), ('height', ctypes.c_uint32),
                ('width', ctypes.c_uint32), ('encoding', Text), ('is_bigendian', ctypes.c_uint8),
                ('step', ctypes.c_uint32), ('data', Octets)]


class CompressedImageStruct(ctypes.Structure):
    """A sensor_msgs/CompressedImage."""

    _fields_ = [('header', HeaderStruct), ('format', Text), ('data', Octets)]


class PointCloud2Struct(ctypes.Structure):
    """A sensor_msgs/PointCloud2."""

    _fields_ = [('header', HeaderStruct), ('height', ctypes.c_uint32),
                ('width', ctypes.c_uint32), ('fields', PointFields),
                ('is_bigendian', ctypes.c_bool), ('point_step', ctypes.c_uint32),
                ('row_step', ctypes.c_uint32), ('data', Octets), ('is_dense', ctypes.c_bool)]


#: message type -> its structure
STRUCTS: dict[Any, type[ctypes.Structure]] = {
    Image: ImageStruct, CompressedImage: CompressedImageStruct, PointCloud2: PointCloud2Struct}


def members(kind: type[ctypes.Structure]) -> Iterator[tuple[str, Any]]:
    """Yield names and types of the members of a structure."""
    for name, type_, *_ in kind._fields_:
        yield name, type_


def octets(data: npt.NDArray[Any]) -> Octets:
    """
    Return the sequence of all bytes of an array, which has to be kept as long.

    :raises ValueError: the array is not contiguous.
    """
    if not data.flags.c_contiguous:
        raise ValueError('the data of a message must be contiguous')
    return Octets(data.ctypes.data, data.nbytes, data.nbytes)


def struct_of(message: Any) -> Any:
    """Return the structure of a message with everything but its ``data``, which is empty."""
    struct: Any = STRUCTS[type(message)]()
    struct.kept = _fill(struct, message)  # what it points to
    return struct


def _fill(struct: Any, message: Any) -> list[object]:
    """Write a message into its structure; return what that points to."""
    kept: list[object] = []
    for name, kind in members(type(struct)):
        value = getattr(message, name)
        if kind is Text:
            text = value.encode()
            buffer = ctypes.create_string_buffer(text)
            kept.append(buffer)
            setattr(struct, name, Text(ctypes.addressof(buffer), len(text), len(buffer)))
        elif kind is PointFields:
            items = (PointFieldStruct * len(value))()
            kept.append(items)
            for item, field in zip(items, value, strict=True):
                kept += _fill(item, field)
            setattr(struct, name, PointFields(
                ctypes.addressof(items), len(items), len(items)))
        elif issubclass(kind, ctypes.Structure) and kind is not Octets:
            kept += _fill(getattr(struct, name), value)
        elif kind is not Octets:
            setattr(struct, name, value)
    return kept


def differences(ours: Any, theirs: Any, deep: bool) -> Iterator[str]:
    """
    Yield the names of members that differ.

    :param deep: compare what strings and sequences hold, too. Do this only if nothing else
        differs: where the layout is another one, the pointers may be none.
    """
    for name, kind in members(type(ours)):
        a, b = getattr(ours, name), getattr(theirs, name)
        if not issubclass(kind, ctypes.Structure):
            if a != b:
                yield name
        elif not issubclass(kind, Sequence):
            yield from (f'{name}.{rest}' for rest in differences(a, b, deep))
        elif a.size != b.size or b.capacity < b.size:
            yield f'size of {name}'
        elif deep and kind is PointFields:
            for index in range(a.size):
                at = index * ctypes.sizeof(PointFieldStruct)
                one, other = (PointFieldStruct.from_address(s.data + at) for s in (a, b))
                found = [*differences(one, other, False)] or [*differences(one, other, True)]
                yield from (f'{name}[{index}].{rest}' for rest in found)
        elif deep and ctypes.string_at(a.data, a.size) != ctypes.string_at(b.data, b.size):
            yield name


def example(kind: type[ctypes.Structure], message: Any, seed: int) -> Any:
    """Give all fields of a message values of their own, which follow from the seed; return it."""
    for number, (name, type_) in enumerate(members(kind), 3 + 7 * seed):
        if type_ is Text:
            value: Any = 'text'[:number % 5] * number
        elif type_ is Octets:
            value = np.arange(37 * number, dtype=np.uint8).tobytes()
        elif type_ is PointFields:
            value = [example(PointFieldStruct, PointField(), seed + n) for n in range(number)]
        elif issubclass(type_, ctypes.Structure):
            value = example(type_, getattr(message, name), seed + 1)
        elif type_ is ctypes.c_bool:
            value = number % 2 == 1
        else:
            value = number * (1 if type_ is ctypes.c_uint8 else 0x01020304)
        setattr(message, name, value)
    return message
