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

"""Estimate what the head of a recording lacks from its data."""

from __future__ import annotations

from itertools import islice

from k4a_ros.mkv.cluster_walk import Clusters
from k4a_ros.mkv.ebml import Malformed
from k4a_ros.mkv.imu_track import read_samples
from k4a_ros.mkv.source import Source
from k4a_ros.mkv.streams import MAX_START_NS
from k4a_ros.mkv.streams import Streams
import numpy as np

#: number of images from which the frame rate is estimated
_SAMPLE_IMAGES = 30


def start_ns(source: Source, clusters: Clusters, streams: Streams) -> int:
    """
    Return the device time at the start of a file without a tag for it, and note that.

    libk4arecord writes the tag when it closes the file. IMU samples have their device time; if
    there are none, times start at 0, as in libk4arecord.
    """
    tag = 'because its tag K4A_START_OFFSET_NS is missing'
    if streams.imu is not None:
        for block in islice(clusters.blocks(clusters.start, {streams.imu}), 1):
            try:
                sample_ns = int(read_samples(source, block)['acc_ns'][0])
            except (Malformed, IndexError):
                break
            if 0 <= sample_ns - block.time_ns <= MAX_START_NS:
                streams.notes.append(f'its start is taken from its first IMU sample, {tag}')
                return sample_ns - block.time_ns
    streams.notes.append(f'its images are stamped from 0, {tag}')
    return 0


def period_ns(clusters: Clusters, streams: Streams) -> int:
    """Return the distance of captures: that of the head, or the usual one of the first images."""
    if streams.period_ns:
        return streams.period_ns
    for track in streams.images:
        blocks = islice(clusters.blocks(clusters.start, {track.number}), _SAMPLE_IMAGES)
        times = [block.time_ns for block in blocks]
        if len(times) > 1:
            return max(1, int(np.median(np.diff(times))))
    return 1_000_000_000 // streams.config.fps
