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
Put the images of a recording together to captures, as libk4arecord does.

The next image of each stream whose time is less than half a frame period after that of the
earliest one belongs to the same capture (get_capture in Microsoft's matroska_read.cpp). The delay
between depth and color that was configured is allowed for. Nothing is read but where images are.

Several captures are put together at once: between two of them, images pass through the caches of
the processor, and what a single one needs of code and data then takes four times as long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from collections.abc import Sequence
import threading

from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import LazyImage
from k4a_ros.errors import CameraLostError
from k4a_ros.mkv.cluster_walk import Clusters
from k4a_ros.mkv.element_parser import Block
from k4a_ros.mkv.images import read_bytes
from k4a_ros.mkv.images import read_pixels
from k4a_ros.mkv.source import Source
from k4a_ros.mkv.streams import ImageTrack
from k4a_ros.mkv.timeline import Timeline

#: How far the file is searched for the image of a stream: libk4arecord writes data in the order
#: of time if it comes within two seconds.
_LOOK_AHEAD_NS = 2_000_000_000
#: How long before the position to seek to reading starts, to put captures together as from the
#: start of the file; two frame periods at the lowest rate, and more than a cluster.
_LOOK_BACK_NS = 500_000_000
#: Number of captures that are put together at once, at most; after a start or a seek, whose caller
#: waits for the first capture, one, then two, four ...
_MOST_AHEAD = 16
#: maximum number of images of a stream that wait for those of another
_MAX_WAITING = 1024
#: earlier than any time
_NO_LIMIT_US = -(1 << 62)
_WORDS = {'depth': 'depth images', 'ir': 'infrared images', 'color': 'color images'}


class CaptureCursor:
    """
    A position among the captures of a recording; thread-safe.

    :param source: the file.
    :param clusters: its clusters.
    :param tracks: its streams of images.
    :param start_us: device time at the start of the file.
    :param period_ns: distance of captures.
    """

    def __init__(
        self, source: Source, clusters: Clusters, tracks: Sequence[ImageTrack], start_us: int,
        period_ns: int,
    ) -> None:
        self._source, self._clusters = source, clusters
        self._tracks = {track.number: track for track in tracks}
        self._start_us = start_us
        self._window_ns = period_ns // 2
        self._lock = threading.Lock()
        self._timeline = Timeline(self._start_us)
        self._begin(clusters.start, _NO_LIMIT_US)

    def _begin(self, position: int, earliest_us: int) -> None:
        self._blocks: Iterator[Block] = self._clusters.blocks(position, self._tracks)
        self._waiting: dict[int, deque[Block]] = {number: deque() for number in self._tracks}
        self._newest_ns = 0
        self._earliest_us = earliest_us
        self._ended = not self._tracks
        self._timeline.rewind()
        self._ahead: deque[Capture | CameraLostError | None] = deque()
        self._count_ahead = 1

    def read(self) -> Capture | None:
        """
        Return the next capture; None at the end of the file.

        Its images are read when they are needed.

        :raises CameraLostError: the file is damaged here, or cannot be read.
        """
        with self._lock:
            if not self._ahead:
                self._look_ahead()
            result = self._ahead.popleft()
        if isinstance(result, CameraLostError):
            raise result
        return result

    def _look_ahead(self) -> None:
        """Put the next captures together, up to the end of the file or an error."""
        ahead = self._ahead
        try:
            while len(ahead) < self._count_ahead and (not ahead or ahead[-1] is not None):
                ahead.append(self._next())
        except CameraLostError as error:
            ahead.append(error)
        self._count_ahead = min(2 * self._count_ahead, _MOST_AHEAD)

    def _next(self) -> Capture | None:
        """Put the next capture together; None at the end of the file."""
        while True:
            blocks = self._next_blocks()
            if not blocks:
                return None
            times = {number: self._device_us(block) for number, block in blocks.items()}
            if min(times.values()) >= self._earliest_us:
                return self._capture(blocks, times)

    def __iter__(self) -> Iterator[Capture]:
        """Yield the captures up to the end of the file; see `read`."""
        while (capture := self.read()) is not None:
            yield capture

    def rewind(self) -> None:
        """Return to the first capture."""
        with self._lock:
            self._begin(self._clusters.start, _NO_LIMIT_US)

    def seek(self, device_us: int) -> None:
        """
        Go to the first capture at a time or later; its time is that of its earliest image.

        :param device_us: device time, microseconds.
        :raises CameraLostError: the file cannot be read.
        """
        before_ns = (device_us - self._start_us) * 1000 - _LOOK_BACK_NS
        with self._lock:
            cluster = self._clusters.locate(before_ns)
            self._begin(cluster.position if cluster else self._clusters.start, device_us)

    def _next_blocks(self) -> dict[int, Block]:
        """Return the blocks of the next capture by track; empty at the end of the file."""
        waiting = self._waiting
        while not self._ended and not all(waiting.values()) and not self._has_waited():
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
            else:
                waiting[block.track].append(block)
                self._newest_ns = max(self._newest_ns, block.time_ns)
        first = {number: queue[0] for number, queue in waiting.items() if queue}
        if not first:
            return {}
        times = {number: self._comparable_ns(block) for number, block in first.items()}
        earliest_ns = min(times.values())
        return {number: waiting[number].popleft() for number in first
                if times[number] == earliest_ns
                or times[number] - earliest_ns < self._window_ns}

    def _has_waited(self) -> bool:
        """Whether to stop looking for the image of a stream that has none."""
        for queue in self._waiting.values():
            if queue and (self._newest_ns - queue[0].time_ns > _LOOK_AHEAD_NS
                          or len(queue) >= _MAX_WAITING):
                return True
        return False

    def _comparable_ns(self, block: Block) -> int:
        return block.time_ns + self._tracks[block.track].delay_ns

    def _device_us(self, block: Block) -> int:
        return self._start_us + block.time_ns // 1000

    def _capture(self, blocks: dict[int, Block], times: dict[int, int]) -> Capture:
        images: dict[str, Image] = {}
        for number, block in blocks.items():
            track = self._tracks[number]
            problem = self._timeline.problem(_WORDS[track.stream], times[number])
            if problem:
                raise CameraLostError(
                    f'recording {self._source.path} is damaged: {problem}; it can only be played '
                    'up to there')
            images[track.stream] = self._image(track, block, times[number])
        return Capture(images.get('depth'), images.get('ir'), images.get('color'))

    def _image(self, track: ImageTrack, block: Block, device_us: int) -> LazyImage:
        """Return an image, which is read later; check its size now."""
        size, shape, source = block.size, track.shape, self._source
        if len(block.frames) != 1 or size > track.max_bytes or (
                shape and size != track.max_bytes):
            of = f', not {track.max_bytes}' if shape else ''
            raise CameraLostError(
                f'recording {source.path} is damaged: the {track.stream} image at {device_us} us '
                f'has {size} bytes{of}')
        position = block.position
        if len(shape) == 2 and track.stream != 'color':
            height, width = shape
            return LazyImage.of(
                lambda: read_pixels(source, position, (height, width), track.big_endian),
                device_us)
        return LazyImage.of(
            lambda: read_bytes(source, position, shape or (size,)), device_us)
