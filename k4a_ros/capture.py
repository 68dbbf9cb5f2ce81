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

"""Output of a camera: images, captures and IMU samples, as plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
import math
from typing import Any
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Samples = TypeVar('Samples', bound='ImuSamples')


@dataclass(frozen=True)
class Image:
    """
    One image as the camera delivered it.

    Shape and dtype of ``data``: depth and infrared (height, width) uint16, depth in millimeters
    with 0 for invalid; color MJPG (bytes,) uint8, NV12 (height * 3 / 2, width) uint8, YUY2
    (height, width, 2) uint8, BGRA32 (height, width, 4) uint8. It may be a view of the camera's
    own buffer: treat it as read-only, and drop all references before the camera is closed. A
    recording reads it when it is accessed first, which may raise CameraLostError.

    ``device_us`` is the device clock at the center of exposure, microseconds. ``host_ns`` is the
    host's CLOCK_MONOTONIC at arrival, nanoseconds; 0 where unknown (recordings). For color images
    only, 0 where unknown: ``exposure_us``, exposure time, microseconds; ``white_balance``, kelvin;
    ``iso_speed``.
    """

    data: npt.NDArray[Any]
    device_us: int
    host_ns: int = 0
    exposure_us: int = 0
    white_balance: int = 0
    iso_speed: int = 0


class _LazyPixels:
    """Makes the pixels of an image at the first access; the next ones find them in it."""

    def __get__(self, image: LazyImage | None, _: type[LazyImage]) -> Any:
        if image is None:
            return self
        values = vars(image)
        load: Callable[[], npt.NDArray[Any]] | None = values.get('_load')
        if load is not None:
            values['data'] = load()
            values.pop('_load', None)  # another thread may have made them, too
        return values['data']


class LazyImage(Image):
    """
    An image whose pixels are made at the first access, such as read from a file or turned.

    Images without a consumer are never made.
    """

    data = _LazyPixels()

    @classmethod
    def of(
        cls, load: Callable[[], npt.NDArray[Any]], device_us: int, host_ns: int = 0,
    ) -> LazyImage:
        """
        Return an image.

        :param load: returns the pixels; see `Image`. What it raises is raised by the access.
        """
        image = cls.__new__(cls)
        # not through the constructor, which stores pixels and each field by itself
        vars(image).update(device_us=device_us, host_ns=host_ns, _load=load)
        return image

    def shifted(self, us: int) -> LazyImage:
        """Return this image with an offset added to its timestamp."""
        return LazyImage.of(lambda: self.data, self.device_us + us, self.host_ns)


@dataclass(frozen=True)
class Capture:
    """
    Images that were taken together, None for those that the camera did not deliver.

    ``temperature`` is that of the device, degrees Celsius, NaN where unknown. ``section`` is the
    number of the section of a recording, see `k4a_ros.cameras.playback`. ``stamps`` has the ROS
    times that a recording has for its images, nanoseconds, by their device timestamps.
    """

    depth: Image | None = None
    ir: Image | None = None
    color: Image | None = None
    temperature: float = field(default=math.nan, kw_only=True)
    section: int = field(default=0, kw_only=True)
    stamps: Mapping[int, int] = field(default_factory=dict, kw_only=True)

    @property
    def device_us(self) -> int:
        """Return the earliest device timestamp of the images, microseconds."""
        return min([i.device_us for i in (self.depth, self.ir, self.color) if i is not None])


@dataclass(frozen=True)
class ImuSamples:
    """
    N consecutive IMU samples, in the IMU's frame.

    ``acc`` (N, 3) float32 m/s²; ``gyro`` (N, 3) float32 rad/s; ``acc_us`` and ``gyro_us`` (N,)
    int64 device microseconds; ``temperature`` (N,) float32 degrees Celsius, NaN where unknown.
    ``section`` is the number of the section of a recording. ``stamps`` (N,) int64 are the ROS
    times that a recording has for them, nanoseconds; None without such.
    """

    acc: npt.NDArray[np.float32]
    acc_us: npt.NDArray[np.int64]
    gyro: npt.NDArray[np.float32]
    gyro_us: npt.NDArray[np.int64]
    temperature: npt.NDArray[np.float32]
    section: int = 0
    stamps: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.acc_us)

    def __getitem__(self: Samples, part: slice) -> Samples:
        """Return a slice of the samples, as views."""
        return self._with_arrays(lambda _, array: array[part])

    def joined(self: Samples, later: Sequence[Samples]) -> Samples:
        """Return these samples and later ones of the same section as one."""
        if not later:
            return self
        return self._with_arrays(lambda name, array: np.concatenate(
            [array, *(getattr(other, name) for other in later)]))

    def _with_arrays(
        self: Samples, change: Callable[[str, npt.NDArray[Any]], npt.NDArray[Any]],
    ) -> Samples:
        """Return samples with other arrays, which a function makes of name and array."""
        changed: dict[str, Any] = {
            name: change(name, value) for name, value in vars(self).items()
            if isinstance(value, np.ndarray)}
        return replace(self, **changed)
