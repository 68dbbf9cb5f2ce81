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
Publish messages from numpy arrays with rcl_publish, as a C program does.

rclpy copies a message to a C structure before it calls rcl_publish, and holds the GIL throughout.
Here the structure is our own and its data is the array that the image was written to; the same
function is called through ctypes. That saves a copy, half the cost of a large image, and other
threads run meanwhile.

This depends on the memory layout of the structures, so each message type is verified before use:
ROS creates the structure of an example message, and ours must be equal, member by member; ROS
serializes ours, and reading it back must give the example. Samples of the IMU are published in
their serialized form instead, which must read back, too. If anything differs, a warning gives
the reason and rclpy publishes instead. K4A_ROS_PUBLISH=rclpy in the environment selects rclpy
without a warning.
"""

from __future__ import annotations

from collections.abc import Callable
import ctypes
import functools
import logging
import os
from typing import Any
import weakref

from k4a_ros.publishing.raw import serialized_imu
from k4a_ros.publishing.raw import structs
import numpy as np
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.serialization import deserialize_message
from rclpy.type_support import check_for_type_support
from sensor_msgs.msg import Imu

#: environment variable; its value 'rclpy' disables publishing with rcl
METHOD_VARIABLE = 'K4A_ROS_PUBLISH'
#: beginning of the warnings about rcl
COST_WITHOUT_RCL = 'Publishing images through rclpy, at twice the cost, because rcl cannot be used'
#: the error that publishing raises, here and in rclpy
RCLError = rclpy_implementation.RCLError

_log = logging.getLogger('k4a_ros.publishing')


class UnsupportedRosError(Exception):
    """The ROS installation differs from what this module supports."""


class Rcl:
    """
    The functions of the rcl library that rclpy has loaded.

    They are looked up in the dependencies of rclpy's extension module, where the dynamic linker
    finds them for rclpy itself.

    :raises OSError: the extension module is not a library.
    :raises AttributeError: a function is missing.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(rclpy_implementation.__file__)
        pointer, ret = ctypes.c_void_p, ctypes.c_int32
        self._publish = library.rcl_publish
        self._publish.restype, self._publish.argtypes = ret, [pointer, pointer, pointer]
        # of a message that is serialized already
        self._publish_serialized = library.rcl_publish_serialized_message
        self._publish_serialized.restype = ret
        self._publish_serialized.argtypes = [pointer, pointer, pointer]
        self._topic_name = library.rcl_publisher_get_topic_name
        self._topic_name.restype, self._topic_name.argtypes = ctypes.c_char_p, [pointer]
        self._error_state = library.rcutils_get_error_state
        # it returns a pointer to a structure that starts with the message
        self._error_state.restype, self._error_state.argtypes = ctypes.c_char_p, []
        self.reset_error = library.rcutils_reset_error
        self.reset_error.restype, self.reset_error.argtypes = None, []
        self._serialize = library.rmw_serialize
        self._serialize.restype, self._serialize.argtypes = ret, [pointer, pointer, pointer]
        self._default_allocator = library.rcutils_get_default_allocator
        self._default_allocator.restype = structs.AllocatorStruct
        self._default_allocator.argtypes = []
        self._array_init = library.rcutils_uint8_array_init
        self._array_init.restype = ret
        self._array_init.argtypes = [pointer, ctypes.c_size_t, pointer]
        self._array_fini = library.rcutils_uint8_array_fini
        self._array_fini.restype, self._array_fini.argtypes = ret, [pointer]
        # publishers whose handle rcl has been seen to understand
        self._checked: weakref.WeakSet[Any] = weakref.WeakSet()

    def publishing(self, publisher: Any, struct: ctypes.Structure) -> Callable[[], None]:
        """
        Return a function that publishes what is in a structure then, without holding the GIL.

        It raises RCLError if the middleware does not accept the message, and InvalidHandle if the
        publisher has been destroyed; destruction waits for it to return.

        :param publisher: a rclpy Publisher of the message's type.
        :raises InvalidHandle, UnsupportedRosError: see `check_handle`.
        """
        self.check_handle(publisher)
        handle, call = publisher.handle, self._publish
        with handle:
            arguments = ctypes.c_void_p(handle.pointer), ctypes.byref(struct), None

        def publish() -> None:
            with handle:
                failed = call(*arguments)
            if failed:
                raise RCLError(f'Failed to publish on {publisher.topic}: {self._take_error()}')

        return publish

    @property
    def publish_serialized_address(self) -> int:
        """Return the address of rcl_publish_serialized_message."""
        return ctypes.cast(self._publish_serialized, ctypes.c_void_p).value or 0

    def check_handle(self, publisher: Any) -> None:
        """
        Check, once, that rcl understands the handle of a publisher.

        :raises InvalidHandle: the publisher has been destroyed.
        :raises UnsupportedRosError: rcl does not understand it.
        """
        if publisher not in self._checked:
            handle = publisher.handle
            with handle:
                if self._topic_name(handle.pointer) != handle.get_topic_name().encode():
                    self.reset_error()
                    raise UnsupportedRosError('the handle of a publisher has an unknown type')
            self._checked.add(publisher)

    def serialize(self, kind: Any, struct: ctypes.Structure) -> bytes:
        """
        Return a message in its serialized form.

        :param kind: the message type.
        :raises UnsupportedRosError: serialization failed.
        """
        array, allocator = structs.SerializedStruct(), self._default_allocator()
        if self._array_init(ctypes.byref(array), 0, ctypes.byref(allocator)):
            raise UnsupportedRosError(f'no memory for serialization: {self._take_error()}')
        try:
            if self._serialize(ctypes.byref(struct), _capsule_pointer(kind, '_TYPE_SUPPORT'),
                               ctypes.byref(array)):
                raise UnsupportedRosError(f'serialization failed: {self._take_error()}')
            return ctypes.string_at(array.data, array.size)
        finally:
            self._array_fini(ctypes.byref(array))

    def _take_error(self) -> str:
        """Return the last error message, and reset the error state."""
        text: bytes | None = self._error_state()
        message = (text or b'no reason given').decode(errors='replace')
        self.reset_error()
        return message

    def verify(self, kind: Any) -> None:
        """
        Verify the layout of messages of a type against the ROS installation.

        :raises UnsupportedRosError: the layout or the serialized form differs.
        """
        check_for_type_support(kind)
        if kind is Imu:
            if not serialized_imu.reads_back():
                raise UnsupportedRosError('the serialized form differs')
            return
        for seed in (0, 1):
            message = structs.example(structs.STRUCTS[kind], kind(), seed)
            struct = structs.struct_of(message)
            if hasattr(message, 'data'):
                data = np.frombuffer(message.data, np.uint8)
                structs.refer_to(struct.data, data)
            different = _layout_differences(kind, message, struct)
            if different:
                raise UnsupportedRosError(f'the layout differs in {", ".join(different)}')
            if deserialize_message(self.serialize(kind, struct), kind) != message:
                raise UnsupportedRosError('a serialized message does not read back unchanged')


def _capsule_pointer(kind: Any, name: str) -> int:
    """Return the pointer in a capsule of the generated Python code of a message type."""
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    capsule = getattr(kind.__class__, name)
    return int(api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule)))


def _layout_differences(kind: Any, message: Any, ours: ctypes.Structure) -> list[str]:
    """Return the members in which our structure of a message differs from the one ROS creates."""
    create = ctypes.PYFUNCTYPE(ctypes.c_void_p)(_capsule_pointer(kind, '_CREATE_ROS_MESSAGE'))
    destroy = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(
        _capsule_pointer(kind, '_DESTROY_ROS_MESSAGE'))
    convert = ctypes.PYFUNCTYPE(ctypes.c_bool, ctypes.py_object, ctypes.c_void_p)(
        _capsule_pointer(kind, '_CONVERT_FROM_PY'))
    created = create()
    try:
        if not created or not convert(message, created):
            raise UnsupportedRosError('ROS cannot convert an example message')
        theirs = structs.STRUCTS[kind].from_address(created)
        return ([*structs.differences(ours, theirs, deep=False)]
                or [*structs.differences(ours, theirs, deep=True)])
    finally:
        if created:
            destroy(created)


@functools.cache
def _library() -> Rcl:
    return Rcl()


@functools.cache
def verified_rcl(kind: Any) -> Rcl | None:
    """
    Return rcl if it can publish messages of a type from our own memory, otherwise None.

    :param kind: a message type of `k4a_ros.publishing.raw.structs.STRUCTS`, or Imu.
    """
    if os.environ.get(METHOD_VARIABLE) == 'rclpy':
        return None
    try:
        rcl = _library()
        rcl.verify(kind)
    except Exception as error:  # another ROS distribution may fail in any way; rclpy works
        _log.warning('%s for %s: %s. Set %s=rclpy to select this without a warning',
                     COST_WITHOUT_RCL, kind.__name__, error, METHOD_VARIABLE)
        return None
    return rcl
