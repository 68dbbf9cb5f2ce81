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

"""Compiled inner loops of segmentation: unproject, cut at depth discontinuities, measure."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

#: upper bound of the number of samples of a segment
MAX_SAMPLES = 800


@compiled
def unproject(depth: Any, rays: Any, unit_areas: Any, points: Any, areas: Any) -> None:
    """
    Write the point and the area of each pixel, 0 where there is no depth.

    :param depth: (height, width) uint16 millimeters.
    :param rays: (height, width, 2) float32 x/z and y/z.
    :param unit_areas: (height, width) float32, m² that a pixel covers at 1 m, 0 where the lens
        has no ray.
    :param points: (height, width, 3) float32 meters, written.
    :param areas: (height, width) float32 m², written.
    """
    height, width = unit_areas.shape
    for row in range(height):
        for column in range(width):
            z = np.float32(0.0)
            if unit_areas[row, column] > 0:
                z = depth[row, column] * np.float32(0.001)
            points[row, column, 0] = rays[row, column, 0] * z
            points[row, column, 1] = rays[row, column, 1] * z
            points[row, column, 2] = z
            areas[row, column] = unit_areas[row, column] * z * z


@compiled
def cut_foreground(
    points: Any, floor: Any, min_height: float, jump: float, slope: float, heights: Any,
    foreground: Any,
) -> None:
    """
    Write which pixels are above the floor and not right behind a depth discontinuity.

    :param points: (height, width, 3) float32 meters.
    :param floor: (4,) float32, unit normal and offset, which give the height of a point.
    :param min_height: minimum height above the floor of a pixel that is kept, meters.
    :param jump: minimum depth difference of a discontinuity between neighbors, meters, and
        ``slope`` more for each meter from the camera.
    :param heights: (height, width) float32 meters above the floor, written.
    :param foreground: (height, width) uint8, written.
    """
    rows, columns = foreground.shape
    for row in range(rows):
        for column in range(columns):
            x, y, z = points[row, column]
            height = x * floor[0] + y * floor[1] + z * floor[2] + floor[3]
            heights[row, column] = height
            kept = z > 0 and height > min_height
            if kept and row > 0:
                kept = not _occludes(points[row - 1, column, 2], z, jump, slope)
            if kept and row < rows - 1:
                kept = not _occludes(points[row + 1, column, 2], z, jump, slope)
            if kept and column > 0:
                kept = not _occludes(points[row, column - 1, 2], z, jump, slope)
            if kept and column < columns - 1:
                kept = not _occludes(points[row, column + 1, 2], z, jump, slope)
            foreground[row, column] = kept


@compiled
def _occludes(near: float, far: float, jump: float, slope: float) -> bool:
    """Return whether the first depth is in front of the second by a discontinuity."""
    return near > 0 and far - near > jump + slope * near


@compiled
def measure_segments(
    labels: Any, indices: Any, pixel_counts: Any, points: Any, areas: Any, segment_areas: Any,
    samples: Any, sample_areas: Any,
) -> None:
    """
    Measure and sample N segments.

    :param labels: (height, width) int32, the label of each pixel.
    :param indices: (labels,) int64, the index of each label among the N segments, or -1.
    :param pixel_counts: (labels,) int64.
    :param points: (height, width, 3) float32 meters.
    :param areas: (height, width) float32 m² of each pixel.
    :param segment_areas: (N,) float64 m², written.
    :param samples: (N, MAX_SAMPLES, 3) float32 meters, written: points evenly spread over each
        segment, ``pixel_count // max(1, pixel_count // (MAX_SAMPLES / 2))`` of them, rounded up.
    :param sample_areas: (N, MAX_SAMPLES) float32, written: the m² that each sample represents.
    """
    segment_areas[:] = 0
    steps, seen = np.empty(len(pixel_counts), np.int64), np.zeros(len(pixel_counts), np.int64)
    for label in range(len(pixel_counts)):
        steps[label] = max(1, pixel_counts[label] // (MAX_SAMPLES // 2))
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            label = labels[row, column]
            index = indices[label]
            if index < 0:
                continue
            segment_areas[index] += areas[row, column]
            sample, remainder = divmod(seen[label], steps[label])
            seen[label] += 1
            if remainder == 0:
                sample_areas[index, sample] = areas[row, column] * steps[label]
                for axis in range(3):
                    samples[index, sample, axis] = points[row, column, axis]
