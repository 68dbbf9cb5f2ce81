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


"""The topic points2: the depth image as points, with colour or infrared if wanted."""

from __future__ import annotations

from collections.abc import Callable
import math
from typing import Any

from k4a_ros.cameras.base import Capture
from k4a_ros.cameras.base import Image
from k4a_ros.images.clouds import Cloud
from k4a_ros.images.clouds import PointOptions
from k4a_ros.images.geometry import PointCloud
from k4a_ros.images.registered import RegisteredImages
from k4a_ros.later import Later
from k4a_ros.lens import Intrinsics
from k4a_ros.publishing import board as captures
from k4a_ros.publishing import messages
from k4a_ros.publishing.board import Board
from k4a_ros.publishing.board import Source
from k4a_ros.publishing.outgoing import Outgoing
from k4a_ros.settings import Settings
from k4a_ros.warm_up import warm_up
import numpy as np
import numpy.typing as npt
import sensor_msgs.msg

#: writes the points of a capture, and returns how many they are
Write = Callable[[Capture, Image], int]
#: (height, width, 2), see `Intrinsics.rays`
Rays = npt.NDArray[np.float32]
#: makes that for rays, the points that are wanted, and an array to write to
Make = Callable[[Rays, PointOptions, Any], Write]


def point_options(settings: Settings) -> PointOptions:
    """Return which points are wanted."""
    return PointOptions(
        settings.point_cloud_organized, settings.point_cloud_min_depth,
        settings.point_cloud_max_depth or math.inf, settings.point_cloud_decimation)


def add_points(board: Board, registered: RegisteredImages | None) -> None:
    """
    Add points2.

    :param registered: where there are both cameras.
    """
    settings = board.settings
    if settings.rgb_point_cloud and registered is None:
        board.warn('rgb_point_cloud has no effect: the camera streams no colour')
    if settings.ir_point_cloud and not board.camera.config.ir:
        board.warn('ir_point_cloud has no effect: the camera streams no infrared')
    frame = board.depth_frame
    if settings.rgb_point_cloud and registered is not None:
        if settings.point_cloud_in_depth_frame:
            lens = board.depth_lens
        else:
            lens, frame = board.color_lens, board.color_frame
        _add(board, lens, frame, 'rgb', captures.depth_with_color, _colored(
            registered, settings.point_cloud_in_depth_frame))
    elif settings.ir_point_cloud and board.camera.config.ir:
        _add(board, board.depth_lens, frame, 'intensity', captures.depth_with_infrared,
             _infrared)
    else:
        _add(board, board.depth_lens, frame, '', captures.depth, _plain)


def _plain(rays: Rays, options: PointOptions, out: Any) -> Write:
    if options != PointOptions():
        cloud = Cloud(rays, options)
        return lambda _, image: cloud.xyz(image.data, out)
    # what most people want, in the fastest way that there is
    everything = PointCloud(rays)

    def write(_: Capture, image: Image) -> int:
        everything.into(image.data, out)
        return image.data.size

    return write


def _infrared(rays: Rays, options: PointOptions, out: Any) -> Write:
    cloud = Cloud(rays, options)

    def write(capture: Capture, image: Image) -> int:
        assert capture.ir is not None
        return cloud.xyz_intensity(image.data, capture.ir.data, out)

    return write


def _colored(registered: RegisteredImages, in_depth: bool) -> Make:
    """
    Make coloured points.

    :param in_depth: of the depth image, with the colours that are there; else of the colour image.
    """
    def make(rays: Rays, options: PointOptions, out: Any) -> Write:
        cloud = Cloud(rays, options)
        registered.registration.result()
        if in_depth:
            return lambda capture, image: cloud.xyz_rgb(
                image.data, registered.color_in_depth(capture), out)
        return lambda capture, _: cloud.xyz_rgb(
            registered.depth_in_color(capture), registered.color(capture), out)

    return make


def _add(
    board: Board, lens: Intrinsics, frame: str, extra: str, source: Source, make: Make,
) -> None:
    options = point_options(board.settings)
    points = messages.CloudBuffer(
        frame, options.size(lens.width, lens.height), extra, organized=options.organized)

    def prepare() -> Write:
        warm_up('clouds')
        return make(lens.rays(), options, points.points)

    write = Later(prepare)

    def render(capture: Capture, image: Image) -> Outgoing:
        count = write.result()(capture, image)
        if not options.organized:
            points.resize(count)
        return points.message

    board.add('points2', sensor_msgs.msg.PointCloud2, source, render, write)
