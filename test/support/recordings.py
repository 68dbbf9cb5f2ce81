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

"""Write small recordings for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np

SERIAL = '000123456712'
FIRMWARE = {'color': '1.6.110', 'depth': '1.6.79'}
#: sampling period of the IMU, microseconds (1666 Hz)
IMU_PERIOD_US = 600

#: depth mode, color resolution, color format, frame rate, IMU: covers all values of each
COMBINATIONS = [
    (DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, ColorFormat.MJPG, 30, True),
    (DepthMode.NFOV_UNBINNED, ColorResolution.R720P, ColorFormat.MJPG, 30, True),
    (DepthMode.WFOV_2X2BINNED, ColorResolution.R1080P, ColorFormat.MJPG, 30, True),
    (DepthMode.WFOV_UNBINNED, ColorResolution.R1440P, ColorFormat.MJPG, 15, True),
    (DepthMode.PASSIVE_IR, ColorResolution.OFF, ColorFormat.MJPG, 30, True),
    (DepthMode.PASSIVE_IR, ColorResolution.R720P, ColorFormat.BGRA32, 15, False),
    (DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12, 30, True),
    (DepthMode.OFF, ColorResolution.R720P, ColorFormat.YUY2, 5, False),
    (DepthMode.OFF, ColorResolution.R1536P, ColorFormat.MJPG, 30, True),
    (DepthMode.NFOV_UNBINNED, ColorResolution.R2160P, ColorFormat.MJPG, 5, True),
    (DepthMode.NFOV_2X2BINNED, ColorResolution.R3072P, ColorFormat.MJPG, 15, True),
    (DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.NV12, 5, True),
    (DepthMode.WFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.YUY2, 15, True),
    (DepthMode.NFOV_UNBINNED, ColorResolution.R1080P, ColorFormat.BGRA32, 5, True),
]


@dataclass(frozen=True)
class Written:
    """The content of a recording; ``imu`` is empty if the IMU is disabled."""

    path: Path
    config: CameraConfig
    captures: list[Capture]
    imu: ImuSamples
    calibration: bytes


def write_recording(
    path: Path, config: CameraConfig | None = None, count: int = 3, start_us: int = 500_000,
    edit: Callable[[int, Capture], Capture] = lambda index, capture: capture,
    calibration: bytes | None = None, gyro_delay_us: int = 11,
    to_ros: Callable[[int], int] | None = None,
) -> Written:
    """
    Write a recording of random images and random IMU samples at 1666 Hz.

    :param config: default: NFOV_2X2BINNED at 30 fps with IMU, which gives the smallest file.
    :param count: number of captures.
    :param start_us: timestamp of the first image and the first IMU sample, microseconds.
    :param edit: called with the index of a capture and the capture; returns what to write.
    :param calibration: default: the nominal one.
    :param gyro_delay_us: of the timestamps of the gyroscope; 0 on a real camera.
    :param to_ros: maps timestamps to the ROS times to store, nanoseconds; default: none.
    """
    config = config or CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)
    calibration = nominal_calibration(SERIAL) if calibration is None else calibration
    random = np.random.default_rng(1)
    captures = []
    end_us = start_us + count * config.period_us
    times = np.arange(start_us, end_us, IMU_PERIOD_US) if config.imu else np.zeros(0, np.int64)
    imu = ImuSamples(
        acc=random.normal(0, 9, (len(times), 3)).astype(np.float32), acc_us=times,
        gyro=random.normal(0, 1, (len(times), 3)).astype(np.float32),
        gyro_us=times + gyro_delay_us,
        temperature=np.full(len(times), np.nan, np.float32))
    with RecordingWriter(path, config, calibration, SERIAL, FIRMWARE,
                         ros_time=to_ros is not None) as writer:
        for index in range(count):
            now = start_us + index * config.period_us
            capture = edit(index, random_capture(random, config, now))
            captures.append(capture)
            writer.write(capture, to_ros)
            due = (times >= now) & (times < now + config.period_us)
            if due.any():
                samples = ImuSamples(*(
                    getattr(imu, name)[due]
                    for name in ('acc', 'acc_us', 'gyro', 'gyro_us', 'temperature')))
                writer.write_imu(samples, to_ros and np.array(
                    [to_ros(us) for us in samples.acc_us.tolist()], np.int64))
    return Written(path, config, captures, imu, calibration)


def move_cluster(path: Path, index: int, time_us: int) -> None:
    """Change the time of a cluster of a recording, relative to the start of the file."""
    data = bytearray(path.read_bytes())
    at = -1
    for _ in range(index + 1):
        at = data.index(b'\x1f\x43\xb6\x75', at + 1)
    element = data.index(b'\xe7', at + 11)  # after ID, size and checksum of the cluster
    size = data[element + 1] & 0x7f
    data[element + 2:element + 2 + size] = time_us.to_bytes(size, 'big')
    path.write_bytes(data)


def random_capture(
    random: np.random.Generator, config: CameraConfig, device_us: int,
) -> Capture:
    """Return random images of all enabled streams; color is stamped 100 us later."""
    width, height = config.depth_mode.size
    planes = [
        Image(random.integers(0, 65536, (height, width), np.uint16), device_us)
        if enabled else None for enabled in (config.depth, config.ir)]
    if not config.color:
        return Capture(*planes)
    width, height = config.color_resolution.size
    shape: tuple[int, ...] = {
        ColorFormat.MJPG: (int(random.integers(2000, 9000)),),
        ColorFormat.NV12: (height * 3 // 2, width),
        ColorFormat.YUY2: (height, width, 2),
        ColorFormat.BGRA32: (height, width, 4),
    }[config.color_format]
    color = random.integers(0, 256, shape, np.uint8)
    return Capture(*planes, Image(color, device_us + 100))


def without(capture: Capture, *names: str) -> Capture:
    """Return the capture without some of its images."""
    return replace(capture, **dict.fromkeys(names))


def assert_same_capture(actual: Capture, expected: Capture, shift_us: int = 0) -> None:
    """
    Assert that the images of two captures are bit-identical, and have the same timestamps.

    :param shift_us: offset of the actual timestamps.
    """
    for name in ('depth', 'ir', 'color'):
        image, other = getattr(actual, name), getattr(expected, name)
        if other is None:
            assert image is None, name
            continue
        assert image is not None, name
        assert image.device_us == other.device_us + shift_us, name
        assert image.data.dtype == other.data.dtype, name
        np.testing.assert_array_equal(image.data, other.data, err_msg=name)
