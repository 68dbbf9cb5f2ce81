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
Memory layout of large messages: the C structures that rosidl generates for them.

The members and their order are those of the .msg files of sensor_msgs; strings and sequences are
those of rosidl_runtime_c: pointer, size and capacity. `k4a_ros.publishing.raw.rcl` verifies the
layout against the ROS installation before it is used.
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


class AllocatorStruct(ctypes.Structure):
    """A rcutils_allocator_t: four functions and their state."""

    _fields_ = [(name, ctypes.c_void_p) for name in (
        'allocate', 'deallocate', 'reallocate', 'zero_allocate', 'state')]


class SerializedStruct(ctypes.Structure):
    """A rcutils_uint8_array_t: a message in its serialized form."""

    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_size_t),
                ('capacity', ctypes.c_size_t), ('allocator', AllocatorStruct)]


class Sequence(ctypes.Structure):
    """A sequence or string of rosidl_runtime_c; the size of a string excludes its final 0."""

    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_size_t),
                ('capacity', ctypes.c_size_t)]


class StringStruct(Sequence):
    """A rosidl_runtime_c__String."""


class OctetSequence(Sequence):
    """A sequence of uint8."""


class TimeStruct(ctypes.Structure):
    """A builtin_interfaces/Time."""

    _fields_ = [('sec', ctypes.c_int32), ('nanosec', ctypes.c_uint32)]


class HeaderStruct(ctypes.Structure):
    """A std_msgs/Header."""

    _fields_ = [('stamp', TimeStruct), ('frame_id', StringStruct)]


class PointFieldStruct(ctypes.Structure):
    """A sensor_msgs/PointField."""

    _fields_ = [('name', StringStruct), ('offset', ctypes.c_uint32), ('datatype', ctypes.c_uint8),
                ('count', ctypes.c_uint32)]


class PointFieldSequence(Sequence):
    """A sequence of sensor_msgs/PointField."""


class ImageStruct(ctypes.Structure):
    """A sensor_msgs/Image."""

    _fields_ = [('header', HeaderStruct), ('height', ctypes.c_uint32),
                ('width', ctypes.c_uint32), ('encoding', StringStruct),
                ('is_bigendian', ctypes.c_uint8), ('step', ctypes.c_uint32),
                ('data', OctetSequence)]


class CompressedImageStruct(ctypes.Structure):
    """A sensor_msgs/CompressedImage."""

    _fields_ = [('header', HeaderStruct), ('format', StringStruct), ('data', OctetSequence)]


class PointCloud2Struct(ctypes.Structure):
    """A sensor_msgs/PointCloud2."""

    _fields_ = [('header', HeaderStruct), ('height', ctypes.c_uint32),
                ('width', ctypes.c_uint32), ('fields', PointFieldSequence),
                ('is_bigendian', ctypes.c_bool), ('point_step', ctypes.c_uint32),
                ('row_step', ctypes.c_uint32), ('data', OctetSequence),
                ('is_dense', ctypes.c_bool)]


#: message type -> structure
STRUCTS: dict[Any, type[ctypes.Structure]] = {
    Image: ImageStruct, CompressedImage: CompressedImageStruct, PointCloud2: PointCloud2Struct}


def members(struct_type: type[ctypes.Structure]) -> Iterator[tuple[str, Any]]:
    """Yield name and type of each member of a structure."""
    for name, member_type, *_ in struct_type._fields_:
        yield name, member_type


def refer_to(octets: OctetSequence, data: npt.NDArray[Any]) -> None:
    """
    Let a sequence consist of the bytes of an array, which the caller keeps alive.

    :raises ValueError: the array is not C-contiguous.
    """
    if not data.flags.c_contiguous:
        raise ValueError('the data of a message must be C-contiguous')
    # `ndarray.ctypes` has the address, too, but is an object that Python code creates each time
    octets.data, _ = data.__array_interface__['data']
    octets.size = octets.capacity = data.nbytes


def struct_of(message: Any) -> Any:
    """Return the structure of a message, with empty ``data``."""
    struct: Any = STRUCTS[type(message)]()
    struct.keep_alive = _fill(struct, message)
    return struct


def _fill(struct: Any, message: Any) -> list[object]:
    """Copy a message to its structure; return the objects that its pointers refer to."""
    keep_alive: list[object] = []
    for name, member_type in members(type(struct)):
        value = getattr(message, name)
        if member_type is StringStruct:
            text = value.encode()
            buffer = ctypes.create_string_buffer(text)
            keep_alive.append(buffer)
            setattr(struct, name, StringStruct(ctypes.addressof(buffer), len(text), len(buffer)))
        elif member_type is PointFieldSequence:
            items = (PointFieldStruct * len(value))()
            keep_alive.append(items)
            for item, field in zip(items, value, strict=True):
                keep_alive += _fill(item, field)
            setattr(struct, name, PointFieldSequence(
                ctypes.addressof(items), len(items), len(items)))
        elif issubclass(member_type, ctypes.Structure) and member_type is not OctetSequence:
            keep_alive += _fill(getattr(struct, name), value)
        elif member_type is not OctetSequence:
            setattr(struct, name, value)
    return keep_alive


def differences(ours: Any, theirs: Any, deep: bool) -> Iterator[str]:
    """
    Yield the names of the members in which two structures differ.

    :param deep: compare the contents of strings and sequences, too. Use it only if a shallow
        comparison finds no difference: with another layout, the pointers may be invalid.
    """
    for name, member_type in members(type(ours)):
        a, b = getattr(ours, name), getattr(theirs, name)
        if not issubclass(member_type, ctypes.Structure):
            if a != b:
                yield name
        elif not issubclass(member_type, Sequence):
            yield from (f'{name}.{rest}' for rest in differences(a, b, deep))
        elif a.size != b.size or b.capacity < b.size:
            yield f'size of {name}'
        elif deep and member_type is PointFieldSequence:
            for index in range(a.size):
                offset = index * ctypes.sizeof(PointFieldStruct)
                field_a, field_b = (
                    PointFieldStruct.from_address(sequence.data + offset) for sequence in (a, b))
                found = ([*differences(field_a, field_b, False)]
                         or [*differences(field_a, field_b, True)])
                yield from (f'{name}[{index}].{rest}' for rest in found)
        elif deep and ctypes.string_at(a.data, a.size) != ctypes.string_at(b.data, b.size):
            yield name


def example(struct_type: type[ctypes.Structure], message: Any, seed: int) -> Any:
    """Set all fields of a message to distinct values that depend on the seed; return it."""
    for number, (name, member_type) in enumerate(members(struct_type), 3 + 7 * seed):
        if member_type is StringStruct:
            value: Any = 'text'[:number % 5] * number
        elif member_type is OctetSequence:
            value = np.arange(37 * number, dtype=np.uint8).tobytes()
        elif member_type is PointFieldSequence:
            value = [example(PointFieldStruct, PointField(), seed + n) for n in range(number)]
        elif issubclass(member_type, ctypes.Structure):
            value = example(member_type, getattr(message, name), seed + 1)
        elif member_type is ctypes.c_bool:
            value = number % 2 == 1
        else:
            value = number * (1 if member_type is ctypes.c_uint8 else 0x01020304)
        setattr(message, name, value)
    return message
