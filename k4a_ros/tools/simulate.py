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
Write a recording of a scene that exists only as geometry, as a real Azure Kinect would.

    k4a_simulate room.mkv [--seconds 2] [--depth-mode NFOV_UNBINNED] [--color-resolution 720P]

The camera stands in a small room and sways from side to side; its inertial samples agree with
that motion. Any program that opens Azure Kinect recordings opens the result.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import math
from pathlib import Path
import sys
import time

import cv2
from k4a_ros.calibration import FactoryCalibration
from k4a_ros.cameras.base import Capture
from k4a_ros.cameras.base import Image
from k4a_ros.cameras.base import ImuSamples
from k4a_ros.config import CameraConfig
from k4a_ros.config import ColorFormat
from k4a_ros.config import ColorResolution
from k4a_ros.config import DepthMode
from k4a_ros.config import FPS_CODES
from k4a_ros.errors import K4aRosError
from k4a_ros.nominal_calibration import nominal_calibration
from k4a_ros.recorder import Recorder
from k4a_ros.rigid_transform import RigidTransform
from k4a_ros.scene import default_room
from k4a_ros.scene import depth_of
from k4a_ros.scene import ir_of
from k4a_ros.scene import level_pose
from k4a_ros.scene import render_color
from k4a_ros.scene import view
import numpy as np
import numpy.typing as npt

#: the device's nominal IMU rate, Hz (hardware specification: 1.6 kHz; measured 1666)
IMU_RATE = 1666
#: sway of the camera: metres to each side, and seconds for there and back
SWAY = 0.08
SWAY_PERIOD = 4.0
#: standard gravity, m/s² (ISO 80000-3)
GRAVITY = 9.80665
#: device time of the first capture, microseconds
FIRST_US = 500_000


class Simulation:
    """
    Capture by capture, what a swaying camera sees of the default room.

    :param calibration: of the camera.
    """

    def __init__(self, config: CameraConfig, calibration: FactoryCalibration) -> None:
        self._config = config
        self._calibration = calibration
        self._room = default_room()

    def capture(self, number: int) -> Capture:
        """Return the capture with this number, counted from 0."""
        config = self._config
        device_us = FIRST_US + number * config.period_us
        pose = self._pose(device_us)
        depth = ir = color = None
        if config.ir:
            lens = self._calibration.depth(config.depth_mode)
            hits, directions = view(self._room, lens, pose)
            ir = Image(ir_of(hits, directions), device_us)
            if config.depth:
                depth = Image(depth_of(hits), device_us)
        if config.color:
            of_color = pose @ self._calibration.depth_to_color.normalised().inverse()
            picture = render_color(
                self._room, self._calibration.color(config.color_resolution), of_color)
            color = Image(_encoded(picture, config.color_format), device_us)
        return Capture(depth, ir, color)

    def imu(self, from_us: int, to_us: int) -> ImuSamples:
        """Return the inertial samples of a span of device time: gravity and the sway."""
        step = 1_000_000 / IMU_RATE
        count = int((to_us - from_us) / step)
        times = (from_us + np.arange(count) * step).astype(np.int64)
        world = np.zeros((count, 3))
        omega = 2 * math.pi / SWAY_PERIOD
        world[:, 0] = -SWAY * omega ** 2 * np.sin(omega * (times - FIRST_US) * 1e-6)
        world[:, 1] = -GRAVITY  # y is down; what is felt at rest points up
        to_imu = self._calibration.depth_to_accel.normalised().rotation @ level_pose().rotation.T
        acc = (world @ to_imu.T).astype(np.float32)
        return ImuSamples(
            acc, times, np.zeros((count, 3), np.float32), times,
            np.full(count, 32.0, np.float32))

    def _pose(self, device_us: int) -> RigidTransform:
        angle = 2 * math.pi * (device_us - FIRST_US) * 1e-6 / SWAY_PERIOD
        level = level_pose()
        return RigidTransform(
            level.rotation, level.translation + [SWAY * math.sin(angle), 0.0, 0.0])


def _encoded(picture: npt.NDArray[np.uint8], form: ColorFormat) -> npt.NDArray[np.uint8]:
    """Return a BGR picture in a format of the colour camera."""
    if form is ColorFormat.MJPG:
        ok, data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
        assert ok
        return np.ravel(data)
    if form is ColorFormat.BGRA32:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA))
    height, width = picture.shape[:2]
    planar = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    luma = planar[:height]
    chroma = planar[height:].reshape(2, height // 2, width // 2).transpose(1, 2, 0)
    if form is ColorFormat.NV12:
        return np.vstack([luma, chroma.reshape(height // 2, width)])
    return np.stack([luma, np.repeat(chroma.reshape(-1, width), 2, axis=0)], axis=-1)


def write(
    path: str, config: CameraConfig, calibration: bytes, captures: int, *,
    overwrite: bool = False, progress: Callable[[int], None] = lambda number: None,
) -> None:
    """
    Write a recording of the swaying camera.

    :param captures: how many.
    :param progress: called with the number of each capture that has been written.
    :raises RecordingError: the file cannot be written.
    :raises CalibrationError: the calibration is unusable.
    """
    factory = FactoryCalibration.from_raw(calibration)
    simulation = Simulation(config, factory)
    firmware = {'color': '1.6.110', 'depth': '1.6.79'}
    with Recorder(path, config, factory.raw, factory.serial, firmware,
                  overwrite=overwrite) as recorder:
        for number in range(captures):
            capture = simulation.capture(number)
            recorder.write(capture)
            if config.imu:
                recorder.write_imu(simulation.imu(
                    capture.device_us, capture.device_us + config.period_us))
            progress(number)


def main() -> int:
    """
    Write a recording as the command line says.

    :return: exit code.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    modes = [mode.name for mode in DepthMode]
    sizes = [size.label for size in ColorResolution]
    parser.add_argument('path', metavar='OUT.mkv')
    parser.add_argument('--seconds', type=float, default=2.0, help='length (default: 2)')
    parser.add_argument('--fps', type=int, choices=FPS_CODES, default=5)
    parser.add_argument('--depth-mode', choices=modes, default='NFOV_UNBINNED')
    parser.add_argument('--color-resolution', choices=sizes, default='720P')
    parser.add_argument('--color-format', choices=[f.name for f in ColorFormat], default='MJPG')
    parser.add_argument('--calibration', type=Path, help='factory calibration of a camera '
                        '(calibration.json of its recordings) instead of a nominal one')
    parser.add_argument('--force', action='store_true', help='replace an existing file')
    options = parser.parse_args()
    config = CameraConfig.of_modes(
        DepthMode[options.depth_mode],
        next(size for size in ColorResolution if size.label == options.color_resolution),
        ColorFormat[options.color_format], options.fps)
    captures = max(1, round(options.seconds * options.fps))
    began = time.monotonic()

    def progress(number: int) -> None:
        if sys.stderr.isatty():
            print(f'\r{number + 1} of {captures} captures', end='', file=sys.stderr, flush=True)

    try:
        calibration = (options.calibration.read_bytes() if options.calibration
                       else nominal_calibration())
        write(options.path, config, calibration, captures, overwrite=options.force,
              progress=progress)
    except (K4aRosError, OSError) as error:
        print(f'k4a_simulate: {error}', file=sys.stderr)
        return 1
    print(f'{options.path}: {captures} captures, {config}, made in '
          f'{time.monotonic() - began:.1f} s')
    return 0
