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

"""Shapes as rows of numbers, the form in which the renderer reads them."""

from __future__ import annotations

from collections.abc import Sequence

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import CAPSULE
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import Shape
import numpy as np

#: columns of a row: code of the kind; dimensions; rotation (row by row) and translation from the
#: shape's local frame; size of a checkerboard square, 0 for none; color and other color (blue,
#: green, red); reflectivity in infrared of both
KIND = 0
DIMENSIONS = slice(1, 4)
ROTATION = slice(4, 13)
TRANSLATION = slice(13, 16)
SQUARE = 16
COLOR = slice(17, 20)
OTHER_COLOR = slice(20, 23)
INFRARED = slice(23, 25)
COLUMNS = 25


def shape_table(shapes: Sequence[Shape]) -> Array:
    """Return shapes as rows (N, COLUMNS) float64, with their poses in the world frame."""
    rows = np.zeros((len(shapes), COLUMNS))
    capsules = []
    for i, shape in enumerate(shapes):
        material = shape.material
        rows[i, SQUARE:] = (
            material.square, *material.color, *material.other, *material.reflectivities)
        if isinstance(shape, Capsule):
            end_radius = shape.radius if shape.end_radius is None else shape.end_radius
            capsules.append((i, *shape.start, *shape.end, shape.radius, end_radius))
            continue
        frame = shape.frame()
        rows[i, KIND] = shape.kind
        rows[i, DIMENSIONS] = shape.dimensions
        rows[i, ROTATION] = frame.rotation.ravel()
        rows[i, TRANSLATION] = frame.translation
    if capsules:
        _fill_capsules(rows, np.array(capsules))
    return rows


def _fill_capsules(rows: Array, capsules: Array) -> None:
    """
    Fill the rows of all capsules at once: a person consists of many.

    :param capsules: (N, 9): index of the row, start, end, both radii. Their frames are those of
        ``Capsule.frame``.
    """
    at, starts, spans = capsules[:, 0].astype(np.intp), capsules[:, 1:4], capsules[:, 4:7]
    spans = spans - starts
    lengths = np.sqrt((spans * spans).sum(axis=1))
    axes = np.where(lengths[:, np.newaxis] > 0, spans, [0.0, 1.0, 0.0])
    divisors = np.where(lengths > 0, lengths, 1.0)
    axes /= divisors[:, np.newaxis]
    x_axes = np.eye(3)[np.abs(axes).argmin(axis=1)]
    x_axes -= (x_axes * axes).sum(axis=1, keepdims=True) * axes
    x_axes /= np.sqrt((x_axes * x_axes).sum(axis=1, keepdims=True))
    rows[at, KIND] = CAPSULE
    rows[at, 1] = capsules[:, 7]
    rows[at, 2] = lengths
    rows[at, 3] = np.where(lengths > 0, (capsules[:, 7] - capsules[:, 8]) / divisors, 0.0)
    rows[at, ROTATION] = np.stack((x_axes, np.cross(axes, x_axes), axes), axis=2).reshape(-1, 9)
    rows[at, TRANSLATION] = starts


def in_camera_frame(rows: Array, camera: RigidTransform) -> Array:
    """
    Return rows with poses in the frame of a camera instead of the world frame.

    :param camera: pose of the camera in the world.
    """
    result: Array = rows.copy()
    result[:, ROTATION] = (
        camera.rotation.T @ rows[:, ROTATION].reshape(-1, 3, 3)).reshape(-1, 9)
    result[:, TRANSLATION] = (rows[:, TRANSLATION] - camera.translation) @ camera.rotation
    return result
