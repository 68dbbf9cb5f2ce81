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

"""ROS domains that no other demo or test on this machine is using."""

from __future__ import annotations

import contextlib
import random
import socket
import time

#: From domain 102 on, the UDP ports of DDS are in the range that Linux hands out to programs.
DOMAINS = range(1, 102)
#: abstract Unix socket that stands for a domain
_CLAIM = '\0k4a_ros/domain/{}'
_RETRY_S = 0.2


class Domain(int):
    """
    A ROS domain that is claimed for as long as this object lives.

    Claims are abstract Unix sockets: the kernel drops them when a process ends, however it ends,
    and they have the same scope as the UDP ports of DDS, the network namespace.
    """

    _claim: socket.socket | None = None

    def release(self) -> None:
        """Let others claim this domain; may be called more than once."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def __del__(self) -> None:
        """Release the domain."""
        self.release()


def claim_domain(timeout: float = 0.0) -> Domain:
    """
    Claim a random ROS domain that nothing on this machine uses, not even an unrelated ROS node.

    :param timeout: seconds to wait for a domain while all are taken.
    :raises OSError: all domains are in use.
    """
    deadline = time.monotonic() + timeout
    while True:
        for number in random.sample(DOMAINS, len(DOMAINS)):
            claim = _bind(socket.AF_UNIX, socket.SOCK_STREAM, _CLAIM.format(number))
            if claim is None:
                continue
            if _is_silent(number):
                domain = Domain(number)
                domain._claim = claim
                return domain
            claim.close()
        if time.monotonic() >= deadline:
            raise OSError('all ROS domains from 1 to 101 are in use on this machine')
        time.sleep(_RETRY_S)


def _is_silent(domain: int) -> bool:
    """
    Return whether no node runs in a domain.

    All DDS implementations listen on UDP port 7400 + 250 * domain (DDS-RTPS 2.3, 9.6.1.1).
    """
    probe = _bind(socket.AF_INET, socket.SOCK_DGRAM, ('', 7400 + 250 * domain))
    if probe is not None:
        probe.close()
    return probe is not None


def _bind(family: int, kind: int, address: object) -> socket.socket | None:
    """Return a socket that is bound to an address, None if the address is taken."""
    with contextlib.ExitStack() as stack:
        result = stack.enter_context(socket.socket(family, kind))
        try:
            result.bind(address)
        except OSError:
            return None
        stack.pop_all()
        return result
