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

"""Look up the ROS times that a recording has of its images and IMU samples."""

from __future__ import annotations

from collections.abc import Iterator
import threading

from k4a_ros.mkv.cluster_walk import Clusters
from k4a_ros.mkv.element_parser import Block
from k4a_ros.mkv.ros_time_track import decode
from k4a_ros.mkv.ros_time_track import Entries
from k4a_ros.mkv.ros_time_track import ENTRY_DTYPE
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.mkv.source import Source
import numpy as np
import numpy.typing as npt

#: how long before a time the block with its entry may start
_DISTANCE_US = 1_000_000
#: how far the file is read on before a new position is searched for
_MAX_STEP_US = 10_000_000
#: Maximum size of a block, and number of entries that are kept: more than a minute of them.
_MAX_BLOCK_BYTES, _MAX_ENTRIES = 1 << 20, 1 << 17


class RosTimes:
    """
    The ROS times in a recording; thread-safe.

    :param source: the file.
    :param clusters: its clusters.
    :param track: number of the track of ROS times.
    :param start_us: device time at the start of the file.
    """

    def __init__(self, source: Source, clusters: Clusters, track: int, start_us: int) -> None:
        self._source, self._clusters, self._track = source, clusters, track
        self._start_us = start_us
        self._lock = threading.Lock()
        self._begin(clusters.start, start_us)

    def _begin(self, position: int, from_us: int) -> None:
        self._blocks: Iterator[Block] = self._clusters.blocks(position, {self._track})
        self._entries: Entries = np.empty(0, ENTRY_DTYPE)
        self._from_us = self._reached_us = from_us
        self._ended = False

    def find(
        self, stream: TimedStream, device_us: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.int64]:
        """
        Return the ROS times of images or samples.

        It is fast for increasing times, and for any other order needs a search in the file.

        :param device_us: (N,) device times as in the file, microseconds, increasing.
        :return: (N,) nanoseconds; 0 for those that the file does not have.
        :raises CameraLostError: the file cannot be read.
        """
        found = np.zeros(len(device_us), np.int64)
        if not len(device_us):
            return found
        with self._lock:
            self._read(int(device_us[0]), int(device_us[-1]))
            entries = self._entries[self._entries['stream'] == stream]
            if not len(entries):
                return found
            entries = entries[entries['device_us'].argsort(kind='stable')]
        at = entries['device_us'].searchsorted(device_us).clip(max=len(entries) - 1)
        known = entries['device_us'][at] == device_us
        found[known] = entries['ros_ns'][at[known]]
        return found

    def offset_ns(self, device_us: int) -> int | None:
        """
        Return the difference between ROS time and device time near a device time.

        :param device_us: device time as in the file, microseconds.
        :return: that of the nearest image or sample with a ROS time, nanoseconds; None for none.
        :raises CameraLostError: the file cannot be read.
        """
        with self._lock:
            self._read(device_us - _DISTANCE_US, device_us + _DISTANCE_US)
            if not len(self._entries):
                return None
            at = int(np.abs(self._entries['device_us'] - device_us).argmin())
            entry = self._entries[at]
        return int(entry['ros_ns']) - int(entry['device_us']) * 1000

    def _read(self, first_us: int, last_us: int) -> None:
        """Make sure that the entries of a range of device times have been read."""
        if first_us < self._from_us or first_us > self._reached_us + _MAX_STEP_US:
            cluster = self._clusters.locate((first_us - self._start_us - _DISTANCE_US) * 1000)
            self._begin(cluster.position if cluster else self._clusters.start, first_us)
        parts = [self._entries]
        while not self._ended and self._reached_us <= last_us:
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
                break
            self._reached_us = max(
                self._reached_us, self._start_us + block.time_ns // 1000)
            entry = ENTRY_DTYPE.itemsize
            if block.size <= _MAX_BLOCK_BYTES and not block.size % entry:
                data = self._source.read(block.position, block.size)
                parts.append(decode(data[:len(data) // entry * entry]))
        if len(parts) > 1:
            entries = np.concatenate(parts)
            if len(entries) > _MAX_ENTRIES:
                entries = entries[-_MAX_ENTRIES // 2:]
                self._from_us = max(self._from_us, int(entries['device_us'][0]) + _DISTANCE_US)
            self._entries = entries
