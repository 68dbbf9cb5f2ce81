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

"""The topic points2: point clouds, optionally with color or infrared."""

from __future__ import annotations

from collections.abc import Callable
import functools
import math
import time
from typing import Any
from typing import Protocol

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.tf_frames import DEPTH_CAMERA
from k4a_ros.calibration.tf_frames import FRAMES
from k4a_ros.calibration.tf_frames import own_frame
from k4a_ros.calibration.tf_frames import RGB_CAMERA
from k4a_ros.calibration.tf_frames import transform_between
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.errors import TransformError
from k4a_ros.images.cloud_selection import CloudSelection
from k4a_ros.images.cloud_selection import PointSelector
from k4a_ros.images.clouds import CloudConverter
from k4a_ros.images.clouds import CloudOptions
from k4a_ros.images.clouds import FullCloudConverter
from k4a_ros.images.filters.cache import FilteredDepth
from k4a_ros.images.registration_cache import RegistrationCache
from k4a_ros.images.warm_up import warm_up_clouds
from k4a_ros.images.warm_up import warm_up_selection
from k4a_ros.jit.lazy import Lazy
from k4a_ros.jit.lazy import Together
from k4a_ros.publishing import image_sources as sources
from k4a_ros.publishing import messages
from k4a_ros.publishing.image_sources import Source
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import numpy.typing as npt
import sensor_msgs.msg

#: writes the points of a capture, and returns their number
WritePoints = Callable[[Capture], int]
#: (height, width, 2), see `Intrinsics.rays`
Rays = npt.NDArray[np.float32]
#: builds a `WritePoints` for rays, options and an output array
BuildWriter = Callable[[Rays, CloudOptions, Any], WritePoints]

#: a frame that is missing for less long is not worth a warning: transforms take time to arrive
_MAX_LOST_S = 2.0


class Frames(Protocol):
    """Looks up transforms between any frames."""

    def transform(self, target: str, source: str, ros_ns: int) -> RigidTransform:
        """
        Return the transform of points from one frame to another, without waiting.

        :param ros_ns: time of the points.
        :raises TransformError: there is none; a phrase that says why.
        """


def cloud_options(options: TopicOptions) -> CloudOptions:
    """Return the options of the converter for those of the topics."""
    return CloudOptions(
        options.point_cloud_organized, options.point_cloud_min_depth,
        options.point_cloud_max_depth or math.inf, options.point_cloud_decimation)


def add_points(
    builder: TopicBuilder, filtered: FilteredDepth, registered: RegistrationCache | None,
    selection: Callable[[], CloudSelection], frames: Frames | None,
) -> None:
    """
    Add points2.

    :param registered: registered images; None if the camera does not stream depth and color.
    :param selection: returns the crop box and voxel grid of now.
    :param frames: looks up frames that are not those of the camera; None if there are no others.
    """
    options = builder.options
    if options.rgb_point_cloud and registered is None:
        builder.warn('rgb_point_cloud has no effect: the camera does not stream color')
    if options.ir_point_cloud and not builder.camera.config.ir:
        builder.warn('ir_point_cloud has no effect: the camera does not stream infrared')
    camera = DEPTH_CAMERA
    add = functools.partial(_add, builder, selection, frames)
    if options.rgb_point_cloud and registered is not None:
        lens, source = builder.depth_lens, sources.depth_with_color
        if not options.point_cloud_in_depth_frame:
            lens, camera = builder.color_lens, RGB_CAMERA
            if options.stamps_as_target:
                source = sources.color_with_depth
        add(lens, camera, 'rgb', source, filtered,
            _colored_writer(filtered, registered, options.point_cloud_in_depth_frame))
    elif options.ir_point_cloud and builder.camera.config.ir:
        add(builder.depth_lens, camera, 'intensity', sources.depth_with_infrared, filtered,
            _infrared_writer(filtered))
    else:
        add(builder.depth_lens, camera, '', sources.depth, filtered, _xyz_writer(filtered))


def _xyz_writer(filtered: FilteredDepth) -> BuildWriter:
    def build(rays: Rays, options: CloudOptions, out: Any) -> WritePoints:
        if options != CloudOptions():
            converter = CloudConverter(rays, options)
            return lambda capture: converter.write_xyz(filtered.get(capture), out)
        # the default options have a faster converter
        full_converter = FullCloudConverter(rays)

        def write(capture: Capture) -> int:
            depth = filtered.get(capture)
            full_converter.convert(depth, out)
            return depth.size

        return write

    return build


def _infrared_writer(filtered: FilteredDepth) -> BuildWriter:
    def build(rays: Rays, options: CloudOptions, out: Any) -> WritePoints:
        converter = CloudConverter(rays, options)

        def write(capture: Capture) -> int:
            assert capture.ir is not None
            return converter.write_xyz_intensity(filtered.get(capture), capture.ir.data, out)

        return write

    return build


def _colored_writer(
    filtered: FilteredDepth, registered: RegistrationCache, in_depth_frame: bool,
) -> BuildWriter:
    """
    Return the function that builds a writer of colored points.

    :param in_depth_frame: use the pixels of the depth image and the color in each; otherwise the
        pixels of the color image and the depth in each.
    """
    def build(rays: Rays, options: CloudOptions, out: Any) -> WritePoints:
        converter = CloudConverter(rays, options)
        registered.registration.result()  # this thread may wait, the publishing thread may not
        if in_depth_frame:
            return lambda capture: converter.write_xyz_rgb(
                filtered.get(capture), registered.color_in_depth(capture), out)
        return lambda capture: converter.write_xyz_rgb(
            registered.depth_in_color(capture), registered.color(capture), out)

    return build


class _Selector:
    """
    Crops clouds and makes voxels of them, as it is set now; builds nothing before that is on.

    :param camera: TF frame of the points without prefix.
    :param selection: returns the crop box and voxel grid of now.
    :param frames: looks up frames that are not those of the camera; None if there are no others.
    """

    def __init__(
        self, builder: TopicBuilder, camera: str, selection: Callable[[], CloudSelection],
        frames: Frames | None,
    ) -> None:
        self._builder = builder
        self._camera = camera
        self._selection = selection
        self._frames = frames
        self._own_box = functools.cache(
            lambda frame: transform_between(builder.calibration, camera, frame))
        self._selector = Lazy(_build_selector)
        #: the box of the next cloud, and the transform to it
        self._now = CloudSelection()
        self._to_box = RigidTransform.identity()
        self._lost_since_s: float | None = None
        self._has_warned = False

    def start(self) -> bool:
        """Return whether `select` does not have to compile anything."""
        selection = self._selection()
        return not (selection.crops or selection.voxel_size) or self._selector.start()

    def locate(self, ros_ns: int) -> bool:
        """
        Find the crop box at the time of a cloud.

        :param ros_ns: its stamp.
        :return: False if there is no transform to the frame of the box; the warning says why.
        """
        self._now = selection = self._selection()
        if not selection.crops:
            return True
        prefix = self._builder.options.tf_prefix
        own = own_frame(selection.crop_frame, prefix)
        if own is not None:
            self._to_box = self._own_box(own)
            return True
        source = prefix + self._camera
        try:
            if self._frames is None:
                raise TransformError('there are no transforms of others here')
            self._to_box = self._frames.transform(selection.crop_frame, source, ros_ns)
        except TransformError as error:
            self._report(selection.crop_frame, source, str(error))
            return False
        self._lost_since_s, self._has_warned = None, False
        return True

    def _report(self, frame: str, source: str, reason: str) -> None:
        """Warn once if there is no transform for a while."""
        now_s = time.monotonic()
        self._lost_since_s = self._lost_since_s or now_s
        if not self._has_warned and now_s - self._lost_since_s >= _MAX_LOST_S:
            self._has_warned = True
            self._builder.warn(
                f'points2 is not published: there is no transform from {source} to {frame}, '
                f'the frame of its crop box ({reason}); publish it on /tf or /tf_static, or set '
                f'point_cloud_crop_frame to {", ".join(FRAMES)}')

    def select(self, cloud: messages.CloudBuffer, count: int, organized: bool) -> None:
        """Select from the first points of a cloud, and give it the right size."""
        selection = self._now
        points = cloud.points.reshape(-1, cloud.points.shape[-1])
        if selection.crops:
            count = self._selector.result().crop(
                points, count, selection, self._to_box, organized=organized)
        if selection.voxel_size:
            count = self._selector.result().to_voxels(points, count, selection.voxel_size)
        if organized and not selection.voxel_size:
            cloud.organize()
        else:
            cloud.resize(count)


def _build_selector() -> PointSelector:
    warm_up_selection()
    return PointSelector()


def _add(
    builder: TopicBuilder, selection: Callable[[], CloudSelection], frames: Frames | None,
    lens: Intrinsics, camera: str, extra_field: str, source: Source, filtered: FilteredDepth,
    build_writer: BuildWriter,
) -> None:
    options = cloud_options(builder.options)
    cloud = messages.CloudBuffer(
        builder.options.tf_prefix + camera, options.organized_size(lens.width, lens.height),
        extra_field, organized=options.organized)
    selector = _Selector(builder, camera, selection, frames)

    def build() -> WritePoints:
        warm_up_clouds()
        return build_writer(lens.rays(), options, cloud.points)

    write = Lazy(build)

    def render(capture: Capture, _: Image) -> RawMessage:
        count = write.result()(capture)
        selector.select(cloud, count, options.organized)
        return cloud.message

    builder.add('points2', sensor_msgs.msg.PointCloud2, source, render,
                Together(write, filtered, selector), admit=selector.locate)
