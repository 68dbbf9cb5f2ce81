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

"""The frames of TF messages as matrices."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from tf2_msgs.msg import TFMessage


def _matrix(transform: Any) -> npt.NDArray[np.float64]:
    """Return a geometry_msgs/Transform as a 4x4 matrix."""
    q, t = transform.rotation, transform.translation
    rotation, _ = cv2.Rodrigues(_vector(q))
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = rotation, (t.x, t.y, t.z)
    return result


def _vector(q: Any) -> npt.NDArray[np.float64]:
    axis = np.array([q.x, q.y, q.z])
    length = float(np.linalg.norm(axis))
    return axis / length * 2 * np.arctan2(length, q.w) if length else axis


def frames(messages: list[TFMessage]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the 4x4 transforms from the frames to the coordinates of the scene, by frame."""
    edges = {t.child_frame_id: (t.header.frame_id, _matrix(t.transform))
             for m in messages for t in m.transforms}
    # camera_base is x forward, y left, z up; the scene's world is x right, y down, z forward
    found = {'camera_base': np.array(
        [[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])}
    for _ in edges:  # as deep as the tree may be
        for child, (parent, edge) in edges.items():
            if parent in found:
                found[child] = found[parent] @ edge
    assert found.keys() >= edges.keys(), 'not one tree'
    return found


def moved(points: npt.NDArray[Any], transform: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Return points (N, 3), transformed by a 4x4 matrix."""
    return points @ transform[:3, :3].T + transform[:3, 3]
