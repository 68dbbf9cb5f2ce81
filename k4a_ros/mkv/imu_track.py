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

"""Read the IMU track of a recording, in batches."""

from __future__ import annotations

from collections.abc import Iterator
import threading

from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraLostError
from k4a_ros.mkv.cluster_walk import Clusters
from k4a_ros.mkv.clusters import IMU_DTYPE
from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.element_parser import Block
from k4a_ros.mkv.source import Source
from k4a_ros.mkv.timeline import Timeline
import numpy as np
import numpy.typing as npt

#: maximum size of a block: 32 ms of a recording have 2 kB
_MAX_BYTES = 1 << 20
#: how long before a sample its block may start; clusters of libk4arecord have 32 ms
_MAX_BLOCK_NS = 500_000_000


def read_samples(source: Source, block: Block) -> npt.NDArray[np.void]:
    """
    Return the samples in a block, (N,) IMU_DTYPE.

    :raises Malformed: it does not consist of samples.
    :raises CameraLostError: the file cannot be read.
    """
    size = IMU_DTYPE.itemsize
    if block.size > _MAX_BYTES or any(frame != size for frame in block.frames):
        raise Malformed
    data = source.read(block.position, block.size)
    if len(data) != block.size:
        raise Malformed
    return np.frombuffer(data, IMU_DTYPE)


def imu_samples(parts: list[npt.NDArray[np.void]]) -> ImuSamples:
    """Return the samples of several blocks, which do not share memory with them."""
    samples = np.concatenate(parts) if parts else np.empty(0, IMU_DTYPE)
    count = len(samples)
    return ImuSamples(
        acc=samples['acc'].copy(), acc_us=(samples['acc_ns'] // 1000).astype(np.int64),
        gyro=samples['gyro'].copy(), gyro_us=(samples['gyro_ns'] // 1000).astype(np.int64),
        temperature=np.full(count, np.nan, np.float32))


class ImuCursor:
    """
    A position among the IMU samples of a recording; thread-safe.

    :param source: the file.
    :param clusters: its clusters.
    :param track: number of the IMU track; None if there is none.
    :param start_us: device time at the start of the file.
    """

    def __init__(
        self, source: Source, clusters: Clusters, track: int | None, start_us: int,
    ) -> None:
        self._source, self._clusters = source, clusters
        self._tracks = () if track is None else (track,)
        self._start_us = start_us
        self._lock = threading.Lock()
        self._timeline = Timeline(start_us)
        self._begin(clusters.start, 0)

    def _begin(self, position: int, earliest_us: int) -> None:
        self._blocks: Iterator[Block] = (
            self._clusters.blocks(position, self._tracks) if self._tracks else iter(()))
        self._earliest_us = earliest_us
        self._problem = ''
        self._timeline.rewind()

    def read(self, count: int = 1) -> ImuSamples | None:
        """
        Return the samples of the next blocks; None at the end of the file.

        :param count: number of samples that are enough: at least so many, except at the end.
        :raises CameraLostError: the file is damaged here, or cannot be read.
        """
        with self._lock:
            parts: list[npt.NDArray[np.void]] = []
            found = 0
            while found < count and not self._problem:
                block = next(self._blocks, None)
                if block is None:
                    break
                try:
                    samples = read_samples(self._source, block)
                except Malformed:
                    self._problem = 'it has IMU samples of an unknown size'
                    break
                if self._earliest_us:
                    samples = samples[samples['acc_ns'] // 1000 >= self._earliest_us]
                parts.append(samples)
                found += len(samples)
            checked = self._checked(imu_samples(parts))
            if not len(checked) and self._problem:
                raise CameraLostError(
                    f'recording {self._source.path} is damaged: {self._problem}; it can only be '
                    'played up to there')
            return checked if len(checked) else None

    def _checked(self, samples: ImuSamples) -> ImuSamples:
        """Return the samples before the first whose time is invalid."""
        for name, times_us in (('accelerometer', samples.acc_us), ('gyroscope', samples.gyro_us)):
            count, problem = self._timeline.problem_in(
                f'{name} samples', times_us[:len(samples)])
            if problem:
                samples, self._problem = samples[:count], problem
        return samples

    def rewind(self) -> None:
        """Return to the first sample."""
        with self._lock:
            self._begin(self._clusters.start, 0)

    def seek(self, device_us: int) -> None:
        """
        Go to the first sample at a time or later.

        :param device_us: device time, microseconds.
        :raises CameraLostError: the file cannot be read.
        """
        with self._lock:
            cluster = self._clusters.locate((device_us - self._start_us) * 1000 - _MAX_BLOCK_NS)
            self._begin(cluster.position if cluster else self._clusters.start, max(0, device_us))
