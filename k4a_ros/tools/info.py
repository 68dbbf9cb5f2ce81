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
Show the cameras that are plugged in: who they are, their calibration, jacks and color controls.

    k4a_info [--serial 000123456712 | --index 0] [--json]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
import json
import sys
from typing import Any

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.base import is_serial
from k4a_ros.cameras.device.camera import DeviceCamera
from k4a_ros.cameras.device.discovery import Connected
from k4a_ros.cameras.device.discovery import connected
from k4a_ros.cameras.device.discovery import NO_CAMERA
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import K4aRosError

#: any that a camera accepts: nothing is streamed
_CONFIG = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.OFF)
_MODES = (DepthMode.NFOV_UNBINNED, DepthMode.WFOV_UNBINNED)
_RESOLUTIONS = (ColorResolution.R720P, ColorResolution.R1536P)


def facts(camera: DeviceCamera) -> dict[str, Any]:
    """Return everything about a camera, as JSON can hold it."""
    jacks, calibration = camera.sync_jacks(), camera.calibration
    lenses = {f'depth {mode.name}': calibration.depth(mode) for mode in _MODES}
    lenses |= {f'color {size.label}': calibration.color(size) for size in _RESOLUTIONS}
    return {
        'index': int(camera.info.source),
        'serial': camera.info.serial,
        'firmware': camera.info.firmware,
        'sync_jacks': jacks and {'in': jacks.sync_in, 'out': jacks.sync_out},
        'calibration': {
            'made': calibration.factory_date,
            'color_in_depth_m': calibration.depth_to_color.inverse().translation.tolist(),
            'imu_in_depth_m': calibration.depth_to_accel.inverse().translation.tolist(),
            'lenses': {name: _lens(lens) for name, lens in lenses.items()},
        },
        'controls': {name: _control(camera, name) for name in camera.controls()},
    }


def _lens(lens: Intrinsics) -> dict[str, Any]:
    return {'size': [lens.width, lens.height], 'fx': lens.fx, 'fy': lens.fy,
            'cx': lens.cx, 'cy': lens.cy}


def _control(camera: DeviceCamera, name: str) -> dict[str, Any]:
    rule = camera.controls()[name]
    try:
        value: float | bool | None = camera.get_control(name)
        automatic = bool(rule.auto) and bool(camera.get_control(rule.auto))
    except ConfigError:
        value, automatic = None, False
    default = bool(rule.default) if rule.switch else rule.default
    limits = {} if rule.switch else {
        'minimum': rule.minimum, 'maximum': rule.maximum, 'step': rule.step}
    return {'value': value, 'automatic': automatic, 'default': default} | limits


def text(camera: dict[str, Any]) -> str:
    """Return what people want to see of the facts about a camera, a few lines."""
    jacks, calibration = camera['sync_jacks'], camera['calibration']
    cables = {True: 'cable', False: 'no cable'}
    lines = [
        f'Camera {camera["index"]}: serial number {camera["serial"]}',
        '  firmware     ' + (', '.join(
            f'{name.replace("_", " ")} {version}'
            for name, version in camera['firmware'].items()) or 'not told'),
        '  sync jacks   ' + (
            f'in: {cables[jacks["in"]]}, out: {cables[jacks["out"]]}' if jacks else 'not told'),
        f'  calibration  made {calibration["made"] or "at a time that is not told"}; from the '
        f'depth camera (x right, y down, z forward) the color camera is at '
        f'({_millimeters(calibration["color_in_depth_m"])}) mm, the IMU at '
        f'({_millimeters(calibration["imu_in_depth_m"])}) mm']
    for name, lens in calibration['lenses'].items():
        width, height = lens['size']
        lines.append(f'    {name:22} {width:4} x {height:4}  f {lens["fx"]:7.2f} {lens["fy"]:7.2f}'
                     f'  c {lens["cx"]:7.2f} {lens["cy"]:7.2f}')
    lines.append('  color controls' + ('' if camera['controls'] else ': none'))
    for name, control in camera['controls'].items():
        value = 'not told' if control['value'] is None else json.dumps(control['value'])
        value += ' (automatic)' if control['automatic'] else ''
        limits = (f'{control["minimum"]} to {control["maximum"]}, step {control["step"]}, '
                  if 'minimum' in control else '')
        lines.append(f'    {name:22} {value:20} {limits}default {json.dumps(control["default"])}')
    return '\n'.join(lines)


def _millimeters(place: list[float]) -> str:
    return ', '.join(f'{1000 * value:.1f}' for value in place)


def _wanted(serial: str, index: int | None) -> list[Connected]:
    """Return the cameras to show; those that do not open have a problem."""
    cameras = connected()
    if not cameras:
        raise DeviceNotFoundError(NO_CAMERA)
    found = [camera for camera in cameras
             if index in (None, camera.index)
             and (not serial or is_serial(serial, camera.serial))]
    if not found:
        listed = '; '.join(map(str, cameras))
        raise DeviceNotFoundError(f'that camera is not connected; there are {listed}')
    return found


def _all_facts(cameras: Iterable[Connected]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for each in cameras:
        try:
            camera = DeviceCamera(_CONFIG, index=each.index)
            with camera:
                found.append(facts(camera))
        except K4aRosError as error:
            found.append({'index': each.index, 'serial': each.serial, 'problem': str(error)})
    return found


def main(arguments: list[str] | None = None) -> int:
    """
    Show the cameras.

    :param arguments: command line without the program's name; None takes the process's own.
    :return: exit code; 0 if all that were asked for could be opened, 1 otherwise.
    """
    parser = argparse.ArgumentParser(
        prog='k4a_info', description=(__doc__ or '').split('\n\n')[0].strip())
    which = parser.add_mutually_exclusive_group()
    which.add_argument('--serial', default='', help='show only the camera of this serial number')
    which.add_argument('--index', type=int, help='show only the camera of this number')
    parser.add_argument('--json', action='store_true', help='all of it, as JSON')
    options = parser.parse_args(arguments)
    try:
        found = _all_facts(_wanted(options.serial, options.index))
    except K4aRosError as error:
        print(f'k4a_info: {error}', file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for camera in found:
            problem = camera.get('problem')
            print(f'Camera {camera["index"]}: {problem}' if problem else text(camera))
    return int(any('problem' in camera for camera in found))


if __name__ == '__main__':
    raise SystemExit(main())
