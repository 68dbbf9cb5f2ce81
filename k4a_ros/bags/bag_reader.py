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

"""Read the messages of one camera from a rosbag2 bag."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
import contextlib
import os
from typing import Any

from k4a_ros.bags.storage import import_rosbags
from k4a_ros.errors import BagError


class BagReader(contextlib.AbstractContextManager['BagReader']):
    """
    An open bag.

    ``path`` is its folder, or a single file of it. ``start_ns`` and ``end_ns``: times of the first
    and last message.

    :param path: ``~`` is expanded.
    :raises BagError: it cannot be read, or rosbags is not installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.expanduser(os.fspath(path))
        rosbag2 = import_rosbags('rosbag2', f'read bag {self.path}')
        typesys = import_rosbags('typesys', f'read bag {self.path}')
        self._types = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
        try:
            self._reader = rosbag2.Reader(self.path)
            self._reader.open()
        except Exception as error:  # rosbags raises anything for a file that is not a bag
            raise self.error(_reason(error)) from error
        self.start_ns = int(self._reader.start_time)
        self.end_ns = int(self._reader.end_time)

    def topics(self, kinds: Collection[str]) -> dict[str, str]:
        """Return the topics that have messages of these types: name -> type."""
        return {connection.topic: connection.msgtype for connection in self._reader.connections
                if connection.msgtype in kinds and connection.msgcount}

    def messages(self, topics: Collection[str]) -> Iterator[tuple[str, int, Any]]:
        """
        Yield topic, time in nanoseconds and message, in the order of times.

        The data of a message is a view of its serialized form.

        :raises BagError: the bag is damaged at this position.
        """
        connections = [
            connection for connection in self._reader.connections if connection.topic in topics]
        if not connections:
            return
        try:
            for connection, time_ns, data in self._reader.messages(connections):
                yield connection.topic, time_ns, self._types.deserialize_cdr(
                    data, connection.msgtype)
        except Exception as error:  # see above
            raise self.error(f'it is damaged: {_reason(error)}') from error

    def first(self, topic: str) -> Any:
        """
        Return the first message of a topic.

        :raises BagError: it cannot be read, or there is none.
        """
        for _, _, message in self.messages([topic]):
            return message
        raise self.error(f'{topic} has no messages')

    def error(self, reason: str) -> BagError:
        """Return the error that this bag cannot be used for a reason."""
        return BagError(f'cannot read bag {self.path}: {reason}')

    def __exit__(self, *_: object) -> None:
        """Close the bag."""
        with contextlib.suppress(Exception):
            self._reader.close()


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
