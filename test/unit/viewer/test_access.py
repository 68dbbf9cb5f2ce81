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

"""Which requests are answered."""

from __future__ import annotations

from k4a_ros.viewer.access import Access
from k4a_ros.viewer.access import is_loopback
from k4a_ros.viewer.access import security_headers
import pytest

LOCAL = Access.for_host('127.0.0.1')
OPEN = Access.for_host('0.0.0.0', frozenset({'robot'}))


@pytest.mark.parametrize('host', [
    'localhost:8770', '127.0.0.1:8770', '[::1]:8770', '127.0.0.1', 'LOCALHOST:1'])
def test_loopback_is_answered_by_its_names_at_any_port(host: str) -> None:
    assert LOCAL.refusal(host, f'http://{host}', '', needs_origin=True) is None
    assert LOCAL.refusal(host, None, '', needs_origin=False) is None


@pytest.mark.parametrize('host', [
    '', 'evil.example', 'evil.example:8770', '192.168.1.5:8770', 'localhost.evil.example',
    '127.0.0.1.evil.example:8770', 'user@127.0.0.1:8770', 'localhost:0', 'localhost:x',
    'localhost:99999', '[::1', '127.0.0.1/x', '127.0.0.1?', 'localhost:8770#', '127.1:8770'])
def test_other_hosts_are_refused(host: str) -> None:
    assert LOCAL.refusal(host, None, '', needs_origin=False) is not None


@pytest.mark.parametrize('origin', [
    'http://evil.example', 'null', '', 'https://127.0.0.1:8770', 'http://127.0.0.1:8771',
    'http://localhost:8770', 'http://127.0.0.1:8770.evil.example'])
def test_other_origins_are_refused(origin: str) -> None:
    for needs_origin in (False, True):
        assert LOCAL.refusal(
            '127.0.0.1:8770', origin, '', needs_origin=needs_origin) is not None


def test_websocket_without_origin_is_refused() -> None:
    assert LOCAL.refusal('127.0.0.1:8770', None, '', needs_origin=True) is not None


def test_open_server_needs_its_token() -> None:
    assert len(OPEN.token) >= 32
    assert Access.for_host('0.0.0.0').token != OPEN.token
    for host in ('192.168.1.5:8770', 'robot:8770', 'localhost:8770', '[fe80::1]:8770'):
        origin = f'http://{host}'
        assert OPEN.refusal(host, origin, OPEN.token, needs_origin=True) is None
        for token in ('', OPEN.token[:-1], OPEN.token + 'x', 'ü'):
            refusal = OPEN.refusal(host, origin, token, needs_origin=True)
            assert refusal is not None and 'token' in refusal
    assert OPEN.refusal('evil.example', None, OPEN.token, needs_origin=False) is not None


def test_is_loopback() -> None:
    assert all(map(is_loopback, ('127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost')))
    assert not any(map(is_loopback, ('0.0.0.0', '::', '192.168.1.5', 'robot', '')))


def test_security_headers_allow_this_server_only() -> None:
    policy = security_headers()['Content-Security-Policy']
    sources = {word for part in policy.split(';') for word in part.split()[1:]}
    assert sources == {"'none'", "'self'", 'blob:', 'data:'}
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
