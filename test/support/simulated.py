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

"""Open simulated cameras that cost no rendering time, and read from them in steps of time."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import math
import threading
from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.cameras.simulated.hardware import HostTime
from k4a_ros.cameras.simulated.hardware import SimulatedDevice
from k4a_ros.capture import Capture
from support.sensors import PlainSensor

DEPTH_ONLY = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)
DEPTH_AND_COLOR = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)


class SteppedTime(HostTime):
    """A host clock that advances only while a camera waits for data, and by `advance`."""

    def __init__(self) -> None:
        self._now_ns = 1_000_000_000_000

    def now_ns(self) -> int:
        """Return the time, nanoseconds."""
        return self._now_ns

    def wait(self, condition: threading.Condition, timeout_s: float) -> None:
        """Let the time pass at once."""
        self.advance(timeout_s)

    def advance(self, seconds: float) -> None:
        """Let some time pass."""
        self._now_ns += math.ceil(seconds * 1e9)


def stepped_device() -> SimulatedDevice:
    """Return a device that is independent of the machine's load, for one reading thread."""
    return SimulatedDevice(SteppedTime())


@contextlib.contextmanager
def streaming(
    config: CameraConfig = DEPTH_ONLY, device: SimulatedDevice | None = None, **options: Any,
) -> Iterator[SimulatedCamera]:
    """
    Yield a streaming camera with a plain sensor.

    :param device: default: a device of `stepped_device`.
    :param options: further options of SimulatedCamera.
    """
    with SimulatedCamera(config, sensor=PlainSensor(config), device=device or stepped_device(),
                         **options) as camera:
        camera.start()
        yield camera


def read(camera: SimulatedCamera, count: int) -> list[Capture]:
    """Return the next captures."""
    return [camera.read(2.0) for _ in range(count)]


def frame_numbers(captures: list[Capture], fps: int = 30) -> list[int]:
    """Return the frame numbers, counted from 0, that follow from the device timestamps."""
    return [round(c.device_us * fps / 1e6) - 2 for c in captures]
