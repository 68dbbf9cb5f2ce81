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
Measure rectified images: how exact and straight they are, and what they cost.

    python benchmark/rectification.py [--calibration FILE ...] [--repeats 9] [--picture OUT.png]

Prints the tables of docs/performance.md. Exactness: points of a wall at 1.5 m and of the simulated
room, computed as depth_image_proc does, which ignores distortion. Costs: CPU time in one thread,
one call of each after the other; ratios are of neighboring calls.

--calibration measures with these factory calibrations (JSON), too. --picture writes the images of
the simulated room as measured and rectified, and both clouds from above.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import dataclasses
from pathlib import Path
import sys
import time

import cv2
from geometry import Job
from geometry import median
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.images.rectification import DepthRectifier
from k4a_ros.images.rectification import ImageRectifier
from k4a_ros.images.rectification import rectified_lens
from k4a_ros.images.rectification import rectified_rays
from k4a_ros.images.rectification import source_positions
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.simulation.color_camera import ColorCamera
from k4a_ros.simulation.depth_camera import DepthCamera
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.shape_table import KIND
from k4a_ros.simulation.shapes import BOX
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import PLANE
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.view import Timeline
from k4a_ros.tools.warm_up import warm_up
import numpy as np

if (tests := str(Path(__file__).resolve().parents[1] / 'test')) not in sys.path:
    sys.path.insert(0, tests)

from support.surfaces import pinhole_rays
from support.surfaces import Surfaces

DEPTH_MODES = [mode for mode in DepthMode if mode.has_depth]
TIME_US = 1_000_000
WALL_M = 1.5
#: points farther than this from their surface are not counted as noise
WRONG_MM = 50
#: samples per pixel and axis, for the straightness of edges
SAMPLES = 4
#: edges of walls, ceiling and floor of the room, in its axes, meters
EDGES = (((-2, -1.4, 3.4), (2.2, -1.4, 3.4)), ((-2, -1.4, 3.4), (-2, 1.1, 3.4)),
         ((2.2, -1.4, 3.4), (2.2, 1.1, 3.4)), ((-2, -1.4, 1.5), (-2, -1.4, 3.4)),
         ((2.2, -1.4, 1.5), (2.2, -1.4, 3.4)), ((-2, 1.1, 3.4), (2.2, 1.1, 3.4)))
#: mode and resolution of the costs
PAIRS = ((DepthMode.NFOV_UNBINNED, ColorResolution.R720P),
         (DepthMode.WFOV_2X2BINNED, ColorResolution.R1080P),
         (DepthMode.WFOV_UNBINNED, ColorResolution.R1536P))


def wall() -> Scene:
    """Return a wall in front of the depth camera, at right angles to its axis."""
    pose = CameraPath().depth_camera(0.0)
    return Scene((Plane(tuple(pose.apply([0.0, 0.0, WALL_M])), tuple(pose.rotation @ [0, 0, -1.0]),
                        Material((0.9, 0.9, 0.9))),))


def depth_of(
    scene: Scene, calibration: FactoryCalibration, mode: DepthMode, *, noise: bool = False,
) -> np.ndarray:
    """Return a depth image."""
    config = CameraConfig.of_modes(mode, ColorResolution.OFF)
    depth, _ = Sensor(scene, calibration, config, noise=noise).depth_and_ir(TIME_US)
    assert depth is not None
    return depth


def sideways(depth: np.ndarray, pinhole: Intrinsics, lens: Intrinsics) -> str:
    """Return by how much points of an image that is not rectified are off, mm: p50, p95, max."""
    x, y = rectified_rays(pinhole)
    rays = lens.rays()
    error = depth * np.hypot(rays[..., 0] - x, rays[..., 1] - y[:, np.newaxis])
    return '{:.0f} / {:.0f} / {:.0f}'.format(*np.percentile(error[depth > 0], (50, 95, 100)))


def measure(jobs: dict[str, Job], repeats: int) -> dict[str, np.ndarray]:
    """Return milliseconds of CPU time of every job and repeat; the first turn is lost."""
    spent: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats + 1):
        for name, job in jobs.items():
            began = time.thread_time()
            job()
            spent[name].append(1e3 * (time.thread_time() - began))
    return {name: np.array(times[1:]) for name, times in spent.items()}


def exactness(name: str, calibration: FactoryCalibration) -> Iterator[str]:
    """Yield the rows of all depth modes."""
    for mode in DEPTH_MODES:
        lens = calibration.depth(mode)
        rectified = rectified_lens(lens, 'full')
        rectifier = DepthRectifier(lens, rectified)
        positions, seen = source_positions(lens, rectified)
        out, shape = np.zeros(seen.shape, np.uint16), seen.shape
        flat = depth_of(wall(), calibration, mode)
        rectifier.rectify(flat, out)
        wall_error = np.abs(out[out > 0] - 1000 * WALL_M).max()
        room = default_scene()
        depth = depth_of(room, calibration, mode)
        truth = Surfaces(room, pinhole_rays(rectified), rectified, TIME_US * 1e-6)
        columns, rows = np.rint(positions).astype(int).reshape(-1, 2).T
        inside = seen.ravel() & (depth[rows, columns] > 0)
        used = np.zeros(depth.shape, bool)
        used[rows[inside], columns[inside]] = True
        nearest = np.where(seen.ravel(), depth[rows, columns], 0).reshape(shape)
        linear = np.zeros(shape, np.uint16)
        ImageRectifier(lens, rectified).rectify(depth, linear)
        rectifier.rectify(depth, out)
        cells = [f'{rectified.width}x{rectified.height}', sideways(flat, lens, lens),
                 f'{wall_error:.1f}', f'{100 * used[depth > 0].mean():.2f} %']
        meters = np.zeros(shape, np.float32)
        rectifier.rectify(depth, meters)
        for image in (out, np.nan_to_num(1000 * meters.astype(float)), nearest, linear):
            error = truth.distances(image)
            cells.append('{:.2f} / {:.1f} mm, {:.2f} %, {}'.format(
                *np.nanpercentile(error, (50, 99)), 100 * np.nanmean(error <= 1),
                truth.flying(image)))
        yield f'| {name} | {mode.name} | ' + ' | '.join(cells) + ' |'


def rectified_mm(
    rectifier: DepthRectifier, rectified: Intrinsics, depth: np.ndarray,
) -> np.ndarray:
    """Return a rectified depth image that is not rounded, mm, 0 for invalid."""
    meters = np.zeros((rectified.height, rectified.width), np.float32)
    rectifier.rectify(depth, meters)
    return np.nan_to_num(1000 * meters.astype(float))


def beyond(name: str, calibration: FactoryCalibration) -> Iterator[str]:
    """
    Yield rows that say where the points of the room beyond 1 mm are, in all depth modes.

    The last but one is about all of these, the last with noise: how far from the surfaces points
    as measured and rectified are.
    """
    room = default_scene()
    for mode in DEPTH_MODES:
        lens = calibration.depth(mode)
        rectified = rectified_lens(lens, 'full')
        rectifier = DepthRectifier(lens, rectified)
        before, after = (
            Surfaces(room, rays, camera, TIME_US * 1e-6)
            for rays, camera in ((lens.rays(), lens), (pinhole_rays(rectified), rectified)))
        depth = depth_of(room, calibration, mode)
        image = rectified_mm(rectifier, rectified, depth)
        valid = image > 0
        far = ~(after.distances(image) <= 1)
        positions, _ = source_positions(lens, rectified)
        columns, rows = np.rint(positions).astype(int).T
        measured, hit = before.index[rows.T, columns.T], after.index
        faces = np.where(hit >= 0, after.shapes[hit, KIND], PLANE)
        window, cross = np.ones((3, 3), np.uint8), np.uint8([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
        gap = (cv2.erode((depth > 0).astype(np.uint8), cross) == 0)[rows.T, columns.T]
        edge = cv2.dilate(hit, window) != cv2.erode(hit, window)
        other, is_flat = measured != hit, np.isin(faces, (PLANE, BOX))
        parts = (other, ~other & edge, ~other & ~edge & ~is_flat, ~other & ~edge & is_flat, gap)
        noisy = depth_of(room, calibration, mode, noise=True)
        errors = [surfaces.distances(depth) for surfaces, depth in (
            (before, noisy), (after, rectified_mm(rectifier, rectified, noisy)))]
        yield f'| {name} | {mode.name} | ' + ' | '.join(
            f'{100 * share.mean():.2f} %' for share in (
                far, *(far & part[valid] for part in parts))) + ' | ' + ' / '.join(
            f'{np.sqrt(np.square(error[error < WRONG_MM]).mean()):.2f}' for error in errors) + ' |'


def costs(calibration: FactoryCalibration, repeats: int) -> Iterator[str]:
    """Yield the rows of one pair of modes after the other."""
    for mode, resolution in PAIRS:
        sensor = Sensor(default_scene(), calibration, CameraConfig.of_modes(mode, resolution))
        depth, infrared = sensor.depth_and_ir(TIME_US)
        color = cv2.cvtColor(sensor.color(TIME_US), cv2.COLOR_BGR2BGRA)
        lens, color_lens = calibration.depth(mode), calibration.color(resolution)
        small = rectified_lens(lens, 'full')
        large = rectified_lens(color_lens, 'no_border')
        depth_rectifier, ir_rectifier = DepthRectifier(lens, small), ImageRectifier(lens, small)
        color_rectifier = ImageRectifier(color_lens, large)
        out, ir = (np.zeros((small.height, small.width), np.uint16) for _ in range(2))
        meters = np.zeros(out.shape, np.float32)
        rgb, spare = (np.zeros((large.height, large.width, 4), np.uint8) for _ in range(2))
        pairs = [CameraPair(calibration, mode, resolution, color=lens_) for lens_ in (None, large)]
        matches = [Correspondences(pair) for pair in pairs]
        warps = [DepthToColor(pair) for pair in pairs]
        in_color = np.zeros(rgb.shape[:2], np.uint16)
        depth_maps, color_maps = (
            cv2.convertMaps(*cv2.split(source_positions(*lenses)[0]), cv2.CV_16SC2)
            for lenses in ((lens, small), (color_lens, large)))
        nearest_map = cv2.convertMaps(
            *cv2.split(source_positions(lens, small)[0]), cv2.CV_16SC2, nninterpolation=True)[0]

        def register(index: int) -> None:
            matches[index].update(depth)  # noqa: B023
            warps[index].warp(matches[index], in_color)  # noqa: B023

        jobs: dict[str, Job] = {
            'copy out': lambda a=out, b=ir: np.copyto(a, b),
            'copy rgb': lambda a=rgb, b=spare: np.copyto(a, b),
            'remap nearest': lambda a=depth, m=nearest_map, o=out: cv2.remap(
                a, m, None, cv2.INTER_NEAREST, dst=o),
            'depth_rect': lambda r=depth_rectifier, a=depth, o=out: r.rectify(a, o),
            'depth_rect, 32FC1': lambda r=depth_rectifier, a=depth, o=meters: r.rectify(a, o),
            'remap ir': lambda a=infrared, m=depth_maps, o=ir: cv2.remap(
                a, *m, cv2.INTER_LINEAR, dst=o),
            'ir_rect': lambda r=ir_rectifier, a=infrared, o=ir: r.rectify(a, o),
            'remap rgb': lambda a=color, m=color_maps, o=rgb: cv2.remap(
                a, *m, cv2.INTER_LINEAR, dst=o),
            'rgb_rect': lambda r=color_rectifier, a=color, o=rgb: r.rectify(a, o),
            'depth_to_rgb': lambda: register(0), 'depth_to_rgb_rect': lambda: register(1)}
        times = measure(jobs, repeats)
        for name, size, copy, other in (
                ('depth_rect', mode.name, 'copy out', 'remap nearest'),
                ('depth_rect', mode.name, 'copy out', 'remap ir'),
                ('depth_rect, 32FC1', mode.name, 'copy out', 'depth_rect'),
                ('ir_rect', mode.name, 'copy out', 'remap ir'),
                ('rgb_rect', resolution.label, 'copy rgb', 'remap rgb'),
                ('depth_to_rgb_rect', f'{mode.name} + {resolution.label}', 'copy out',
                 'depth_to_rgb')):
            label = {'remap nearest': 'cv2.remap, nearest', 'depth_to_rgb': 'depth_to_rgb',
                     'depth_rect': 'depth_rect, 16UC1'}.get(other, 'cv2.remap, linear')
            yield (f'| {name} | {size} | {np.median(times[name]):.2f} | '
                   f'{median(times[name] / times[copy])} | {median(times[name] / times[other])} '
                   f'of {label} |')


def straightness(name: str, calibration: FactoryCalibration) -> Iterator[str]:
    """Yield a row for the color and one for the infrared image of the room."""
    scene = default_scene()
    pose = scene.camera.depth_camera(TIME_US * 1e-6)
    resolution, mode = ColorResolution.R720P, DepthMode.NFOV_UNBINNED
    for image, lens, mount, fov in (
            ('color', calibration.color(resolution),
             calibration.depth_to_color.normalized().inverse(), 'no_border'),
            ('infrared', calibration.depth(mode), RigidTransform.identity(), 'full')):
        # with several samples a pixel, because the images of the simulator have hard edges
        fine = dataclasses.replace(
            lens, width=lens.width * SAMPLES, height=lens.height * SAMPLES, fx=lens.fx * SAMPLES,
            fy=lens.fy * SAMPLES, cx=lens.cx * SAMPLES + (SAMPLES - 1) / 2,
            cy=lens.cy * SAMPLES + (SAMPLES - 1) / 2)
        timeline = Timeline(scene)
        sharp = (cv2.cvtColor(ColorCamera(timeline, fine, mount).render(TIME_US),
                              cv2.COLOR_BGR2GRAY) if image == 'color' else
                 DepthCamera(timeline, fine, mode, 0, False).render(TIME_US)[1])
        measured = cv2.resize(sharp, (lens.width, lens.height), interpolation=cv2.INTER_AREA)
        rectified = rectified_lens(lens, fov)
        out = np.zeros((rectified.height, rectified.width), measured.dtype)
        ImageRectifier(lens, rectified).rectify(measured, out)
        offsets = [offset for edge in EDGES for offset in edge_offsets(
            out, rectified, (pose @ mount).inverse().apply(np.array(edge)))]
        yield (f'| {name} | {image} | {len(offsets)} | {np.sqrt(np.mean(np.square(offsets))):.3f} '
               f'| {np.abs(offsets).max():.3f} |')


def edge_offsets(image: np.ndarray, camera: Intrinsics, edge: np.ndarray) -> list[float]:
    """
    Return by how many pixels parts of an edge are beside the straight line that it should be.

    :param edge: its ends, (2, 3), in the camera's frame.
    """
    t = np.linspace(0, 1, 600)[:, np.newaxis]
    points = edge[0] * (1 - t) + edge[1] * t
    points = points[points[:, 2] > 0.2]
    line = points[:, :2] / points[:, 2:] * camera.fx + (camera.cx, camera.cy)
    across = line[-1] - line[0]
    normal = np.array((-across[1], across[0])) / np.hypot(*across)
    steps = np.arange(-5, 5.01, 0.25)
    samples = (line[:, np.newaxis] + steps[:, np.newaxis] * normal).astype(np.float32)
    inside = ((samples > 2) & (samples < (camera.width - 3, camera.height - 3))).all(axis=(1, 2))
    profiles = cv2.remap(image.astype(np.float32), samples[inside], None, cv2.INTER_LINEAR)
    low, high = np.median(profiles[:, :10], axis=1), np.median(profiles[:, -10:], axis=1)
    # without a clear edge, or where something else is beside it
    noise = np.maximum(profiles[:, :10].std(axis=1), profiles[:, -10:].std(axis=1))
    clear = (np.abs(high - low) > 0.04 * image.max()) & (noise < 0.1 * np.abs(high - low))
    with np.errstate(divide='ignore', invalid='ignore'):
        level = (profiles - low[:, np.newaxis]) / (high - low)[:, np.newaxis] - 0.5
    found = []
    for part in np.array_split(np.flatnonzero(clear), 5):
        offsets = []
        for row in level[part]:
            crossings = np.flatnonzero((row[:-1] < 0) & (row[1:] >= 0))
            if len(crossings) == 1:
                k = crossings[0]
                offsets.append(steps[k] - 0.25 * row[k] / (row[k + 1] - row[k]))
        if len(offsets) >= 20:  # the mean of the inner half: something may be beside the edge
            quarter = len(offsets) // 4
            found.append(float(np.mean(np.sort(offsets)[quarter:-quarter])))
    return found


def picture(path: str) -> None:
    """Write the images as measured and rectified, and the clouds of both from above."""
    calibration = FactoryCalibration.from_raw(nominal_calibration())
    mode, resolution = DepthMode.NFOV_UNBINNED, ColorResolution.R720P
    sensor = Sensor(default_scene(), calibration, CameraConfig.of_modes(mode, resolution),
                    noise=False)
    depth, _ = sensor.depth_and_ir(TIME_US)
    lens, color_lens = calibration.depth(mode), calibration.color(resolution)
    small, large = rectified_lens(lens, 'full'), rectified_lens(color_lens, 'no_border')
    flat = np.zeros((small.height, small.width), np.uint16)
    DepthRectifier(lens, small).rectify(depth, flat)
    color = sensor.color(TIME_US)
    straight = np.zeros_like(color)
    ImageRectifier(color_lens, large).rectify(color, straight)
    tiles = []
    for image, camera in ((depth, lens), (flat, small)):
        shown = cv2.applyColorMap((image / 4000.0 * 255).clip(0, 255).astype(np.uint8),
                                  cv2.COLORMAP_TURBO)
        shown[image == 0] = 0
        # what depth_image_proc makes of it, from above: 5 m across, the camera at the bottom
        x, _ = rectified_rays(camera)
        points = np.stack((x * image / 1000.0, image / 1000.0), axis=-1)[image > 0]
        above = np.full((420, 560, 3), 24, np.uint8)
        pixels = np.rint(points * (110, -100) + (280, 415)).astype(int)
        keep = ((pixels >= 0) & (pixels < (560, 420))).all(axis=1)
        above[pixels[keep, 1], pixels[keep, 0]] = (120, 230, 120)
        tiles.append((shown, above))
    rows = [np.hstack([cv2.resize(tile, (560, 420)) for tile in (
        tiles[i][0], (color, straight)[i], tiles[i][1])]) for i in range(2)]
    for image, text in zip(rows, ('as measured', 'rectified'), strict=True):
        cv2.putText(image, text, (12, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255, 255, 255), 2)
    cv2.imwrite(path, np.vstack(rows))


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--calibration', nargs='*', default=[], help='of real cameras (JSON)')
    parser.add_argument('--repeats', type=int, default=9)
    parser.add_argument('--picture', help='PNG or JPEG to write')
    options = parser.parse_args()
    warm_up('clouds', 'registration', 'rectification', 'simulation')
    nominal = FactoryCalibration.from_raw(nominal_calibration())
    real = [FactoryCalibration.from_raw(Path(file).read_bytes()) for file in options.calibration]
    named = [('nominal', nominal), *((one.serial, one) for one in real)]
    print('| calibration | mode | size | wall, as measured: p50 / p95 / max, mm | wall, '
          'rectified: max, mm | kept | room, rectified | room, 32FC1 | room, nearest | '
          'room, linear |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |')
    for name, calibration in named:
        for line in exactness(name, calibration):
            print(line)
    print('\n| calibration | mode | beyond 1 mm | another surface | at an edge | round | flat | '
          'beside a gap | noise, mm |\n'
          '| --- | --- | --- | --- | --- | --- | --- | --- | --- |')
    for name, calibration in named:
        for line in beyond(name, calibration):
            print(line)
    cv2.setNumThreads(1)
    print('\n| what | modes | ms | times memcpy of the result | ratio |\n'
          '| --- | --- | --- | --- | --- |')
    for line in costs(nominal, options.repeats):
        print(line)
    print('\n| calibration | image | parts of edges | rms, px | max, px |\n'
          '| --- | --- | --- | --- | --- |')
    for name, calibration in named:
        for line in straightness(name, calibration):
            print(line)
    if options.picture:
        picture(options.picture)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
