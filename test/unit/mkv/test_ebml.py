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

"""Elements and numbers of EBML; what is malformed raises."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.mkv.ebml import children
from k4a_ros.mkv.ebml import Element
from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.ebml import parse_header
from k4a_ros.mkv.ebml import parse_number
from k4a_ros.mkv.ebml import text
from k4a_ros.mkv.ebml import unsigned
import pytest


@pytest.mark.parametrize(('data', 'expected'), [
    ('ec80', Element(0xEC, 0, 2)), ('1f43b675 82', Element(0x1F43B675, 2, 5)),
    ('4286 4002', Element(0x4286, 2, 4)), ('18538067 01ffffffffffffff', Element(
        0x18538067, None, 12)), ('a3 ff', Element(0xA3, None, 2)),
    ('a3 10000102', Element(0xA3, 0x102, 5))])
def test_header_is_parsed(data: str, expected: Element) -> None:
    assert parse_header(bytes.fromhex(data)) == expected
    kind, length, content = parse_header(b'xyz' + bytes.fromhex(data), 3)
    assert Element(kind, length, content - 3) == expected


@pytest.mark.parametrize('malformed', [
    lambda: parse_header(b''), lambda: parse_header(b'\xec'), lambda: parse_header(b'\x08' * 9),
    lambda: parse_header(b'\xec\x00' + bytes(9)), lambda: parse_header(b'\xec\x40'),
    lambda: parse_header(b'\x00\x80'), lambda: parse_number(b'', 0),
    lambda: parse_number(b'\x40', 0), lambda: parse_number(b'\xff', 0),
    lambda: parse_number(b'\x00' * 9, 0), lambda: unsigned(bytes(9)),
    lambda: list(children(b'\xec\x82\x00')), lambda: list(children(b'\xec\xff\x00')),
    lambda: list(children(b'\xec\x80' * 11, most=10))])
def test_malformed_bytes_raise(malformed: Callable[[], object]) -> None:
    with pytest.raises(Malformed):
        malformed()


def test_values() -> None:
    assert parse_number(b'\x82', 0) == (2, 1)
    assert parse_number(b'?\x41\x02', 1) == (0x102, 3)
    assert unsigned(b'') == 0
    assert unsigned(b'\x01\x02') == 0x102
    assert text(b'ab\0c') == 'ab'
    assert text(b'\xff') == '\ufffd'
    assert list(children(b'\xec\x81\x05\xbf\x80')) == [(0xEC, b'\x05'), (0xBF, b'')]


def test_children_before_a_malformed_one_are_yielded() -> None:
    elements = children(b'\xec\x81\x05\xbf\x90')
    assert next(elements) == (0xEC, b'\x05')
    with pytest.raises(Malformed):
        next(elements)
