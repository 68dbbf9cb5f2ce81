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
List connected cameras: identity, firmware, calibration, sync jacks and color controls.

    k4a_info [--serial 000123456712 | --index 0] [--json]
    k4a_info FILE.mkv [--verify] [--json]
    k4a_info [FILE.mkv] --save-calibration calibration.json
    k4a_info --check [--json]

With a file, its contents are listed: see `k4a_ros.tools.recording_info`. --save-calibration writes
the factory calibration of the camera or recording to a file instead, which the driver reads as
calibration_file. --check examines this computer instead: see `k4a_ros.tools.preflight`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
import json
import os
import sys
from typing import Any

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.base import is_serial
from k4a_ros.cameras.device.camera import DeviceCamera
from k4a_ros.cameras.device.discovery import Connected
from k4a_ros.cameras.device.discovery import connected
from k4a_ros.cameras.device.discovery import NO_CAMERA
from k4a_ros.cameras.device.firmware import outdated
from k4a_ros.cameras.device.firmware import REMEDY
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import K4aRosError
from k4a_ros.mkv.summary import summarize
from k4a_ros.sdk import libk4a
from k4a_ros.tools.arguments import integer_between
from k4a_ros.tools.calibration_text import calibration_lines
from k4a_ros.tools.calibration_text import describe_calibration
from k4a_ros.tools.preflight.run import run_checks
from k4a_ros.tools.recording_info import show_recording

#: a valid configuration, which opening a camera requires; nothing is streamed
_CONFIG = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.OFF)
_DEPTH_MODES = (DepthMode.NFOV_UNBINNED, DepthMode.WFOV_UNBINNED)
_COLOR_RESOLUTIONS = (ColorResolution.R720P, ColorResolution.R1536P)


def describe(camera: DeviceCamera) -> dict[str, Any]:
    """Return identity, calibration and controls of a camera as JSON-compatible values."""
    jacks, calibration = camera.sync_jacks(), camera.calibration
    lenses = {f'depth {mode.name}': calibration.depth(mode) for mode in _DEPTH_MODES}
    lenses |= {f'color {size.label}': calibration.color(size) for size in _COLOR_RESOLUTIONS}
    return {
        'index': int(camera.info.source),
        'serial': camera.info.serial,
        'firmware': camera.info.firmware,
        'newer_firmware': outdated(camera.info.firmware),
        'sync_jacks': jacks and {'in': jacks.sync_in, 'out': jacks.sync_out},
        'calibration': describe_calibration(calibration, lenses),
        'controls': {name: _control(camera, name) for name in camera.controls()},
    }


def _control(camera: DeviceCamera, name: str) -> dict[str, Any]:
    limits = camera.controls()[name]
    try:
        value: float | bool | None = camera.get_control(name)
        automatic = bool(limits.auto) and bool(camera.get_control(limits.auto))
    except ConfigError:
        value, automatic = None, False
    default = bool(limits.default) if limits.switch else limits.default
    values = {'value': value, 'automatic': automatic, 'default': default}
    if limits.switch:
        return values
    return values | {
        'minimum': limits.minimum, 'maximum': limits.maximum, 'step': limits.step}


def _versions(firmware: dict[str, str]) -> str:
    return ', '.join(f'{name.replace("_", " ")} {version}' for name, version in firmware.items())


def format_text(camera: dict[str, Any]) -> str:
    """Return the result of `describe` as human-readable lines."""
    jacks = camera['sync_jacks']
    cables = {True: 'cable', False: 'no cable'}
    lines = [
        f'Camera {camera["index"]}: serial number {camera["serial"]}',
        '  firmware     ' + (_versions(camera['firmware']) or 'unknown'),
        *([f'               newer: {_versions(camera["newer_firmware"])}; {REMEDY}']
          if camera['newer_firmware'] else []),
        '  sync jacks   ' + (
            f'in: {cables[jacks["in"]]}, out: {cables[jacks["out"]]}' if jacks else 'unknown'),
        *calibration_lines(camera['calibration'])]
    lines.append('  color controls' + ('' if camera['controls'] else ': none'))
    for name, control in camera['controls'].items():
        value = 'unknown' if control['value'] is None else json.dumps(control['value'])
        value += ' (automatic)' if control['automatic'] else ''
        limits = (f'{control["minimum"]} to {control["maximum"]}, step {control["step"]}, '
                  if 'minimum' in control else '')
        lines.append(f'    {name:22} {value:20} {limits}default {json.dumps(control["default"])}')
    return '\n'.join(lines)


def _select(serial: str, index: int | None) -> list[Connected]:
    """
    Return the connected cameras that match a serial number or an index, or all of them.

    :raises DeviceNotFoundError: no camera is connected, or none matches.
    """
    cameras = connected()
    if not cameras:
        raise DeviceNotFoundError(NO_CAMERA)
    found = [camera for camera in cameras
             if index in (None, camera.index)
             and (not serial or is_serial(serial, camera.serial))]
    if not found:
        listed = ', '.join(map(str, cameras))
        raise DeviceNotFoundError(f'no connected camera matches; found: {listed}')
    return found


def _describe_all(cameras: Iterable[Connected]) -> list[dict[str, Any]]:
    """Describe each camera, or the problem that keeps it from opening."""
    found: list[dict[str, Any]] = []
    for each in cameras:
        try:
            camera = DeviceCamera(_CONFIG, index=each.index)
            with camera:
                found.append(describe(camera))
        except K4aRosError as error:
            found.append({'index': each.index, 'serial': each.serial, 'problem': str(error)})
    return found


def _save_calibration(path: str, recording: str, serial: str, index: int | None) -> int:
    """
    Write the factory calibration of a recording or camera to a file that does not exist yet.

    :return: exit code.
    """
    try:
        if recording:
            calibration = FactoryCalibration.from_raw(
                summarize(os.path.expanduser(recording)).calibration)
        else:
            found = _select(serial, index)
            if len(found) > 1:
                raise ConfigError(f'there are several cameras ({", ".join(map(str, found))}); '
                                  'choose one with --serial or --index')
            with DeviceCamera(_CONFIG, index=found[0].index) as camera:
                calibration = camera.calibration
        with open(os.path.expanduser(path), 'xb') as file:
            file.write(calibration.raw)
    except K4aRosError as error:
        print(f'k4a_info: {error}', file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        print(f'k4a_info: cannot write {path}: {reason.lower()}; give the name of a new file',
              file=sys.stderr)
        return 1
    print(f'{path}: factory calibration of camera {calibration.serial or "(unknown)"}')
    return 0


def main(arguments: list[str] | None = None) -> int:
    """
    List the cameras, the contents of a recording, or the checks of this computer.

    :param arguments: command line without the name of the program; None for that of the process.
    :return: exit code; 0 if every selected camera or the recording could be opened, 1 otherwise.
    """
    parser = argparse.ArgumentParser(
        prog='k4a_info', description=(__doc__ or '').split('\n\n')[0].strip())
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        'recording', metavar='FILE.mkv', nargs='?', default='',
        help='list the contents of this recording instead')
    which.add_argument('--serial', default='', help='only the camera with this serial number')
    which.add_argument(
        '--index', type=integer_between(0, 255), help='only the camera with this index')
    which.add_argument(
        '--check', action='store_true',
        help='examine this computer: SDK, display, USB, shared memory, disk; exit code 1 if there '
        'is a problem')
    parser.add_argument(
        '--verify', action='store_true',
        help='read every block of the recording; exit code 1 if it is not complete')
    parser.add_argument(
        '--save-calibration', default='', metavar='OUT.json',
        help='write the factory calibration to this file instead')
    parser.add_argument('--json', action='store_true', help='print JSON')
    options = parser.parse_args(arguments)
    if options.save_calibration:
        if options.check or options.verify or options.json:
            parser.error('argument --save-calibration: not with --check, --verify or --json')
        return _save_calibration(
            options.save_calibration, options.recording, options.serial, options.index)
    if options.recording:
        return show_recording(options.recording, as_json=options.json, verified=options.verify)
    if options.verify:
        parser.error('argument --verify: needs FILE.mkv')
    if options.check:
        return run_checks(options.json)
    try:
        if not options.json:
            sdk = libk4a.load()
            print(f'SDK: {sdk}\nDepth engine: {sdk.engine_text()}')
        found = _describe_all(_select(options.serial, options.index))
    except K4aRosError as error:
        print(f'k4a_info: {error}', file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for camera in found:
            problem = camera.get('problem')
            print(f'Camera {camera["index"]}: {problem}' if problem else format_text(camera))
    return int(any('problem' in camera for camera in found))


if __name__ == '__main__':
    raise SystemExit(main())
