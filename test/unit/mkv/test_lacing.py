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

"""Sizes of the frames in a laced block."""

from __future__ import annotations

from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.lacing import EBML
from k4a_ros.mkv.lacing import FIXED
from k4a_ros.mkv.lacing import frame_sizes
from k4a_ros.mkv.lacing import XIPH
import pytest


@pytest.mark.parametrize(('lacing', 'data', 'expected'), [
    (FIXED, b'\x02abcdef', (1, (2, 2, 2))),
    (XIPH, b'\x01\x03abcde', (2, (3, 2))),
    (XIPH, b'\x01\xff\x01' + bytes(260), (3, (256, 4))),
    (EBML, b'\x01\x83abcde', (2, (3, 2))),
    (EBML, b'\x02\x83\xc0abcdefgh', (3, (3, 4, 1))),  # three, one more than that, and the rest
    (FIXED, b'\xff' + bytes(256 * 40), (1, (40,) * 256)),
])
def test_frames_fill_a_valid_block(
    lacing: int, data: bytes, expected: tuple[int, tuple[int, ...]],
) -> None:
    assert frame_sizes(data, lacing, len(data)) == expected


@pytest.mark.parametrize(('lacing', 'data'), [
    (FIXED, b'\x02abcde'), (FIXED, b''), (XIPH, b'\x01\x09abc'), (XIPH, b'\x01\xff'),
    (EBML, b'\x01\x89abc'), (EBML, b'\x02\x83\x80abc'), (EBML, b'\x01\xffabc')])
def test_invalid_lacing_raises(lacing: int, data: bytes) -> None:
    with pytest.raises(Malformed):
        frame_sizes(data, lacing, len(data))
