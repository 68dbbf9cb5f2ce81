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
Record a camera to a file, with the options of k4arecorder.

    k4a_record [-l 60] [-c 1080p] [-d NFOV_UNBINNED] [-r 30] [--imu ON] OUT.mkv

Ctrl-C finishes the file. It can be read up to the last 0.1 s even if the program is killed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
import logging
from pathlib import Path
import sys

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import FPS_CODES
from k4a_ros.camera_config import validate
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.device.camera import DeviceCamera
from k4a_ros.cameras.device.discovery import connected
from k4a_ros.cameras.device.discovery import NO_CAMERA
from k4a_ros.cameras.simulated.shared_device import open_simulated
from k4a_ros.errors import CameraError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import RecordingError
from k4a_ros.process.allocator import retain_freed_memory
from k4a_ros.recorder.recorder import RecorderStatus
from k4a_ros.recorder.sequence import RecordingOptions
from k4a_ros.tools.arguments import integer_between
from k4a_ros.tools.arguments import number_between
from k4a_ros.tools.endings import run_tool
from k4a_ros.tools.recording_run import RecordingRun

#: longest recording: a day
_MAX_SECONDS = 86400.0
_MAX_DELAY_US = 200_000
#: k4arecorder's names of resolution and format of color
_COLOR_MODES: Mapping[str, tuple[ColorResolution, ColorFormat]] = {
    **{f'{size.label}'.lower(): (size, ColorFormat.MJPG)
       for size in sorted(ColorResolution, reverse=True) if size},
    '720p_nv12': (ColorResolution.R720P, ColorFormat.NV12),
    '720p_yuy2': (ColorResolution.R720P, ColorFormat.YUY2),
    'off': (ColorResolution.OFF, ColorFormat.MJPG)}
_SYNC_MODES = {
    'standalone': WiredSyncMode.STANDALONE, 'master': WiredSyncMode.MASTER,
    'subordinate': WiredSyncMode.SUBORDINATE, 'sub': WiredSyncMode.SUBORDINATE}


def _exposure_us(text: str) -> int:
    """Return the exposure time that k4arecorder sets for a text."""
    value = integer_between(-11, _MAX_DELAY_US)(text)
    return int(2.0 ** value * 1e6) if value <= 1 else value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='k4a_record', description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('path', metavar='OUT.mkv', nargs='?')
    parser.add_argument('--list', action='store_true', help='list the connected cameras')
    parser.add_argument('--camera', choices=('device', 'simulated'), default='device')
    parser.add_argument('--device', type=integer_between(0, 255), default=0, metavar='INDEX',
                        help='index of the camera (default: 0)')
    parser.add_argument('--scene', default='', help='scene file of the simulated camera (YAML)')
    parser.add_argument('-l', '--record-length', type=number_between(0.1, _MAX_SECONDS), default=0,
                        metavar='SECONDS', help='time of the camera to record (default: until '
                        'Ctrl-C)')
    parser.add_argument('-c', '--color-mode', type=str.lower, choices=_COLOR_MODES,
                        default='1080p', help='default: 1080p')
    parser.add_argument('-d', '--depth-mode', type=str.upper, default='NFOV_UNBINNED',
                        choices=[mode.name for mode in DepthMode], help='default: NFOV_UNBINNED')
    parser.add_argument('--depth-delay', type=integer_between(-_MAX_DELAY_US, _MAX_DELAY_US),
                        default=0, metavar='US', help='time of depth after color, microseconds')
    parser.add_argument('-r', '--rate', type=int, choices=FPS_CODES, default=None,
                        help='frames per second (default: the most that the modes allow)')
    parser.add_argument('--imu', type=str.upper, choices=('ON', 'OFF'), default='ON')
    parser.add_argument('--audio', type=str.upper, choices=('ON', 'OFF'), default='OFF',
                        help='also record the microphones, to OUT.wav (default: OFF)')
    parser.add_argument('--external-sync', type=str.lower, choices=_SYNC_MODES,
                        default='standalone', help='role on the sync cable')
    parser.add_argument('--sync-delay', type=integer_between(0, _MAX_DELAY_US), default=0,
                        metavar='US', help='time of a subordinate after its master, microseconds')
    parser.add_argument('-e', '--exposure-control', type=_exposure_us, metavar='VALUE',
                        help='exposure time: 2 to 200000 microseconds, or an exponent from -11 to '
                        '1 (default: automatic)')
    parser.add_argument('-g', '--gain', type=integer_between(0, 255), help='gain of color')
    return parser


def configuration(given: argparse.Namespace) -> CameraConfig:
    """
    Return the modes that the options select.

    :raises ConfigError: they cannot be combined.
    """
    size, form = _COLOR_MODES[given.color_mode]
    mode = DepthMode[given.depth_mode]
    slow = mode is DepthMode.WFOV_UNBINNED or size is ColorResolution.R3072P
    modes = CameraConfig.of_modes(
        mode, size, form, given.rate or (15 if slow else 30), given.imu == 'ON')
    config = CameraConfig(**vars(modes) | {
        'depth_delay_off_color_usec': given.depth_delay,
        'wired_sync_mode': _SYNC_MODES[given.external_sync],
        'subordinate_delay_off_master_usec': given.sync_delay})
    problems = validate(config)
    if problems:
        raise ConfigError(*problems)
    return config


def _open(given: argparse.Namespace) -> Camera:
    """Open the camera, and set its controls; raise K4aRosError."""
    config = configuration(given)
    camera: Camera = (
        open_simulated(config, scene=given.scene) if given.camera == 'simulated'
        else DeviceCamera(config, index=given.device))
    try:
        if config.color:
            if given.exposure_control is None:
                camera.set_control('exposure_auto', True)
            else:
                limits = camera.controls()['exposure_time_us']
                camera.set_control('exposure_time_us', min(max(
                    given.exposure_control, limits.minimum), limits.maximum))
            if given.gain is not None:
                camera.set_control('gain', given.gain)
    except BaseException:
        camera.close()
        raise
    return camera


def _list() -> int:
    """Print the connected cameras."""
    cameras = connected()
    for camera in cameras:
        print(f'Index:{camera.index}\tSerial:{camera.serial or camera.problem}')
    if not cameras:
        print(NO_CAMERA)
    return 0


def _show(status: RecorderStatus) -> None:
    """Show the progress on a terminal."""
    if sys.stderr.isatty():
        print(f'\r{status.seconds:.1f} s, {status.captures} captures, '
              f'{status.written_bytes / 1e6:.0f} MB, {status.queued} queued, {status.dropped} '
              f'dropped, {status.free_bytes / 1e9:.1f} GB free ', end='', file=sys.stderr,
              flush=True)


def _record(given: argparse.Namespace) -> int:
    """Record with the options of a command line, and return the exit code; raise K4aRosError."""
    path = Path(given.path).expanduser()
    if path.exists():
        raise RecordingError(f'cannot write recording {path}: the file exists; choose another '
                             'name, or remove it')
    options = RecordingOptions(
        str(path).replace('%', '%%'), length_us=round(given.record_length * 1e6))
    problem, interrupted = '', False
    with _open(given) as camera:
        print(f'Recording {camera.info.kind} {camera.info.serial}: {camera.config}'
              + ('' if given.record_length else '; press Ctrl-C to finish'), file=sys.stderr)
        run = RecordingRun(camera, options, _show, sound=given.audio == 'ON')
        try:
            run.run()
        except KeyboardInterrupt:
            interrupted = True
        except CameraError as error:
            problem = str(error)
        status = run.finish()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    problem = problem or status.problem or (
        '' if status.files else 'no capture arrived, so there is no file')
    if problem:
        print(f'k4a_record: {problem}', file=sys.stderr)
    for file in status.files:
        print(f'{file}: {status.seconds:.3f} s, {status.captures} captures, {status.samples} IMU '
              f'samples, {status.written_bytes / 1e6:.1f} MB')
    # captures may also be missing at the end
    seconds = status.seconds if problem or interrupted else given.record_length or status.seconds
    missing = round(seconds * camera.config.fps) - status.captures
    if missing > 0:
        print(f'k4a_record: missing captures: {missing}, of which {status.dropped} because of the '
              'disk, the others because of the camera or this computer', file=sys.stderr)
    return int(bool(problem))


def main(arguments: list[str] | None = None) -> int:
    """
    Record a camera.

    :param arguments: command line without the name of the program; None for that of the process.
    :return: exit code; 0 also after Ctrl-C, 1 if the recording has ended for another reason.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if not given.list and given.path is None:
        parser.error('the name of the file is missing')
    logging.basicConfig(format='k4a_record: %(message)s', level=logging.WARNING)
    logging.getLogger('k4a_ros.recorder').setLevel(logging.INFO)
    retain_freed_memory()
    return run_tool('k4a_record', lambda: _list() if given.list else _record(given),
                    ' before the first capture')


if __name__ == '__main__':
    raise SystemExit(main())
