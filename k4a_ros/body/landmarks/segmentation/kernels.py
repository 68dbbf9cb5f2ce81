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

"""The inner loops of cutting depth images into parts, compiled with numba."""

from __future__ import annotations

from typing import Any

from k4a_ros.jit.numba_jit import compiled
import numpy as np

#: a part has fewer samples than that
SAMPLES = 800


@compiled
def surface(depth: Any, rays: Any, sizes: Any, points: Any, area: Any) -> None:
    """
    Write what pixels show, 0 where they show nothing.

    :param depth: (height, width) uint16 millimeters.
    :param rays: (height, width, 2) float32, z = 1.
    :param sizes: (height, width) float32, m² of a pixel at 1 m, 0 where the lens sees nothing.
    :param points: (height, width, 3) float32 meters, written; ``area`` (height, width) float32 m².
    """
    height, width = sizes.shape
    for row in range(height):
        for column in range(width):
            z = np.float32(0.0)
            if sizes[row, column] > 0:
                z = depth[row, column] * np.float32(0.001)
            points[row, column, 0] = rays[row, column, 0] * z
            points[row, column, 1] = rays[row, column, 1] * z
            points[row, column, 2] = z
            area[row, column] = sizes[row, column] * z * z


@compiled
def separate(
    points: Any, floor: Any, least: float, jump: float, slope: float, heights: Any, keep: Any,
) -> None:
    """
    Write which pixels are above the floor, and not behind a neighbor by a jump.

    :param points: (height, width, 3) float32 meters.
    :param floor: (4,) float32, normal and offset that give the height of a point.
    :param least: meters that what is kept is high at least.
    :param jump: meters, and ``slope`` more for each meter from the camera.
    :param heights: (height, width) float32 meters, written; ``keep`` (height, width) uint8.
    """
    rows, columns = keep.shape
    for row in range(rows):
        for column in range(columns):
            x, y, z = points[row, column]
            high = x * floor[0] + y * floor[1] + z * floor[2] + floor[3]
            heights[row, column] = high
            kept = z > 0 and high > least
            if kept and row > 0:
                kept = not _before(points[row - 1, column, 2], z, jump, slope)
            if kept and row < rows - 1:
                kept = not _before(points[row + 1, column, 2], z, jump, slope)
            if kept and column > 0:
                kept = not _before(points[row, column - 1, 2], z, jump, slope)
            if kept and column < columns - 1:
                kept = not _before(points[row, column + 1, 2], z, jump, slope)
            keep[row, column] = kept


@compiled
def _before(near: float, far: float, jump: float, slope: float) -> bool:
    """Return whether something is before something else by a jump."""
    return near > 0 and far - near > jump + slope * near


@compiled
def measure(
    labels: Any, numbers: Any, counts: Any, points: Any, area: Any, sizes: Any, samples: Any,
    shown: Any, spreads: Any,
) -> None:
    """
    Measure parts.

    :param labels: (height, width) int32, of the parts that pixels are of.
    :param numbers: (labels,) int64: which of N parts that is, -1 for none that is measured.
    :param counts: (labels,) int64: how many pixels of each there are.
    :param points: (height, width, 3) float32 meters; ``area`` (height, width) float32 m².
    :param sizes: (N,) float64, written: the m² of each part.
    :param samples: (N, SAMPLES, 3) float32, written: points evenly spread over each part, of
        which there are ``counts // max(1, counts // (SAMPLES / 2))``, rounded up; ``shown`` (N,
        SAMPLES) float32: the m² that each stands for.
    :param spreads: (N, 3, 3) float64, written: their covariance, m².
    """
    sizes[:] = 0
    steps, seen = np.empty(len(counts), np.int64), np.zeros(len(counts), np.int64)
    for label in range(len(counts)):
        steps[label] = max(1, counts[label] // (SAMPLES // 2))
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            label = labels[row, column]
            number = numbers[label]
            if number < 0:
                continue
            sizes[number] += area[row, column]
            sample, rest = divmod(seen[label], steps[label])
            seen[label] += 1
            if rest == 0:
                shown[number, sample] = area[row, column] * steps[label]
                for axis in range(3):
                    samples[number, sample, axis] = points[row, column, axis]
    for label in range(len(counts)):
        if numbers[label] >= 0:
            number = numbers[label]
            size = (counts[label] + steps[label] - 1) // steps[label]
            _spread(samples[number, :size], spreads[number])


@compiled
def _spread(samples: Any, spread: Any) -> None:
    """Write the covariance (3, 3) of samples (K, 3)."""
    mean = np.zeros(3)
    for sample in range(len(samples)):
        for axis in range(3):
            mean[axis] += samples[sample, axis] / len(samples)
    spread[:] = 0
    for sample in range(len(samples)):
        for i in range(3):
            for j in range(3):
                spread[i, j] += (samples[sample, i] - mean[i]) * (
                    samples[sample, j] - mean[j]) / len(samples)
