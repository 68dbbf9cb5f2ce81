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
Write what the simulated camera sees as a recording, as a real Azure Kinect would.

    k4a_simulate room.mkv [--seconds 2] [--depth-mode NFOV_UNBINNED] [--color-resolution 720P]

Any program that opens Azure Kinect recordings opens the result. Beside it, room.truth.json says
what is true of it; one JSON object:

    format       1
    recording    name of the recording, without folders
    scene        text of the scene file (YAML)
    seed, noise  as on the command line
    serial       of the calibration, which is in the recording
    joints       names of the 32 joints, in their order
    frames       one object for each capture:
        number         from 0
        depth_us       device time of depth and infrared, null where they are off
        color_us       device time of color, null where it is off
        depth_camera, color_camera, imu, objects
                       poses in the world (objects: by name): translation [x, y, z], meters, and
                       rotation [w, x, y, z], unit quaternion; they take points to the world
        persons        id, name, positions (32 of [x, y, z], meters, in the depth camera's frame)
                       and orientations (32 of [w, x, y, z])

Of a frame with both images everything is that of depth_us, but color_camera that of color_us.
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
from k4a_ros.cameras.simulated.shared_device import read_calibration
from k4a_ros.errors import ConfigError
from k4a_ros.errors import K4aRosError
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.writer import RecordingWriter
from k4a_ros.simulation.scene_file import default_path
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.scene_file import load_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.skeleton import JOINTS
import numpy as np


@dataclass(frozen=True)
class World:
    """What is simulated: files of scene and calibration ('' for the defaults), noise and seed."""

    scene: str = ''
    calibration: str = ''
    seed: int = 0
    noise: bool = True
    controls: ColorControls = field(default_factory=ColorControls)


def write(
    path: str | os.PathLike[str], config: CameraConfig, captures: int, world: World | None = None,
    *, overwrite: bool = False, progress: Callable[[int], None] = lambda number: None,
) -> Path:
    """
    Write a recording of the simulated camera, and the truth about it.

    The captures are those that a `SimulatedCamera` of this world gives from its start on.

    :param captures: how many.
    :param progress: called with the number of each capture that has been written.
    :return: the file with the truth.
    :raises ConfigError: no camera can stream this.
    :raises RecordingError: a file cannot be written.
    :raises K4aRosError: scene or calibration are unusable.
    """
    found = validate(config)
    if found:
        raise ConfigError(*found)
    world = world or World()
    factory = read_calibration(world.calibration)
    scene = load_scene(Path(world.scene).expanduser()) if world.scene else default_scene()
    sensor = Sensor(scene, factory, config, seed=world.seed, noise=world.noise)
    frames = FrameRenderer(config, sensor, world.controls)
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
    return _write_truth(Path(writer.path), world, factory.serial, truth)


def _truth(
    sensor: Sensor, frames: FrameRenderer, config: CameraConfig, number: int,
) -> dict[str, Any]:
    """Return what is true of a capture."""
    color_us = frames.color_us(number) if config.color else None
    depth_us = frames.depth_us(number) if config.ir else None
    of_depth = sensor.truth(frames.depth_us(number) if config.ir else frames.color_us(number))
    of_color = sensor.truth(frames.color_us(number) if config.color else frames.depth_us(number))
    return {
        'number': number, 'depth_us': depth_us, 'color_us': color_us,
        'depth_camera': _pose(of_depth.depth_camera),
        'color_camera': _pose(of_color.color_camera),
        'imu': _pose(of_depth.imu),
        'objects': {name: _pose(pose) for name, pose in of_depth.objects.items()},
        'persons': [{
            'id': person.body_id, 'name': person.name,
            'positions': np.round(person.positions, 6).tolist(),
            'orientations': np.round(person.orientations, 6).tolist(),
        } for person in of_depth.persons]}


def _pose(pose: RigidTransform) -> dict[str, list[float]]:
    x, y, z, w = (float(value) for value in pose.quaternion())
    return {'translation': [float(value) for value in pose.translation],
            'rotation': [w, x, y, z]}


def _write_truth(
    recording: Path, world: World, serial: str, frames: list[dict[str, Any]],
) -> Path:
    """Write the file with the truth beside the recording."""
    path = recording.with_suffix('.truth.json')
    try:
        scene = (Path(world.scene).expanduser() if world.scene else default_path()).read_text(
            encoding='utf-8')
        path.write_text(json.dumps({
            'format': 1, 'recording': recording.name, 'scene': scene,
            'seed': world.seed, 'noise': world.noise, 'serial': serial,
            'joints': list(JOINTS), 'frames': frames}), encoding='utf-8')
    except OSError as error:
        raise RecordingError(f'cannot write {path}: {error}') from error
    return path


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
    parser.add_argument('--scene', default='', help='scene file (YAML) instead of a furnished '
                        'room in which somebody walks')
    parser.add_argument('--calibration', default='', help='factory calibration of a camera '
                        '(calibration.json of its recordings) instead of a nominal one')
    parser.add_argument('--seed', type=int, default=0, help='of the noise (default: 0)')
    parser.add_argument('--no-noise', action='store_true', help='measure exactly')
    parser.add_argument('--force', action='store_true', help='replace an existing file')
    options = parser.parse_args()
    config = CameraConfig.of_modes(
        DepthMode[options.depth_mode], ColorResolution.of(options.color_resolution),
        ColorFormat[options.color_format], options.fps)
    captures = max(1, round(options.seconds * options.fps))
    world = World(options.scene, options.calibration, options.seed, not options.no_noise)
    began = time.monotonic()

    def progress(number: int) -> None:
        if sys.stderr.isatty():
            print(f'\r{number + 1} of {captures} captures', end='', file=sys.stderr, flush=True)

    try:
        truth = write(options.path, config, captures, world, overwrite=options.force,
                      progress=progress)
    except K4aRosError as error:
        print(f'k4a_simulate: {error}', file=sys.stderr)
        return 1
    print(f'{options.path}: {captures} captures, {config}, and {truth.name}, made in '
          f'{time.monotonic() - began:.1f} s')
    return 0
