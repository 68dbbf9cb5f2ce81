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

"""The virtual device behaves like the SDK, for any program that uses libk4a."""

from __future__ import annotations

import ctypes
from dataclasses import astuple
from dataclasses import replace
import os
from pathlib import Path
import random
import subprocess
import sys
import time
from typing import Any

import cv2
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import FPS_CODES
from k4a_ros.camera_config import validate
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.sdk import abi
from k4a_ros.sdk import libk4a
from k4a_ros.sdk.imu_samples import IMU_DTYPE
from k4a_ros.sdk.log import log_lines
import numpy as np
import pytest
from support import virtual
from support.recordings import SERIAL
from support.recordings import write_recording
from support.time_limits import PATIENCE
from support.time_limits import promptly
from support.virtual import set_conditions

DEPTH = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)
JPEG = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P)
SUCCEEDED, FAILED, TIMEOUT = 0, 1, 2
PATIENCE_MS = int(1000 * PATIENCE)


class Native:
    """The first camera, used through the C functions of libk4a."""

    def __init__(self) -> None:
        libk4a.library()
        self.sdk = ctypes.CDLL(None)
        self.handle = ctypes.c_void_p()
        assert self.open_first() == SUCCEEDED

    def open_first(self) -> int:
        return int(self.sdk.k4a_device_open(0, ctypes.byref(self.handle)))

    def call(self, name: str, *arguments: Any) -> int:
        return int(getattr(self.sdk, f'k4a_device_{name}')(self.handle, *arguments))

    def start(self, config: CameraConfig = DEPTH) -> int:
        native = abi.DeviceConfiguration(
            config.color_format, config.color_resolution, config.depth_mode,
            FPS_CODES.get(config.fps, 7), config.synchronized_images_only,
            config.depth_delay_off_color_usec, config.wired_sync_mode,
            config.subordinate_delay_off_master_usec, False)
        return self.call('start_cameras', ctypes.byref(native))

    def capture(self, milliseconds: int) -> int:
        """Return the timestamp of the next capture, microseconds, or the negated error code."""
        capture = ctypes.c_void_p()
        result = self.call('get_capture', ctypes.byref(capture), milliseconds)
        if result != SUCCEEDED:
            return -result
        sdk = libk4a.library()
        image = sdk.k4a_capture_get_ir_image(capture) or sdk.k4a_capture_get_color_image(capture)
        time_us = int(sdk.k4a_image_get_device_timestamp_usec(image))
        sdk.k4a_image_release(image)
        sdk.k4a_capture_release(capture)
        return time_us

    def sample(self, milliseconds: int) -> int:
        """Return the timestamp of the next IMU sample, microseconds, or the negated error code."""
        sample = np.zeros(1, IMU_DTYPE)
        result = self.call('get_imu_sample', ctypes.c_void_p(sample.ctypes.data), milliseconds)
        return int(sample['acc_us'][0]) if result == SUCCEEDED else -result


@pytest.fixture(scope='module')
def recording(tmp_path_factory: Any) -> Path:
    """Return a recording of 0.33 s."""
    return write_recording(tmp_path_factory.mktemp('virtual') / 'a.mkv', DEPTH, 10).path


# ---- opening, and order of calls

def _open() -> None:
    device = Native()
    other = ctypes.c_void_p()
    sdk = device.sdk
    assert sdk.k4a_device_open(0, ctypes.byref(other)) == FAILED
    assert sdk.k4a_device_open(1, ctypes.byref(other)) == FAILED
    assert sdk.k4a_device_open(0, None) == FAILED
    assert sdk.k4a_device_get_installed_count() == 1
    code = f'import runpy; runpy.run_path({__file__!r})["Native"]()'
    second = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert 'assert self.open_first() == SUCCEEDED' in second.stderr
    sdk.k4a_device_close(device.handle)
    assert device.open_first() == SUCCEEDED
    set_conditions('unplugged')
    assert sdk.k4a_device_get_installed_count() == 0
    assert device.start() == FAILED
    set_conditions()
    assert sdk.k4a_device_get_installed_count() == 1
    assert device.start() == FAILED  # a handle does not survive a reconnection
    sdk.k4a_device_close(device.handle)
    assert device.open_first() == SUCCEEDED
    assert device.start() == SUCCEEDED
    sdk.k4a_device_close(device.handle)


def test_camera_is_open_in_one_process_at_a_time(recording):
    virtual.run(_open, cameras=(recording,))


def _order() -> None:
    device = Native()
    assert device.capture(0) == -FAILED
    assert device.call('start_imu') == FAILED
    assert device.start() == SUCCEEDED
    assert device.start() == FAILED
    assert device.sample(0) == -FAILED
    assert device.call('start_imu') == SUCCEEDED
    assert device.call('start_imu') == FAILED
    assert device.capture(-1) == 500_000
    assert device.sample(-1) == 500_000
    device.sdk.k4a_device_stop_cameras(device.handle)
    assert device.capture(100) == -FAILED
    assert device.start() == FAILED  # the IMU runs
    device.sdk.k4a_device_stop_imu(device.handle)
    assert device.start() == SUCCEEDED
    assert device.capture(PATIENCE_MS) == 500_000
    device.sdk.k4a_device_close(device.handle)


def test_cameras_start_before_and_stop_after_the_imu(recording):
    virtual.run(_order, cameras=(recording,))


# ---- timing

def _pace() -> tuple[list[int], list[float]]:
    device = Native()
    start = time.monotonic()
    assert device.start() == SUCCEEDED
    times, arrivals = [], []
    with promptly(30 / 30 + 0.5):
        for _ in range(30):
            times.append(device.capture(PATIENCE_MS))
            arrivals.append(time.monotonic() - start)
    device.sdk.k4a_device_close(device.handle)
    return times, arrivals


def test_captures_arrive_in_real_time_in_a_loop(recording):
    times, arrivals = virtual.run(_pace, cameras=(recording,))
    assert times[:10] == [500_000 + i * DEPTH.period_us for i in range(10)]
    assert (np.diff(times) > 0).all()
    assert (np.array(arrivals) > np.subtract(times, times[0]) * 1e-6).all()


def _wait() -> None:
    device = Native()
    set_conditions('silent')
    assert device.start() == SUCCEEDED
    for milliseconds in (0, 20, 300):
        started = time.monotonic()
        with promptly(milliseconds / 1000 + 0.25):
            assert device.capture(milliseconds) == -TIMEOUT
        assert time.monotonic() - started >= milliseconds / 1000
    device.sdk.k4a_device_close(device.handle)


def test_reads_wait_for_the_timeout(recording):
    virtual.run(_wait, cameras=(recording,))


def _read_late() -> tuple[list[int], list[int]]:
    device = Native()
    assert device.start() == SUCCEEDED and device.call('start_imu') == SUCCEEDED
    first = device.capture(PATIENCE_MS)
    time.sleep(2.0)
    set_conditions('stalled')
    captures = [device.capture(0) for _ in range(8)]
    samples = []
    while (sample := device.sample(0)) > 0:
        samples.append(sample)
    device.sdk.k4a_device_close(device.handle)
    return [first, *captures], samples


def test_queues_drop_the_oldest(recording):
    captures, samples = virtual.run(_read_late, cameras=(recording,), lossless=False)
    assert captures[1] > captures[0] + 1_000_000
    assert np.diff(captures[1:8]).max() < 0.1e6 and captures[8] == -TIMEOUT
    assert len(samples) == 833
    assert 0.4e6 < samples[-1] - samples[0] < 0.7e6


def _read_imu_first() -> list[int]:
    device = Native()
    assert device.start() == SUCCEEDED and device.call('start_imu') == SUCCEEDED
    while 0 < device.sample(300) < 2_000_000:  # without the condition, samples go on
        pass
    captures = [device.capture(PATIENCE_MS) for _ in range(8)]
    device.sdk.k4a_device_close(device.handle)
    return captures


def test_captures_of_a_program_that_reads_both_wait(recording):
    captures = virtual.run(_read_imu_first, cameras=(recording,), conditions='reads-both')
    assert captures == [500_000 + i * DEPTH.period_us for i in range(8)]


# ---- fault conditions

def _stall() -> list[int]:
    device = Native()
    assert device.start() == SUCCEEDED
    times = [device.capture(PATIENCE_MS)]
    set_conditions('stalled')
    while (capture := device.capture(0)) > 0:
        times.append(capture)
    assert device.capture(200) == -TIMEOUT
    set_conditions()
    times.append(device.capture(PATIENCE_MS))
    times += [device.capture(0) for _ in range(4)]
    device.sdk.k4a_device_close(device.handle)
    return times


def test_captures_delayed_by_a_stall_arrive_at_once(recording):
    times = virtual.run(_stall, cameras=(recording,))
    assert len(times) >= 6 and (np.diff(times) > 0).all()
    assert times[:10] == [500_000 + i * DEPTH.period_us for i in range(len(times[:10]))]


def _reset() -> list[int]:
    device = Native()
    assert device.start() == SUCCEEDED and device.call('start_imu') == SUCCEEDED
    assert device.capture(PATIENCE_MS) == 500_000
    set_conditions('reset=1')
    while device.capture(PATIENCE_MS) > 400_000:
        pass
    while device.sample(PATIENCE_MS) > 400_000:
        pass
    found = [device.capture(PATIENCE_MS), device.sample(PATIENCE_MS)]
    device.sdk.k4a_device_close(device.handle)
    return found


def test_reset_restarts_timestamps(recording):
    assert max(virtual.run(_reset, cameras=(recording,))) < 200_000


def _partial() -> list[set[str]]:
    device = Native()
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.NV12)
    assert device.start(config) == SUCCEEDED
    sdk, found = libk4a.library(), []
    for condition in ('', 'no-depth', 'no-color'):
        set_conditions(condition)
        kinds: set[str] = set()
        for _ in range(12):  # more than the queue holds
            capture = ctypes.c_void_p()
            assert device.call('get_capture', ctypes.byref(capture), PATIENCE_MS) == SUCCEEDED
            images = {name: getattr(sdk, f'k4a_capture_get_{name}_image')(capture)
                      for name in ('depth', 'ir', 'color')}
            kinds = {name for name, image in images.items() if image}
            for image in filter(None, images.values()):
                sdk.k4a_image_release(image)
            sdk.k4a_capture_release(capture)
        found.append(kinds)
    device.sdk.k4a_device_close(device.handle)
    return found


def test_depth_or_color_can_be_disabled(tmp_path):
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.NV12)
    path = write_recording(tmp_path / 'a.mkv', config, 5).path
    assert virtual.run(_partial, cameras=(path,)) == [
        {'depth', 'ir', 'color'}, {'color'}, {'depth', 'ir'}]


# ---- configurations

def _configurations(configs: list[CameraConfig]) -> list[str]:
    device = Native()
    found = []
    for config in configs:
        with log_lines(quiet=True) as lines:
            result = device.start(config)
        device.sdk.k4a_device_stop_cameras(device.handle)
        found.append('' if result == SUCCEEDED else lines[0])
    device.sdk.k4a_device_close(device.handle)
    return found


def test_configurations_are_rejected_like_camera_config(recording):
    """Two implementations of the rules of the SDK, which must agree."""
    choose = random.Random(4).choice
    configs = [DEPTH] + [CameraConfig(
        depth_mode=choose(list(DepthMode)), color_resolution=choose(list(ColorResolution)),
        color_format=choose(list(ColorFormat)), fps=choose([5, 15, 30, 30, 25]),
        depth_delay_off_color_usec=choose([0, 0, 0, 0, 33333, -33333, 33334, -66666, -66667]),
        wired_sync_mode=choose([WiredSyncMode.STANDALONE] * 3 + list(WiredSyncMode)),
        subordinate_delay_off_master_usec=choose([0, 0, 0, 33333, 33334, 66666, 200001]),
        synchronized_images_only=choose([False, False, True])) for _ in range(3000)]
    lines = virtual.run(
        _configurations, configs, cameras=(recording,), conditions='sync-in sync-out')
    for config, line in zip(configs, lines, strict=True):
        accepted = not line or 'no recording of this virtual camera' in line
        assert accepted == (not validate(config)), (astuple(config), line, validate(config))
    assert lines[0] == ''
    assert len({line for line in lines if line}) >= 12


def jpeg_recording(path: Path) -> list[np.ndarray]:
    """Write a recording of MJPG images, and return the original pictures, (720, 1280, 3) BGR."""
    pictures = []

    def edit(index: int, capture: Capture) -> Capture:
        picture = np.full((720, 1280, 3), (40 * index, 128, 255 - 40 * index), np.uint8)
        pictures.append(picture)
        assert capture.color is not None
        data = np.frombuffer(cv2.imencode('.jpg', picture)[1].tobytes(), np.uint8)
        return replace(capture, color=Image(data, capture.color.device_us))

    write_recording(path, JPEG, 5, edit=edit)
    return pictures


def _pyk4a(serial: str, copy: str) -> list[np.ndarray]:
    import pyk4a
    config = pyk4a.Config(
        color_resolution=pyk4a.ColorResolution.RES_720P, depth_mode=pyk4a.DepthMode.OFF,
        color_format=pyk4a.ImageFormat.COLOR_BGRA32, synchronized_images_only=False)
    camera = pyk4a.PyK4A(config, thread_safe=False)
    camera.start()
    assert camera.serial == serial
    assert camera.calibration.get_camera_matrix(pyk4a.CalibrationType.COLOR).shape == (3, 3)
    assert camera.get_imu_sample()['temperature'] > 20
    record = pyk4a.PyK4ARecord(copy, config, camera)
    record.create()
    images = []
    for _ in range(5):
        capture = camera.get_capture()
        images.append(capture.color.copy())
        record.write_capture(capture)
    record.close()
    camera.stop()
    return images


def test_pyk4a_reads_and_records_decoded_jpegs(tmp_path):
    pytest.importorskip('pyk4a', exc_type=ImportError)  # built for numpy 1
    pictures = jpeg_recording(tmp_path / 'a.mkv')
    copy = tmp_path / 'copy.mkv'
    images = virtual.run(_pyk4a, SERIAL, str(copy), cameras=(tmp_path / 'a.mkv',))
    assert len(images) == len(pictures)
    for image in images:  # in a loop; under load, the queue drops some
        assert image.shape == (720, 1280, 4)
        picture = pictures[round(float(image[..., 0].mean()) / 40)]
        assert abs(image[..., :3].astype(int) - picture).max() <= 4
    from k4a_ros.mkv.reader import RecordingReader
    recorded = RecordingReader(str(copy))
    assert recorded.config.color_format is ColorFormat.BGRA32
    first = recorded.captures.read()
    assert first is not None and first.color is not None
    np.testing.assert_array_equal(first.color.data, images[0])
    recorded.close()


# ---- the library

def test_library_exports_only_device_and_log_functions_and_usb_resets():
    listed = subprocess.run(['nm', '-D', '--defined-only', str(virtual.library())],
                            capture_output=True, text=True, check=True).stdout
    names = {line.split()[-1] for line in listed.splitlines()}
    assert 'k4a_device_open' in names
    assert {name for name in names if not name.startswith('k4a_device_')} == {
        'k4a_set_debug_message_handler', 'ioctl'}


def test_preloading_does_not_affect_other_programs(tmp_path):
    done = subprocess.run(['true'], capture_output=True, text=True,
                          env={**os.environ, **virtual.environment(tmp_path / 'none.mkv')})
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


def _open_missing() -> int:
    libk4a.library()
    with log_lines(quiet=True) as lines:
        result = ctypes.CDLL(None).k4a_device_open(0, ctypes.byref(ctypes.c_void_p()))
    assert lines
    return int(result)


def test_missing_recording_cannot_be_opened(tmp_path):
    assert virtual.run(_open_missing, cameras=(tmp_path / 'none.mkv',)) == FAILED
