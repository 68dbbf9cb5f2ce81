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

"""Read every byte of the clusters of a recording, and compare with what the file says about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
import zlib

from k4a_ros.camera_config import ColorFormat
from k4a_ros.errors import CameraLostError
from k4a_ros.mkv.cluster_walk import Clusters
from k4a_ros.mkv.ebml import HEADER_BYTES
from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.ebml import parse_header
from k4a_ros.mkv.head_reader import CRC32
from k4a_ros.mkv.head_reader import read_head
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.source import Source

#: bytes that are read at once
_PART_BYTES = 1 << 20
_CRC_BYTES = 4
#: maximum number of problems that are described
_MAX_PROBLEMS = 20
_JPEG_START, _JPEG_END = b'\xff\xd8', b'\xff\xd9'

#: called with the device time up to which the file has been verified, microseconds
Progress = Callable[[int], None]


@dataclass
class Verification:
    """
    The result.

    ``size``: bytes of clusters that were read. ``clusters``: their number; ``checksums``: the
    number of those with a checksum (CRC-32), and ``images`` that of images. ``problems``: one
    sentence each, at most `_MAX_PROBLEMS`; ``problem_count``: their number.
    """

    size: int = 0
    clusters: int = 0
    checksums: int = 0
    images: int = 0
    problem_count: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, problem: str) -> None:
        """Count a problem."""
        self.problem_count += 1
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(problem)


def verify(path: str, progress: Progress = lambda device_us: None) -> Verification:
    """
    Verify the checksums of all clusters, and that all images can be read.

    Pixels are not decoded, but a JPEG must have its start and its end.

    :param path: ``~`` is not expanded.
    :raises RecordingError: nothing of the file can be played.
    """
    result = Verification()
    with RecordingReader(path) as reader:
        _verify_clusters(result, Source(path), reader.start_us, progress)
        is_jpeg = reader.config.color_format is ColorFormat.MJPG
        try:
            for capture in reader.captures:
                for image in (capture.depth, capture.ir, capture.color):
                    if image is None:
                        continue
                    result.images += 1
                    data = image.data
                    if image is capture.color and is_jpeg:
                        jpeg = data.tobytes()
                        if not jpeg.startswith(_JPEG_START) or _JPEG_END not in jpeg:
                            result.add(f'the color image at {image.device_us} us is no whole JPEG')
        except CameraLostError as error:
            result.add(str(error))
    return result


def _verify_clusters(
    result: Verification, source: Source, start_us: int, progress: Progress,
) -> None:
    """Read all clusters, and verify their checksums."""
    head = read_head(source)
    clusters = Clusters(source, head, lambda start, end: result.add(
        f'bytes {start} to {end} are damaged'))
    verified = -1
    for block in clusters.blocks(clusters.start, None):
        if block.cluster != verified:
            verified = block.cluster
            _verify_cluster(result, source, verified, head.end)
            progress(start_us + block.time_ns // 1000)


def _verify_cluster(result: Verification, source: Source, position: int, limit: int) -> None:
    try:
        _, length, content = parse_header(source.read(position, HEADER_BYTES))
        first = source.read(position + content, HEADER_BYTES + _CRC_BYTES)
        kind, size, start = parse_header(first)
    except Malformed:
        return  # a walk that finds the cluster has parsed both
    result.clusters += 1
    begin = position + content
    end = limit if length is None else min(begin + length, limit)
    checksum = None
    if kind == CRC32 and size == _CRC_BYTES and length is not None:
        checksum = int.from_bytes(first[start:start + size], 'little')
        begin += start + size
        result.checksums += 1
    actual = 0
    for at in range(begin, end, _PART_BYTES):
        part = source.read(at, min(_PART_BYTES, end - at))
        actual = zlib.crc32(part, actual)
        result.size += len(part)
    if checksum is not None and checksum != actual:
        result.add(f'the checksum of the cluster at byte {position} is wrong')
