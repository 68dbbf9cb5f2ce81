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
Garments and hair of the people of ``model``, as surfaces around their bodies.

They are made in the rest pose, and move with the bones. A shell is a part of the body's surface,
further out along its normals; a tube is around both legs, with cloth between the thighs; a curtain
hangs from the head. Lengths are meters, for the height of the shape. Edges are open, as hems are:
there, depth jumps from the garment to what is below it. How cloth swings is not modeled.
"""

from __future__ import annotations

from collections.abc import Mapping
import math

import numpy as np
from support.people.mesh import Mesh
from support.people.mesh import smoothed
from support.people.mesh import vertex_normals
from support.people.model import BodyModel

#: how far from the neckline a shell has its full ease
_NECKLINE_M = 0.05
#: angles and heights of a tube and of a curtain
_COLUMNS, _ROWS = 49, 20
#: half the width between the legs where cloth follows both of them
_BETWEEN_LEGS_M = 0.09
#: slopes by which cloth and hair fall back toward the body, below where it is widest
_CLOTH_FALL, _HAIR_FALL = 0.1, 0.15
#: most that hair is further out than the head, where it lies on the back
_MAX_HAIR_M = 0.05


def shell(
    rest: BodyModel, faces: np.ndarray, ease: Mapping[str, float], *,
    hem: float | None = None, top: tuple[float, float] | None = None,
    neckline: float | None = None,
) -> Mesh:
    """
    Return cloth or hair around a part of the body.

    :param faces: (T,) bool, the triangles of the body that it covers.
    :param ease: distance from the body, by bone without side; 0 at others.
    :param hem: height at which it is cut.
    :param top: height of its upper edge at x = 0, and the slope of that toward the front.
    :param neckline: height above which its edge lies on the body.
    """
    if hem is not None:
        faces = faces & (rest.vertices[rest.triangles, 2] > hem).any(axis=1)
    if top is not None:
        above = rest.vertices[:, 2] > top[0] + top[1] * rest.vertices[:, 0]
        faces = faces & ~above[rest.triangles].all(axis=1)
    used, local = np.unique(rest.triangles[faces], return_inverse=True)
    triangles = local.reshape(-1, 3).astype(np.int32)
    vertices = rest.vertices[used]
    of_bones = np.array([ease.get(name.partition(' ')[0], 0.0) for name in rest.bones])
    weights = rest.weights[used]
    distances = ((of_bones[rest.weight_bones[used]] * weights).sum(axis=1) / weights.sum(axis=1)
                 * _folds(vertices))
    if neckline is not None:
        edge = vertices[_edge(triangles)]
        edge = edge[edge[:, 2] > neckline]
        away = np.linalg.norm(vertices[:, np.newaxis] - edge, axis=2).min(axis=1)
        distances *= _ramp(away / _NECKLINE_M)
    normals = np.zeros_like(vertices)
    vertex_normals(vertices, triangles, normals)
    vertices = vertices + smoothed(distances[:, np.newaxis] * normals, triangles)
    if hem is not None:
        vertices[:, 2] = np.maximum(vertices[:, 2], hem)
    if top is not None:
        vertices[:, 2] = np.minimum(vertices[:, 2], top[0] + top[1] * vertices[:, 0])
    return Mesh(vertices, rest.weight_bones[used], weights, triangles)


def tube(rest: BodyModel, top: float, hem: float, ease: tuple[float, float]) -> Mesh:
    """
    Return cloth around the trunk and both legs, convex at every height.

    :param top: height of its upper edge; ``hem``: that of the lower one.
    :param ease: distance from the body a third of the way from there to the hem, and at the hem;
        that at its upper edge is half of the first, so that a shell covers it.
    """
    trunk = np.isin(rest.weight_bones[:, 0], [
        index for index, name in enumerate(rest.bones)
        if name.partition(' ')[0] in ('pelvis', 'spine', 'chest', 'thigh', 'shank')])
    cloth = np.isin(rest.materials, [rest.parts.index(part) for part in ('shirt', 'trousers')])
    used = np.unique(rest.triangles[cloth])
    used = used[trunk[used]]
    body = rest.vertices[used]
    angles = np.linspace(-math.pi, math.pi, _COLUMNS - 1, endpoint=False)
    heights = np.linspace(top, hem, _ROWS)
    outward = np.stack((np.cos(angles), np.sin(angles)), axis=1)
    facing = np.cos(angles[:, np.newaxis] - angles)
    middle = rest.joint('PELVIS')[0]
    on_trunk = np.zeros((_ROWS, 3))
    radii = np.zeros((_ROWS, len(angles)))
    for row, z in enumerate(heights):
        near = np.abs(body[:, 2] - z) < 0.04
        support = (body[near, :2] - [middle, 0.0]) @ outward.T
        share = row / (_ROWS - 1)
        tangents = (support.max(axis=0) + ease[0] * min(0.5 + 1.5 * share, 1.0)
                    + (ease[1] - ease[0]) * share ** 2)
        # the distance of a convex outline, from those of its tangents
        radii[row] = np.where(facing > 0.05, tangents / np.maximum(facing, 0.05), np.inf).min(
            axis=1)
        if row:
            # it hangs from where it is widest
            radii[row] = np.maximum(
                radii[row], radii[row - 1] - _CLOTH_FALL * (heights[0] - heights[1]))
        on_trunk[row] = [
            (rest.weights * (rest.weight_bones == rest.bones.index(name)))[used[near]].sum()
            for name in ('chest', 'spine', 'pelvis')]
    radii += 0.015 * (_folds(_around(middle, radii, angles, heights)) - 1).reshape(radii.shape)
    vertices = _around(middle, radii, angles, heights)
    hip, knee = rest.joint('HIP_LEFT')[2], rest.joint('KNEE_LEFT')[2]
    left = _ramp((vertices[:, 1] / _BETWEEN_LEGS_M + 1) / 2)
    leg = _ramp((hip + 0.05 - vertices[:, 2]) / 0.17)
    shank = _ramp((knee + 0.06 - vertices[:, 2]) / 0.12)
    on_trunk /= np.maximum(on_trunk.sum(axis=1, keepdims=True), 1e-9)
    chest, spine, pelvis = (1 - leg) * np.repeat(on_trunk, len(angles), axis=0).T
    return _weighted(rest, vertices, {
        'chest': chest, 'spine': spine, 'pelvis': pelvis, 'thigh l': leg * (1 - shank) * left,
        'thigh r': leg * (1 - shank) * (1 - left), 'shank l': leg * shank * left,
        'shank r': leg * shank * (1 - left)}, len(angles), closed=True)


def curtain(rest: BodyModel, hem: float, ease: float) -> Mesh:
    """
    Return hair that hangs from the sides and the back of the head.

    :param hem: height of its lower edge; it moves with the chest there.
    :param ease: distance from the head.
    """
    angles = np.linspace(-1, 1, _COLUMNS) * math.radians(112)
    heights = np.linspace(rest.joint('EAR_LEFT')[2] + 0.06, hem, _ROWS)
    # its upper edge and its sides lie on the head
    ease_by_row = ease * _ramp(np.arange(_ROWS) / 4)[:, np.newaxis]
    radii = _hanging(rest, angles, heights, ease_by_row * (1 - (angles / angles[-1]) ** 4))
    # strands
    radii += 0.003 * np.sin(16 * angles + 0.7 * np.sin(25 * heights[:, np.newaxis]))
    return _on_head(rest, _around(_skull(rest)[0], radii, angles + math.pi, heights))


def hood(rest: BodyModel, hem: float, ease: float) -> Mesh:
    """
    Return a hood without its top, which is a shell: it leaves the face free.

    :param hem: height of its lower edge; it moves with the chest there.
    :param ease: distance from the head.
    """
    middle, top = _skull(rest)
    heights = np.linspace(top - 0.02, hem, _ROWS)
    # from the back to its edges: it closes above the forehead
    half = np.radians(105 + 75 * _ramp((heights - rest.joint('EYE_LEFT')[2] - 0.03) / 0.03))
    angles = half[:, np.newaxis] * np.linspace(-1, 1, _COLUMNS)
    around = np.linspace(-math.pi, math.pi, 2 * _COLUMNS)
    radii = np.stack([
        np.interp(row, around, reach) for row, reach in zip(
            angles, _hanging(rest, around, heights, np.full((_ROWS, 1), ease)), strict=True)])
    return _on_head(rest, _around(middle, radii, angles + math.pi, heights))


def _hanging(
    rest: BodyModel, angles: np.ndarray, heights: np.ndarray, ease: np.ndarray,
) -> np.ndarray:
    """
    Return distances of what hangs from the head, (heights, angles).

    :param angles: from the back; ``ease``: for each height, or for each height and angle.
    """
    middle, _ = _skull(rest)
    bones = rest.weight_bones[:, 0]
    drawn = np.zeros(len(bones), bool)
    drawn[np.unique(rest.triangles)] = True
    head, trunk = (
        rest.vertices[drawn & np.isin(bones, [rest.bones.index(name) for name in names])]
        for names in (('head', 'neck'), ('chest', 'collar l', 'collar r')))
    radii = np.zeros((len(heights), len(angles)))
    for row, z in enumerate(heights):
        radii[row] = _reach(head, middle, angles, z) + ease[row]
        if row:
            on_back = np.where(np.abs(angles) < math.radians(70),
                               _reach(trunk, middle, angles, z) + ease[row] / 2, 0.0)
            radii[row] = np.maximum(
                radii[row], radii[row - 1] - _HAIR_FALL * (heights[row - 1] - z))
            radii[row] = np.maximum(
                radii[row], np.minimum(on_back, radii.max(axis=0) + _MAX_HAIR_M))
    # the vertices that it is measured at are few
    beyond = np.pad(radii, ((0, 0), (3, 3)), 'edge')
    return np.asarray(np.lib.stride_tricks.sliding_window_view(beyond, 7, axis=1).mean(axis=2))


def _on_head(rest: BodyModel, vertices: np.ndarray) -> Mesh:
    """Return what moves with the head, and with the chest below the neck."""
    neck, top = rest.joint('NECK')[2], rest.joint('HEAD')[2]
    share = _ramp((vertices[:, 2] - neck) / (top - neck))
    return _weighted(rest, vertices, {'head': share, 'chest': 1 - share})


def peak(rest: BodyModel, brim: float, ease: float) -> Mesh:
    """Return the peak of a cap whose edge is at a height, at a distance from the head."""
    middle, _ = _skull(rest)
    half = math.radians(55)
    angles = np.linspace(-half, half, 17)
    head = rest.vertices[rest.weight_bones[:, 0] == rest.bones.index('head')]
    # `_reach` has angles from the back
    radii = _reach(head, middle, angles + math.pi, brim) + ease
    along = np.linspace(0, 1, 5)[:, np.newaxis]
    length = 0.07 * np.cos(angles / half * math.pi / 2) ** 0.7 * along
    vertices = np.stack((
        middle + radii * np.cos(angles) + length, radii * np.sin(angles) + 0 * length,
        brim - 0.4 * length), axis=2).reshape(-1, 3)
    return _weighted(rest, vertices, {'head': np.ones(len(vertices))}, 17)


def _skull(rest: BodyModel) -> tuple[float, float]:
    """Return the middle of the scalp, x, and its top, z."""
    hair = rest.vertices[np.unique(rest.triangles[rest.materials == rest.parts.index('hair')])]
    return float(hair[:, 0].min() + hair[:, 0].max()) / 2, float(hair[:, 2].max())


def _reach(points: np.ndarray, middle: float, angles: np.ndarray, z: float) -> np.ndarray:
    """Return how far points near a height reach from the vertical axis in each direction."""
    near = points[np.abs(points[:, 2] - z) < 0.02]
    if not len(near):
        return np.zeros(len(angles))
    x, y = middle - near[:, 0], -near[:, 1]
    turned = np.arctan2(y, x) - angles[:, np.newaxis]
    distances = np.where(np.cos(turned) > math.cos(math.radians(12)), np.hypot(x, y), 0.0)
    return np.asarray(distances.max(axis=1))


def _around(
    middle: float, radii: np.ndarray, angles: np.ndarray, heights: np.ndarray,
) -> np.ndarray:
    """Return the vertices of a grid around a vertical axis at x = middle, (rows * columns, 3)."""
    return np.stack((
        middle + radii * np.cos(angles), radii * np.sin(angles),
        np.broadcast_to(heights[:, np.newaxis], radii.shape)), axis=2).reshape(-1, 3)


def _weighted(
    rest: BodyModel, vertices: np.ndarray, weights: Mapping[str, np.ndarray],
    columns: int = _COLUMNS, *, closed: bool = False,
) -> Mesh:
    """
    Return a grid that moves with bones: each of its vertices with the four of greatest weight.

    :param closed: the last column is joined to the first.
    """
    bones = np.array([rest.bones.index(name) for name in weights])
    table = np.stack(list(weights.values()), axis=1)
    table = np.pad(table, ((0, 0), (0, max(4 - len(bones), 0))))
    order = np.argsort(-table, axis=1, kind='stable')[:, :4]
    corners = np.arange(len(vertices)).reshape(-1, columns)
    if closed:
        corners = np.concatenate((corners, corners[:, :1]), axis=1)
    a, b, c, d = (part.ravel() for part in (
        corners[:-1, :-1], corners[1:, :-1], corners[1:, 1:], corners[:-1, 1:]))
    triangles = np.concatenate((np.stack((a, b, c), axis=1), np.stack((a, c, d), axis=1)))
    return Mesh(vertices, np.pad(bones, (0, 4))[order], np.take_along_axis(table, order, axis=1),
                triangles.astype(np.int32))


def _edge(triangles: np.ndarray) -> np.ndarray:
    """Return the vertices on the edge of a surface."""
    sides = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, counts = np.unique(sides, axis=0, return_counts=True)
    return np.unique(unique[counts == 1])


def _ramp(share: np.ndarray) -> np.ndarray:
    """Return a smooth step from 0 at 0 to 1 at 1."""
    share = np.clip(share, 0.0, 1.0)
    return np.asarray(share * share * (3 - 2 * share))


def _folds(vertices: np.ndarray) -> np.ndarray:
    """Return factors of the ease, around 1: cloth has folds about 0.1 m apart."""
    x, y, z = vertices.T
    return np.asarray(1 + 0.3 * np.sin(58 * z + 20 * y + 1.5 * np.sin(31 * x)) * np.sin(
        43 * y + 26 * x - 12 * z + 0.5))
