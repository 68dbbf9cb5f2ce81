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

"""Which topics of a bag have the streams of a camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from k4a_ros.bags.bag_images import COMPRESSED_IMAGE
from k4a_ros.bags.bag_images import IMAGE
from k4a_ros.bags.bag_reader import BagReader
from k4a_ros.bags.recorded_times import RECORDING_TIMES
from k4a_ros.bags.recording_info import RECORDING_INFO

DEPTH, INFRARED, COLOR, IMU = 'depth', 'ir', 'color', 'imu'

#: name and type of the topics that can give a stream, the best one first
_STREAMS = {
    DEPTH: (('depth/image_raw', IMAGE), ('depth/image_raw/compressedDepth', COMPRESSED_IMAGE)),
    INFRARED: (('ir/image_raw', IMAGE),),
    COLOR: (('rgb/image_raw/compressed', COMPRESSED_IMAGE), ('rgb/image_raw', IMAGE)),
    IMU: (('imu', 'sensor_msgs/msg/Imu'),)}
_OTHERS = ((RECORDING_INFO, 'std_msgs/msg/String'),
           (RECORDING_TIMES, 'std_msgs/msg/UInt8MultiArray'))


@dataclass(frozen=True)
class CameraTopics:
    """Full names of the topics of a camera, by stream; ``info`` and ``times``: '' for none."""

    streams: dict[str, str]
    info: str
    times: str


def find_topics(reader: BagReader, namespace: str | None) -> CameraTopics:
    """
    Return the topics of a camera.

    :param namespace: of the camera; None if there is only one.
    :raises BagError: there is no such camera, or more than one.
    """
    found = reader.topics({kind for _, kind in _names()})
    prefixes = {topic.removesuffix(name) for name, kind in _names()
                for topic, found_kind in found.items()
                if kind == found_kind and topic.endswith('/' + name)}
    prefixes = {prefix for prefix in prefixes if _streams(found, prefix)}
    if namespace is not None:
        prefixes &= {f'/{namespace}/' if namespace else '/'}
    if not prefixes:
        where = '' if namespace is None else f' in the namespace {namespace!r}'
        raise reader.error(
            f'it has no topics of this driver{where} that a recording can be made of: '
            f'{", ".join(name for names in _STREAMS.values() for name, _ in names)}')
    if len(prefixes) > 1:
        names = ', '.join(prefix.strip('/') or "''" for prefix in sorted(prefixes))
        raise reader.error(f'it has several cameras; choose one of {names} with --namespace')
    prefix = prefixes.pop()
    others = [prefix + name if found.get(prefix + name) == kind else ''
              for name, kind in _OTHERS]
    return CameraTopics(_streams(found, prefix), *others)


def _names() -> Iterator[tuple[str, str]]:
    for names in _STREAMS.values():
        yield from names
    yield from _OTHERS


def _streams(found: dict[str, str], prefix: str) -> dict[str, str]:
    """Return the best topic of each stream with a prefix."""
    result: dict[str, str] = {}
    for stream, names in _STREAMS.items():
        for name, kind in names:
            if found.get(prefix + name) == kind:
                result.setdefault(stream, prefix + name)
    return result
