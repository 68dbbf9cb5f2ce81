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

"""The kernels of ``registration_kernels`` in numpy, slower, for installations without numba."""

from __future__ import annotations

from typing import Any

from k4a_ros.images.registration_kernels import MAX_DEPTH
from k4a_ros.images.registration_kernels import MAX_SPREAD
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: rows of the depth image that are drawn at a time
_BAND_ROWS = 64

_HALF = np.float32(0.5)
_STEPS = np.float32(256)


def project(
    depth: Array, ray_x: Array, ray_y: Array, ray_z: Array, projection: tuple[np.float32, ...],
    u: Array, v: Array, z: Array,
) -> None:
    """Do the same as ``registration_kernels.project``."""
    (tx, ty, tz, fx, fy, cx, cy, k1, k2, k3, k4, k5, k6, p1, p2, codx, cody, max_r2,
     mixed) = projection
    one, two = np.float32(1), np.float32(2)
    d = depth.astype(np.float32)
    with np.errstate(all='ignore'):
        z_color = ray_z * d + tz
        inverse = one / z_color
        x = (ray_x * d + tx) * inverse - codx
        y = (ray_y * d + ty) * inverse - cody
        xx = x * x
        yy = y * y
        xy = x * y
        r2 = xx + yy
        r4 = r2 * r2
        r6 = r4 * r2
        q = (one + k1 * r2 + k2 * r4 + k3 * r6) / (one + k4 * r2 + k5 * r4 + k6 * r6)
        px = (x * q + ((r2 + two * xx) * p2 + mixed * xy * p1) + codx) * fx + cx
        py = (y * q + ((r2 + two * yy) * p1 + mixed * xy * p2) + cody) * fy + cy
        valid = ((depth != 0) & (r2 <= max_r2) & (z_color > 0) & (z_color <= MAX_DEPTH)
                 & (px == px) & (py == py))
    np.copyto(u, np.where(valid, px, np.float32(-1)))
    np.copyto(v, np.where(valid, py, np.float32(-1)))
    np.copyto(z, np.where(valid, z_color, np.float32(0)))


def rasterize(
    u: Array, v: Array, z: Array, out: Array, extra16: Array | None, extra16_out: Array | None,
    linear16: bool, extra8: Array | None, extra8_out: Array | None, linear8: bool,
) -> None:
    """Do the same as ``registration_kernels.rasterize``."""
    height, width = u.shape
    index = np.arange(height * width).reshape(height, width)
    for start in range(0, height - 1, _BAND_ROWS):
        rows = slice(start, min(start + _BAND_ROWS + 1, height))
        quads = _quads(index[rows], z.reshape(-1))
        if not quads.shape[1]:
            continue
        pixels, depths, weights, vertices = _draw(
            u.reshape(-1)[quads], v.reshape(-1)[quads], z.reshape(-1)[quads], quads, out.shape)
        flat = out.reshape(-1)
        visible = (flat[pixels] == 0) | (depths < flat[pixels])
        pixels, weights, vertices = pixels[visible], weights[:, visible], vertices[:, visible]
        flat[pixels] = depths[visible]
        for source, target, linear in (
                (extra16, extra16_out, linear16), (extra8, extra8_out, linear8)):
            if source is not None and target is not None:
                target.reshape(-1)[pixels] = _interpolate(source, weights, vertices, linear)


def sample_bgra(
    u: Array, v: Array, z: Array, nearest: Array, scale: np.float32, color: Array, out: Array,
) -> None:
    """Do the same as ``registration_kernels.sample_bgra``."""
    channels = color.view(np.uint8).reshape(*color.shape, 4)
    pixels, colors = _sample(u, v, z, nearest, scale, channels)
    colors[~colors.any(axis=1), 0] = 1
    out.fill(0)
    out[pixels] = colors.view(np.uint32)[:, 0]


def sample_bgr(
    u: Array, v: Array, z: Array, nearest: Array, scale: np.float32, color: Array, out: Array,
) -> None:
    """Do the same as ``registration_kernels.sample_bgr``."""
    pixels, colors = _sample(u, v, z, nearest, scale, color)
    colors[~colors.any(axis=1), 0] = 1
    out.fill(0)
    out[pixels] = colors


def _quads(index: Array, z: Array) -> Array:
    """
    Return the vertices (4, N) of the surfaces between the pixels of some rows.

    :param index: (rows, width): flat indices of the pixels.
    :param z: (height * width,): depths of all pixels.
    """
    quads = np.stack((
        index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, 1:].ravel(),
        index[1:, :-1].ravel()))
    valid = z[quads] > 0
    keep = valid.sum(axis=0) >= 3
    quads, valid = quads[:, keep], valid[:, keep]
    # a triangle is drawn as a quad with a repeated vertex
    for missing, order in ((0, (1, 2, 3, 3)), (1, (0, 2, 2, 3)), (2, (3, 0, 1, 1)),
                           (3, (0, 1, 2, 2))):
        triangles = ~valid[missing]
        quads[:, triangles] = quads[:, triangles][list(order)]
    low, high = z[quads].min(axis=0), z[quads].max(axis=0)
    surfaces: Array = quads[:, high - low <= MAX_SPREAD * low]
    return surfaces


def _draw(
    u: Array, v: Array, z: Array, quads: Array, shape: tuple[int, ...],
) -> tuple[Array, Array, Array, Array]:
    """
    Draw quads; in each pixel the nearest one wins, the first one of equally near ones.

    :return: flat indices of the M pixels drawn, their depths, and the weights (3, M) of the
        vertices (3, M) of the triangle in each.
    """
    height, width = shape
    left = np.ceil(u.min(axis=0).clip(0, width)).astype(int)
    right = np.ceil(u.max(axis=0).clip(0, width)).astype(int)
    top = np.ceil(v.min(axis=0).clip(0, height)).astype(int)
    bottom = np.ceil(v.max(axis=0).clip(0, height)).astype(int)
    drawn = []
    # all quads at once, pixel by pixel of their bounding boxes
    for down in range(max(0, (bottom - top).max())):
        for across in range(max(0, (right - left).max())):
            n = np.flatnonzero((top + down < bottom) & (left + across < right))
            inside, depth, weights, is_half4 = _inside(
                (left[n] + across).astype(np.float32), (top[n] + down).astype(np.float32),
                u[:, n], v[:, n], z[:, n])
            n = n[inside]
            vertices = np.stack((
                quads[0, n], np.where(is_half4, quads[3, n], quads[1, n]), quads[2, n]))
            drawn.append(((top[n] + down) * width + left[n] + across, depth, n, weights, vertices))
    if not drawn:
        empty = np.zeros(0, int)
        return empty, empty, np.zeros((3, 0), np.float32), np.zeros((3, 0), int)
    pixels, depth, n, weights, vertices = (
        np.concatenate(parts, axis=-1) for parts in zip(*drawn, strict=True))
    order = np.lexsort((n, depth, pixels))
    pixels = pixels[order]
    first = order[np.diff(pixels, prepend=-1) != 0]
    return np.unique(pixels), depth[first], weights[:, first], vertices[:, first]


def _inside(
    x: Array, y: Array, u: Array, v: Array, z: Array,
) -> tuple[Array, Array, Array, Array]:
    """Return which pixels are inside of their quads, and of these depth, weights and half."""
    x1, x2, x3, x4 = u
    y1, y2, y3, y4 = v
    w_mid = (y - y1) * (x3 - x1) - (x - x1) * (y3 - y1)
    is_half4 = w_mid >= 0
    w3 = np.where(
        is_half4, (y - y4) * (x1 - x4) - (x - x4) * (y1 - y4),
        (x - x2) * (y1 - y2) - (y - y2) * (x1 - x2))
    w1 = np.where(
        is_half4, (y - y3) * (x4 - x3) - (x - x3) * (y4 - y3),
        (x - x3) * (y2 - y3) - (y - y3) * (x2 - x3))
    inside = (w3 >= 0) & (w1 > 0)
    w1, w_mid, w3 = w1[inside], np.abs(w_mid[inside]), w3[inside]
    is_half4 = is_half4[inside]
    inverse_area = np.float32(1) / (w1 + w_mid + w3)
    z1, z3 = z[0, inside], z[2, inside]
    z_mid = np.where(is_half4, z[3, inside], z[1, inside])
    depth = ((w1 * z1 + w_mid * z_mid + w3 * z3) * inverse_area + _HALF).astype(np.uint16)
    return inside, depth, np.stack((w1, w_mid, w3)), is_half4


def _interpolate(source: Array, weights: Array, vertices: Array, linear: bool) -> Array:
    """Return the values of an extra channel at the pixels drawn."""
    w1, w_mid, w3 = weights
    if linear:
        inverse_area = np.float32(1) / (w1 + w_mid + w3)
        value1, value_mid, value3 = source[vertices].astype(np.float32)
        mixed: Array = (w1 * value1 + w_mid * value_mid + w3 * value3) * inverse_area + _HALF
        return mixed.astype(source.dtype)
    nearest = np.where(
        w3 > w_mid, np.where(w3 > w1, vertices[2], vertices[0]),
        np.where(w_mid > w1, vertices[1], vertices[0]))
    values: Array = source[nearest]
    return values


def _sample(
    u: Array, v: Array, z: Array, nearest: Array, scale: np.float32, color: Array,
) -> tuple[Array, Array]:
    """Return the indices of the M pixels that have a color, and the colors (M, channels) uint8."""
    height, width, _ = color.shape
    pixels = np.flatnonzero((u >= 0) & (v >= 0) & (u < width - 1) & (v < height - 1))
    if nearest.size:
        x, y = u[pixels], v[pixels]
        row = ((y + _HALF) * scale).astype(int).clip(max=nearest.shape[0] - 1)
        column = ((x + _HALF) * scale).astype(int).clip(max=nearest.shape[1] - 1)
        occluder = nearest[row, column].astype(np.float32)
        pixels = pixels[~(z[pixels] - occluder > MAX_SPREAD * occluder)]
    x, y = u[pixels], v[pixels]
    column, row = x.astype(int), y.astype(int)
    across, down = (
        ((position - whole.astype(np.float32)) * _STEPS + _HALF).astype(np.uint32).reshape(-1, 1)
        for position, whole in ((x, column), (y, row)))
    upper = _mix(color[row, column], color[row, column + 1], across)
    lower = _mix(color[row + 1, column], color[row + 1, column + 1], across)
    return pixels, np.ascontiguousarray(_mix(upper, lower, down).astype(np.uint8))


def _mix(a: Array, b: Array, weight: Array) -> Array:
    """Interpolate between two colors; ``weight`` is that of ``b``, in units of 1/256."""
    mixed: Array = (a * (256 - weight) + b * weight + 128) >> 8
    return mixed
