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
What a rig needs of its computer: USB bandwidth and memory, and processor time.

Bytes of a depth frame on the cable are those of the Azure-Kinect-Sensor-SDK
(src/depth_mcu/depthcommands.h): raw images of several exposures, from which the depth engine makes
one. Times are those of docs/performance.md, on one core of an AMD EPYC of 2.4 GHz.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import DepthMode
from k4a_ros.rig.rig import Kind
from k4a_ros.rig.rig import Rig
from k4a_ros.rig.rig import RigCamera
from k4a_ros.sdk.usb_devices import allow_usb_memory
from k4a_ros.sdk.usb_devices import USBFS_MB

_FRAME_BYTES = {
    DepthMode.OFF: 0, DepthMode.NFOV_2X2BINNED: 5_310_760, DepthMode.NFOV_UNBINNED: 5_310_760,
    DepthMode.WFOV_2X2BINNED: 3_777_232, DepthMode.WFOV_UNBINNED: 9_438_664,
    DepthMode.PASSIVE_IR: 1_678_024}
#: bytes of a pixel on the cable; a JPEG of a room has about as many
_COLOR_BYTES = {ColorFormat.MJPG: 0.18, ColorFormat.BGRA32: 0.18, ColorFormat.NV12: 1.5,
                ColorFormat.YUY2: 2.0}
#: What a USB 3 controller of 5 Gbit/s carries: 8b/10b coding leaves 500 MB/s, protocol and gaps
#: about four fifths of that.
CONTROLLER_MB_S = 400.0
#: ms for a capture without subscribers, a megapixel of a decoded color image, a megapixel of a
#: cloud, and a published megabyte
_IDLE_MS, _DECODE_MS, _CLOUD_MS, _PUBLISH_MS = 2.3, 9.2, 2.7, 0.5
_CLOUD_BYTES, _DEPTH_BYTES, _COLOR_RAW_BYTES = 16, 4, 4


@dataclass(frozen=True)
class Need:
    """
    What one camera needs.

    :param usb_mb_s: on the cable, MB/s.
    :param topics: percent of a core by group of topics, with one subscriber each.
    """

    camera: str
    usb_mb_s: float
    topics: Mapping[str, float]

    @property
    def cpu_percent(self) -> float:
        """Return the sum of all groups."""
        return sum(self.topics.values())


def need_of(camera: RigCamera) -> Need:
    """Return what a live camera needs."""
    config = camera.config
    return Need(camera.name, usb_mb_s(config), {
        name: ms * config.fps / 10 for name, ms in _topics_ms(camera).items()})


def usb_mb_s(config: CameraConfig) -> float:
    """Return the data rate on the cable, MB/s."""
    width, height = config.color_resolution.size
    color = width * height * _COLOR_BYTES[config.color_format] if config.color else 0.0
    return (_FRAME_BYTES[config.depth_mode] + color) * config.fps / 1e6


def _topics_ms(camera: RigCamera) -> Mapping[str, float]:
    config, settings = camera.config, camera.settings
    depth = config.depth_mode.size[0] * config.depth_mode.size[1] / 1e6
    color = config.color_resolution.size[0] * config.color_resolution.size[1] / 1e6
    result = {'driver': _IDLE_MS}
    if config.ir:
        result['depth and ir'] = depth * _DEPTH_BYTES * _PUBLISH_MS
    if config.color:
        result['rgb'] = color * (_DECODE_MS + _COLOR_RAW_BYTES * _PUBLISH_MS)
    if config.depth and settings.point_cloud:
        result['points2'] = depth * (_CLOUD_MS + _CLOUD_BYTES * _PUBLISH_MS)
    return result


@dataclass(frozen=True)
class Host:
    """
    What this computer has.

    :param controllers: name of the USB host controller by serial number of a camera.
    :param usbfs_mb: memory for USB transfers; 0 for no limit, None if it is unknown.
    """

    controllers: Mapping[str, str]
    usbfs_mb: int | None
    cores: int


def table(rig: Rig, host: Host) -> tuple[list[str], list[str]]:
    """
    Return the lines of a table of what the live cameras of a rig need, and what cannot fit.

    :return: both empty for a rig that plays recordings.
    """
    if rig.plays:
        return [], []
    needs = [(camera, need_of(camera)) for camera in rig.cameras]
    lines = [f'{"camera":16} {"USB controller":16} {"MB/s":>6} {"% of a core":>12}  of which']
    lines += [
        f'{camera.name:16.16} {_controller(camera, host):16.16} {need.usb_mb_s:6.0f} '
        f'{need.cpu_percent:12.0f}  ' + ', '.join(
            f'{name} {percent:.0f}' for name, percent in need.topics.items())
        for camera, need in needs]
    return lines, [*_usb_problems(needs, host), *_cpu_problems(needs, host)]


def _controller(camera: RigCamera, host: Host) -> str:
    if camera.kind is not Kind.DEVICE:
        return '-'
    return next((name for serial, name in host.controllers.items()
                 if serial.lstrip('0') == camera.source.lstrip('0')), 'not connected')


def _usb_problems(needs: Sequence[tuple[RigCamera, Need]], host: Host) -> Iterable[str]:
    devices = [(camera, need) for camera, need in needs if camera.kind is Kind.DEVICE]
    groups: dict[str, list[Need]] = {}
    for camera, need in devices:
        name = _controller(camera, host)
        if name == 'not connected':
            yield f'{camera.name} ({camera.source}) is not connected to this computer'
        else:
            groups.setdefault(name, []).append(need)
    for name, group in groups.items():
        total = sum(need.usb_mb_s for need in group)
        if total > CONTROLLER_MB_S:
            yield (f'{", ".join(need.camera for need in group)} need {total:.0f} MB/s of the USB '
                   f'controller {name}, which carries about {CONTROLLER_MB_S:.0f}: connect some '
                   'to another controller, or choose a lower fps or smaller modes')
    count = sum(map(len, groups.values()))
    if count and host.usbfs_mb is not None and 0 < host.usbfs_mb < USBFS_MB * count:
        yield (f'{count} cameras need {USBFS_MB * count} MB of memory for USB transfers, but '
               f'usbfs_memory_mb is {host.usbfs_mb}: '
               f'{allow_usb_memory(2 * USBFS_MB * count)}')


def _cpu_problems(needs: Sequence[tuple[RigCamera, Need]], host: Host) -> Iterable[str]:
    total = sum(need.cpu_percent for _, need in needs)
    if total > 100 * host.cores:
        yield (f'with a subscriber of each of these topics, the drivers need {total:.0f} % of a '
               f'core, but this computer has {host.cores}: subscribe to '
               'rgb/image_raw/compressed, set point_cloud to false, or choose a lower fps or '
               'smaller modes')
