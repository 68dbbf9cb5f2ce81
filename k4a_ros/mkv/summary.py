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

"""What is in a recording: tracks, numbers of images and samples, gaps. Pixels are not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from k4a_ros.camera_config import CameraConfig
from k4a_ros.errors import CameraLostError
from k4a_ros.mkv.cluster_walk import Clusters
from k4a_ros.mkv.head_reader import read_head
from k4a_ros.mkv.head_reader import Track
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.source import Source
import numpy as np
import numpy.typing as npt

#: a step of this many periods is a gap
_GAP_PERIODS = 1.5
#: a step of this many usual steps of IMU samples is a gap: they vary, and a few may be missing
_IMU_GAP_STEPS = 4.0
#: number of samples that are read at once
_IMU_BATCH = 4096
_STREAMS = ('depth', 'ir', 'color')


@dataclass
class TrackSummary:
    """A track, and the number of its blocks and of the bytes in them."""

    track: Track
    blocks: int = 0
    size: int = 0


@dataclass(frozen=True)
class Gap:
    """
    A time without images or samples of a stream.

    ``at_us`` is the device time of the last one before it, ``missing`` the number that fits in.
    """

    stream: str
    at_us: int
    length_us: int
    missing: int


@dataclass
class Summary:
    """
    Contents of a recording.

    ``frames`` by stream (depth, ir, color). ``incomplete_captures``: those that lack an image of a
    stream that the recording has. ``attachments``: sizes in bytes by name. ``problems``: clauses
    on what cannot be played and why. ``complete``: the file was not cut, its writer was not
    killed, and nothing in it is damaged as far as headers show.
    """

    size: int
    config: CameraConfig
    calibration: bytes
    serial: str
    firmware: Mapping[str, str]
    start_us: int
    end_us: int
    complete: bool
    tags: Mapping[str, str]
    attachments: Mapping[str, int]
    tracks: list[TrackSummary] = field(default_factory=list)
    writer: str = ''
    captures: int = 0
    incomplete_captures: int = 0
    frames: dict[str, int] = field(default_factory=dict)
    imu_samples: int = 0
    gaps: list[Gap] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def summarize(path: str) -> Summary:
    """
    Return what is in a recording.

    :param path: ``~`` is not expanded.
    :raises RecordingError: nothing of it can be played.
    """
    with RecordingReader(path) as reader:
        source = Source(path)
        result = Summary(
            source.size, reader.config, reader.calibration, reader.serial, reader.firmware,
            reader.start_us, reader.end_us, reader.complete, reader.tags,
            {name: len(content) for name, content in reader.attachments.items()})
        if reader.missing:
            result.problems.append(reader.missing)
        _add_tracks(result, source)
        _add_captures(result, reader)
        _add_imu(result, reader)
    return result


def _add_tracks(result: Summary, source: Source) -> None:
    """Count the blocks of all tracks; find damage."""
    damaged: list[tuple[int, int]] = []
    head = read_head(source)
    clusters = Clusters(source, head, lambda start, end: damaged.append((start, end)))
    tracks = {track.number: TrackSummary(track) for track in head.tracks}
    for block in clusters.blocks(clusters.start, None):
        found = tracks.setdefault(block.track, TrackSummary(Track(number=block.track)))
        found.blocks += 1
        found.size += block.size
    result.tracks, result.writer = list(tracks.values()), head.writer
    result.complete &= not (damaged or head.damaged)
    if damaged:
        lost = sum(end - start for start, end in damaged)
        where = f'at byte {damaged[0][0]}' + (
            f' and {len(damaged) - 1} other places' if len(damaged) > 1 else '')
        result.problems.append(f'it is damaged {where}; {lost} bytes are skipped')


def _add_captures(result: Summary, reader: RecordingReader) -> None:
    """Count captures and images, and find their gaps."""
    times: dict[str, list[int]] = {name: [] for name in _STREAMS}
    lacking: Counter[frozenset[str]] = Counter()
    expected = [name for name in _STREAMS if getattr(result.config, name)]
    try:
        for capture in reader.captures:
            result.captures += 1
            images = {name: getattr(capture, name) for name in expected}
            for name, image in images.items():
                if image is not None:
                    times[name].append(image.device_us)
            lacking[frozenset(name for name in expected if images[name] is None)] += 1
    except CameraLostError as error:
        result.complete = False
        result.problems.append(str(error))
    result.frames = {name: len(found) for name, found in times.items()}
    # depth modes have a track of infrared images also if none are recorded
    recorded = {name for name, found in times.items() if found}
    result.incomplete_captures = sum(
        count for names, count in lacking.items() if names & recorded)
    for name in expected:
        result.gaps += _gaps(name, np.array(times[name], np.int64), result.config.period_us,
                             _GAP_PERIODS)


def _add_imu(result: Summary, reader: RecordingReader) -> None:
    """Count IMU samples, and find their gaps."""
    parts: list[npt.NDArray[np.int64]] = []
    try:
        while (samples := reader.imu.read(_IMU_BATCH)) is not None:
            parts.append(samples.acc_us)
    except CameraLostError as error:
        result.complete = False
        result.problems.append(str(error))
    times_us = np.concatenate([np.zeros(0, np.int64), *parts])
    result.imu_samples = len(times_us)
    if len(times_us) > 1:
        usual_us = max(1, round(float(np.median(np.diff(times_us)))))
        result.gaps += _gaps('imu', times_us, usual_us, _IMU_GAP_STEPS)


def _gaps(
    stream: str, times_us: npt.NDArray[np.int64], period_us: int, periods: float,
) -> list[Gap]:
    """Return the steps that are longer than a number of periods."""
    steps = np.diff(times_us)
    return [Gap(stream, int(times_us[index]), int(steps[index]),
                round(int(steps[index]) / period_us) - 1)
            for index in np.flatnonzero(steps > periods * period_us).tolist()]
