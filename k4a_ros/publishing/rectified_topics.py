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

"""Topics of rectified images: what pinhole cameras without distortion would see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.color_cache import ColorCache
from k4a_ros.images.filters.cache import FilteredDepth
from k4a_ros.images.per_capture import PerCapture
from k4a_ros.images.rectification import DepthRectifier
from k4a_ros.images.rectification import FieldOfView
from k4a_ros.images.rectification import ImageRectifier
from k4a_ros.images.rectification import rectified_lens
from k4a_ros.images.registration import CameraPair
from k4a_ros.images.registration import Correspondences
from k4a_ros.images.registration import DepthToColor
from k4a_ros.images.warm_up import warm_up_rectification
from k4a_ros.images.warm_up import warm_up_registration
from k4a_ros.jit.lazy import Lazy
from k4a_ros.jit.lazy import Together
from k4a_ros.publishing import image_sources as sources
from k4a_ros.publishing import messages
from k4a_ros.publishing.compressed_topics import add_compressed_color
from k4a_ros.publishing.compressed_topics import COLOR_ENCODINGS
from k4a_ros.publishing.depth_topics import add_depth_images
from k4a_ros.publishing.depth_topics import add_infrared_images
from k4a_ros.publishing.raw.message import RawMessage
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import numpy.typing as npt


class RectifiedTopics:
    """
    Adds the topics of rectified images, each with its camera_info and compressed images.

    Buffers and maps are created when a topic has its first subscriber.

    :param builder: of a camera.
    """

    def __init__(self, builder: TopicBuilder) -> None:
        self._builder = builder

    def add_infrared(self, infrared_scale: Callable[[], float]) -> None:
        """
        Add ir_rect.

        :param infrared_scale: returns the current value of ir_mono8_scaling_factor.
        """
        lens, rectified = self._builder.depth_lens, self._depth_camera()

        def build() -> PerCapture:
            rectifier, out = ImageRectifier(lens, rectified), _buffer(rectified)

            def rectify(capture: Capture) -> npt.NDArray[np.uint16]:
                assert capture.ir is not None
                rectifier.rectify(capture.ir.data, out)
                return out

            return PerCapture(rectify)

        infrared = Lazy(build)
        add_infrared_images(
            self._builder, 'ir_rect', rectified, self._builder.depth_frame, sources.infrared,
            lambda capture, _: infrared.result().get(capture), infrared_scale, infrared,
            rectified=True)

    def add_depth(self, filtered: FilteredDepth) -> None:
        """Add depth_rect."""
        lens, rectified = self._builder.depth_lens, self._depth_camera()

        def build() -> tuple[PerCapture, PerCapture]:
            warm_up_rectification()
            rectifier = DepthRectifier(lens, rectified)

            def rectified_to(kind: type[np.uint16] | type[np.float32]) -> PerCapture:
                buffers: list[npt.NDArray[Any]] = []

                def rectify(capture: Capture) -> npt.NDArray[Any]:
                    if not buffers:
                        buffers.append(_buffer(rectified, kind))
                    rectifier.rectify(filtered.get(capture), buffers[0])
                    return buffers[0]

                return PerCapture(rectify)

            return rectified_to(np.uint16), rectified_to(np.float32)

        depth = Lazy(build)
        add_depth_images(
            self._builder, 'depth_rect', rectified, self._builder.depth_frame, sources.depth,
            lambda capture, _: depth.result()[0].get(capture), Together(depth, filtered),
            rectified=True, get_meters=lambda capture, _: depth.result()[1].get(capture))

    def add_color(self, colors: ColorCache) -> None:
        """Add rgb_rect."""
        builder = self._builder
        lens, rectified = builder.color_lens, self._color_camera()
        encoding = builder.options.rgb_encoding
        color = colors.in_encoding(encoding if encoding in COLOR_ENCODINGS else 'bgra8')
        size = (rectified.width, rectified.height)
        shape = (*size[::-1], color.shape[-1])
        view = messages.ImageView(builder.color_frame, color.encoding, size, shape, np.uint8)

        def build() -> PerCapture:
            rectifier, out = ImageRectifier(lens, rectified), np.zeros(shape, np.uint8)

            def rectify(capture: Capture) -> npt.NDArray[np.uint8]:
                rectifier.rectify(color.get(capture), out)
                return out

            return PerCapture(rectify)

        images = Lazy(build)

        def render(capture: Capture, _: Image) -> RawMessage:
            view.set_pixels(images.result().get(capture))
            return view.message

        builder.add_images('rgb_rect', rectified, builder.color_frame, sources.color, render,
                           images, rectified=True)
        add_compressed_color(
            builder, 'rgb_rect/image_rect', builder.color_frame, color.encoding, sources.color,
            lambda capture, _: images.result().get(capture), images)

    def add_depth_to_color(self, filtered: FilteredDepth) -> None:
        """Add depth_to_rgb_rect."""
        builder = self._builder
        config, rectified = builder.camera.config, self._color_camera()

        def build() -> PerCapture:
            warm_up_registration()
            pair = CameraPair(
                builder.calibration, config.depth_mode, config.color_resolution, color=rectified)
            correspondences, warp = Correspondences(pair), DepthToColor(pair)
            out = _buffer(rectified)

            def draw(capture: Capture) -> npt.NDArray[np.uint16]:
                correspondences.update(filtered.get(capture))
                warp.warp(correspondences, out)
                return out

            return PerCapture(draw)

        depth = Lazy(build)
        add_depth_images(
            builder, 'depth_to_rgb_rect', rectified, builder.color_frame,
            sources.registered_depth(as_target=builder.options.stamps_as_target),
            lambda capture, _: depth.result().get(capture), Together(depth, filtered),
            rectified=True)

    def _depth_camera(self) -> Intrinsics:
        return self._rectified(self._builder.depth_lens, 'full')

    def _color_camera(self) -> Intrinsics:
        return self._rectified(self._builder.color_lens, 'no_border')

    def _rectified(self, lens: Intrinsics, default: FieldOfView) -> Intrinsics:
        """
        Return the rectified camera of a lens.

        :param default: the field of view for rectified_fov:=auto.
        """
        options = self._builder.options
        fov: FieldOfView = default
        if options.rectified_fov != 'auto':
            fov = 'full' if options.rectified_fov == 'full' else 'no_border'
        return rectified_lens(lens, fov, options.rectified_size)


def _buffer(
    rectified: Intrinsics, kind: type[np.uint16] | type[np.float32] = np.uint16,
) -> npt.NDArray[Any]:
    return np.zeros((rectified.height, rectified.width), kind)
