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
Measure the simulated camera: its speed, its noise, and the difference from a real frame.

    python benchmark/simulation.py [--frames 100] [--recording FILE.mkv]

Prints the tables of docs/simulation.md. Times are of this process's CPU, so that other load
has little effect; the default scene is played at the rate of the modes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
import time

import cv2
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.jit import numba_jit
from k4a_ros.simulation.clothes import Clothes
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.tools import sheet
import numpy as np

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
MODES = (
    (DepthMode.NFOV_UNBINNED, ColorResolution.R720P), (DepthMode.NFOV_2X2BINNED, None),
    (DepthMode.NFOV_UNBINNED, None), (DepthMode.WFOV_2X2BINNED, None),
    (DepthMode.WFOV_UNBINNED, None), (DepthMode.PASSIVE_IR, None), (None, ColorResolution.R720P),
    (None, ColorResolution.R1080P), (None, ColorResolution.R2160P))


def config(depth: DepthMode | None, color: ColorResolution | None) -> CameraConfig:
    """Return the configuration for two modes, either of which may be OFF."""
    return CameraConfig.of_modes(depth or DepthMode.OFF, color or ColorResolution.OFF)


def speeds(scene: Scene, modes: tuple, frames: int, jpeg: bool) -> Iterator[str]:
    """Yield a line of the table for each pair of modes."""
    for depth, color in modes:
        began = time.perf_counter()
        sensor = Sensor(scene, NOMINAL, config(depth, color))
        sensor.depth_and_ir(0)
        if color:
            sensor.color(0)
        start = time.perf_counter() - began
        spent = []
        for number in range(frames):
            at = number * 33_333
            before = time.process_time()
            sensor.depth_and_ir(at)
            if color:
                image = sensor.color(at)
                if jpeg:
                    cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 92])
            sensor.imu(at, at + 33_333)
            spent.append(1e3 * (time.process_time() - before))
        low, middle, high = np.percentile(spent, (5, 50, 95))
        name = ' + '.join(part for part in (
            depth.name if depth else '', color.label if color else '') if part)
        yield f'| {name} | {middle:.1f} | {low:.1f} to {high:.1f} | {start:.1f} |'


def noise(frames: int) -> Iterator[str]:
    """Yield a line of the noise table for each mode and distance."""
    pose = CameraPath().depth_camera(0)
    for mode in DepthMode:
        if not mode.has_depth:
            continue
        for distance in (0.5, 1.0, 2.0, 3.0):
            cells = []
            for reflectivity in (0.15, 0.5, 0.95):
                wall = Plane(tuple(pose.apply([0, 0, distance])), tuple(pose.rotation[:, 2]),
                             Material((reflectivity,) * 3))
                sensor = Sensor(Scene((wall,)), NOMINAL, config(mode, None))
                row, column = mode.size[1] // 2, mode.size[0] // 2
                middle = np.s_[row - 20:row + 20, column - 20:column + 20]
                values = np.stack([
                    sensor.depth_and_ir(n * 33_333)[0][middle] for n in range(frames)])
                valid = values > 0
                if valid.mean() < 0.5:
                    cells.append('invalid')
                    continue
                known = np.where(valid, values, np.nan).astype(float)
                cells.append(f'{np.sqrt(np.nanvar(known, axis=0).mean()):.1f} / '
                             f'{np.nanmean(known) - 1000 * distance:+.1f}')
            yield f'| {mode.name} | {distance:g} | ' + ' | '.join(cells) + ' |'


def facts(depth: np.ndarray, infrared: np.ndarray) -> list[str]:
    """Return statistics of one frame."""
    lit, z = infrared > 0, depth / 1000
    valid = depth > 0
    levels = np.percentile(infrared[lit], (5, 50, 95))
    scaled = np.percentile(infrared[valid] * z[valid] ** 2, (5, 50, 95))
    at = valid & (z > 2) & (z < 3)
    return [f'{100 * (1 - lit.mean()):.1f} %', f'{100 * (lit & ~valid).sum() / lit.sum():.1f} %',
            f'{100 * (infrared == 65535).mean():.1f} %',
            f'{100 * (lit & ~valid & (infrared < 65535)).sum() / lit.sum():.1f} %',
            f'{depth[valid].min()} to {depth.max()} mm', f'{np.median(depth[valid]):.0f} mm',
            ' / '.join(f'{level:.0f}' for level in levels),
            ' / '.join(f'{level:.0f}' for level in scaled), f'{np.median(infrared[at]):.0f}',
            f'{infrared[valid].min()}']


def comparison(recording: Path, picture: Path | None) -> Iterator[str]:
    """
    Yield the lines of the table that compares a recording's first frame with ours.

    :param picture: PNG file to which both are written side by side.
    """
    with RecordingCamera(str(recording)) as camera:
        camera.start()
        capture = camera.read(10.0)
        real = facts(capture.depth.data, capture.ir.data)
        sensor = Sensor(
            default_scene(), camera.calibration, config(camera.config.depth_mode, None))
        pictures = {
            'real depth': sheet.depth_picture(np.float32(capture.depth.data) / 1000),
            'real infrared': sheet.ir_picture(capture.ir.data)}
    depth, infrared = sensor.depth_and_ir(1_000_000)
    ours = facts(depth, infrared)
    if picture is not None:
        pictures |= {'simulated depth': sheet.depth_picture(np.float32(depth) / 1000),
                     'simulated infrared': sheet.ir_picture(infrared)}
        if not cv2.imwrite(str(picture), sheet.contact_sheet(pictures, str(recording.name))):
            raise OSError(f'cannot write {picture}')
    names = ('not lit', 'lit but invalid', 'saturated, of all pixels',
             'lit, not saturated, but invalid', 'depth', 'median depth',
             'infrared p5 / p50 / p95 of lit pixels', 'infrared * Z² p5 / p50 / p95, m²',
             'median infrared between 2 and 3 m', 'least infrared of a valid pixel')
    for row in zip(names, real, ours, strict=True):
        yield '| ' + ' | '.join(row) + ' |'


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--frames', type=int, default=100)
    parser.add_argument('--recording', type=Path, help='a real recording to compare with')
    parser.add_argument('--picture', type=Path, help='PNG file to write both to, side by side')
    options = parser.parse_args()
    compiled = 'with numba' if numba_jit.AVAILABLE else 'without numba'
    print(f'CPU ms per frame {compiled}: depth, infrared, color (no JPEG) and IMU; seconds '
          'until the first frame\n')
    print('| modes | median | 5 % to 95 % | start, s |\n| --- | --- | --- | --- |')
    for line in speeds(default_scene(), MODES, options.frames, False):
        print(line)
    print('\nNFOV_UNBINNED + 720P: with JPEG, with a walker in many clothes, and with a camera '
          'that moves\n')
    print('| modes | median | 5 % to 95 % | start, s |\n| --- | --- | --- | --- |')
    scene = default_scene()
    for line in speeds(scene, MODES[:1], options.frames, True):
        print(line)
    clothes = Clothes('coat', 'skirt', 'long', 'hood')
    dressed = replace(
        scene, persons=tuple(replace(person, clothes=clothes) for person in scene.persons))
    for line in speeds(dressed, MODES[:1], options.frames, False):
        print(line)
    path = CameraPath((Waypoint(0.0, (0.0, 0.0, 0.0)), Waypoint(2.0, (0.2, 0.0, 0.2), 0.1)))
    moving = Scene(scene.shapes, scene.movers, scene.persons, path)
    for line in speeds(moving, MODES[:1], max(1, options.frames // 3), False):
        print(line)
    print('\nDepth noise / systematic error, mm, of a wall of a reflectivity\n')
    print('| mode | m | 15 % | 50 % | 95 % |\n| --- | --- | --- | --- | --- |')
    for line in noise(60):
        print(line)
    if options.recording:
        print('\n| | real frame | simulated room |\n| --- | --- | --- |')
        for line in comparison(options.recording, options.picture):
            print(line)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
