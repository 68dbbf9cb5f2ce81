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
Print digests of what the driver computes from fixed images, to compare computers bit by bit.

    python benchmark/digests.py [--depth-mode NFOV_UNBINNED] [--numpy] > HERE.txt
    python benchmark/digests.py [--depth-mode NFOV_UNBINNED] --compare HERE.txt

One line for each result: the start of its SHA-256, and its name. With --compare, which takes the
lines of another computer, or of another Python or numpy, only what differs is printed, and the
exit code is 1 if anything does. --numpy computes without numba. Needs neither ROS nor libk4a.

The images are made of integers, so that they are the same everywhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import hashlib
import itertools
from pathlib import Path
import platform
import sys
import tempfile
from types import SimpleNamespace
from typing import Any
from typing import get_args
from unittest import mock

import cv2
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.tf_frames import base_from_depth
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.images.cloud_selection import CloudSelection
from k4a_ros.images.cloud_selection import PointSelector
from k4a_ros.images.clouds import CloudConverter
from k4a_ros.images.clouds import CloudOptions
from k4a_ros.images.clouds import FullCloudConverter
from k4a_ros.images.color import ColorConverter
from k4a_ros.images.color import encode_jpeg
from k4a_ros.images.depth_codec import Codec
from k4a_ros.images.depth_codec import decompress
from k4a_ros.images.depth_codec import DepthCompressor
from k4a_ros.images.filters.options import DepthFilterOptions
from k4a_ros.images.filters.pipeline import DepthFilters
from k4a_ros.images.rectification import DepthRectifier
from k4a_ros.images.rectification import ImageRectifier
from k4a_ros.images.rectification import rectified_lens
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import ColorToDepth
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.images.yuv import YuvConverter
from k4a_ros.mkv import header
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np

RAW = nominal_calibration()
NOMINAL = FactoryCalibration.from_raw(RAW)
COLOR = ColorResolution.R720P
FRAME_US = 33_333
FILTERS = {
    'flying': {'flying_angle': 5.0}, 'speckles': {'speckle_size': 20},
    'temporal': {'temporal_frames': 8}, 'holes': {'hole_size': 20}}

Digests = Iterator[tuple[str, str]]


def digest(*results: Any) -> str:
    """Return the start of the SHA-256 of arrays or bytes; NaN is the same with every payload."""
    total = hashlib.sha256()
    for result in results:
        if isinstance(result, np.ndarray):
            array = result
            if array.dtype.kind == 'f':
                array = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
            total.update(f'{array.shape} {array.dtype.str}'.encode())
            total.update(np.ascontiguousarray(array).tobytes())
        else:
            total.update(result)
    return total.hexdigest()[:16]


def depth_image(mode: DepthMode, number: int) -> np.ndarray:
    """Return a slanted wall with boxes, noise, outliers and holes, that moves; uint16."""
    width, height = mode.size
    random = np.random.default_rng(number)
    rows, columns = np.mgrid[:height, :width]
    depth = 2500 + columns * 2 - rows
    for size, distance in ((7, 900), (5, 1400), (3, 4000)):
        left = width // size + 3 * number
        depth[height // size:, left:left + width // 6] = distance + rows[height // size:, :1]
    depth += random.integers(-3, 4, depth.shape)
    chance = random.integers(0, 1000, depth.shape)
    depth[chance < 3] = 60000
    depth[chance > 990] = 0
    depth[:, :2] = 0
    return depth.astype(np.uint16)


def color_image(size: tuple[int, int], channels: int) -> np.ndarray:
    """Return gradients with noise and edges, (height, width, channels) uint8."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([(columns * (channel + 1) // 5 + rows * (3 - channel) // 4) % 256
                      for channel in range(channels)], axis=2)
    image[(rows // 64 + columns // 64) % 2 == 0] //= 2
    noise = np.random.default_rng(9).integers(0, 8, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def lenses(mode: DepthMode) -> Digests:
    """Yield digests of what follows from the calibration alone."""
    yield 'rays of depth', digest(NOMINAL.depth(mode).rays())
    yield 'rays of color', digest(NOMINAL.color(COLOR).rays())
    for fov in ('full', 'no_border'):
        yield f'rectified lens, {fov}', digest(
            np.array(rectified_lens(NOMINAL.depth(mode), fov).parameters, np.float64))


def clouds(mode: DepthMode, compiled: bool | None) -> Digests:
    """Yield digests of clouds."""
    rays, depth = NOMINAL.depth(mode).rays(), depth_image(mode, 0)
    infrared, shape = depth_image(mode, 1), depth.shape
    out = np.zeros((*shape, 4), np.float32)
    FullCloudConverter(rays, compiled=compiled).convert(depth, out)
    yield 'cloud', digest(out)
    for name, options in (
            ('organized', CloudOptions()), ('limits', CloudOptions(False, 0.5, 3.0, 2))):
        converter = CloudConverter(rays, options, compiled=compiled)
        out[:] = 0
        count = converter.write_xyz_intensity(depth, infrared, out)
        yield f'cloud with infrared, {name}', digest(out)
        colored = np.zeros((*shape, 8), np.float32)
        converter.write_xyz_rgb(depth, color_image(mode.size, 4), colored)
        yield f'cloud with color, {name}', digest(colored.view(np.uint32))
        points = out.reshape(-1, 4)
        selector = PointSelector(compiled=compiled)
        selection = CloudSelection(crop_max_x=2.5, crop_min_z=-1.0)
        count = selector.crop(points, count, selection, base_from_depth(), organized=False)
        yield f'crop box, {name}', digest(points[:count])
        count = selector.to_voxels(points, count, 0.03)
        yield f'voxels, {name}', digest(points[:count])


def registration(mode: DepthMode, compiled: bool | None) -> Digests:
    """Yield digests of registered images."""
    pair = CameraPair(NOMINAL, mode, COLOR)
    matches = Correspondences(pair, compiled=compiled)
    matches.update(depth_image(mode, 0))
    yield 'correspondences', digest(matches.u, matches.v, matches.z)
    in_color = np.zeros(pair.color_shape, np.uint16)
    DepthToColor(pair, compiled=compiled).warp(matches, in_color)
    yield 'depth to color', digest(in_color)
    for occlusion in (False, True):
        for channels in (3, 4):
            in_depth = np.zeros((*pair.depth_shape, channels), np.uint8)
            ColorToDepth(pair, occlusion=occlusion, compiled=compiled).warp(
                matches, color_image(COLOR.size, channels), in_depth)
            yield f'color to depth, {channels} channels, occlusion {occlusion}', digest(in_depth)


def rectification(mode: DepthMode, compiled: bool | None) -> Digests:
    """Yield digests of rectified images."""
    lens, depth = NOMINAL.depth(mode), depth_image(mode, 0)
    for fov in ('full', 'no_border'):
        rectified = rectified_lens(lens, fov)
        shape = rectified.height, rectified.width
        for kind in (np.uint16, np.float32):
            out = np.zeros(shape, kind)
            DepthRectifier(lens, rectified, compiled=compiled).rectify(depth, out)
            yield f'rectified depth, {fov}, {np.dtype(kind).name}', digest(out)
        infrared = np.zeros(shape, np.uint16)
        ImageRectifier(lens, rectified).rectify(depth, infrared)
        yield f'rectified infrared, {fov}', digest(infrared)
    lens = NOMINAL.color(COLOR)
    rectified = rectified_lens(lens, 'no_border')
    out = np.zeros((rectified.height, rectified.width, 3), np.uint8)
    ImageRectifier(lens, rectified).rectify(color_image(COLOR.size, 3), out)
    yield 'rectified color', digest(out)


def filters(mode: DepthMode, compiled: bool | None) -> Digests:
    """Yield digests of filtered images."""
    everything = {key: value for part in FILTERS.values() for key, value in part.items()}
    for name, options in (FILTERS | {'all': everything}).items():
        pipeline = DepthFilters(NOMINAL.depth(mode).rays(), compiled=compiled)
        yield f'filter {name}', digest(*(
            pipeline.apply(depth_image(mode, number), number * FRAME_US,
                           DepthFilterOptions(**options)).copy() for number in range(4)))


def codecs(mode: DepthMode, compiled: bool | None) -> Digests:
    """Yield digests of compressed images, and of what is in them."""
    depth = depth_image(mode, 0)
    meters = np.where(depth > 0, depth / np.float32(1000), np.float32(np.nan))
    for encoding, image in (('16UC1', depth), ('32FC1', meters.astype(np.float32))):
        for codec in get_args(Codec):
            compressor = DepthCompressor(
                mode.size, codec, encoding=encoding, compiled=compiled)
            data = compressor.compress(image).copy()
            if codec == 'rvl':  # PNG has no canonical form: zlib and its versions differ
                yield f'RVL, {encoding}', digest(data)
            yield f'{codec} {encoding}, decoded', digest(
                decompress(data, compressor.format, compiled=compiled))
    picture = color_image(COLOR.size, 3)
    jpeg = encode_jpeg(picture, 90, 'bgr8')
    yield 'JPEG', digest(jpeg)
    for encoding, channels in (('bgra8', 4), ('rgb8', 3)):
        out = np.zeros((*picture.shape[:2], channels), np.uint8)
        ColorConverter(ColorFormat.MJPG, COLOR.size, encoding).convert(jpeg, out)
        yield f'JPEG decoded to {encoding}', digest(out)
    height, width = picture.shape[:2]
    random = np.random.default_rng(3)
    for encoding, channels in (('bgra8', 4), ('rgb8', 3)):
        converter = YuvConverter(COLOR.size, encoding, True if compiled is None else compiled)
        out = np.zeros((height, width, channels), np.uint8)
        converter.convert_nv12(
            random.integers(0, 256, (height * 3 // 2, width), np.uint8), out)
        yield f'NV12 to {encoding}', digest(out)
        converter.convert_yuy2(random.integers(0, 256, (height, width, 2), np.uint8), out)
        yield f'YUY2 to {encoding}', digest(out)


def recordings(mode: DepthMode) -> Digests:
    """Yield digests of a recording, and of what is read from it."""
    config = CameraConfig.of_modes(mode, COLOR, ColorFormat.NV12, fps=30)
    random = np.random.default_rng(4)
    numbers = itertools.count(1 << 50)
    # a file has the time at which it was written, and random numbers that identify its parts
    with tempfile.TemporaryDirectory() as folder, mock.patch.multiple(
            header, time=SimpleNamespace(time=lambda: 1.8e9),
            secrets=SimpleNamespace(randbits=lambda _: next(numbers))):
        path = Path(folder) / 'a.mkv'
        with RecordingWriter(path, config, RAW, '000000000012', {'depth': '1.6.80'}) as writer:
            for number in range(4):
                now = 500_000 + number * FRAME_US
                color = random.integers(0, 256, (COLOR.size[1] * 3 // 2, COLOR.size[0]), np.uint8)
                writer.write(Capture(
                    Image(depth_image(mode, number), now), Image(depth_image(mode, 9), now),
                    Image(color, now + 100)))
                times = np.arange(now, now + FRAME_US, 625, np.int64)
                motion = random.integers(-99, 99, (2, len(times), 3)).astype(np.float32)
                writer.write_imu(ImuSamples(
                    acc=motion[0], acc_us=times, gyro=motion[1], gyro_us=times,
                    temperature=np.full(len(times), 30, np.float32)))
        yield 'recording', digest(path.read_bytes())
        content: list[Any] = []
        with RecordingReader(str(path)) as reader:
            while (item := reader.read()) is not None:
                content += ([item.acc, item.gyro, item.acc_us] if isinstance(item, ImuSamples) else
                            [i.data for i in (item.depth, item.ir, item.color) if i])
        yield 'recording, read', digest(*content)


def main() -> int:
    """Print the digests, or what differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--depth-mode', default='NFOV_UNBINNED', choices=[
        mode.name for mode in DepthMode if mode.has_depth])
    parser.add_argument('--numpy', action='store_true', help='compute without numba')
    parser.add_argument('--compare', metavar='FILE', help='digests of another computer')
    options = parser.parse_args()
    mode, compiled = DepthMode[options.depth_mode], False if options.numpy else None
    print(f'# {platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, '
          f'OpenCV {cv2.__version__}', file=sys.stderr)
    known = dict(reversed(line.rstrip('\n').split('  ', 1)) for line in (
        Path(options.compare).read_text().splitlines() if options.compare else ()))
    same, different = 0, 0
    for results in (
            lenses(mode), clouds(mode, compiled), registration(mode, compiled),
            rectification(mode, compiled), filters(mode, compiled), codecs(mode, compiled),
            recordings(mode)):
        for name, value in results:
            if not options.compare:
                print(f'{value}  {name}', flush=True)
            elif known.get(name) == value:
                same += 1
            else:
                different += 1
                print(f'differs: {name}', flush=True)
    if options.compare:
        print(f'{same} of {same + different} are equal')
    return int(different > 0)


if __name__ == '__main__':
    raise SystemExit(main())
