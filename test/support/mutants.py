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

"""Mutants of recordings, and what must hold when any of them is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import random

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.capture import Capture
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import RecordingError
from k4a_ros.mkv import ebml
from k4a_ros.mkv.reader import RecordingReader
import numpy as np
from support.recordings import write_recording

#: ids of elements that have children
_MASTERS = {
    0x18538067, 0x1F43B675, 0xA0, 0x114D9B74, 0x4DBB, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0,
    0x1254C367, 0x7373, 0x63C0, 0x67C8, 0x1941A469, 0x61A7, 0x1C53BB6B, 0xBB, 0xB7, 0x1A45DFA3}
#: a year and a bit, microseconds: how far a stamp may be from the start
_MAX_DISTANCE_US = 367 * 86_400 * 1_000_000


def original(folder: Path) -> bytes:
    """Return a small recording with all kinds of tracks."""
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG)
    return write_recording(folder / 'original.mkv', config, count=2).path.read_bytes()


def headers(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int]]:
    """Yield the positions of all elements: of id, of content (small ones), and behind it."""
    position, end = start, len(data) if end is None else end
    while position < end:
        kind, length, content = ebml.parse_header(data, position)
        after = end if length is None else content + length
        yield position, content, after
        if kind in _MASTERS:
            yield from headers(data, content, after)
        position = after


def mutants(data: bytes, seed: int) -> Iterator[bytes]:
    """Yield mutants of a recording without end; most are hit where its structure is."""
    generator = random.Random(seed)
    elements = list(headers(data))
    while True:
        mutant = bytearray(data)
        for _ in range(generator.choice([1, 1, 1, 2, 3, 8])):
            _mutate(mutant, elements, generator)
        yield bytes(mutant)


def _mutate(
    data: bytearray, elements: list[tuple[int, int, int]], generator: random.Random,
) -> None:
    position, content, after = generator.choice(elements)
    position, content, after = (min(each, len(data)) for each in (position, content, after))
    kind = generator.randrange(9)
    if kind <= 2 and position < content:  # a byte of the id or the length
        data[generator.randrange(position, content)] = generator.choice(
            [0, 1, 0x7f, 0x80, 0xff, generator.randrange(256)])
    elif kind <= 4 and content < min(after, content + 40):  # a byte at the start of the content
        at = generator.randrange(content, min(after, content + 40))
        data[at] = generator.choice([0, 0x7f, 0xff, data[at] ^ 1 << generator.randrange(8)])
    elif kind == 5:  # remove or cut
        del data[position:generator.choice([after, content, len(data)])]
    elif kind == 6:  # repeat
        data[after:after] = data[position:after][:1 << 20]
    elif kind == 7 and len(data) > 1:  # anywhere
        data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    elif kind == 8:  # exchange with another element
        other, _, behind = generator.choice(elements)
        data[position:after] = data[other:behind][:1 << 20]


def check(path: Path) -> str:
    """
    Open a file as a camera, and read all of it.

    :return: what became of it: 'rejected', 'damaged' or 'played'.
    :raises AssertionError: a time goes back or is out of range, or a message is not one line.
    """
    latest: dict[str, int] = {}

    def see(stream: str, device_us: int) -> None:
        assert 0 <= device_us <= 2**53 + _MAX_DISTANCE_US, (stream, device_us)
        assert device_us >= latest.get(stream, 0), (stream, device_us)
        latest[stream] = device_us

    try:
        RecordingCamera(path).close()
        with RecordingReader(str(path)) as reader:
            assert '\n' not in reader.missing
            assert 0 <= reader.start_us <= 2**53
            while (item := reader.read()) is not None:
                if isinstance(item, Capture):
                    for name in ('depth', 'ir', 'color'):
                        if image := getattr(item, name):
                            see(name, image.device_us)
                            assert image.data.nbytes < 100e6
                    continue
                for name in ('acc_us', 'gyro_us'):
                    times = getattr(item, name)
                    see(name, int(times[0]))
                    assert (np.diff(times) >= 0).all()
                    see(name, int(times[-1]))
            reader.seek((reader.start_us + reader.end_us) // 2)
            reader.read()
    except RecordingError as error:
        assert '\n' not in str(error)
        return 'rejected'
    except CameraLostError as error:
        assert '\n' not in str(error)
        return 'damaged'
    return 'played'
