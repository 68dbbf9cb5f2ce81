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
Measure the depth filters: what they remove, keep and cost.

    python benchmark/depth_filters.py [--frames 20] [--real FIRST SECOND] [--picture FILE.png]

Prints the tables of docs/filters.md. Errors are against the truth of the simulated room, in which
people walk. The simulator, as the camera, has no depth where a pixel sees two surfaces; here 30 %
of these pixels measure a mixture instead, 1 in 5000 pixels is an outlier, and 0.7 % have no depth
at random in each frame, as on a real wall.

Times are of the processor, the least of many calls, for comparison also of filters of OpenCV and,
if they are installed, pyrealsense2 and Open3D; ratios are to memcpy of the image. Filters are
measured in turns.

--real takes two images of a still scene, 16-bit PNG, .npy, or .mat if scipy is installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
import time

import cv2
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.tf_frames import base_from_depth
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.images.cloud_selection import CloudSelection
from k4a_ros.images.cloud_selection import PointSelector
from k4a_ros.images.clouds import FullCloudConverter
from k4a_ros.images.filters.options import DepthFilterOptions
from k4a_ros.images.filters.pipeline import DepthFilters
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.view import Timeline
from k4a_ros.simulation.view import View
import numpy as np
from other_filters import open3d_filters
from other_filters import realsense_filters

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
MODES = [mode for mode in DepthMode if mode.has_depth]
FRAME_US = 33_333
WINDOW, AROUND = np.ones((3, 3), np.uint8), np.ones((9, 9), np.uint8)
#: difference of depth in the window of a pixel that makes it one at an edge
EDGE_MM = 60
#: error of a pixel that is wrong
WRONG_MM = 50
#: the largest x in camera_base that the crop box keeps, and the size of voxels
CROP_M, VOXEL_M = 2.0, 0.02

FLYING = {'flying_angle': 5.0}
SPECKLES = {'speckle_size': 20}
TEMPORAL = {'temporal_frames': 8}
HOLES = {'hole_size': 20}
FILTERS: dict[str, DepthFilterOptions | None] = {
    'none': DepthFilterOptions(),
    'flying pixels, 5 deg': DepthFilterOptions(**FLYING),
    'speckles, 20 pixels': DepthFilterOptions(**SPECKLES),
    'temporal, 8 frames': DepthFilterOptions(**TEMPORAL),
    'holes, 20 pixels': DepthFilterOptions(**HOLES),
    'all': DepthFilterOptions(**FLYING, **SPECKLES, **TEMPORAL, **HOLES),
    'OpenCV bilateral, 5x5': None}


@dataclass
class Frame:
    """One image with its flaws: what is wrong in it, and the truth."""

    time_us: int
    depth: np.ndarray
    truth: np.ndarray
    wrong: np.ndarray
    flicker: np.ndarray
    edge: np.ndarray


@dataclass
class Tally:
    """Sums over frames."""

    squares: float = 0.0
    pixels: int = 0
    counts: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, name: str, part: int, whole: int) -> None:
        """Add a part and the whole that it belongs to."""
        self.counts[name] = self.counts.get(name, np.zeros(2)) + (part, whole)

    def percent(self, name: str) -> float:
        """Return the share of all parts, percent."""
        part, whole = self.counts[name]
        return 100 * part / max(whole, 1)


def frames(mode: DepthMode, count: int) -> Iterator[Frame]:
    """Yield images of the simulated room with flaws."""
    scene = default_scene()
    sensor = Sensor(scene, NOMINAL, CameraConfig.of_modes(mode, ColorResolution.OFF))
    view = View(Timeline(scene), NOMINAL.depth(mode), RigidTransform.identity())
    rng = np.random.default_rng(0)
    for number in range(count):
        at = 1_000_000 + number * FRAME_US
        depth = sensor.depth_and_ir(at)[0].copy()
        view.update(at * 1e-6)
        seen = np.isfinite(view.z)
        truth = np.where(seen, view.z * 1000, 0).astype(np.float32)
        low = cv2.erode(np.where(seen, truth, 1e9).astype(np.float32), WINDOW)
        high = cv2.dilate(truth, WINDOW)
        edge = seen & (low < 1e8) & (high - low > EDGE_MM)
        chance, mixture = rng.random((2, *depth.shape), np.float32)
        lit = cv2.morphologyEx((depth > 0).astype(np.uint8), cv2.MORPH_CLOSE, AROUND) > 0
        flying = edge & lit & (depth == 0) & (chance < 0.3)
        depth[flying] = (low + mixture * (high - low))[flying]
        outlier = (depth > 0) & ~flying & (chance > 0.9998)
        depth[outlier] = depth[outlier] * (0.5 + mixture[outlier])
        flicker = (depth > 0) & (rng.random(depth.shape) < 0.007)
        depth[flicker] = 0
        wrong = (depth > 0) & (flying | outlier) & (np.abs(depth - truth) > WRONG_MM)
        yield Frame(at, depth, truth, wrong, flicker,
                    cv2.dilate(edge.astype(np.uint8), WINDOW) > 0)


def bilateral(depth: np.ndarray) -> np.ndarray:
    """Return OpenCV's bilateral filter of an image; pixels without depth stay so."""
    result = cv2.bilateralFilter(depth.astype(np.float32), 5, 20.0, 2.0)
    return np.where(depth > 0, result + 0.5, 0).astype(np.uint16)


def accuracy(mode: DepthMode, count: int) -> Iterator[str]:
    """Yield the rows of one mode."""
    rays = NOMINAL.depth(mode).rays()
    chains = {name: DepthFilters(rays) for name in FILTERS}
    tallies = {name: Tally() for name in FILTERS}
    for number, frame in enumerate(frames(mode, count)):
        for name, options in FILTERS.items():
            result = bilateral(frame.depth) if options is None else (
                chains[name].apply(frame.depth, frame.time_us, options))
            if number >= count // 2:  # averages have settled
                add(tallies[name], frame, result)
    for name, tally in tallies.items():
        wrong, real = tally.counts['wrong left']
        yield (f'| {mode.name} | {name} | {np.sqrt(tally.squares / tally.pixels):.1f} '
               f'| {tally.percent("removed"):.0f} | {tally.percent("lost"):.2f} '
               f'| {tally.percent("edges lost"):.1f} | {tally.percent("flicker"):.0f} '
               f'| {tally.percent("wrongly filled"):.1f} | {1e4 * wrong / real:.1f} |')


def add(tally: Tally, frame: Frame, result: np.ndarray) -> None:
    """Add what a filter did to a frame."""
    error = np.abs(result - frame.truth)
    real = (frame.depth > 0) & ~frame.wrong
    good = real & (result > 0) & (error < WRONG_MM)
    tally.squares += float(np.square(error[good], dtype=np.float64).sum())
    tally.pixels += int(good.sum())
    filled = (frame.depth == 0) & (result > 0)
    for name, part, whole in (
            ('removed', frame.wrong & ((result == 0) | (error <= WRONG_MM)), frame.wrong),
            ('lost', real & (result == 0), real),
            ('edges lost', real & frame.edge & (result == 0), real & frame.edge),
            ('flicker', frame.flicker & (result > 0), frame.flicker),
            ('wrongly filled', filled & (error > WRONG_MM), filled),
            ('wrong left', (result > 0) & (error > WRONG_MM), result > 0)):
        tally.add(name, int(part.sum()), int(whole.sum()))


def costs(repeats: int) -> Iterator[str]:
    """Yield the rows of the table of times in NFOV_UNBINNED."""
    mode = DepthMode.NFOV_UNBINNED
    rays = NOMINAL.depth(mode).rays()
    images = [frame.depth for frame in frames(mode, 6)]
    out = np.zeros_like(images[0])
    jobs: dict[str, Callable[[np.ndarray, int], object]] = {
        'memcpy': lambda depth, _: np.copyto(out, depth)}
    first = DepthFilterOptions(**FLYING, **SPECKLES, **TEMPORAL)
    for name, options in (*FILTERS.items(), ('the first three', first)):
        if options is not None and options.active:
            chain = DepthFilters(rays)
            jobs[name] = lambda depth, at, chain=chain, options=options: (
                chain.apply(depth, at, options))
    signed = [image.astype(np.int16) for image in images]
    floats = [image.astype(np.float32) for image in images]
    jobs |= {
        'OpenCV filterSpeckles, 20 pixels': lambda _, at: cv2.filterSpeckles(
            signed[at % 6].copy(), 0, 20, 40),
        'OpenCV medianBlur, 3x3': lambda depth, _: cv2.medianBlur(depth, 3),
        'OpenCV bilateralFilter, 5x5': lambda _, at: cv2.bilateralFilter(
            floats[at % 6], 5, 20.0, 2.0)}
    jobs |= {name: lambda depth, _, job=job: job(depth)
             for name, job in realsense_filters().items()}
    cloud, full = np.zeros((*out.shape, 4), np.float32), np.zeros((*out.shape, 4), np.float32)
    FullCloudConverter(rays).convert(images[0], full)
    selector = PointSelector()

    def crop(*_: object) -> None:
        np.copyto(cloud, full)
        selector.crop(cloud.reshape(-1, 4), out.size, CloudSelection(crop_max_x=CROP_M),
                      base_from_depth(), organized=True)

    def voxels(*_: object) -> None:
        np.copyto(cloud, full)
        selector.to_voxels(cloud.reshape(-1, 4), out.size, VOXEL_M)

    jobs |= {'copy of the cloud, crop box': crop, 'copy of the cloud, voxels of 2 cm': voxels}
    points = full.reshape(-1, 4)[:, :3]
    jobs |= {name: lambda *_, job=job: job() for name, job in open3d_filters(
        points[np.isfinite(points).all(axis=1)], CROP_M, VOXEL_M).items()}
    spent: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 2):
        for name, job in jobs.items():
            began = time.process_time()
            job(images[turn % 6], turn * FRAME_US)
            spent[name].append(1e3 * (time.process_time() - began))
    copy = min(spent['memcpy'][2:])
    for name, times in spent.items():
        yield f'| {name} | {min(times[2:]):.2f} | {min(times[2:]) / copy:.1f} |'


def read(path: Path) -> np.ndarray:
    """Return a real depth image, uint16 millimeters."""
    if path.suffix == '.npy':
        image = np.load(path)
    elif path.suffix == '.mat':
        from scipy.io import loadmat
        image = next(value for name, value in loadmat(path).items() if not name.startswith('_'))
    else:
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return np.ascontiguousarray(image, np.uint16)


def real_scene(first: np.ndarray, second: np.ndarray) -> Iterator[str]:
    """Yield the rows of two images of a still scene, taken by the color camera's lens."""
    height, width = first.shape
    rays = pinhole(width, height)
    for name, options in FILTERS.items():
        if options is None:
            a, b = bilateral(first), bilateral(second)
        else:
            chain = DepthFilters(rays)
            for turn in range(8):  # as if the two images came in turns
                a = chain.apply(first, 2 * turn * FRAME_US, options).copy()
                b = chain.apply(second, (2 * turn + 1) * FRAME_US, options).copy()
        both = (a > 0) & (b > 0)
        change = np.abs(a[both].astype(int) - b[both])
        still = change < 20
        noise = np.sqrt(np.square(change[still]).mean() / 2)
        blinks = ((a > 0) != (b > 0)).sum() / both.sum()
        yield (f'| {name} | {noise:.2f} | {100 * blinks:.2f} '
               f'| {100 * (both.sum() / ((first > 0) & (second > 0)).sum() - 1):+.2f} |')


def pinhole(width: int, height: int) -> np.ndarray:
    """Return the rays of a color camera without distortion, 90 degrees wide."""
    rows, columns = np.indices((height, width), np.float32)
    return np.dstack(((columns - width / 2) / (width / 2), (rows - height / 2) / (width / 2)))


def colored(depth: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return a picture of depth; black is no depth."""
    scaled = np.clip((depth - low) / (high - low), 0, 1)
    picture = cv2.applyColorMap((255 - 255 * scaled).astype(np.uint8), cv2.COLORMAP_TURBO)
    picture[depth == 0] = 0
    return picture


def comparison(depth: np.ndarray, filtered: np.ndarray) -> np.ndarray:
    """Return depth before and after beside each other, and what was removed and filled."""
    valid = depth[depth > 0]
    low, high = np.percentile(valid, (1, 99))
    marked = cv2.cvtColor(cv2.cvtColor(colored(depth, low, high), cv2.COLOR_BGR2GRAY) // 2,
                          cv2.COLOR_GRAY2BGR)
    marked[(depth > 0) & (filtered == 0)] = (0, 0, 255)
    marked[(depth == 0) & (filtered > 0)] = (0, 255, 0)
    return np.hstack((colored(depth, low, high), colored(filtered, low, high), marked))


def picture(path: Path, real: list[np.ndarray]) -> None:
    """Write depth before and after all filters; removed pixels are red, filled ones green."""
    mode = DepthMode.NFOV_UNBINNED
    chain = DepthFilters(NOMINAL.depth(mode).rays())
    options = FILTERS['all']
    for frame in frames(mode, 10):
        filtered = chain.apply(frame.depth, frame.time_us, options)
    rows = [comparison(frame.depth, filtered)]
    if real:
        chain = DepthFilters(pinhole(*real[0].shape[::-1]))
        for turn in range(10):
            image = real[turn % len(real)]
            filtered = chain.apply(image, turn * FRAME_US, options)
        valid = np.argwhere(image > 0)
        (top, left), (bottom, right) = valid.min(axis=0), valid.max(axis=0)
        part = np.s_[top:bottom, left:right]
        row = comparison(image[part], filtered[part])
        scale = rows[0].shape[1] / row.shape[1]
        rows.append(cv2.resize(row, (rows[0].shape[1], round(row.shape[0] * scale)),
                               interpolation=cv2.INTER_NEAREST))
    cv2.imwrite(str(path), np.vstack(rows))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--frames', type=int, default=20, help='of the simulated room per mode')
    parser.add_argument('--repeats', type=int, default=100, help='of the measurement of times')
    parser.add_argument('--real', type=Path, nargs=2, metavar=('FIRST', 'SECOND'),
                        help='two depth images of a still scene')
    parser.add_argument('--picture', type=Path, help='write images before and after')
    arguments = parser.parse_args()
    print('| filter | ms | ratio to memcpy |\n|---|---|---|')
    print('\n'.join(costs(arguments.repeats)))
    print('\n| mode | filter | error, mm rms | wrong pixels removed, % | real pixels lost, % '
          '| of those at edges, % | flicker filled, % | filled wrongly, % | wrong left, 1e-4 |'
          f'\n{9 * "|---"}|')
    for mode in MODES:
        print('\n'.join(accuracy(mode, arguments.frames)))
    real = [read(path) for path in arguments.real or ()]
    if real:
        print('\n| filter | noise, mm | pixels that flicker, % | pixels with depth, % |'
              '\n|---|---|---|---|')
        print('\n'.join(real_scene(*real)))
    if arguments.picture:
        picture(arguments.picture, real)


if __name__ == '__main__':
    main()
