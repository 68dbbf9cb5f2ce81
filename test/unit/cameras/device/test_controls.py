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

"""Color controls of live cameras, and what differs with Orbbec's wrapper."""

from __future__ import annotations

from dataclasses import replace
import logging
import math
from pathlib import Path
import time
from typing import Any

from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.device.camera import arrival_ns
from k4a_ros.cameras.device.camera import DeviceCamera
from k4a_ros.cameras.device.camera import shaped
from k4a_ros.errors import ConfigError
import numpy as np
import pytest
from support import virtual
from support.virtual import BOTH
from support.virtual import both_recording
from support.virtual import COLOR
from support.virtual import DEPTH
from support.virtual import depth_recording
from support.virtual import have
from support.virtual import raises
from support.virtual import streaming


@pytest.fixture(scope='module')
def recording(tmp_path_factory: Any) -> Path:
    """Return a recording of depth, infrared and inertial samples."""
    return depth_recording(tmp_path_factory.mktemp('device'))


@pytest.fixture(scope='module')
def both(tmp_path_factory: Any) -> Path:
    """Return a recording with color, which every third capture lacks."""
    return both_recording(tmp_path_factory.mktemp('device'))


# ---- controls
def _ranges() -> tuple[Any, Any]:
    with DeviceCamera(DEPTH) as camera:
        return dict(camera.controls()), {name: camera.get_control(name)
                                         for name in camera.controls()}


def test_controls_have_the_ranges_and_values_that_the_camera_reports(recording):
    ranges, values = virtual.run(_ranges, cameras=(recording,))
    assert ranges == dict(CONTROLS)
    assert list(ranges) == list(CONTROLS)
    assert values == {name: bool(rule.default) if rule.switch else rule.default
                      for name, rule in CONTROLS.items()}


def _set_controls() -> list[tuple[str, Any]]:
    told: list[tuple[str, Any]] = []
    camera = streaming(on_control=lambda name, value: told.append((name, value)))
    # exposures are rounded up to what the sensor has, others to their step
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
    with raises(ConfigError, 'hue is no control'):
        camera.get_control('hue')
    have('fail:k4a_device_set_color_control')
    with raises(ConfigError, 'gain is 5, which the camera refuses: the SDK says'):
        camera.set_control('gain', 5)
    have()
    camera.set_control('gain', 6)
    camera.close()
    with DeviceCamera(DEPTH) as again:
        assert again.get_control('gain') == 6
    return told


def test_controls_are_set_and_read_back_while_streaming(recording):
    told = virtual.run(_set_controls, cameras=(recording,))
    assert told == [
        ('exposure_auto', False), ('exposure_auto', False), ('exposure_time_us', 130000),
        ('exposure_auto', False), ('exposure_time_us', 20000), ('exposure_time_us', 20000),
        ('whitebalance_auto', False), ('exposure_time_us', 16670)]


# ---- Orbbec's wrapper
def _orbbec() -> None:
    with streaming(BOTH) as camera:
        assert 'backlight_compensation' not in camera.controls()
        assert camera.set_control('exposure_time_us', 12_345) == 12_300
        assert camera.sync_jacks() == SyncJacks(False, False)
        captures = [camera.read(1.0) for _ in range(6)]
        for capture in captures:
            assert math.isnan(capture.temperature)
            for image in (capture.depth, capture.ir, capture.color):
                assert image is None or 0 <= time.monotonic_ns() - image.host_ns < 1e9
                assert image is None or image.exposure_us == 0
        assert camera._no_temperature == 3
        times: list[int] = []
        while len(times) < 500:
            times.extend(camera.read_imu(1.0).acc_us)
        rate = 1e6 * (len(times) - 1) / (times[-1] - times[0])
        assert 400 < rate < 600, rate


def test_what_differs_with_orbbec_s_wrapper_is_observed(both, tmp_path):
    virtual.run(_orbbec, cameras=(both,), conditions='orbbec')


def test_arrivals_are_of_the_clock_that_they_can_be_of():
    now, day = 5_000_000_000_000, 1_700_000_000_000_000_000
    assert arrival_ns(now - 7, now, day) == now - 7
    assert arrival_ns(now, now, day) == now
    assert arrival_ns(day - 3_000_000, now, day) == now - 3_000_000
    for strange in (0, now + 1, now - 11_000_000_000, day + 1):
        assert arrival_ns(strange, now, day) == now


def test_images_of_a_wrong_size_are_left_out():
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
        native = camera._handle.capture(1000)
        camera.config = replace(COLOR, color_resolution=ColorResolution.R3072P)
        assert native is not None
        assert camera._image('color', native) is None
        camera._sdk.k4a_capture_release(native)
        camera._next_capture(1000)
        camera.config = COLOR
    return records


def test_a_capture_without_a_usable_image_is_none(both):
    records = virtual.run(_empty_image, cameras=(both,))
    assert len(records) == 2 and 'Left out a color image of 1382400 bytes' in records[0]
