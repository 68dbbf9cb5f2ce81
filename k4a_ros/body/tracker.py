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


"""What a body tracker takes, gives and promises, whatever it is made of."""

from __future__ import annotations

import abc
from dataclasses import dataclass
import enum

import numpy as np
import numpy.typing as npt

#: value of a pixel of the index map that shows nobody (k4abttypes.h,
#: K4ABT_BODY_INDEX_MAP_BACKGROUND)
BACKGROUND = 255
#: how many images a tracker takes before it has finished the first of them (k4abt.h: "at least
#: three body frames")
QUEUE_SIZE = 3


class Confidence(enum.IntEnum):
    """
    How far a joint is to be believed (k4abttypes.h, k4abt_joint_confidence_level_t).

    NONE: out of range, too far; LOW: not seen, predicted; MEDIUM: seen. No tracker gives HIGH.
    """

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


@dataclass(frozen=True, eq=False)
class BodyInput:
    """
    The depth camera's images of one capture.

    ``depth`` (height, width) uint16 millimeters, 0 for none; ``infrared`` (height, width) uint16;
    ``device_us`` the camera's clock, microseconds; ``up`` (3,) the direction of up in the depth
    camera's frame, any length, None where it is not known. The images may be views of the
    camera's buffers: a tracker does not write to them, and lets go of them at
    `BodyTracker.close`.
    """

    depth: npt.NDArray[np.uint16]
    infrared: npt.NDArray[np.uint16]
    device_us: int
    up: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Body:
    """
    One person, in the frame of the depth camera (x right, y down, z forward).

    ``body_id`` is that of the person as long as he is followed, and is not used again.
    ``positions`` (32, 3) float32 meters, by `Joint`; ``orientations`` (32, 4) float32 unit
    quaternions w, x, y, z: the axes of the joints after k4abt's conventions; ``confidences``
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

    ``device_us`` is the image's. ``index_map`` (height, width) uint8 says for each of its pixels
    whose it is, as index into ``bodies``, `BACKGROUND` for nobody.
    """

    device_us: int
    bodies: tuple[Body, ...]
    index_map: npt.NDArray[np.uint8]


class BodyTracker(abc.ABC):
    """
    Finds people in images, which it is given in the order of time, and follows them.

    Images are enqueued by one thread; results are popped, in the same order, by the same or by
    another; `set_smoothing` and `shutdown` may be called by any thread at any time. Live, neither
    waits, and an image that finds the queue full is dropped; from a recording, both wait.
    """

    @abc.abstractmethod
    def enqueue(self, images: BodyInput, timeout: float | None) -> bool:
        """
        Give the tracker one capture's images.

        :param timeout: seconds to wait for room in its queue; None: as long as it takes.
        :return: whether they were taken; if not, nothing has happened.
        :raises TrackerClosed: `shutdown` has been called.
        :raises BodyTrackingError: the tracker has failed, or cannot use these images.
        """

    @abc.abstractmethod
    def pop(self, timeout: float | None) -> BodyFrame | None:
        """
        Take the oldest result.

        :param timeout: seconds to wait for one; None: as long as it takes.
        :return: None if there was none in that time.
        :raises TrackerClosed: `shutdown` has been called, and there are no more results.
        :raises BodyTrackingError: the tracker has failed.
        """

    @abc.abstractmethod
    def set_smoothing(self, factor: float) -> None:
        """Smooth over time: 0 not at all, 1 to a standstill (k4abt.h: temporal smoothing)."""

    @abc.abstractmethod
    def shutdown(self) -> None:
        """Take no more images; what waits in `pop` or `enqueue` wakes up."""

    @abc.abstractmethod
    def close(self) -> None:
        """Shut down and release everything. May be called twice; not during `pop`."""
