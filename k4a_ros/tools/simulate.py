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
Write a recording of the simulated camera in the format of Azure Kinect recordings.

    k4a_simulate room.mkv [--seconds 2] [--depth-mode NFOV_UNBINNED] [--color-resolution 720P]

Any program that reads Azure Kinect recordings can open it. The ground truth is written next to it,
to room.truth.json, as one JSON object:

    format       1
    recording    file name of the recording
    scene        text of the scene file (YAML)
    seed, noise  as on the command line
    serial       serial number in the calibration, which is part of the recording
    joints       names of the 32 joints, in the order of positions and orientations
    frames       one object per capture:
        number         from 0
        depth_us       device time of depth and infrared, null if they are off
        color_us       device time of color, null if it is off
        depth_camera, color_camera, imu, objects
                       poses in the world (objects: by name): translation [x, y, z] in meters and
                       rotation [w, x, y, z] as unit quaternion; they transform points to the world
        persons        id, name, positions (32 of [x, y, z], meters, in the depth camera frame)
                       and orientations (32 of [w, x, y, z])

If a capture has both images, all values are those at depth_us, except color_camera at color_us.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
import json
import os
from pathlib import Path
import sys
import time
from typing import Any

from k4a_ros.body.joints import Joint
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import FPS_CODES
from k4a_ros.camera_config import validate
from k4a_ros.cameras.controls import ColorControls
from k4a_ros.cameras.simulated.camera import FIRMWARE
from k4a_ros.cameras.simulated.frames import FrameRenderer
from k4a_ros.cameras.simulated.frames import IMU_BURST_US
from k4a_ros.cameras.simulated.shared_device import simulated_calibration
from k4a_ros.errors import ConfigError
from k4a_ros.errors import K4aRosError
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.writer import RecordingWriter
from k4a_ros.simulation.scene_file import default_path
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.scene_file import load_scene
from k4a_ros.simulation.scene_file import read_text
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.tools.arguments import integer_between
from k4a_ros.tools.arguments import number_between
import numpy as np

#: longest recording: a day
_MAX_SECONDS = 86400.0


@dataclass(frozen=True)
class SimulationOptions:
    """Scene and calibration files ('' for the defaults), seed, noise and color controls."""

    scene: str = ''
    calibration: str = ''
    seed: int = 0
    noise: bool = True
    controls: ColorControls = field(default_factory=ColorControls)


def write_simulation(
    path: str | os.PathLike[str], config: CameraConfig, captures: int,
    options: SimulationOptions | None = None, *, overwrite: bool = False,
    progress: Callable[[int], None] = lambda number: None,
) -> Path:
    """
    Write a recording of the simulated camera, and its ground truth.

    The captures are the first ones of a `SimulatedCamera` with the same settings.

    :param captures: number of captures.
    :param progress: called with the number of each capture after it has been written.
    :return: path of the ground truth.
    :raises ConfigError: no camera can stream this configuration.
    :raises RecordingError: a file cannot be written.
    :raises SceneError: the scene cannot be used.
    :raises CalibrationError: the calibration cannot be used.
    """
    problems = validate(config)
    if problems:
        raise ConfigError(*problems)
    options = options or SimulationOptions()
    factory = simulated_calibration(options.calibration)
    scene = load_scene(os.path.expanduser(options.scene)) if options.scene else default_scene()
    sensor = Sensor(scene, factory, config, seed=options.seed, noise=options.noise)
    frames = FrameRenderer(config, sensor, options.controls)
    truth: list[dict[str, Any]] = []
    burst = 0
    with RecordingWriter(
            path, config, factory.raw, factory.serial, FIRMWARE, overwrite=overwrite) as writer:
        for number in range(captures):
            writer.write(frames.capture(number))
            while config.imu and (burst + 1) * IMU_BURST_US <= frames.complete_us(number):
                writer.write_imu(frames.imu(burst))
                burst += 1
            truth.append(_truth(sensor, frames, config, number))
            progress(number)
    return _write_truth(Path(writer.path), options, factory.serial, truth)


def _truth(
    sensor: Sensor, frames: FrameRenderer, config: CameraConfig, number: int,
) -> dict[str, Any]:
    """Return the ground truth of a capture."""
    color_us = frames.color_us(number) if config.color else None
    depth_us = frames.depth_us(number) if config.ir else None
    at_depth = sensor.truth(frames.depth_us(number) if config.ir else frames.color_us(number))
    at_color = sensor.truth(frames.color_us(number) if config.color else frames.depth_us(number))
    return {
        'number': number, 'depth_us': depth_us, 'color_us': color_us,
        'depth_camera': _pose(at_depth.depth_camera),
        'color_camera': _pose(at_color.color_camera),
        'imu': _pose(at_depth.imu),
        'objects': {name: _pose(pose) for name, pose in at_depth.objects.items()},
        'persons': [{
            'id': person.body_id, 'name': person.name,
            'positions': np.round(person.positions, 6).tolist(),
            'orientations': np.round(person.orientations, 6).tolist(),
        } for person in at_depth.persons]}


def _pose(pose: RigidTransform) -> dict[str, list[float]]:
    x, y, z, w = (float(value) for value in pose.quaternion())
    return {'translation': [float(value) for value in pose.translation],
            'rotation': [w, x, y, z]}


def _write_truth(
    recording: Path, options: SimulationOptions, serial: str, frames: list[dict[str, Any]],
) -> Path:
    """Write the ground truth next to the recording."""
    path = recording.with_suffix('.truth.json')
    try:
        scene = read_text(os.path.expanduser(options.scene) if options.scene else default_path())
        path.write_text(json.dumps({
            'format': 1, 'recording': recording.name, 'scene': scene,
            'seed': options.seed, 'noise': options.noise, 'serial': serial,
            'joints': [joint.name for joint in Joint], 'frames': frames}), encoding='utf-8')
    except OSError as error:
        raise RecordingError(f'cannot write {path}: {error}') from error
    return path


def main() -> int:
    """
    Write a recording, with options from the command line.

    :return: exit code.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    modes = [mode.name for mode in DepthMode]
    sizes = [size.label for size in ColorResolution]
    parser.add_argument('path', metavar='OUT.mkv')
    parser.add_argument('--seconds', type=number_between(0.01, _MAX_SECONDS), default=2.0,
                        help='duration (default: 2)')
    parser.add_argument('--fps', type=int, choices=FPS_CODES, default=5)
    parser.add_argument('--depth-mode', choices=modes, default='NFOV_UNBINNED')
    parser.add_argument('--color-resolution', choices=sizes, default='720P')
    parser.add_argument('--color-format', choices=[f.name for f in ColorFormat], default='MJPG')
    parser.add_argument('--scene', default='', help='scene file (YAML); default: a furnished room '
                        'with a walking person')
    parser.add_argument('--calibration', default='', help='factory calibration (JSON, as stored '
                        'in recordings); default: a nominal calibration')
    parser.add_argument('--seed', type=integer_between(0, 2 ** 31 - 1), default=0,
                        help='seed of the noise (default: 0)')
    parser.add_argument('--no-noise', action='store_true', help='simulate exact measurements')
    parser.add_argument('--force', action='store_true', help='overwrite an existing file')
    arguments = parser.parse_args()
    config = CameraConfig.of_modes(
        DepthMode[arguments.depth_mode], ColorResolution.of(arguments.color_resolution),
        ColorFormat[arguments.color_format], arguments.fps)
    captures = max(1, round(arguments.seconds * arguments.fps))
    options = SimulationOptions(
        arguments.scene, arguments.calibration, arguments.seed, not arguments.no_noise)
    start_s = time.monotonic()

    def progress(number: int) -> None:
        if sys.stderr.isatty():
            print(f'\r{number + 1} of {captures} captures', end='', file=sys.stderr, flush=True)

    try:
        truth = write_simulation(arguments.path, config, captures, options,
                                 overwrite=arguments.force, progress=progress)
    except K4aRosError as error:
        print(f'k4a_simulate: {error}', file=sys.stderr)
        return 1
    print(f'{arguments.path}: {captures} captures, {config}; ground truth: {truth.name}; '
          f'written in {time.monotonic() - start_s:.1f} s')
    return 0
