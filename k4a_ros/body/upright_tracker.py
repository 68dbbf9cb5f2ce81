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

"""A body tracker for a camera that is mounted turned and whose images are turned upright."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.tracker import Body
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.calibration.rotation import upright_axes
from k4a_ros.calibration.rotation import upright_image
import numpy as np
import numpy.typing as npt

#: up in the frame of a level depth camera
_IMAGE_UP = np.array([0.0, -1.0, 0.0])


def upright_tracker(tracker: BodyTracker, rotation: int) -> BodyTracker:
    """
    Return a tracker for upright images and their frame.

    :param tracker: for the images as the camera delivers them.
    :param rotation: of the camera, see `k4a_ros.calibration.rotation`; with 0, the result is the
        tracker itself.
    """
    return _UprightTracker(tracker, rotation) if rotation else tracker


class _UprightTracker(BodyTracker):
    """
    Gives a tracker the images as the camera delivered them, and turns what it finds.

    That works for every tracker: libk4abt knows only the camera's own images, and ground truth is
    in their frame. Where the upward direction is unknown, it is that of the upright image.
    """

    def __init__(self, tracker: BodyTracker, rotation: int) -> None:
        self._tracker = tracker
        self._rotation = rotation
        self._axes = upright_axes(rotation)
        half = np.radians(rotation) / 2
        #: the turn about z as a quaternion w, x, y, z
        self._turn = np.array([np.cos(half), 0.0, 0.0, np.sin(half)])

    def enqueue(self, images: BodyInput, timeout: float | None) -> bool:
        """Queue the images of one capture; see `BodyTracker.enqueue`."""
        back = 360 - self._rotation
        up = _IMAGE_UP if images.up is None else images.up
        return self._tracker.enqueue(
            BodyInput(upright_image(images.depth, back), upright_image(images.infrared, back),
                      images.device_us, self._axes.T @ up), timeout)

    def pop(self, timeout: float | None) -> BodyFrame | None:
        """Remove and return the oldest result; see `BodyTracker.pop`."""
        frame = self._tracker.pop(timeout)
        if frame is None:
            return None
        return replace(frame, bodies=tuple(self._turned(body) for body in frame.bodies),
                       index_map=upright_image(frame.index_map, self._rotation))

    def set_smoothing(self, factor: float) -> None:
        """Set the temporal smoothing; see `BodyTracker.set_smoothing`."""
        self._tracker.set_smoothing(factor)

    def shutdown(self) -> None:
        """Refuse further images; see `BodyTracker.shutdown`."""
        self._tracker.shutdown()

    def close(self) -> None:
        """Release all resources; see `BodyTracker.close`."""
        self._tracker.close()

    def _turned(self, body: Body) -> Body:
        positions = body.positions.astype(np.float64) @ self._axes.T
        orientations = _product(self._turn, body.orientations.astype(np.float64))
        return replace(body, positions=positions.astype(np.float32),
                       orientations=orientations.astype(np.float32))


def _product(
    turn: npt.NDArray[np.float64], rotations: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the quaternions (N, 4) of rotations that are followed by a turn (4,) about z."""
    w, _, _, z = turn
    qw, qx, qy, qz = rotations.T
    return np.stack((w * qw - z * qz, w * qx - z * qy, w * qy + z * qx, w * qz + z * qw), axis=1)
