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
Measure registration, point clouds and the compression of depth images.

    python benchmark/geometry.py [--repeats 9] [--libk4a LIBRARY] [--compile]

Prints the tables of docs/performance.md. Everything is measured in turns, one call of each after
the other, so that other load affects all of them; ratios are of neighboring calls. "memcpy" is
numpy copying an array of the size of the result, warm.

With --libk4a, which names a library that contains libk4a's own code without OpenGL, that code is
measured, too, and its results are compared with ours.

--compile also measures how long compiling takes, with an empty cache and with a full one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Iterator
import ctypes
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import cv2
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.images.clouds import CloudConverter
from k4a_ros.images.clouds import CloudOptions
from k4a_ros.images.clouds import FullCloudConverter
from k4a_ros.images.depth_codec import decompress
from k4a_ros.images.depth_codec import DepthCompressor
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import ColorToDepth
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.jit import numba_jit
from k4a_ros.sdk.libk4a import library
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.tools.warm_up import warm_up
import numpy as np

RAW = nominal_calibration()
NOMINAL = FactoryCalibration.from_raw(RAW)
PAIRS = (
    (DepthMode.NFOV_UNBINNED, ColorResolution.R720P),
    (DepthMode.NFOV_UNBINNED, ColorResolution.R1080P),
    (DepthMode.NFOV_UNBINNED, ColorResolution.R2160P),
    (DepthMode.NFOV_UNBINNED, ColorResolution.R3072P),
    (DepthMode.WFOV_2X2BINNED, ColorResolution.R720P),
    (DepthMode.WFOV_UNBINNED, ColorResolution.R1080P))
#: k4atypes.h
BGRA32, DEPTH16 = 3, 4
LAZY = 1

Job = Callable[[], object]


class Descriptor(ctypes.Structure):
    """A k4a_transformation_image_descriptor_t."""

    _fields_ = [(name, ctypes.c_int) for name in ('width', 'height', 'stride', 'format')]


class Libk4a:
    """The SDK's transformations without OpenGL, for one pair of modes."""

    def __init__(self, path: str, mode: DepthMode, resolution: ColorResolution) -> None:
        process = ctypes.CDLL(None)
        process.dlopen.restype = ctypes.c_void_p
        # ctypes would resolve all symbols at once, also those of the SDK that the library lacks
        handle = process.dlopen(os.fsencode(Path(path).resolve()), LAZY)
        if not handle:
            raise SystemExit(f'cannot load {path}')
        self._sdk = ctypes.CDLL(path, handle=handle)
        calibration = ctypes.create_string_buffer(8192)
        failed = library().k4a_calibration_get_from_raw(
            ctypes.c_char_p(RAW), ctypes.c_size_t(len(RAW)), int(mode), int(resolution),
            calibration)
        if failed:
            raise SystemExit('libk4a does not read the nominal calibration')
        self._sdk.transformation_create.restype = ctypes.c_void_p
        self._handle = ctypes.c_void_p(self._sdk.transformation_create(calibration, False))
        self._depth = self._describe(mode.size, 2, DEPTH16)
        self._depth_out = self._describe(resolution.size, 2, DEPTH16)
        self._color = self._describe(resolution.size, 4, BGRA32)
        self._color_out = self._describe(mode.size, 4, BGRA32)
        self._none = self._describe((0, 0), 0, DEPTH16)

    def depth_to_color(self, depth: np.ndarray, out: np.ndarray) -> None:
        """Write the depth image in the color camera."""
        self._sdk.transformation_depth_image_to_color_camera_custom(
            self._handle, _address(depth), self._depth, None, self._none, _address(out),
            self._depth_out, None, self._none, 0, 0)

    def color_to_depth(self, depth: np.ndarray, color: np.ndarray, out: np.ndarray) -> None:
        """Write the color image in the depth camera."""
        self._sdk.transformation_color_image_to_depth_camera(
            self._handle, _address(depth), self._depth, _address(color), self._color,
            _address(out), self._color_out)

    @staticmethod
    def _describe(size: tuple[int, int], depth: int, kind: int) -> object:
        """Return a reference to a descriptor."""
        return ctypes.byref(Descriptor(*size, size[0] * depth, kind))


def _address(array: np.ndarray) -> ctypes.c_void_p:
    """Return the address of an array."""
    return ctypes.c_void_p(array.ctypes.data)


def measure(jobs: dict[str, Job], repeats: int) -> dict[str, np.ndarray]:
    """Return milliseconds of every job and repeat, which take turns; the first is discarded."""
    spent: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats + 1):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            spent[name].append(1e3 * (time.perf_counter() - began))
    return {name: np.array(times[1:]) for name, times in spent.items()}


def median(values: np.ndarray) -> str:
    """Return the median and the spread from the 10th to the 90th percentile."""
    low, middle, high = np.percentile(values, (10, 50, 90))
    return f'{middle:.2f} ({low:.2f} to {high:.2f})'


def row(
    name: str, size: str, times: dict[str, np.ndarray], ours: str, copy: str,
    theirs: str | None = None,
) -> str:
    """Return a row of the table."""
    ratio = median(times[ours] / times[theirs]) if theirs in times else ''
    return (f'| {name} | {size} | {np.median(times[ours]):.2f} | '
            f'{median(times[ours] / times[copy])} | {ratio} |')


def registration(path: str | None, repeats: int) -> Iterator[str]:
    """Yield the rows of each pair of modes, then those that compare results with libk4a."""
    agreement = []
    for mode, resolution in PAIRS:
        sensor = Sensor(default_scene(), NOMINAL, CameraConfig.of_modes(mode, resolution))
        depth, infrared = sensor.depth_and_ir(1_000_000)
        color = cv2.cvtColor(sensor.color(1_000_000), cv2.COLOR_BGR2BGRA)
        pair = CameraPair(NOMINAL, mode, resolution)
        matches, to_color = Correspondences(pair), DepthToColor(pair)
        to_depth, unhidden = ColorToDepth(pair), ColorToDepth(pair, occlusion=True)
        cloud, plain = CloudConverter(pair.rays), FullCloudConverter(pair.rays)
        compact = CloudConverter(pair.rays, CloudOptions(organized=False))
        in_color = np.zeros(pair.color_shape, np.uint16)
        in_depth = np.zeros((*pair.depth_shape, 4), np.uint8)
        xyz = np.zeros((*pair.depth_shape, 4), np.float32)
        packed = np.zeros((*pair.depth_shape, 4), np.float32)
        rgb = np.zeros((*pair.depth_shape, 8), np.float32)

        def color_to_depth(with_: ColorToDepth = to_depth) -> None:
            matches.update(depth)  # noqa: B023
            with_.warp(matches, color, in_depth)  # noqa: B023

        def colored() -> None:
            color_to_depth()
            cloud.write_xyz_rgb(depth, in_depth, rgb)  # noqa: B023

        def depth_to_color() -> None:
            matches.update(depth)  # noqa: B023
            to_color.warp(matches, in_color)  # noqa: B023

        copies = {name: (np.ones_like(array), np.ones_like(array)) for name, array in (
            ('in_color', in_color), ('in_depth', in_depth), ('xyz', xyz), ('rgb', rgb))}
        jobs: dict[str, Job] = {
            f'copy {name}': lambda pair=pair: np.copyto(*pair) for name, pair in copies.items()}
        jobs |= {
            'xyz': lambda: plain.convert(depth, xyz),  # noqa: B023
            'compact': lambda: compact.write_xyz(depth, packed),  # noqa: B023
            'intensity': lambda: cloud.write_xyz_intensity(depth, infrared, xyz),  # noqa: B023
            'c2d': color_to_depth, 'hidden': lambda: color_to_depth(unhidden),  # noqa: B023
            'rgb': colored, 'd2c': depth_to_color}
        if path:
            sdk = Libk4a(path, mode, resolution)
            sdk_depth, sdk_color = np.zeros_like(in_color), np.zeros_like(in_depth)
            jobs['libk4a c2d'] = lambda: sdk.color_to_depth(  # noqa: B023
                depth, color, sdk_color)  # noqa: B023
            jobs['libk4a d2c'] = lambda: sdk.depth_to_color(depth, sdk_depth)  # noqa: B023
        times = measure(jobs, repeats)
        size = f'{mode.name} + {resolution.label}'
        if resolution is ColorResolution.R720P or mode is DepthMode.WFOV_UNBINNED:
            yield row('xyz cloud', mode.name, times, 'xyz', 'copy xyz')
            yield row('xyz cloud, valid points only', mode.name, times, 'compact', 'copy xyz')
            yield row('xyz + intensity cloud', mode.name, times, 'intensity', 'copy xyz')
        yield row('color to depth', size, times, 'c2d', 'copy in_depth', 'libk4a c2d')
        yield row('color to depth, occlusions', size, times, 'hidden', 'copy in_depth',
                  'libk4a c2d')
        yield row('colored cloud', size, times, 'rgb', 'copy rgb', 'libk4a c2d')
        yield row('depth to color', size, times, 'd2c', 'copy in_color', 'libk4a d2c')
        if path:
            color_to_depth()
            agreement.append(agree(size, in_depth, sdk_color, in_color, sdk_depth))
    yield from ('', '| modes | color: same pixels valid | off by more than 1, of 255 | depth: '
                'valid of those of libk4a | off by more than 0 / 1 mm |', '| --- ' * 5 + '|',
                *agreement) if agreement else ()


def agree(
    size: str, color: np.ndarray, sdk_color: np.ndarray, depth: np.ndarray,
    sdk_depth: np.ndarray,
) -> str:
    """Return a row that says how our results differ from libk4a's."""
    ours, theirs = color.any(axis=2), sdk_color.any(axis=2)
    levels = np.abs(color.astype(int) - sdk_color).max(axis=2)[ours & theirs]
    both = (depth > 0) & (sdk_depth > 0)
    error = np.abs(depth.astype(int) - sdk_depth)[both]
    return (f'| {size} | {100 * (ours == theirs).mean():.4f} % | {100 * (levels > 1).mean():.4f} '
            f'% | {100 * both.sum() / (sdk_depth > 0).sum():.4f} % | '
            f'{100 * (error > 0).mean():.4f} % / {100 * (error > 1).mean():.4f} % |')


def codecs(repeats: int) -> Iterator[str]:
    """Yield the rows of the compression of depth images."""
    mode = DepthMode.NFOV_UNBINNED
    config = CameraConfig.of_modes(mode, ColorResolution.OFF)
    depth, _ = Sensor(default_scene(), NOMINAL, config).depth_and_ir(1_000_000)
    rvl, png = (DepthCompressor(mode.size, codec) for codec in ('rvl', 'png'))
    encoded = {name: compressor.compress(depth).copy()
               for name, compressor in (('RVL', rvl), ('PNG', png))}
    target, back = np.ones_like(depth), np.ones_like(depth)
    times = measure({
        'copy': lambda: np.copyto(target, back),
        'RVL': lambda: rvl.compress(depth), 'PNG': lambda: png.compress(depth),
        'back RVL': lambda: decompress(encoded['RVL'], rvl.format),
        'back PNG': lambda: decompress(encoded['PNG'], png.format)}, repeats)
    for name in ('RVL', 'PNG'):
        yield (f'| {name} | {depth.nbytes / len(encoded[name]):.2f} | '
               f'{np.median(times[name]):.2f} | {median(times[name] / times["copy"])} | '
               f'{np.median(times["back " + name]):.2f} |')


def compiling() -> Iterator[str]:
    """Yield how long ``warm_up`` takes in a new process, without and with compiled loops."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {'NUMBA_CACHE_DIR': cache}
        program = ('import time; began = time.perf_counter(); from k4a_ros.tools.warm_up import '
                   'warm_up; middle = time.perf_counter(); warm_up(); '
                   'print(f"{middle - began:.2f} s import, {time.perf_counter() - middle:.2f} s")')
        for name in ('empty cache', 'full cache'):
            result = subprocess.run(
                [sys.executable, '-c', program], env=environment, check=True,
                capture_output=True, text=True)
            yield f'- {name}: {result.stdout.strip()}'


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--repeats', type=int, default=9)
    parser.add_argument('--libk4a', help='library with the code of the SDK, see above')
    parser.add_argument('--compile', action='store_true', help='measure compiling, too')
    options = parser.parse_args()
    warm_up()
    print(f'numba: {numba_jit.AVAILABLE}\n\n| what | modes | ms | times memcpy of the result | '
          'times libk4a |\n| --- | --- | --- | --- | --- |')
    for line in registration(options.libk4a, options.repeats):
        print(line)
    print('\n| codec | ratio | ms | times memcpy of the image | decoding, ms |\n'
          '| --- | --- | --- | --- | --- |')
    for line in codecs(options.repeats):
        print(line)
    if options.compile:
        print('\nwarm_up\n')
        for line in compiling():
            print(line)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
