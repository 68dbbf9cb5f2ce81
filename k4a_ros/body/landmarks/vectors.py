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

"""Small vector operations that the stages of the landmark tracker share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]


def unit(vector: Vectors) -> Vectors:
    """Return a vector (3,) scaled to length 1; the zero vector stays as it is."""
    scaled: Vectors = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return scaled


def perpendicular_part(vector: Vectors, axis: Vectors) -> Vectors:
    """Return the component of a vector (3,) that is perpendicular to a unit vector (3,)."""
    part: Vectors = vector - (vector @ axis) * axis
    return part
