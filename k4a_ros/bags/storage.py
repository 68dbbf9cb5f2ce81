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
A rosbag2 bag that is being written: complete, or not there at all.

The bag gets its name only when it is complete: until then it is in a hidden folder beside it,
which is removed if an error or an interrupt ends the program. `rosbags` writes it, and is imported
only here and when a bag is needed, because the driver works without it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
import importlib
import os
from pathlib import Path
import shutil
import sqlite3
import tempfile
from types import TracebackType
from typing import Any
from typing import Literal

from k4a_ros.bags.cdr import Serializer
from k4a_ros.bags.cdr import type_name
from k4a_ros.bags.message_types import add_type
from k4a_ros.errors import BagError
from rclpy.qos import QoSProfile

Storage = Literal['mcap', 'sqlite3']
STORAGES: tuple[Storage, ...] = ('mcap', 'sqlite3')

#: version of the metadata: that of ROS 2 Iron, which Humble and all later distributions read, too
_VERSION = 8
#: a duration without limit, as rosbag2 writes it
_INFINITE = (9223372036, 854775807)


@dataclass
class Topic:
    """
    A topic of a bag that is being written.

    ``count`` is the number of messages so far.
    """

    name: str
    connection: Any
    count: int = 0


class BagWriter(contextlib.AbstractContextManager['BagWriter']):
    """
    A bag open for writing; leaving a ``with`` block completes it, or removes it after an error.

    The same messages give the same bytes. ``serializer`` serializes messages of its topics.

    :param path: the folder that is to become the bag; ``~`` is expanded.
    :raises BagError: it exists, cannot be created, or rosbags is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], storage: Storage = 'mcap') -> None:
        self.path = Path(os.path.expanduser(os.fspath(path)))
        rosbag2 = import_rosbags('rosbag2', f'write bag {self.path}')
        self._typesys = import_rosbags('typesys', f'write bag {self.path}')
        self._interfaces = import_rosbags('interfaces', f'write bag {self.path}')
        self._types = self._typesys.get_typestore(self._typesys.Stores.EMPTY)
        self.serializer = Serializer(self._types)
        if self.path.exists():
            raise self._error('it exists; choose another name, or remove it')
        try:
            self._temporary = Path(tempfile.mkdtemp(
                prefix=f'.{self.path.name}.', suffix='.partial', dir=self.path.parent))
        except OSError as error:
            raise self._error((error.strerror or str(error)).lower()) from error
        self._writer = rosbag2.Writer(
            self._temporary / self.path.name, version=_VERSION,
            storage_plugin=rosbag2.StoragePlugin[storage.upper()])
        try:
            self._writer.open()
        except BaseException as error:
            self.discard()
            raise self._translated(error) from error

    def add_topic(self, name: str, kind: Any, qos: QoSProfile) -> Topic:
        """
        Add a topic.

        :param name: full name.
        :param kind: class of its messages.
        :param qos: offered by its publisher; a player publishes with it.
        :raises BagError: its messages are of an unknown type.
        """
        type_ = type_name(kind)
        add_type(self._typesys, self._types, type_)
        return Topic(name, self._writer.add_connection(
            name, type_, typestore=self._types, offered_qos_profiles=[self._qos(qos)]))

    def _qos(self, qos: QoSProfile) -> Any:
        interfaces = self._interfaces
        infinite = interfaces.QosTime(*_INFINITE)
        return interfaces.Qos(
            history=interfaces.QosHistory(int(qos.history)), depth=qos.depth,
            reliability=interfaces.QosReliability(int(qos.reliability)),
            durability=interfaces.QosDurability(int(qos.durability)),
            deadline=infinite, lifespan=infinite,
            liveliness=interfaces.QosLiveliness.SYSTEM_DEFAULT,
            liveliness_lease_duration=infinite, avoid_ros_namespace_conventions=False)

    def write(self, topic: Topic, time_ns: int, message: bytes | memoryview) -> None:
        """
        Append a message.

        :param time_ns: ROS time at which a player publishes it.
        :param message: serialized.
        :raises BagError: it cannot be written; the disk may be full.
        """
        try:
            self._writer.write(topic.connection, time_ns, message)
        except (OSError, sqlite3.Error) as error:
            raise self._translated(error) from error
        topic.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Complete the bag, or remove it after an error."""
        try:
            if kind is None:
                self._writer.close()
                os.rename(self._temporary / self.path.name, self.path)
        except (OSError, sqlite3.Error) as problem:
            raise self._translated(problem) from problem
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove what is not complete."""
        with contextlib.suppress(Exception):
            self._writer.abort()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _translated(self, error: BaseException) -> BaseException:
        """Return the error of a file as one that says which bag cannot be written."""
        if isinstance(error, OSError):
            return self._error(
                f'{(error.strerror or str(error)).lower()}; the incomplete bag is removed')
        if isinstance(error, sqlite3.Error):
            return self._error(f'{error}; the incomplete bag is removed')
        return error

    def _error(self, reason: str) -> BagError:
        return BagError(f'cannot write bag {self.path}: {reason}')


def import_rosbags(name: str, purpose: str) -> Any:
    """
    Import a module of rosbags.

    :param purpose: what cannot be done without it, for the error message.
    :raises BagError: rosbags is not installed.
    """
    try:
        return importlib.import_module(f'rosbags.{name}')
    except ImportError as error:
        raise BagError(
            f'cannot {purpose}: the Python package rosbags is missing ({error}); '
            'pip install rosbags') from error
