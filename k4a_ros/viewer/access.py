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
Which HTTP requests are answered: those of a page of this server, on this host or with its token.

A page of any other web site can send requests to this computer, and a host name that its owner
points here (DNS rebinding) even makes them look like requests of one origin. So the Host of every
request is compared with the names of this server, and the Origin, which browsers add to what
scripts send, with the Host. A server that others can reach asks for its token as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import hmac
import ipaddress
import re
import secrets

#: name or address, and port
_HOST = re.compile(r'([\w.-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?', re.ASCII)
_LOOPBACK_NAMES = ('localhost', '127.0.0.1', '[::1]')
#: bits of a token
_TOKEN_BYTES = 24


@dataclass(frozen=True)
class Access:
    """
    The rules of one server.

    :param host: address that the server listens on.
    :param token: secret that requests have to carry; '' on a loopback address.
    :param names: further names of this computer, lower case, that a Host may have.
    """

    host: str
    token: str
    names: frozenset[str] = frozenset()

    @classmethod
    def for_host(cls, host: str, names: frozenset[str] = frozenset()) -> Access:
        """Return the rules for an address; one that others can reach has a new random token."""
        return cls(host, '' if is_loopback(host) else secrets.token_urlsafe(_TOKEN_BYTES), names)

    def refusal(
        self, host: str, origin: str | None, token: str, *, needs_origin: bool,
    ) -> str | None:
        """
        Return why a request is not answered, None if it is.

        :param host: the header Host.
        :param origin: the header Origin, None if there is none.
        :param token: what the request carries as token.
        :param needs_origin: whether every browser sends an Origin with this kind of request.
        """
        if not self._is_known(host):
            return f'this server is not called {host[:80]!r}'
        if origin is None and needs_origin:
            return 'the request has no Origin'
        if origin is not None and origin.lower() != f'http://{host.lower()}':
            return f'requests of {origin[:80]!r} are not answered'
        if self.token and not hmac.compare_digest(token.encode(), self.token.encode()):
            return 'the token is missing or wrong; open the address that k4a_view has printed'
        return None

    def _is_known(self, host: str) -> bool:
        """Return whether a Host is a name of this server; any port, because of SSH tunnels."""
        match = _HOST.fullmatch(host.lower())
        if match is None or not 0 < int(match[2] or 80) < 65536:
            return False
        name = match[1]
        if name in _LOOPBACK_NAMES:
            return True
        if not self.token:
            return False
        return name in self.names or _is_address(name.strip('[]'))


def is_loopback(host: str) -> bool:
    """Return whether only programs of this computer can reach an address."""
    try:
        return ipaddress.ip_address(host.strip('[]')).is_loopback
    except ValueError:
        return host.lower() == 'localhost'


def cookie_name(port: int) -> str:
    """Return the name of the cookie with the token; cookies of all ports are in one jar."""
    return f'k4a_view_{port}'


def security_headers() -> Mapping[str, str]:
    """Return the headers of every response: the page may load and reach this server only."""
    return {
        'Content-Security-Policy': (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
        'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer',
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Resource-Policy': 'same-origin', 'Cache-Control': 'no-cache'}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
