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

"""Rows of shapes."""

from __future__ import annotations

from k4a_ros.simulation.shape_table import DIMENSIONS
from k4a_ros.simulation.shape_table import INFRARED
from k4a_ros.simulation.shape_table import KIND
from k4a_ros.simulation.shape_table import ROTATION
from k4a_ros.simulation.shape_table import shape_table
from k4a_ros.simulation.shape_table import TRANSLATION
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import Material
import numpy as np
from support.shapes import BALL
from support.shapes import BOX
from support.shapes import CONE
from support.shapes import DIAMOND
from support.shapes import ROD
from support.shapes import SLOPE


def test_rows_contain_frames_and_dimensions():
    shapes = (
        SLOPE, BOX, BALL, ROD, DIAMOND, CONE, Capsule((0, 0, 0), (0.3, -0.2, 0.7), 0.1),
        Capsule((0, 0, 0), (0.3, -0.2, 0.7), 0.1, Material(infrared=0.3), 0.4))
    for row, shape in zip(shape_table(shapes), shapes, strict=True):
        frame = shape.frame()
        np.testing.assert_allclose(row[ROTATION].reshape(3, 3), frame.rotation, atol=1e-12)
        np.testing.assert_allclose(row[TRANSLATION], frame.translation)
        np.testing.assert_allclose(row[DIMENSIONS], shape.dimensions)
        assert row[KIND] == shape.kind
        np.testing.assert_allclose(row[INFRARED], shape.material.reflectivities)
