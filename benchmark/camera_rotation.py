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
Measure what the upright images of a camera that is mounted turned cost.

    python benchmark/camera_rotation.py [--repeats 15] [--turbojpeg LIBRARY [--recording FILE]]
        [--picture OUT.jpg]

Prints the tables of docs/mounting.md: CPU time of rendering a message, for each topic as the only
one with a subscriber, with each rotation in turn; ratios are to rotation 0 of the same turn.

--turbojpeg also measures turning a JPEG without loss, with libturbojpeg.so.0: images of the
simulated camera, and the first one of a recording. --picture writes the
images of the simulated room from cameras that are mounted in four ways.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Iterator
import ctypes
from dataclasses import replace
from pathlib import Path
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import cv2
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.rotation import ROTATIONS
from k4a_ros.calibration.rotation import upright_image
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.capture import Capture
from k4a_ros.images.color import encode_jpeg
from k4a_ros.images.upright import upright_capture
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.publishing.image_topics import add_images
from k4a_ros.publishing.options import LiveOptions
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.publishers import Counters
from k4a_ros.publishing.publishers import publisher_qos
from k4a_ros.publishing.raw.message_sink import MessageSink
from k4a_ros.publishing.topic_builder import TopicBuilder
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.tools.sheet import depth_picture
import numpy as np

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
MODES = (DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
TOPICS = ('depth/image_raw', 'ir/image_raw', 'points2', 'rgb/image_raw',
          'rgb/image_raw/compressed', 'depth_to_rgb/image_raw', 'rgb_to_depth/image_raw',
          'depth_rect/image_rect', 'rgb_rect/image_rect')
SIZES = (ColorResolution.R720P, ColorResolution.R1080P, ColorResolution.R1440P,
         ColorResolution.R2160P)
#: TJXOP_ROT90 (turbojpeg.h)
ROT90 = 5
COLUMN_PX, GAP_PX, HEAD_PX = 320, 10, 34
LABELS = ('as delivered', 'rgb/image_raw', 'depth/image_raw')


class Sink(MessageSink):
    """Takes a message and does nothing with it."""

    def publish(self, message: Any) -> None:
        """Do nothing."""

    def publish_with_data(self, message: Any, data: np.ndarray) -> None:
        """Do nothing."""

    def publish_imu(self, *_: Any) -> None:
        """Do nothing."""


class Rendering:
    """Renders one topic of a camera with some rotation."""

    def __init__(self, topic: str, rotation: int) -> None:
        self._topic, self._rotation = topic, rotation
        camera: Any = SimpleNamespace(
            calibration=NOMINAL, config=CameraConfig.of_modes(*MODES), lossless=True,
            lockstep=False, reports_metadata=False, playback=None,
            info=SimpleNamespace(serial=''))
        options = TopicOptions(camera_rotation=rotation)
        builder = TopicBuilder(camera, options, self, print, threading.Event())
        add_images(builder, LiveOptions.of(options))
        self._streams = builder.streams

    def get(self, _: Any, topic: str, depth: int) -> Any:
        """Return the sink of a topic."""
        return Sink(publisher_qos(depth), topic == self._topic)

    def counters(self, _: str) -> Counters:
        """Return counters."""
        return Counters()

    def __call__(self, capture: Capture) -> float:
        """Return the CPU time of rendering a capture, ms."""
        capture = replace(capture)  # caches know a capture by its identity
        began = time.thread_time()
        upright = upright_capture(capture, self._rotation)
        for stream in self._streams:
            stream.offer(upright, lambda device_us: device_us * 1000)
        return 1e3 * (time.thread_time() - began)


def captured(rotation: int, resolution: ColorResolution = MODES[1]) -> Capture:
    """Return a capture of the room by a camera that is turned."""
    config = CameraConfig.of_modes(MODES[0], resolution, fps=5)
    path = CameraPath((Waypoint(0.0, (0.0, 0.0, 0.0), roll=np.radians(rotation)),))
    scene = replace(default_scene(), camera=path)
    with SimulatedCamera(config, sensor=Sensor(scene, NOMINAL, config)) as camera:
        camera.start()
        while True:
            capture = camera.read(5.0)
            if capture.depth and capture.color and capture.device_us > 1_000_000:
                return capture


def costs(repeats: int) -> Iterator[str]:
    """Yield the rows of the costs of topics."""
    capture = captured(0)
    for topic in TOPICS:
        jobs = {rotation: Rendering(topic, rotation) for rotation in ROTATIONS}
        times = {rotation: np.zeros(repeats) for rotation in ROTATIONS}
        for turn in range(-2, repeats):
            for rotation, job in jobs.items():
                spent = job(capture)
                if turn >= 0:
                    times[rotation][turn] = spent
        yield (f'| `{topic}` | ' + ' | '.join(
            f'{np.median(times[rotation]):.2f}' for rotation in ROTATIONS)
            + f' | {np.median(times[90] / times[0]):.2f} |')


def median_ms(job: Callable[[], object], repeats: int) -> float:
    """Return the median CPU time of a call, ms."""
    spent = []
    for _ in range(repeats + 1):
        began = time.thread_time()
        job()
        spent.append(1e3 * (time.thread_time() - began))
    return float(np.median(spent[1:]))


class Transform(ctypes.Structure):
    """A tjtransform."""

    _fields_ = [(name, ctypes.c_int) for name in ('x', 'y', 'w', 'h', 'op', 'options')] + [
        ('data', ctypes.c_void_p), ('filter', ctypes.c_void_p)]


class Lossless:
    """Turns JPEGs clockwise by 90 degrees without loss."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)
        self._library.tjInitTransform.restype = ctypes.c_void_p
        self._handle = ctypes.c_void_p(self._library.tjInitTransform())

    def turn(self, data: bytes) -> bytes:
        """Return the turned JPEG."""
        out, size = ctypes.c_void_p(), ctypes.c_ulong()
        failed = self._library.tjTransform(
            self._handle, data, ctypes.c_ulong(len(data)), 1, ctypes.byref(out),
            ctypes.byref(size), ctypes.byref(Transform(op=ROT90)), 0)
        if failed:
            raise SystemExit('libturbojpeg cannot turn the JPEG')
        turned = ctypes.string_at(out, size.value)
        self._library.tjFree(out)
        return turned


def jpegs(recording: str | None) -> Iterator[tuple[str, bytes]]:
    """Yield JPEGs with their names."""
    if recording:
        with RecordingReader(recording) as reader:
            capture = reader.captures.read()
            assert capture and capture.color
            yield f'{reader.config.color_resolution.label}, recording', bytes(capture.color.data)
    for resolution in SIZES:
        color = captured(0, resolution).color
        assert color is not None
        yield f'{resolution.label}, simulated', bytes(color.data)


def jpeg_costs(path: str, recording: str | None, repeats: int) -> Iterator[str]:
    """Yield the rows that compare turning JPEGs with and without loss."""
    import simplejpeg
    lossless = Lossless(path)
    for name, data in jpegs(recording):
        def through_pixels(data: bytes = data) -> np.ndarray:
            pixels = simplejpeg.decode_jpeg(
                data, colorspace='BGRA', fastdct=True, fastupsample=True)
            return encode_jpeg(upright_image(pixels, 90), 90)

        with_loss = median_ms(through_pixels, repeats)
        without = median_ms(lambda data=data: lossless.turn(data), repeats)
        exact = cv2.imdecode(np.frombuffer(lossless.turn(data), np.uint8), cv2.IMREAD_COLOR)
        noise = cv2.PSNR(cv2.imdecode(through_pixels(), cv2.IMREAD_COLOR), exact)
        yield f'| {name} | {with_loss:.1f} | {without:.1f} | {noise:.0f} dB |'


def column(rotation: int) -> np.ndarray:
    """Return color as delivered, color and depth upright, one below the other."""
    capture = captured(rotation)
    assert capture.depth is not None
    assert capture.color is not None
    color = cv2.imdecode(capture.color.data, cv2.IMREAD_COLOR)
    depth = depth_picture(upright_image(capture.depth.data, rotation) / np.float32(1000))
    tiles = []
    for label, image in zip(
            LABELS, (color, upright_image(color, rotation), depth), strict=True):
        scale = COLUMN_PX / max(image.shape[:2])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        height = small.shape[0] if label == LABELS[0] else COLUMN_PX
        tile = np.full((HEAD_PX + height, COLUMN_PX + GAP_PX, 3), 255, np.uint8)
        y, x = HEAD_PX + (height - small.shape[0]) // 2, (COLUMN_PX - small.shape[1]) // 2
        tile[y:y + small.shape[0], x:x + small.shape[1]] = small
        text = f'camera_rotation {rotation}: {label}' if label == LABELS[0] else label
        cv2.putText(tile, text, (2, HEAD_PX - 11), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (50, 50, 50), 1,
                    cv2.LINE_AA)
        tiles.append(tile)
    return np.vstack(tiles)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--repeats', type=int, default=15)
    parser.add_argument('--turbojpeg', metavar='LIBRARY')
    parser.add_argument('--recording', metavar='FILE')
    parser.add_argument('--picture', type=Path, metavar='OUT.jpg')
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print('| topic | 0 | 90 | 180 | 270 | 90 to 0 |\n| --- | --- | --- | --- | --- | --- |')
    for line in costs(arguments.repeats):
        print(line, flush=True)
    if arguments.turbojpeg:
        print('\n| | decode, turn, encode | turn without loss | PSNR |\n| --- | --- | --- | --- |')
        for line in jpeg_costs(
                arguments.turbojpeg, arguments.recording, arguments.repeats):
            print(line, flush=True)
    if arguments.picture:
        picture = np.hstack([column(rotation) for rotation in ROTATIONS])
        cv2.imwrite(str(arguments.picture), picture, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == '__main__':
    sys.exit(main())
