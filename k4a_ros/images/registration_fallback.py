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


"""What ``registration_kernels`` does, for where numba is not installed: with numpy, slower."""

from __future__ import annotations

from typing import Any

from k4a_ros.images.registration_kernels import MAX_SPREAD
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: rows of the depth image drawn at a time
_BAND = 64

_HALF = np.float32(0.5)
_STEPS = np.float32(256)


def project(
    depth: Array, a: Array, b: Array, c: Array, lens: tuple[np.float32, ...], u: Array, v: Array,
    z: Array,
) -> None:
    """Do as ``registration_kernels.project``."""
    tx, ty, tz, fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2, codx, cody, limit, mixed = lens
    one, two = np.float32(1), np.float32(2)
    d = depth.astype(np.float32)
    with np.errstate(all='ignore'):
        there = c * d + tz
        inverse = one / there
        x = (a * d + tx) * inverse - codx
        y = (b * d + ty) * inverse - cody
        xx = x * x
        yy = y * y
        xy = x * y
        r2 = xx + yy
        r4 = r2 * r2
        r6 = r4 * r2
        q = (one + k1 * r2 + k2 * r4 + k3 * r6) / (one + k4 * r2 + k5 * r4 + k6 * r6)
        px = (x * q + ((r2 + two * xx) * p2 + mixed * xy * p1) + codx) * fx + cx
        py = (y * q + ((r2 + two * yy) * p1 + mixed * xy * p2) + cody) * fy + cy
        valid = (depth != 0) & (r2 <= limit) & (there > 0) & (px == px) & (py == py)
    np.copyto(u, np.where(valid, px, np.float32(-1)))
    np.copyto(v, np.where(valid, py, np.float32(-1)))
    np.copyto(z, np.where(valid, there, np.float32(0)))


def rasterize(
    u: Array, v: Array, z: Array, out: Array, wide: Array | None, wide_out: Array | None,
    wide_linear: bool, narrow: Array | None, narrow_out: Array | None, narrow_linear: bool,
) -> None:
    """Do as ``registration_kernels.rasterize``."""
    height, width = u.shape
    index = np.arange(height * width).reshape(height, width)
    for start in range(0, height - 1, _BAND):
        rows = slice(start, min(start + _BAND + 1, height))
        quads = _quads(index[rows], z.reshape(-1))
        if not quads.shape[1]:
            continue
        pixel, depth, weights, corners = _draw(
            u.reshape(-1)[quads], v.reshape(-1)[quads], z.reshape(-1)[quads], quads, out.shape)
        flat = out.reshape(-1)
        seen = (flat[pixel] == 0) | (depth < flat[pixel])
        pixel, weights, corners = pixel[seen], weights[:, seen], corners[:, seen]
        flat[pixel] = depth[seen]
        for source, target, linear in (
                (wide, wide_out, wide_linear), (narrow, narrow_out, narrow_linear)):
            if source is not None and target is not None:
                target.reshape(-1)[pixel] = _companion(source, weights, corners, linear)


def sample_bgra(
    u: Array, v: Array, z: Array, nearest: Array, scale: np.float32, color: Array, out: Array,
) -> None:
    """Do as ``registration_kernels.sample_bgra``."""
    bytes_ = color.view(np.uint8).reshape(*color.shape, 4)
    where, pixels = _sample(u, v, z, nearest, scale, bytes_)
    pixels[~pixels.any(axis=1), 0] = 1
    out.fill(0)
    out[where] = pixels.view(np.uint32)[:, 0]


def sample_bgr(
    u: Array, v: Array, z: Array, nearest: Array, scale: np.float32, color: Array, out: Array,
) -> None:
    """Do as ``registration_kernels.sample_bgr``."""
    where, pixels = _sample(u, v, z, nearest, scale, color)
    pixels[~pixels.any(axis=1), 0] = 1
    out.fill(0)
    out[where] = pixels


def _quads(index: Array, z: Array) -> Array:
    """Return the vertices (4, N) of the surfaces between the pixels of some rows."""
    quads = np.stack((
        index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, 1:].ravel(),
        index[1:, :-1].ravel()))
    valid = z[quads] > 0
    keep = valid.sum(axis=0) >= 3
    quads, valid = quads[:, keep], valid[:, keep]
    # a triangle is a quad of which two vertices are the same
    for missing, order in ((0, (1, 2, 3, 3)), (1, (0, 2, 2, 3)), (2, (3, 0, 1, 1)),
                           (3, (0, 1, 2, 2))):
        part = ~valid[missing]
        quads[:, part] = quads[:, part][list(order)]
    low, high = z[quads].min(axis=0), z[quads].max(axis=0)
    surfaces: Array = quads[:, high - low <= MAX_SPREAD * low]
    return surfaces


def _draw(
    u: Array, v: Array, z: Array, quads: Array, shape: tuple[int, ...],
) -> tuple[Array, Array, Array, Array]:
    """
    Draw quads; of several in a pixel the nearest counts, of equally near ones the first.

    :return: pixels as indices, their depths, and the weights (3, M) of the vertices (3, M).
    """
    height, width = shape
    left = np.ceil(u.min(axis=0).clip(0, width)).astype(int)
    right = np.ceil(u.max(axis=0).clip(0, width)).astype(int)
    top = np.ceil(v.min(axis=0).clip(0, height)).astype(int)
    bottom = np.ceil(v.max(axis=0).clip(0, height)).astype(int)
    found = []
    for down in range(max(0, (bottom - top).max())):
        for across in range(max(0, (right - left).max())):
            n = np.flatnonzero((top + down < bottom) & (left + across < right))
            inside, depth, weights, half = _inside(
                (left[n] + across).astype(np.float32), (top[n] + down).astype(np.float32),
                u[:, n], v[:, n], z[:, n])
            n = n[inside]
            corners = np.stack((quads[0, n], np.where(half, quads[3, n], quads[1, n]),
                                quads[2, n]))
            found.append(((top[n] + down) * width + left[n] + across, depth, n, weights, corners))
    if not found:
        nothing = np.zeros(0, int)
        return nothing, nothing, np.zeros((3, 0), np.float32), np.zeros((3, 0), int)
    pixel, depth, n, weights, corners = (
        np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True))
    order = np.lexsort((n, depth, pixel))
    pixel = pixel[order]
    first = order[np.diff(pixel, prepend=-1) != 0]
    return np.unique(pixel), depth[first], weights[:, first], corners[:, first]


def _inside(
    x: Array, y: Array, u: Array, v: Array, z: Array,
) -> tuple[Array, Array, Array, Array]:
    """Return which pixels are inside of their quads, and of these depth, weights and half."""
    x1, x2, x3, x4 = u
    y1, y2, y3, y4 = v
    middle = (y - y1) * (x3 - x1) - (x - x1) * (y3 - y1)
    half = middle >= 0
    third = np.where(
        half, (y - y4) * (x1 - x4) - (x - x4) * (y1 - y4),
        (x - x2) * (y1 - y2) - (y - y2) * (x1 - x2))
    first = np.where(
        half, (y - y3) * (x4 - x3) - (x - x3) * (y4 - y3),
        (x - x3) * (y2 - y3) - (y - y3) * (x2 - x3))
    inside = (third >= 0) & (first > 0)
    first, middle, third = first[inside], np.abs(middle[inside]), third[inside]
    half = half[inside]
    share = np.float32(1) / (first + middle + third)
    z1, z3 = z[0, inside], z[2, inside]
    z_middle = np.where(half, z[3, inside], z[1, inside])
    depth = ((first * z1 + middle * z_middle + third * z3) * share + _HALF).astype(np.uint16)
    return inside, depth, np.stack((first, middle, third)), half


def _companion(source: Array, weights: Array, corners: Array, linear: bool) -> Array:
    """Return the values of a companion at drawn pixels."""
    first, middle, third = weights
    if linear:
        share = np.float32(1) / (first + middle + third)
        one, two, three = source[corners].astype(np.float32)
        mixed: Array = (first * one + middle * two + third * three) * share + _HALF
        return mixed.astype(source.dtype)
    nearest = np.where(
        third > middle, np.where(third > first, corners[2], corners[0]),
        np.where(middle > first, corners[1], corners[0]))
    chosen: Array = source[nearest]
    return chosen


def _sample(
    u: Array, v: Array, z: Array, nearest: Array, scale: np.float32, color: Array,
) -> tuple[Array, Array]:
    """Return which pixels have a color, and the colors (M, channels) uint8."""
    height, width, _ = color.shape
    where = np.flatnonzero((u >= 0) & (v >= 0) & (u < width - 1) & (v < height - 1))
    if nearest.size:
        x, y = u[where], v[where]
        row = ((y + _HALF) * scale).astype(int).clip(max=nearest.shape[0] - 1)
        column = ((x + _HALF) * scale).astype(int).clip(max=nearest.shape[1] - 1)
        there = nearest[row, column].astype(np.float32)
        where = where[~(z[where] - there > MAX_SPREAD * there)]
    x, y = u[where], v[where]
    column, row = x.astype(int), y.astype(int)
    across, down = (
        ((at - whole.astype(np.float32)) * _STEPS + _HALF).astype(np.uint32).reshape(-1, 1)
        for at, whole in ((x, column), (y, row)))
    upper = _mix(color[row, column], color[row, column + 1], across)
    lower = _mix(color[row + 1, column], color[row + 1, column + 1], across)
    return where, np.ascontiguousarray(_mix(upper, lower, down).astype(np.uint8))


def _mix(one: Array, other: Array, share: Array) -> Array:
    """Return what is between two colors, ``share`` of the other, in units of 1/256."""
    mixed: Array = (one * (256 - share) + other * share + 128) >> 8
    return mixed
