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
Ray intersections of the kinds of shapes, in their local frames, compiled with numba.

The formulas are those of ``shapes``. Distances are in units of the ray's direction, inf for none.
"""

from __future__ import annotations

import math

from k4a_ros.jit.numba_jit import compiled_fused
from k4a_ros.simulation.shapes import MIN_DISTANCE


@compiled_fused
def _intersect_sphere(
    dx: float, dy: float, dz: float, ox: float, oy: float, oz: float, radius: float,
) -> tuple[float, float]:
    """Return where a ray from (ox, oy, oz) enters and leaves a sphere at the origin, or NaN."""
    a = dx * dx + dy * dy + dz * dz
    b = dx * ox + dy * oy + dz * oz
    c = ox * ox + oy * oy + oz * oz - radius * radius
    q = b * b - a * c
    if not q >= 0:
        return math.nan, math.nan
    q = -(b + math.copysign(math.sqrt(q), b))
    if b < 0:
        return c / q, q / a
    return q / a, c / q


@compiled_fused
def intersect_box(
    dx: float, dy: float, dz: float, ox: float, oy: float, oz: float, hx: float, hy: float,
    hz: float,
) -> float:
    """Return the first intersection of a ray from (ox, oy, oz) with a cuboid of half sizes."""
    entry, exit_ = -math.inf, math.inf
    for o, d, half in ((ox, dx, hx), (oy, dy, hy), (oz, dz, hz)):
        a, b = (-half - o) / d, (half - o) / d
        # a ray within the plane of a side is not limited by that side
        if a != a or b != b:
            continue
        entry = max(entry, min(a, b))
        exit_ = min(exit_, max(a, b))
    t = entry if entry > MIN_DISTANCE else exit_
    return t if entry <= exit_ and t > MIN_DISTANCE else math.inf


@compiled_fused
def intersect_capsule(
    dx: float, dy: float, dz: float, ox: float, oy: float, oz: float, radius: float,
    length: float,
) -> float:
    """Return the first intersection of a ray from (ox, oy, oz) with a capsule along z."""
    best = math.inf
    if length > 0:
        a = dx * dx + dy * dy
        b = dx * ox + dy * oy
        c = ox * ox + oy * oy - radius * radius
        q = b * b - a * c
        if not q >= 0 or (c > 0 and b >= 0):
            # the ray misses the infinite cylinder around the capsule, or leads away from it
            return best
        q = -(b + math.copysign(math.sqrt(q), b))
        if c > 0:
            # from outside the cylinder: through its side, or the cap beyond that end
            t = c / q
            level = oz + t * dz
            if level >= 0 and level <= length:
                return t if t > MIN_DISTANCE else math.inf
            t, _ = _intersect_sphere(dx, dy, dz, ox, oy, oz if level < 0 else oz - length, radius)
            return t if t > MIN_DISTANCE else math.inf
        for t in (c / q, q / a):
            level = oz + t * dz
            if t > MIN_DISTANCE and level >= 0 and level <= length and t < best:
                best = t
    for end, outward in ((0.0, -1.0), (length, 1.0)):
        t0, t1 = _intersect_sphere(dx, dy, dz, ox, oy, oz - end, radius)
        for t in (t0, t1):
            if t > MIN_DISTANCE and (oz + t * dz - end) * outward >= 0 and t < best:
                best = t
    return best


@compiled_fused
def intersect_cone(
    dx: float, dy: float, dz: float, ox: float, oy: float, oz: float, radius: float,
    length: float, slope: float,
) -> float:
    """Return the first intersection of a ray from (ox, oy, oz) with a tapered capsule along z."""
    end_radius = radius - slope * length
    # the side touches the spheres at both ends at these levels
    first, last = slope * radius, length + slope * end_radius
    cosine = math.sqrt(1.0 - slope * slope)
    taper = slope / cosine
    width = radius / cosine - taper * oz
    run = taper * dz
    a = dx * dx + dy * dy - run * run
    b = dx * ox + dy * oy + run * width
    c = ox * ox + oy * oy - width * width
    q = b * b - a * c
    best = math.inf
    if a > 0 and (not q >= 0 or (c > 0 and b >= 0)):
        # the ray misses the infinite cone around the capsule, or leads away from it
        return best
    q = -(b + math.copysign(math.sqrt(q), b))
    if a > 0 and c > 0:
        # from outside the cone: through its side, or the sphere beyond that end
        t = c / q
        level = oz + t * dz
        if level < first:
            t, _ = _intersect_sphere(dx, dy, dz, ox, oy, oz, radius)
        elif level > last:
            t, _ = _intersect_sphere(dx, dy, dz, ox, oy, oz - length, end_radius)
        return t if t > MIN_DISTANCE else math.inf
    for t in (c / q, q / a):
        level = oz + t * dz
        if t > MIN_DISTANCE and level >= first and level <= last and t < best:
            best = t
    for end, edge, size, outward in (
            (0.0, first, radius, -1.0), (length, last, end_radius, 1.0)):
        t0, t1 = _intersect_sphere(dx, dy, dz, ox, oy, oz - end, size)
        for t in (t0, t1):
            if t > MIN_DISTANCE and (oz + t * dz - edge) * outward >= 0 and t < best:
                best = t
    return best
