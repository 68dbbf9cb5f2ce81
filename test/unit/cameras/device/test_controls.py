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

"""Color controls of physical cameras, and differences of Orbbec's cameras."""

from __future__ import annotations

from dataclasses import replace
import logging
import math
import time
from typing import Any

from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.device.camera import DeviceCamera
from k4a_ros.cameras.device.images import arrival_ns
from k4a_ros.cameras.device.images import shaped
from k4a_ros.errors import ConfigError
import numpy as np
from support import virtual
from support.time_limits import PATIENCE
from support.virtual import BOTH
from support.virtual import COLOR
from support.virtual import DEPTH
from support.virtual import raises
from support.virtual import set_conditions
from support.virtual import streaming


# ---- controls
def _ranges() -> tuple[Any, Any]:
    with DeviceCamera(DEPTH) as camera:
        return dict(camera.controls()), {name: camera.get_control(name)
                                         for name in camera.controls()}


def test_ranges_and_values_are_those_of_the_camera(recording):
    ranges, values = virtual.run(_ranges, cameras=(recording,))
    assert ranges == dict(CONTROLS)
    assert list(ranges) == list(CONTROLS)
    assert values == {
        name: bool(limits.default) if limits.switch else limits.default
        for name, limits in CONTROLS.items()}


def _set_and_read_controls() -> list[tuple[str, Any]]:
    side_effects: list[tuple[str, Any]] = []
    camera = streaming(on_control=lambda name, value: side_effects.append((name, value)))
    assert camera.set_control('exposure_time_us', 2501) == 8330
    assert camera.get_control('exposure_auto') is False
    assert camera.set_control('exposure_time_us', 120_000.0) == 133330
    assert camera.set_control('powerline_frequency', 50) == 50
    assert camera.get_control('exposure_time_us') == 130000
    assert camera.controls()['exposure_time_us'].maximum == 130000
    assert camera.set_control('exposure_time_us', 10_001) == 20000
    assert camera.set_control('exposure_auto', True) is True
    assert camera.set_control('exposure_auto', False) is False
    assert camera.get_control('exposure_time_us') == 20000
    assert camera.set_control('whitebalance', 4004) == 4000
    assert camera.set_control('backlight_compensation', True) is True
    assert camera.set_control('powerline_frequency', 60) == 60
    for name, value, part in (
            ('gain', 256, 'between 0 and 255'), ('gain', True, 'a number'),
            ('gain', math.nan, 'a number'), ('exposure_auto', 1, 'true or false'),
            ('exposure_time_us', 100, 'between 500'), ('hue', 1, 'it has exposure_auto')):
        with raises(ConfigError, name, part):
            camera.set_control(name, value)
    with raises(ConfigError, 'this camera has no control hue'):
        camera.get_control('hue')
    set_conditions('fail:k4a_device_set_color_control')
    with raises(ConfigError, 'gain is 5, which the camera rejects: the SDK logged'):
        camera.set_control('gain', 5)
    set_conditions()
    camera.set_control('gain', 6)
    camera.close()
    with DeviceCamera(DEPTH) as reopened:
        assert reopened.get_control('gain') == 6
    return side_effects


def test_controls_can_be_set_while_streaming(recording):
    side_effects = virtual.run(_set_and_read_controls, cameras=(recording,))
    assert side_effects == [
        ('exposure_auto', False), ('exposure_auto', False), ('exposure_time_us', 130000),
        ('exposure_auto', False), ('exposure_time_us', 20000), ('exposure_time_us', 20000),
        ('whitebalance_auto', False), ('exposure_time_us', 16670)]


# ---- differences of other cameras
def _orbbec() -> None:
    with streaming(BOTH) as camera:
        assert 'backlight_compensation' not in camera.controls()
        assert camera.set_control('exposure_time_us', 12_345) == 12_300
        assert camera.sync_jacks() == SyncJacks(False, False)
        captures = [camera.read(PATIENCE) for _ in range(6)]
        for capture in captures:
            assert math.isnan(capture.temperature)
            for image in (capture.depth, capture.ir, capture.color):
                assert image is None or 0 <= time.monotonic_ns() - image.host_ns < 100e9
                assert image is None or image.exposure_us == 0
        assert camera._missing_temperatures == 3
        times: list[int] = []
        while len(times) < 500:
            times.extend(camera.read_imu(PATIENCE).acc_us)
        rate = 1e6 * (len(times) - 1) / (times[-1] - times[0])
        assert 400 < rate < 600, rate


def test_differences_of_orbbec_cameras_are_detected(both):
    virtual.run(_orbbec, cameras=(both,), conditions='orbbec')


def test_arrival_time_is_converted_from_either_clock():
    monotonic, realtime = 5_000_000_000_000, 1_700_000_000_000_000_000
    for age in (0, 7):
        assert arrival_ns(monotonic - age, monotonic, realtime) == monotonic - age
    assert arrival_ns(realtime - 3_000_000, monotonic, realtime) == monotonic - 3_000_000
    for invalid in (0, monotonic + 1, monotonic - 11_000_000_000, realtime + 1):
        assert arrival_ns(invalid, monotonic, realtime) == monotonic


def test_padding_is_cut_off_and_short_image_is_dropped():
    nv12 = replace(COLOR, color_resolution=ColorResolution.R720P)
    exact = 1280 * 720 * 3 // 2
    padded = shaped(np.zeros(exact + 4096, np.uint8), nv12, color=True)
    assert padded is not None and padded.shape == (1080, 1280)
    assert shaped(np.zeros(exact - 1, np.uint8), nv12, color=True) is None
    assert shaped(np.zeros(320 * 288 * 2 - 1, np.uint8), DEPTH, color=False) is None
    jpeg = replace(COLOR, color_format=ColorFormat.MJPG)
    assert shaped(np.zeros(0, np.uint8), jpeg, color=True) is None


def _empty_image() -> list[str]:
    records: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore
    logging.getLogger('k4a_ros.device').addHandler(handler)
    with DeviceCamera(COLOR) as camera:
        camera.start()
        native = camera._handle.capture(int(1000 * PATIENCE))
        camera.config = replace(COLOR, color_resolution=ColorResolution.R3072P)
        assert native is not None
        assert camera._image('color', native) is None
        camera._sdk.k4a_capture_release(native)
        camera._next_capture(int(1000 * PATIENCE))
        camera.config = COLOR
    return records


def test_capture_without_usable_image_is_dropped(both):
    records = virtual.run(_empty_image, cameras=(both,))
    assert len(records) == 2 and 'Dropped a color image of 1382400 bytes' in records[0]
