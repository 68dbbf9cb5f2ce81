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
Publishing from our own memory, as a program in C does.

rclpy copies a message into a structure of C before it gives it to the function rcl_publish, and
holds the interpreter's lock all the while. Here the structure is our own, its data the array that
the image was written to, and the same function is called through ctypes: one copy less, which is
half the cost of a large image, and other threads run meanwhile.

This rests on the layout of the structures, so each type is tried out before it is used: ROS makes
a structure of an example message and ours must be the same, member for member; ROS serializes
ours, and what it reads back must be the example. Where anything is not as expected, the answer is
None, a warning says why, and rclpy publishes. K4A_ROS_PUBLISH=rclpy in the environment demands
that from the outset.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
from typing import Any
import weakref

from k4a_ros.publishing.raw import structs
import numpy as np
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.serialization import deserialize_message
from rclpy.type_support import check_for_type_support

#: Set to 'rclpy', nothing is published in any other way.
SWITCH = 'K4A_ROS_PUBLISH'
#: what publishing raises, here and in rclpy
RCLError = rclpy_implementation.RCLError

_log = logging.getLogger('k4a_ros.publishing')


class UnexpectedRosError(Exception):
    """This installation of ROS is not what this module knows."""


class _Allocator(ctypes.Structure):
    """A rcutils_allocator_t: four functions and their state."""

    _fields_ = [(name, ctypes.c_void_p) for name in (
        'allocate', 'deallocate', 'reallocate', 'zero_allocate', 'state')]


class _ByteArray(ctypes.Structure):
    """A rcutils_uint8_array_t, which is what messages are serialized to."""

    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_size_t),
                ('capacity', ctypes.c_size_t), ('allocator', _Allocator)]


class Rcl:
    """
    The functions of the rcl that rclpy uses.

    They are looked up where the dynamic linker looks them up for rclpy itself: in the libraries
    that its extension module needs.

    :raises OSError: the extension module is no library.
    :raises AttributeError: a function is missing.
    """

    def __init__(self) -> None:
        rclpy = ctypes.CDLL(rclpy_implementation.__file__)
        pointer, number = ctypes.c_void_p, ctypes.c_int32
        self._publish = rclpy.rcl_publish
        self._publish.restype, self._publish.argtypes = number, [pointer, pointer, pointer]
        self._topic_name = rclpy.rcl_publisher_get_topic_name
        self._topic_name.restype, self._topic_name.argtypes = ctypes.c_char_p, [pointer]
        self._error = rclpy.rcutils_get_error_state
        # its result points to a structure that begins with the text
        self._error.restype, self._error.argtypes = ctypes.c_char_p, []
        self._reset_error = rclpy.rcutils_reset_error
        self._reset_error.restype, self._reset_error.argtypes = None, []
        self._serialize = rclpy.rmw_serialize
        self._serialize.restype, self._serialize.argtypes = number, [pointer, pointer, pointer]
        self._allocator = rclpy.rcutils_get_default_allocator
        self._allocator.restype, self._allocator.argtypes = _Allocator, []
        self._begin_array = rclpy.rcutils_uint8_array_init
        self._begin_array.restype = number
        self._begin_array.argtypes = [pointer, ctypes.c_size_t, pointer]
        self._end_array = rclpy.rcutils_uint8_array_fini
        self._end_array.restype, self._end_array.argtypes = number, [pointer]
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()

    def publish(self, publisher: Any, struct: ctypes.Structure) -> None:
        """
        Publish a message without the interpreter's lock.

        :param publisher: a rclpy Publisher of the message's type.
        :raises RCLError: as rclpy's publish does.
        :raises InvalidHandle: the publisher is destroyed. It is not while this publishes.
        :raises UnexpectedRosError: the publisher's handle is none that rcl knows.
        """
        handle = publisher.handle
        with handle:
            if publisher not in self._known:
                if self._topic_name(handle.pointer) != handle.get_topic_name().encode():
                    self._reset_error()
                    raise UnexpectedRosError('the handle of a publisher is of another kind')
                self._known.add(publisher)
            failed = self._publish(handle.pointer, ctypes.byref(struct), None)
        if failed:
            raise RCLError(
                f'Failed to publish on {publisher.topic}: {self._last_error()}')

    def serialize(self, kind: Any, struct: ctypes.Structure) -> bytes:
        """
        Return a message as it is sent.

        :raises UnexpectedRosError: it cannot be serialized.
        """
        array, allocator = _ByteArray(), self._allocator()
        if self._begin_array(ctypes.byref(array), 0, ctypes.byref(allocator)):
            raise UnexpectedRosError(f'no memory to serialize to: {self._last_error()}')
        try:
            if self._serialize(ctypes.byref(struct), _pointer(kind, '_TYPE_SUPPORT'),
                               ctypes.byref(array)):
                raise UnexpectedRosError(f'cannot be serialized: {self._last_error()}')
            return ctypes.string_at(array.data, array.size)
        finally:
            self._end_array(ctypes.byref(array))

    def _last_error(self) -> str:
        text: bytes | None = self._error()
        message = (text or b'no reason given').decode(errors='replace')
        self._reset_error()
        return message

    def verify(self, kind: Any) -> None:
        """
        Try the structure of a message type out.

        :raises UnexpectedRosError: it is another one in this installation.
        """
        check_for_type_support(kind)
        for seed in (0, 1):
            message = structs.example(structs.STRUCTS[kind], kind(), seed)
            struct = structs.struct_of(message)
            data = np.frombuffer(message.data, np.uint8)
            struct.data = structs.octets(data)
            different = _compare(kind, message, struct)
            if different:
                raise UnexpectedRosError(f'other layout: {", ".join(different)}')
            if deserialize_message(self.serialize(kind, struct), kind) != message:
                raise UnexpectedRosError('what was serialized is not what is read back')


def _pointer(kind: Any, name: str) -> int:
    """Return what a capsule of the generated Python code of a message points to."""
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    capsule = getattr(kind.__class__, name)
    return int(api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule)))


def _compare(kind: Any, message: Any, ours: ctypes.Structure) -> list[str]:
    """Return in what our structure of a message differs from the one that ROS makes of it."""
    create = ctypes.PYFUNCTYPE(ctypes.c_void_p)(_pointer(kind, '_CREATE_ROS_MESSAGE'))
    destroy = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(_pointer(kind, '_DESTROY_ROS_MESSAGE'))
    convert = ctypes.PYFUNCTYPE(ctypes.c_bool, ctypes.py_object, ctypes.c_void_p)(
        _pointer(kind, '_CONVERT_FROM_PY'))
    made = create()
    try:
        if not made or not convert(message, made):
            raise UnexpectedRosError('ROS cannot convert an example')
        theirs = structs.STRUCTS[kind].from_address(made)
        return ([*structs.differences(ours, theirs, deep=False)]
                or [*structs.differences(ours, theirs, deep=True)])
    finally:
        if made:
            destroy(made)


@functools.cache
def _library() -> Rcl:
    return Rcl()


@functools.cache
def usable(kind: Any) -> Rcl | None:
    """
    Return the means to publish messages of a type from our own memory, if that is safe here.

    :param kind: a message type of `k4a_ros.publishing.raw.structs.STRUCTS`.
    """
    if os.environ.get(SWITCH) == 'rclpy':
        return None
    try:
        rcl = _library()
        rcl.verify(kind)
    except Exception as error:  # whatever another ROS does: there is another way
        _log.warning(
            'images are published through rclpy, which takes twice the time: %s: %s (to demand '
            'that, and be rid of this warning, set %s=rclpy)', kind.__name__, error, SWITCH)
        return None
    return rcl
