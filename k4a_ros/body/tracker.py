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

"""The interface of a body tracker, with its inputs and results."""

from __future__ import annotations

import abc
from dataclasses import dataclass
import enum

import numpy as np
import numpy.typing as npt

#: value of index map pixels that belong to no person (k4abttypes.h,
#: K4ABT_BODY_INDEX_MAP_BACKGROUND)
BACKGROUND = 255
#: number of captures that a tracker accepts before it has finished the first of them (k4abt.h:
#: "at least three body frames")
QUEUE_SIZE = 3


class Confidence(enum.IntEnum):
    """
    How reliable the position of a joint is (k4abttypes.h, k4abt_joint_confidence_level_t).

    NONE: out of range, such as too far away; LOW: not observed, predicted; MEDIUM: observed. No
    tracker reports HIGH.
    """

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


@dataclass(frozen=True, eq=False)
class BodyInput:
    """
    The depth camera's images of one capture.

    ``depth`` (height, width) uint16 millimeters, 0 for invalid; ``infrared`` (height, width)
    uint16; ``device_us`` device timestamp, microseconds; ``up`` (3,) the upward direction in the
    depth camera's frame, any length, None if unknown. The images may be views of the camera's
    buffers: a tracker does not write to them, and holds no reference to them after
    `BodyTracker.close`.
    """

    depth: npt.NDArray[np.uint16]
    infrared: npt.NDArray[np.uint16]
    device_us: int
    up: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Body:
    """
    One tracked person, in the frame of the depth camera (x right, y down, z forward).

    ``body_id`` identifies the person as long as the track lasts, and is not reused.
    ``positions`` (32, 3) float32 meters, by `Joint`; ``orientations`` (32, 4) float32 unit
    quaternions w, x, y, z: the axes of the joints in k4abt's conventions; ``confidences``
    (32,) uint8 of `Confidence`.
    """

    body_id: int
    positions: npt.NDArray[np.float32]
    orientations: npt.NDArray[np.float32]
    confidences: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class BodyFrame:
    """
    The people in one depth image.

    ``device_us`` is the timestamp of the image. ``index_map`` (height, width) uint8 holds for each
    pixel the index into ``bodies`` of the person that it shows, `BACKGROUND` for none.
    """

    device_us: int
    bodies: tuple[Body, ...]
    index_map: npt.NDArray[np.uint8]


class BodyTracker(abc.ABC):
    """
    Detects people in consecutive images and tracks them over time.

    One thread enqueues images; the same or another thread pops the results, in the same order;
    `set_smoothing` and `shutdown` are thread-safe. With a live camera neither call blocks, and an
    image that finds the queue full is dropped; with a recording both block.
    """

    @abc.abstractmethod
    def enqueue(self, images: BodyInput, timeout: float | None) -> bool:
        """
        Queue the images of one capture.

        :param timeout: seconds to wait for space in the queue; None waits without limit.
        :return: whether the images were queued; if not, the call had no effect.
        :raises TrackerClosed: `shutdown` has been called.
        :raises BodyTrackingError: the tracker has failed, or cannot process these images.
        """

    @abc.abstractmethod
    def pop(self, timeout: float | None) -> BodyFrame | None:
        """
        Remove and return the oldest result.

        :param timeout: seconds to wait for a result; None waits without limit.
        :return: None after a timeout.
        :raises TrackerClosed: `shutdown` has been called, and there are no more results.
        :raises BodyTrackingError: the tracker has failed.
        """

    @abc.abstractmethod
    def set_smoothing(self, factor: float) -> None:
        """Set the temporal smoothing, from 0 (none) to 1 (joints freeze); see k4abt.h."""

    @abc.abstractmethod
    def shutdown(self) -> None:
        """Refuse further images, and wake threads that wait in `pop` or `enqueue`."""

    @abc.abstractmethod
    def close(self) -> None:
        """Shut down and release all resources. Calling it twice is allowed; not during `pop`."""
