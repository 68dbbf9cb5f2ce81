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

"""What `k4a_info FILE.mkv` prints: the contents of a recording."""

from __future__ import annotations

from collections import Counter
import json
import os
from pathlib import Path
import sys
from typing import Any

from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.side_file import sound_path
from k4a_ros.audio.sound_file import SoundFile
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.errors import AudioError
from k4a_ros.errors import CalibrationError
from k4a_ros.mkv.ros_time_track import TRACK_NAME
from k4a_ros.mkv.summary import summarize
from k4a_ros.mkv.summary import Summary
from k4a_ros.mkv.summary import TrackSummary
from k4a_ros.mkv.verification import Verification
from k4a_ros.mkv.verification import verify
from k4a_ros.tools.calibration_text import calibration_lines
from k4a_ros.tools.calibration_text import describe_calibration
from k4a_ros.tools.endings import run_tool
from k4a_ros.tools.progress import Progress

#: number of gaps that the text lists
_MAX_GAPS = 5
_STREAM_NAMES = {'depth': 'depth', 'ir': 'infrared', 'color': 'color', 'imu': 'IMU'}


def show_recording(path: str, *, as_json: bool, verified: bool) -> int:
    """
    Print the contents of a recording.

    :param verified: read every block.
    :return: exit code; 1 if the file cannot be read, or if it was verified and is not complete.
    """
    name = os.path.expanduser(path)

    def run() -> int:
        summary = summarize(name)
        verification = None
        if verified:
            with Progress(summary.start_us, summary.end_us) as progress:
                verification = verify(name, progress.update)
        description = describe_recording(path, summary, verification)
        _print(json.dumps(description, indent=2) if as_json else recording_text(description))
        return int(verified and not description['complete'])

    return run_tool('k4a_info', run)


def _print(text: str) -> None:
    """Print a text, of which a program such as head may read only a part."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python flushes


def describe_recording(
    path: str, summary: Summary, verification: Verification | None = None,
) -> dict[str, Any]:
    """
    Return the contents of a recording as JSON-compatible values.

    Numbers are those of what can be played. ``complete`` is false if the file was cut, its writer
    was killed, it is damaged, or what was verified is wrong.
    """
    config = summary.config
    missing = Counter({'depth': 0, 'ir': 0, 'color': 0, 'imu': 0})
    for gap in summary.gaps:
        missing[gap.stream] += gap.missing
    complete = summary.complete and not (verification and verification.problem_count)
    result = {
        'file': path,
        'bytes': summary.size,
        'written_by': summary.writer,
        'complete': complete,
        'problems': summary.problems,
        'serial': summary.serial,
        'firmware': dict(summary.firmware),
        'depth_mode': config.depth_mode.name,
        'color_resolution': config.color_resolution.label,
        'color_format': config.color_format.name if config.color else None,
        'fps': config.fps,
        'wired_sync_mode': config.wired_sync_mode.name,
        'depth_delay_off_color_us': config.depth_delay_off_color_usec,
        'subordinate_delay_off_master_us': config.subordinate_delay_off_master_usec,
        'start_us': summary.start_us,
        'duration_s': (summary.end_us - summary.start_us) / 1e6,
        'captures': summary.captures,
        'incomplete_captures': summary.incomplete_captures,
        **{f'{name}_frames': count for name, count in summary.frames.items()},
        'imu_samples': summary.imu_samples,
        'missing': dict(missing),
        'gaps': [{
            'stream': gap.stream, 'at_s': (gap.at_us - summary.start_us) / 1e6,
            'length_s': gap.length_us / 1e6, 'missing': gap.missing} for gap in summary.gaps],
        'ros_time': _has_ros_times(summary),
        'sound': _sound(path, summary),
        'tracks': [_track(each) for each in summary.tracks],
        'tags': dict(summary.tags),
        'attachments': dict(summary.attachments),
        'calibration': _calibration(summary),
    }
    if verification is not None:
        result['verified'] = {
            'bytes': verification.size, 'clusters': verification.clusters,
            'checksums': verification.checksums, 'images': verification.images,
            'problem_count': verification.problem_count, 'problems': verification.problems}
    return result


def _track(summary: TrackSummary) -> dict[str, Any]:
    track = summary.track
    return {'name': track.name, 'codec': track.codec, 'format': track.fourcc or None,
            'size': [track.width, track.height] if track.width else None,
            'blocks': summary.blocks, 'bytes': summary.size}


def _sound(path: str, summary: Summary) -> dict[str, Any] | None:
    """Return what the file with sound beside the recording has, or why it cannot be used."""
    recording = Path(os.path.expanduser(path))
    if not sound_path(recording).exists():
        return None
    result: dict[str, Any] = {'file': str(sound_path(Path(path)))}
    try:
        with SoundFile(recording) as sound:
            result |= {'samples': sound.samples, 'duration_s': sound.samples / RATE,
                       'begins_ros_ns': sound.stamp_of(0)}
    except AudioError as error:
        return result | {'problem': str(error)}
    if not _has_ros_times(summary):
        result['problem'] = 'the recording has no ROS times, so the sound cannot be played with it'
    return result


def _has_ros_times(summary: Summary) -> bool:
    return any(each.track.name == TRACK_NAME for each in summary.tracks)


def _calibration(summary: Summary) -> dict[str, Any]:
    """Return the calibration for the modes of the recording, or why it cannot be used."""
    config = summary.config
    lenses: dict[str, Intrinsics] = {}
    if not summary.calibration:
        return {'problem': 'none; to play the file, give that of its camera as calibration_file'}
    try:
        calibration = FactoryCalibration.from_raw(summary.calibration)
        if config.depth or config.ir:
            lenses[f'depth {config.depth_mode.name}'] = calibration.depth(config.depth_mode)
        if config.color:
            lenses[f'color {config.color_resolution.label}'] = calibration.color(
                config.color_resolution)
    except CalibrationError as error:
        return {'problem': str(error)}
    return {'serial': calibration.serial} | describe_calibration(calibration, lenses)


def recording_text(recording: dict[str, Any]) -> str:
    """Return the result of `describe_recording` as human-readable lines."""
    color = recording['color_resolution']
    if recording['color_format']:
        color += f' {recording["color_format"]}'
    lines = [
        f'{recording["file"]}: {recording["duration_s"]:.1f} s, '
        f'{recording["bytes"] / 1e6:.1f} MB, '
        + ('complete' if recording['complete'] else 'NOT COMPLETE'),
        *(f'  problem      {problem}' for problem in recording['problems']),
        f'  camera       serial number {recording["serial"] or "unknown"}; firmware: '
        + (', '.join(f'{name} {version}' for name, version in recording['firmware'].items())
           or 'unknown'),
        f'  modes        depth {recording["depth_mode"]}, color {color}, {recording["fps"]} fps, '
        f'{recording["wired_sync_mode"].lower()}, depth '
        f'{recording["depth_delay_off_color_us"]} us after color',
        f'  contents     {recording["captures"]} captures: '
        + ', '.join(f'{recording[f"{name}_frames"]} {_STREAM_NAMES[name]}'
                    for name in ('depth', 'ir', 'color'))
        + f'; {recording["imu_samples"]} IMU samples',
        *_gap_lines(recording),
        f'  start        {recording["start_us"] / 1e6:.6f} s of the camera\'s clock; ROS times '
        + ('are stored' if recording['ros_time'] else 'are not stored'),
        *_sound_lines(recording['sound']),
        f'  tracks       written by {recording["written_by"] or "an unknown program"}']
    for track in recording['tracks']:
        size = f' {track["size"][0]} x {track["size"][1]}' if track['size'] else ''
        lines.append(f'    {track["name"]:12} {track["format"] or track["codec"]}{size}: '
                     f'{track["blocks"]} blocks, {track["bytes"] / 1e6:.1f} MB')
    lines += ['  tags', *(f'    {name} = {value}' for name, value in recording['tags'].items())]
    lines += ['  attachments  ' + (', '.join(
        f'{name} ({size} bytes)' for name, size in recording['attachments'].items()) or 'none')]
    calibration = recording['calibration']
    lines += ([f'  calibration  {calibration["problem"]}'] if 'problem' in calibration
              else calibration_lines(calibration))
    return '\n'.join([*lines, *_verification_lines(recording)])


def _sound_lines(sound: dict[str, Any] | None) -> list[str]:
    if sound is None:
        return []
    length = f'{sound["duration_s"]:.1f} s' if 'duration_s' in sound else ''
    return [f'  sound        {sound["file"]}: ' + '; '.join(filter(
        None, (length, sound.get('problem', ''))))]


def _gap_lines(recording: dict[str, Any]) -> list[str]:
    gaps = recording['gaps']
    if not gaps and not recording['incomplete_captures']:
        return ['  gaps         none']
    missing = ', '.join(f'{count} {_STREAM_NAMES[name]}'
                        for name, count in recording['missing'].items() if count)
    lines = [f'  gaps         {len(gaps)}' + (f', missing: {missing}' if missing else '')
             + f'; {recording["incomplete_captures"]} captures lack an image']
    longest = sorted(gaps, key=lambda gap: -gap['length_s'])[:_MAX_GAPS]
    lines += [f'    {_STREAM_NAMES[gap["stream"]]:12} at {gap["at_s"]:.3f} s: '
              f'{gap["length_s"]:.3f} s' for gap in longest]
    if len(gaps) > len(longest):
        lines.append(f'    {len(gaps) - len(longest)} shorter ones; --json lists all')
    return lines


def _verification_lines(recording: dict[str, Any]) -> list[str]:
    verified = recording.get('verified')
    if verified is None:
        return []
    lines = [f'  verified     {verified["images"]} images, {verified["bytes"] / 1e6:.1f} MB in '
             f'{verified["clusters"]} clusters, {verified["checksums"]} with a checksum: '
             f'{verified["problem_count"]} problems']
    lines += [f'    {problem}' for problem in verified['problems']]
    if verified['problem_count'] > len(verified['problems']):
        lines.append(f'    and {verified["problem_count"] - len(verified["problems"])} more')
    return lines
