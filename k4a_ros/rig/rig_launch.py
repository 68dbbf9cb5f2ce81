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

"""What launch/multi_camera.launch.py starts: arguments, drivers and budget (without launch)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
import os
from pathlib import Path
import re

from k4a_ros.errors import ConfigError
from k4a_ros.mkv.together import common_timeline
from k4a_ros.parameters.launch_arguments import DRIVER_ARGUMENTS
from k4a_ros.parameters.launch_arguments import LaunchArgument
from k4a_ros.parameters.recordings_launch import delay_seconds
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.spec import Value
from k4a_ros.parameters.table import SPECS
from k4a_ros.rig.budget import Host
from k4a_ros.rig.rig import Kind
from k4a_ros.rig.rig import Rig
from k4a_ros.rig.rig import RigCamera
from k4a_ros.rig.rig import Role
from k4a_ros.rig.rig import sync_parameters
from k4a_ros.rig.rig_file import load_rig
from k4a_ros.sdk.usb_devices import depth_cameras
from k4a_ros.sdk.usb_devices import usb_devices
from k4a_ros.sdk.usb_devices import usb_memory_mb

_OF_DRIVER = ('log_level', 'fastdds_profile')

ARGUMENTS = (
    LaunchArgument('config', '[Rig] Rig file; config/multi_camera.yaml describes its keys.'),
    LaunchArgument(
        'only', '[Rig] Names of the cameras whose drivers are started here, separated by commas, '
        'if others run on other computers. Default: all.'),
    LaunchArgument(
        'manager', '[Rig] Start k4a_rig, which starts the cameras in their order: on one computer '
        'only. One of true, false.', 'true'),
    LaunchArgument(
        'monitor', '[Rig] Start k4a_sync_monitor. One of true, false.', 'true'),
    LaunchArgument(
        'recordings', '[Rig] Folder with NAME.mkv of each camera, which are played in step '
        'instead of opening the cameras.'),
    LaunchArgument(
        'start_delay', '[Rig] Time from the launch to the first data of recordings, in which '
        'drivers and subscribers start. Range: 0 to 60 s.', '10'),
    *(argument for argument in DRIVER_ARGUMENTS if argument.name in _OF_DRIVER),
)


@dataclass(frozen=True)
class DriverLaunch:
    """One driver: namespace of the node, without a leading /, and its parameters."""

    namespace: str
    parameters: Mapping[str, Value]


def rig_of(given: Mapping[str, str]) -> Rig:
    """
    Return the rig that the launch arguments name.

    :raises ConfigError: an argument or the file cannot be used.
    """
    if not given['config']:
        raise ConfigError('config is empty; give a rig file: config:=cameras.yaml')
    rig = load_rig(given['config'])
    return as_recordings(rig, given['recordings']) if given['recordings'] else rig


def as_recordings(rig: Rig, folder: str) -> Rig:
    """
    Return the rig with recordings of its cameras in their place.

    :param folder: has a file NAME.mkv, or one that begins with NAME, for each camera.
    :raises ConfigError: there is none for a camera.
    """
    base = Path(folder).expanduser()
    cameras = []
    for camera in rig.cameras:
        exact = base / f'{camera.name}.mkv'
        files = [exact] if exact.is_file() else sorted(base.glob(f'{camera.name}[-_.]*.mkv'))
        if not files:
            raise ConfigError(f'there is no recording of {camera.name} in {base}: {exact.name}')
        values = {name: getattr(camera.settings, name) for name in camera.settings.given
                  if not SPECS[name].cameras or 'recording' in SPECS[name].cameras}
        for name in ('camera', 'sensor_sn', 'recording_file'):
            values.pop(name, None)
        settings = Settings.from_values(
            {**values, 'camera': 'recording', 'recording_file': str(files[0])})
        cameras.append(replace(camera, kind=Kind.RECORDING, source=str(files[0]),
                               role=Role.STANDALONE, delay_us=0, settings=settings))
    return replace(rig, cameras=tuple(cameras))


def drivers(rig: Rig, given: Mapping[str, str], now_s: float) -> list[DriverLaunch]:
    """
    Return the drivers to start here.

    :param given: launch arguments.
    :param now_s: ROS time, seconds.
    :raises ConfigError: an argument cannot be used.
    :raises RecordingError: recordings cannot be played, or were not made together.
    """
    common = _playback(rig, given, now_s) if rig.plays else {}
    return [DriverLaunch(rig.camera_namespace(camera)[1:], {
        **{name: getattr(camera.settings, name) for name in sorted(camera.settings.given)},
        'tf_prefix': f'{camera.name}_', **common,
        **({} if rig.plays else _live(rig, camera, index)),
        **({'publish_clock': 0.0} if rig.plays and index else {})})
        for index, camera in enumerate(rig.cameras) if camera in _chosen(rig, given['only'])]


def _chosen(rig: Rig, only: str) -> Sequence[RigCamera]:
    names = [name.strip() for name in only.split(',') if name.strip()]
    unknown = [name for name in names if name not in [camera.name for camera in rig.cameras]]
    if unknown:
        raise ConfigError(f'only has {", ".join(unknown)}, but the cameras of {rig.file} are '
                          f'{", ".join(camera.name for camera in rig.cameras)}')
    return [camera for camera in rig.cameras if not names or camera.name in names]


def _playback(rig: Rig, given: Mapping[str, str], now_s: float) -> dict[str, Value]:
    timeline = common_timeline([camera.source for camera in rig.cameras])
    origin_s = now_s + delay_seconds(given['start_delay']) - timeline.start_s
    return {'playback_time_origin': round(origin_s, 6),
            'playback_loop_period': round(timeline.period_s, 6)}


def _live(rig: Rig, camera: RigCamera, index: int) -> dict[str, Value]:
    master = next((other.name for other in rig.cameras if other.role is Role.MASTER), '')
    role = Role.STANDALONE if camera.role is Role.AUTO else camera.role
    values: dict[str, Value] = {'autostart': False, **sync_parameters(rig, camera, role, master)}
    if camera.kind is Kind.SIMULATED:
        values['simulation_sync_group'] = sync_group(rig)
        if 'simulation_seed' not in camera.settings.given:
            values['simulation_seed'] = index
        if camera.pose is not None:
            values['simulation_pose'] = ' '.join(
                f'{number:.9g}' for number in (*camera.pose.xyz, *camera.pose.rpy))
    return values


def sync_group(rig: Rig) -> str:
    """Return the name of the simulated sync cable of a rig, one in each ROS domain."""
    name = f'{os.environ.get("ROS_DOMAIN_ID", "0")}_{rig.namespace or Path(rig.file).stem}'
    return re.sub('[^A-Za-z0-9_]', '_', name)[:32]


def this_host(root: Path = Path('/')) -> Host:
    """
    Return what this computer has.

    :param root: '/', or a directory with a copy of the files of the kernel.
    """
    return Host(
        {device.serial: device.controller[1] or 'not on PCI'
         for device in depth_cameras(usb_devices(root))},
        usb_memory_mb(root), len(os.sched_getaffinity(0)))
