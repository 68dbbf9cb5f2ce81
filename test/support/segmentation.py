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

"""Depth images of simulated scenes, and a segmenter for them."""

from __future__ import annotations

from k4a_ros.body.landmarks.segmentation.segmenter import Segmenter
from k4a_ros.body.landmarks.segmentation.segments import Segment
from k4a_ros.body.landmarks.segmentation.segments import Segmentation
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np
from support.people.shots import NOMINAL

#: up in the frame of a level depth camera
IMAGE_UP = np.array([0.0, -1.0, 0.0])
#: depth modes of different lenses and resolutions
MODES = [DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED, DepthMode.NFOV_2X2BINNED]


def make_sensor(scene: Scene, mode: DepthMode = DepthMode.NFOV_UNBINNED) -> Sensor:
    """Return a simulated camera in a scene."""
    return Sensor(scene, NOMINAL, CameraConfig.of_modes(mode, ColorResolution.OFF), seed=3)


def make_segmenter(mode: DepthMode = DepthMode.NFOV_UNBINNED) -> Segmenter:
    """Return a segmenter for the nominal lens of a depth mode."""
    return Segmenter(NOMINAL.depth(mode), IMAGE_UP)


def depth_image(sensor: Sensor, time_us: int = 0) -> np.ndarray:
    """Return what a simulated depth camera measures, (height, width) uint16 millimeters."""
    depth, _ = sensor.depth_and_ir(time_us)
    assert depth is not None
    return depth


def largest_segment(segmentation: Segmentation, true: np.ndarray) -> Segment:
    """Return the segment with most of the pixels of a mask of the depth image."""
    labels = segmentation.labels[true[::segmentation.step, ::segmentation.step]]
    label = int(np.bincount(labels)[1:].argmax()) + 1
    return next(segment for segment in segmentation.segments if segment.label == label)
