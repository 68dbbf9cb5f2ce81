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
Simulated sync cables, between simulated cameras of any processes on one computer.

The master tells on a Unix socket when its frames are exposed, on the monotonic clock, which all
processes share; closing the socket pulls the plug. So subordinates get pulses exactly while there
is a master that streams, also if its process is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
import socket
import tempfile
from typing import NamedTuple

_MAX_LINE = 4096


class Pulses(NamedTuple):
    """
    When a master exposes its frames.

    :param start_ns: host time of time 0 of its clock, nanoseconds.
    :param rate: seconds of its clock in a second of the host.
    :param session: the same as long as the master streams.
    """

    start_ns: int
    rate: float
    session: int


def path_of(group: str) -> Path:
    """Return the socket of a group of this user."""
    return Path(tempfile.gettempdir()) / f'k4a_ros_sync_{os.getuid()}_{group}'


class MasterEnd:
    """
    The end of a cable that gives pulses.

    ``connected``: whether they reach anyone; false if another master has the cable.
    """

    def __init__(self, group: str, pulses: Pulses) -> None:
        self._path = path_of(group)
        self._clients: list[socket.socket] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._pulses = pulses
        self.connected = self._bind()

    def _bind(self) -> bool:
        for _ in range(2):
            try:
                self._socket.bind(str(self._path))
                self._socket.listen(64)
            except OSError:
                if not self._is_stale():
                    return False
                with contextlib.suppress(OSError):
                    self._path.unlink()
            else:
                return True
        return False

    def _is_stale(self) -> bool:
        """Return whether the socket is left over from a process that was killed."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self._path))
            except ConnectionRefusedError:
                return True
            except OSError:
                return False
            return False

    def update(self, pulses: Pulses) -> None:
        """Tell new subordinates, and all of them if the clock runs at another rate."""
        if not self.connected:
            return
        if pulses != self._pulses:
            self._pulses = pulses
            self._clients = [client for client in self._clients if self._tell(client)]
        with contextlib.suppress(BlockingIOError):
            while True:
                client, _ = self._socket.accept()
                if self._tell(client):
                    self._clients.append(client)

    def _tell(self, client: socket.socket) -> bool:
        try:
            client.sendall(json.dumps(self._pulses).encode() + b'\n')
        except OSError:
            client.close()
            return False
        return True

    def close(self) -> None:
        """End the pulses."""
        for client in self._clients:
            client.close()
        self._socket.close()
        if self.connected:
            self.connected = False
            with contextlib.suppress(OSError):
                self._path.unlink()


class SubordinateEnd:
    """The end of a cable that gets pulses."""

    def __init__(self, group: str) -> None:
        self._path = path_of(group)
        self._socket: socket.socket | None = None
        self._received = b''
        #: None while there are none
        self.pulses: Pulses | None = None

    def poll(self) -> Pulses | None:
        """Return the pulses that come now, None if there is no master; does not wait."""
        if self._socket is None:
            self._connect()
        if self._socket is not None:
            self._receive(self._socket)
        return self.pulses

    def _connect(self) -> None:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        end.setblocking(False)
        try:
            end.connect(str(self._path))
        except OSError:
            end.close()
        else:
            self._socket, self._received = end, b''

    def _receive(self, end: socket.socket) -> None:
        try:
            data = end.recv(_MAX_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b''
        if not data:
            self.close()
            return
        *lines, self._received = (self._received + data).split(b'\n')
        for line in lines:
            start_ns, rate, session = json.loads(line)
            self.pulses = Pulses(int(start_ns), float(rate), int(session))

    def close(self) -> None:
        """Unplug the cable."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self.pulses = None
