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
Sort data into clusters of at most 32 ms, and compose these as libk4arecord (matroska_write.cpp).

Images and samples arrive in the order of time within a stream, but not across streams. They are
held back until every stream has passed them. Structure: RFC 9559 (Matroska).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
import zlib

from k4a_ros.capture import ImuSamples
from k4a_ros.mkv.element import element
from k4a_ros.mkv.element import header
from k4a_ros.mkv.element import integer
import numpy as np
import numpy.typing as npt

#: layout of an inertial sample in the file (matroska_imu_sample_t); times in nanoseconds
IMU_DTYPE = np.dtype([
    ('acc_ns', '<u8'), ('acc', '<f4', 3), ('gyro_ns', '<u8'), ('gyro', '<f4', 3)])

#: Length of a cluster: a block has its time as a 16-bit difference to that of its cluster.
_CLUSTER_US = 32_000
#: time for which data is held back until a stream that is behind has passed it
_MAX_SILENCE_US = 2_000_000
#: largest number of samples in a block
_MAX_LACE = 255

_CLUSTER, _CRC32, _TIMESTAMP = 0x1F43B675, 0xBF, 0xE7
_SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _BLOCK_DURATION = 0xA3, 0xA0, 0xA1, 0x9B
#: flags of a block
_KEYFRAME, _FIXED_LACING = 0x80, 0x04

#: bytes, as a buffer of which `len` is their number
Buffer = bytes | memoryview


@dataclass(frozen=True)
class Block:
    """Data of one track at one time: an image, or custom data."""

    device_us: int
    track: int
    data: Buffer


@dataclass(frozen=True)
class Cluster:
    """
    A cluster to be written.

    ``start_us`` and ``last_us`` are the device times of its first and of its last data.
    """

    start_us: int
    last_us: int
    blocks: list[Block]
    samples: npt.NDArray[np.void]

    def first_us(self, track: int) -> int | None:
        """Return the time of the first block of a track with images; None if there is none."""
        return next((block.device_us for block in self.blocks if block.track == track), None)

    def parts(self, offset_us: int, imu_track: int) -> list[Buffer]:
        """
        Return the bytes of the cluster in parts, of which the images are the original buffers.

        :param offset_us: device time of the first data of the file, microseconds.
        """
        content: list[Buffer] = [integer(_TIMESTAMP, self.start_us - offset_us)]
        begin = 0
        for block in self.blocks:
            end = int(np.searchsorted(self.samples['acc_ns'], block.device_us * 1000))
            content += self._laces(self.samples[begin:end], imu_track)
            content += self._simple_block(block)
            begin = end
        content += self._laces(self.samples[begin:], imu_track)
        checksum = 0
        for part in content:
            checksum = zlib.crc32(part, checksum)
        crc = element(_CRC32, checksum.to_bytes(4, 'little'))
        length = len(crc) + sum(map(len, content))
        return [header(_CLUSTER, length) + crc, *content]

    def _simple_block(self, block: Block) -> list[Buffer]:
        head = self._block_header(block.track, block.device_us, _KEYFRAME)
        return [header(_SIMPLE_BLOCK, len(head) + len(block.data)) + head, block.data]

    def _laces(self, samples: npt.NDArray[np.void], track: int) -> list[bytes]:
        """Return inertial samples in as few blocks as possible."""
        return [self._lace(samples[i:i + _MAX_LACE], track)
                for i in range(0, len(samples), _MAX_LACE)]

    def _lace(self, samples: npt.NDArray[np.void], track: int) -> bytes:
        """Return a block of inertial samples; each has its own time, so the block has one only."""
        first_us, last_us = (int(samples['acc_ns'][i]) // 1000 for i in (0, -1))
        several = len(samples) > 1
        head = self._block_header(track, first_us, _FIXED_LACING * several)
        count = bytes([len(samples) - 1]) if several else b''
        return element(_BLOCK_GROUP, element(_BLOCK, head, count, samples.tobytes()),
                       integer(_BLOCK_DURATION, last_us - first_us + 1))

    def _block_header(self, track: int, device_us: int, flags: int) -> bytes:
        return bytes([0x80 | track]) + (device_us - self.start_us).to_bytes(2, 'big') + bytes(
            [flags])


class ClusterQueue:
    """
    Data that is not written yet.

    :param streams: streams to wait for, by name.
    """

    def __init__(self, streams: Iterable[str]) -> None:
        self._streams = list(streams)
        self._latest_us: dict[str, int] = {}
        self._blocks: list[Block] = []
        self._samples: list[npt.NDArray[np.void]] = []
        #: device time up to which data has been handed out; earlier data is too late
        self.written_us = -1

    def add(self, stream: str, block: Block) -> None:
        """
        Add an image or custom data.

        :param stream: its stream; '' for one that is not waited for.
        """
        self._blocks.append(block)
        if stream:
            self._note(stream, block.device_us, block.device_us)

    def add_imu(self, samples: ImuSamples) -> None:
        """Add inertial samples."""
        packed = np.empty(len(samples), IMU_DTYPE)
        packed['acc'], packed['gyro'] = samples.acc, samples.gyro
        packed['acc_ns'], packed['gyro_ns'] = samples.acc_us * 1000, samples.gyro_us * 1000
        self._samples.append(packed)
        self._note('imu', int(samples.acc_us[0]), int(samples.acc_us[-1]))

    def _note(self, stream: str, first_us: int, last_us: int) -> None:
        """Note how far a stream has come; others are waited for from the first data on."""
        if not self._latest_us:
            self._latest_us = dict.fromkeys(self._streams, first_us - 1)
        self._latest_us[stream] = last_us

    def take(self, *, everything: bool = False) -> list[Cluster]:
        """
        Remove and return the clusters that no stream will add to.

        :param everything: also those that one may add to.
        """
        clusters: list[Cluster] = []
        times = self._latest_us.values()
        complete_us = max(
            min(times, default=-1), max(times, default=-1) - _MAX_SILENCE_US)
        if not everything and complete_us < self._earliest_us() + _CLUSTER_US:
            return clusters
        blocks = sorted(self._blocks, key=lambda block: block.device_us)
        samples = np.concatenate(self._samples) if self._samples else np.empty(0, IMU_DTYPE)
        while blocks or len(samples):
            starts = ([blocks[0].device_us] if blocks else []) + (
                [int(samples['acc_ns'][0]) // 1000] if len(samples) else [])
            end_us = min(starts) + _CLUSTER_US
            if not everything and complete_us < end_us:
                break
            count = next(
                (i for i, block in enumerate(blocks) if block.device_us >= end_us), len(blocks))
            imu_count = int(np.searchsorted(samples['acc_ns'], end_us * 1000))
            clusters.append(_cluster(blocks[:count], samples[:imu_count]))
            blocks, samples = blocks[count:], samples[imu_count:]
            self.written_us = end_us
        self._blocks, self._samples = blocks, [samples] if len(samples) else []
        return clusters

    def _earliest_us(self) -> int:
        times = [block.device_us for block in self._blocks]
        times += [int(samples['acc_ns'][0]) // 1000 for samples in self._samples]
        return min(times, default=1 << 62)


def _cluster(blocks: list[Block], samples: npt.NDArray[np.void]) -> Cluster:
    times = [block.device_us for block in blocks]
    if len(samples):
        times += [int(samples['acc_ns'][i]) // 1000 for i in (0, -1)]
    return Cluster(min(times), max(times), blocks, samples)
