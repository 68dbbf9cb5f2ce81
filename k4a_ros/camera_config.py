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
Camera modes, and the configuration of one camera with its validation.

Enumerations have the values of the SDK (k4atypes.h) and the names that users type. Sizes and rates
are from Microsoft's hardware specification, "Depth camera supported operating modes" and "Color
camera supported operating modes".
"""

from __future__ import annotations

from dataclasses import dataclass
import enum


class DepthMode(enum.IntEnum):
    """Operating mode of the depth camera (k4a_depth_mode_t)."""

    OFF = 0
    NFOV_2X2BINNED = 1
    NFOV_UNBINNED = 2
    WFOV_2X2BINNED = 3
    WFOV_UNBINNED = 4
    PASSIVE_IR = 5

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the depth and infrared images, pixels."""
        return _DEPTH_SIZES[self]

    @property
    def has_depth(self) -> bool:
        """Return whether the mode has a depth image; PASSIVE_IR has infrared only."""
        return self not in (DepthMode.OFF, DepthMode.PASSIVE_IR)


_DEPTH_SIZES = {
    DepthMode.OFF: (0, 0),
    DepthMode.NFOV_2X2BINNED: (320, 288),
    DepthMode.NFOV_UNBINNED: (640, 576),
    DepthMode.WFOV_2X2BINNED: (512, 512),
    DepthMode.WFOV_UNBINNED: (1024, 1024),
    DepthMode.PASSIVE_IR: (1024, 1024),
}


class ColorResolution(enum.IntEnum):
    """Resolution of the color camera (k4a_color_resolution_t)."""

    OFF = 0
    R720P = 1
    R1080P = 2
    R1440P = 3
    R1536P = 4
    R2160P = 5
    R3072P = 6

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the color image, pixels."""
        return _COLOR_SIZES[self]

    @property
    def label(self) -> str:
        """Return the name as users type it, such as 720P."""
        return self.name.removeprefix('R')

    @classmethod
    def of(cls, label: str) -> ColorResolution:
        """Return the resolution with a label; raise KeyError if there is none."""
        return cls[label if label == 'OFF' else f'R{label}']


_COLOR_SIZES = {
    ColorResolution.OFF: (0, 0),
    ColorResolution.R720P: (1280, 720),
    ColorResolution.R1080P: (1920, 1080),
    ColorResolution.R1440P: (2560, 1440),
    ColorResolution.R1536P: (2048, 1536),
    ColorResolution.R2160P: (3840, 2160),
    ColorResolution.R3072P: (4096, 3072),
}


class ColorFormat(enum.IntEnum):
    """Format in which the camera delivers color images (k4a_image_format_t)."""

    MJPG = 0
    NV12 = 1
    YUY2 = 2
    BGRA32 = 3

    @property
    def label(self) -> str:
        """Return the name as users type it: jpeg, nv12, yuy2 or bgra."""
        return _FORMAT_LABELS[self]

    @classmethod
    def of(cls, label: str) -> ColorFormat:
        """Return the format with a label; raise KeyError if there is none."""
        return {text: value for value, text in _FORMAT_LABELS.items()}[label]


# jpeg and bgra are the names of Microsoft's ROS driver
_FORMAT_LABELS = {
    ColorFormat.MJPG: 'jpeg', ColorFormat.NV12: 'nv12', ColorFormat.YUY2: 'yuy2',
    ColorFormat.BGRA32: 'bgra'}


class WiredSyncMode(enum.IntEnum):
    """Role of the camera in wired synchronization (k4a_wired_sync_mode_t)."""

    STANDALONE = 0
    MASTER = 1
    SUBORDINATE = 2


#: frames per second -> k4a_fps_t
FPS_CODES = {5: 0, 15: 1, 30: 2}

#: limit of WFOV_UNBINNED and 3072P
_MAX_FPS_OF_LARGE_MODES = 15


@dataclass(frozen=True)
class CameraConfig:
    """
    Configuration of one camera.

    ``depth`` and ``ir`` are separate from ``depth_mode`` because a recording may have only one of
    the two tracks. ``fps`` is a key of FPS_CODES; delays are in microseconds.
    ``synchronized_images_only`` drops captures that lack the depth or the color image.
    """

    depth_mode: DepthMode = DepthMode.OFF
    color_resolution: ColorResolution = ColorResolution.OFF
    color_format: ColorFormat = ColorFormat.MJPG
    fps: int = 30
    depth: bool = False
    ir: bool = False
    color: bool = False
    imu: bool = False
    depth_delay_off_color_usec: int = 0
    wired_sync_mode: WiredSyncMode = WiredSyncMode.STANDALONE
    subordinate_delay_off_master_usec: int = 0
    synchronized_images_only: bool = False

    @property
    def period_us(self) -> int:
        """Return the time between captures, microseconds, rounded as the SDK: 33333 at 30 fps."""
        return 1_000_000 // self.fps

    @classmethod
    def of_modes(
        cls,
        depth_mode: DepthMode,
        color_resolution: ColorResolution,
        color_format: ColorFormat = ColorFormat.MJPG,
        fps: int = 30,
        imu: bool = True,
    ) -> CameraConfig:
        """Return the configuration that streams everything that the modes provide."""
        return cls(
            depth_mode=depth_mode, color_resolution=color_resolution, color_format=color_format,
            fps=fps, depth=depth_mode.has_depth, ir=depth_mode is not DepthMode.OFF,
            color=color_resolution is not ColorResolution.OFF, imu=imu)

    def __str__(self) -> str:
        """Return a summary for logs: 'depth NFOV_UNBINNED, color 720P MJPG, 30 fps, IMU'."""
        parts = []
        if self.depth or self.ir:
            kind = 'depth' if self.depth else 'IR only'
            parts.append(f'{kind} {self.depth_mode.name}')
        if self.color:
            parts.append(f'color {self.color_resolution.label} {self.color_format.name}')
        parts.append(f'{self.fps} fps')
        if self.imu:
            parts.append('IMU')
        return ', '.join(parts)


def validate(config: CameraConfig) -> list[str]:
    """
    Return the problems of a configuration: one sentence with the remedy for each violated rule.

    The rules are those of the SDK (k4a.c, validate_configuration) and of the hardware
    specification; parameters have the names that users set. Conditions that only a device can
    report, such as a missing synchronization cable, are not checked.
    """
    depth, color = bool(config.depth_mode), bool(config.color_resolution)
    return [problem for violated, problem in (
        *_mode_rules(config, depth, color), *_timing_rules(config, depth, color)) if violated]


def _mode_rules(config: CameraConfig, depth: bool, color: bool) -> list[tuple[bool, str]]:
    fps, size, form = config.fps, config.color_resolution, config.color_format
    too_fast = fps in FPS_CODES and fps > _MAX_FPS_OF_LARGE_MODES
    return [
        (not depth and not color,
         'depth_mode and color_resolution are both OFF, and the IMU does not run alone: set one '
         'of them'),
        (fps not in FPS_CODES,
         f'fps is {fps}; it must be one of {", ".join(map(str, FPS_CODES))}'),
        (too_fast and config.depth_mode is DepthMode.WFOV_UNBINNED,
         f'depth_mode WFOV_UNBINNED does not run at {fps} fps: set fps to '
         f'{_MAX_FPS_OF_LARGE_MODES} or 5, or depth_mode to WFOV_2X2BINNED'),
        (too_fast and size is ColorResolution.R3072P,
         f'color_resolution 3072P does not run at {fps} fps: set fps to '
         f'{_MAX_FPS_OF_LARGE_MODES} or 5, or color_resolution to 2160P'),
        (color and size is not ColorResolution.R720P
         and form in (ColorFormat.NV12, ColorFormat.YUY2),
         f'color_format {form.label} exists at 720P only, but color_resolution is {size.label}: '
         'set color_format to jpeg or bgra, or color_resolution to 720P'),
    ]


def _timing_rules(config: CameraConfig, depth: bool, color: bool) -> list[tuple[bool, str]]:
    period = config.period_us if config.fps in FPS_CODES else None
    delay = config.depth_delay_off_color_usec
    after_master = config.subordinate_delay_off_master_usec
    role = config.wired_sync_mode
    both = depth and color
    return [
        (not both and config.synchronized_images_only,
         'synchronized_images_only needs both cameras: set it to false, or enable both depth_mode '
         'and color_resolution'),
        (not both and delay != 0,
         f'depth_delay_off_color_usec is {delay}, which needs both cameras: set it to 0, or '
         'enable both depth_mode and color_resolution'),
        (period is not None and abs(delay) > period,
         f'depth_delay_off_color_usec is {delay}; at {config.fps} fps it must be between '
         f'-{period} and {period}, one frame period'),
        (role is not WiredSyncMode.SUBORDINATE and after_master != 0,
         f'subordinate_delay_off_master_usec is {after_master}, but only a subordinate can have a '
         'delay: set it to 0, or wired_sync_mode to 2'),
        (after_master < 0 or (period is not None and after_master > period),
         f'subordinate_delay_off_master_usec is {after_master}; at {config.fps} fps it must be '
         f'between 0 and {period}, one frame period'),
        (role is WiredSyncMode.MASTER and not color,
         'wired_sync_mode is 1 (master), but the color camera, which generates the sync pulse, is '
         'off: set color_resolution'),
    ]
