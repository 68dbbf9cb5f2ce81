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

"""The kernels of all depth filters in numpy and OpenCV, for installations without numba."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_HALF = np.float32(0.5)


def remove_flying(
    depth: Array, norm: Array, steep_x: Array, steep_y: Array, rows: Array, out: Array,
) -> None:
    """Do the same as ``flying_kernels.remove_flying``."""
    distance = np.pad(depth.astype(np.float32) * norm, 1)
    here = distance[1:-1, 1:-1]
    flies = _flies(distance[1:-1, :-2], here, distance[1:-1, 2:], steep_x)
    flies |= _flies(distance[:-2, 1:-1], here, distance[2:, 1:-1], steep_y)
    out[:] = depth
    out[flies & (here > 0)] = 0


def _flies(before: Array, here: Array, after: Array, steepness: Array) -> Array:
    first, second = here - before, after - here
    steep_before = (before > 0) & (np.abs(first) > np.minimum(before, here) * steepness)
    steep_after = (after > 0) & (np.abs(second) > np.minimum(here, after) * steepness)
    same = (first > 0) == (second > 0)
    flies: Array = (steep_before & steep_after & same) | (
        steep_before & (after == 0)) | (steep_after & (before == 0))
    return flies


def remove_speckles(
    depth: Array, min_step: int, slope: int, min_pixels: int, links: Array, counts: Array,
    runs: Array,
) -> None:
    """
    Do the same as ``speckle_kernels.remove_speckles``.

    OpenCV labels an image of twice the size, which has pixels between neighbors that belong to one
    surface.
    """
    height, width = depth.shape
    wide = depth.astype(np.int64)
    graph = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    graph[::2, ::2] = depth != 0
    graph[::2, 1::2] = _connected(wide[:, 1:], wide[:, :-1], min_step, slope)
    graph[1::2, ::2] = _connected(wide[1:], wide[:-1], min_step, slope)
    surfaces = cv2.connectedComponents(graph, connectivity=4)[1][::2, ::2]
    small = np.bincount(surfaces.reshape(-1)) < min_pixels
    depth[small[surfaces]] = 0


def _connected(a: Array, b: Array, min_step: int, slope: int) -> Array:
    nearer = np.minimum(a, b)
    connected: Array = (nearer != 0) & (
        np.abs(a - b) <= np.maximum(min_step, (nearer * slope) >> 16))
    return connected


def average(
    depth: Array, mean: Array, count: Array, missing: Array, frames: int, hold: int, min_gate: int,
    slope: int, min_step: int, step_slope: int, out: Array,
) -> None:
    """Do the same as ``temporal_kernels.average``."""
    most = frames // 2 + 1
    measured = depth != 0
    wide = depth.astype(np.int64)
    value = depth.astype(np.float32)
    change = value - mean
    gate = np.maximum(min_gate, (wide * slope) >> 16).astype(np.float32)
    still = measured & (count != 0) & (np.abs(change) <= gate)
    number = np.where(still, np.minimum(count, most - 1) + 1, 1).astype(np.uint8)
    weight = np.maximum(
        np.float32(1) / number.astype(np.float32), np.float32(1) / np.float32(most))
    new = np.where(still, mean + weight * change, value)
    np.copyto(mean, new, where=measured)
    np.copyto(count, number, where=measured)
    missing[measured] = 0
    out[:] = np.where(measured, (new + _HALF).astype(np.uint16), 0)
    lost = ~measured & (count != 0)
    step = np.maximum(min_step, (mean.astype(np.int64) * step_slope) >> 16).astype(np.float32)
    near = np.zeros(depth.shape, np.uint8)
    for here, there in _neighbors():
        near[here] += measured[there] & (
            np.abs(out[there].astype(np.float32) - mean[here]) <= step[here])
    kept = lost & (missing < hold) & (near >= 2)
    missing[kept] += 1
    out[kept] = (mean[kept] + _HALF).astype(np.uint16)
    count[lost & ~kept] = 0


def _neighbors() -> tuple[tuple[Any, Any], ...]:
    """Return the slices of all pixels that have a neighbor, and of the neighbor."""
    return (np.s_[1:, :], np.s_[:-1, :]), (np.s_[:-1, :], np.s_[1:, :]), (
        np.s_[:, 1:], np.s_[:, :-1]), (np.s_[:, :-1], np.s_[:, 1:])


def fill_holes(
    depth: Array, max_pixels: int, min_step: int, slope: int, runs: Array, out: Array,
) -> None:
    """Do the same as ``hole_kernels.fill_holes``."""
    out[:] = depth
    empty = depth == 0
    number, holes = cv2.connectedComponents(empty.astype(np.uint8), connectivity=4)
    fills = np.bincount(holes.reshape(-1), minlength=number) <= max_pixels
    fills[0] = False
    for edge in (holes[0], holes[-1], holes[:, 0], holes[:, -1]):
        fills[edge] = False
    low, high = np.full(number, 65535), np.zeros(number, np.int64)
    for here, there in _neighbors():
        border = empty[here] & ~empty[there]
        np.minimum.at(low, holes[here][border], depth[there][border])
        np.maximum.at(high, holes[here][border], depth[there][border])
    fills &= high - low <= np.maximum(min_step, (low * slope) >> 16)
    pixels = np.nonzero(fills[holes])
    weights, total = np.zeros((2, len(pixels[0])), np.float32)
    for weight, value in _nearest(depth, pixels):
        weights += weight
        total += weight * value
    filled = (total / weights + _HALF).astype(np.int64)
    hole = holes[pixels]
    out[pixels] = np.clip(filled, low[hole], high[hole])


def _nearest(depth: Array, pixels: tuple[Array, ...]) -> list[tuple[Array, Array]]:
    """Return weight and depth of the first valid pixel to the left, right, above and below."""
    found = []
    for axis in (1, 0):
        size = depth.shape[axis]
        index = np.arange(size).reshape((-1, 1) if axis == 0 else (1, -1))
        last = np.maximum.accumulate(np.where(depth != 0, index, 0), axis=axis)
        following = np.flip(np.minimum.accumulate(np.flip(
            np.where(depth != 0, index, size - 1), axis), axis=axis), axis)
        for place in (last[pixels], following[pixels]):
            distance = np.abs(place - pixels[axis]).astype(np.float32)
            there = (pixels[0], place) if axis == 1 else (place, pixels[1])
            found.append((np.float32(1) / distance, depth[there].astype(np.float32)))
    return found
