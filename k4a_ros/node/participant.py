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
Create the participant of the middleware in the background, while Python imports modules.

Creating one takes a tenth of a second, in which Fast DDS reserves its shared memory. rclpy does it
with the first node, and holds the GIL. All nodes of a context share the participant, so a node of
the middleware that is created before by another thread, without the GIL, saves that time.
"""

from __future__ import annotations

import ctypes
from typing import Any

from k4a_ros.process.bounded import abandonable_thread
from rclpy.context import Context
from rclpy.impl.implementation_singleton import rclpy_implementation

#: name of the node in the graph for the time until `release`; a leading underscore hides it
_NAME = b'_k4a_driver_starting'


class EarlyParticipant:
    """
    The participant of a context that has no node yet.

    Without the functions of rcl and rmw, or if one fails, the first node creates the participant,
    and has the errors.

    :param context: has been initialized.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._destroy: Any = None
        self._node: int | None = None
        self._thread = abandonable_thread('participant', self._create)
        self._thread.start()

    def release(self) -> None:
        """Leave the participant to the nodes that exist now; does nothing the second time."""
        self._thread.join()
        if self._node:
            self._destroy(self._node)
            self._node = None

    def _create(self) -> None:
        try:
            library = ctypes.CDLL(rclpy_implementation.__file__)
            rmw_context_of, create, destroy = (
                library.rcl_context_get_rmw_context, library.rmw_create_node,
                library.rmw_destroy_node)
        except (OSError, AttributeError):
            return
        pointer = ctypes.c_void_p
        rmw_context_of.restype, rmw_context_of.argtypes = pointer, [pointer]
        create.restype, create.argtypes = pointer, [pointer, ctypes.c_char_p, ctypes.c_char_p]
        destroy.restype, destroy.argtypes = ctypes.c_int32, [pointer]
        self._destroy = destroy
        handle: Any = self._context.handle
        with handle:
            rmw_context = rmw_context_of(handle.pointer)
            if rmw_context:
                self._node = create(rmw_context, _NAME, b'/')
