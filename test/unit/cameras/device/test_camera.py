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

"""The physical camera: streaming, with the real libk4a and a virtual device."""

from __future__ import annotations

from dataclasses import replace
import gc
import threading
import time
from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.device.camera import DeviceCamera
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import ReadTimeout
from k4a_ros.errors import StreamFailedError
import numpy as np
import pytest
from support import virtual
from support.recordings import assert_same_capture
from support.recordings import COMBINATIONS
from support.recordings import FIRMWARE
from support.recordings import SERIAL
from support.recordings import write_recording
from support.time_limits import PATIENCE
from support.virtual import BOTH
from support.virtual import COLOR
from support.virtual import DEPTH
from support.virtual import raises
from support.virtual import set_conditions
from support.virtual import streaming


# ---- data
def _read_all(config: CameraConfig, captures: int, samples: int) -> tuple[Any, ...]:
    with streaming(config) as camera:
        assert isinstance(camera, DeviceCamera)
        imu: list[Any] = []

        def read_imu() -> None:
            while sum(map(len, imu)) < samples:
                imu.append(camera.read_imu(PATIENCE))

        thread = threading.Thread(target=read_imu)
        thread.start()
        found = [camera.read(PATIENCE) for _ in range(captures)]
        thread.join()
        now = time.monotonic_ns()
        for capture in found:
            for image in (capture.depth, capture.ir, capture.color):
                assert image is None or now - 100e9 < image.host_ns <= now
                assert image is None or not image.data.flags.writeable
            assert 0 < capture.temperature < 100
    return found, imu, camera.info, camera.calibration.raw


@pytest.mark.parametrize(
    ('depth', 'color', 'form', 'fps', 'imu'), COMBINATIONS,
    ids=[f'{d.name}-{c.label}-{f.name}-{fps}' for d, c, f, fps, _ in COMBINATIONS])
def test_every_mode_is_read_bit_identical(tmp_path, depth, color, form, fps, imu):
    config = CameraConfig.of_modes(depth, color, form, fps, imu)
    written = write_recording(tmp_path / 'a.mkv', config, 3)
    found, samples, info, raw = virtual.run(
        _read_all, config, 3, len(written.imu), cameras=(written.path,),
        conditions='reads-both' if imu else '')
    for actual, expected in zip(found, written.captures, strict=True):
        assert_same_capture(actual, expected)
    if imu:
        for name in ('acc', 'acc_us', 'gyro', 'gyro_us'):
            actual = np.concatenate([getattr(part, name) for part in samples])
            np.testing.assert_array_equal(
                actual[:len(written.imu)], getattr(written.imu, name), err_msg=name)
        assert all(np.isfinite(part.temperature).all() for part in samples)
    assert (info.kind, info.serial) == ('device', SERIAL)
    assert info.firmware.items() >= FIRMWARE.items()
    assert set(info.firmware) == {'color', 'depth', 'audio', 'depth_sensor'}
    assert raw == written.calibration.rstrip(b'\0')


def _metadata() -> list[Any]:
    with streaming(COLOR) as camera:
        camera.set_control('exposure_time_us', 8000)
        camera.set_control('whitebalance', 5000)
        assert camera.read(PATIENCE)
        while True:
            color = camera.read(PATIENCE).color
            assert color is not None
            if color.exposure_us == 8330:
                return [color.exposure_us, color.white_balance, color.iso_speed]


def test_color_images_have_exposure_metadata(both):
    assert virtual.run(_metadata, cameras=(both,)) == [8330, 5000, 228]


def _image_after_close() -> bool:
    camera = streaming()
    first = camera.read(PATIENCE).depth
    assert first is not None
    copy = first.data.copy()
    camera.stop()
    camera.close()
    gc.collect()
    return bool((copy == first.data).all()) and not first.data.flags.owndata


def test_referenced_images_survive_close(recording):
    assert virtual.run(_image_after_close, cameras=(recording,))


def _has_color(synchronized: bool) -> list[bool]:
    with streaming(replace(BOTH, synchronized_images_only=synchronized)) as camera:
        return [camera.read(PATIENCE).color is not None for _ in range(6)]


def test_partial_captures_are_dropped_if_synchronized(both):
    assert virtual.run(_has_color, False, cameras=(both,)) == [True, True, False] * 2
    assert virtual.run(_has_color, True, cameras=(both,)) == [True] * 6


def _change_modes() -> None:
    camera = DeviceCamera(DEPTH)
    for config, width in ((DEPTH, 320), (COLOR, 1280), (BOTH, 1280), (DEPTH, 320)):
        camera.config = config
        camera.start()
        capture = camera.read(PATIENCE)
        image = capture.color or capture.depth
        assert image is not None and image.data.shape[1] == width
        assert (capture.depth is None) == (config is COLOR)
        assert len(camera.read_imu(PATIENCE))
        camera.stop()
    camera.config = replace(DEPTH, fps=7)
    with raises(ConfigError, 'fps is 7'):
        camera.start()
    camera.config = replace(DEPTH, depth_mode=DepthMode.WFOV_2X2BINNED)
    with raises(CameraError, 'cannot start depth WFOV_2X2BINNED', 'no recording'):
        camera.start()
    camera.config = replace(DEPTH, imu=False)
    camera.start()
    with raises(CameraError, 'cannot read the IMU: it is disabled'):
        camera.read_imu(0.1)
    camera.close()


def test_mode_can_be_changed_without_reopening(recording, both):
    virtual.run(_change_modes, cameras=([recording, both],))


# ---- starting
def _call_in_any_order() -> None:
    camera = streaming()
    with raises(CameraError, 'already streaming'):
        camera.start()
    camera.stop()
    camera.stop()
    with raises(CameraError, 'not streaming'):
        camera.read(PATIENCE)
    with raises(CameraError, 'not streaming'):
        camera.restart_imu()
    set_conditions('fail:k4a_device_start_imu')
    camera.start()
    assert camera.read(PATIENCE)
    for call in (lambda: camera.read_imu(0.1), camera.restart_imu):
        with raises(StreamFailedError, 'cannot start the IMU', 'k4a_device_start_imu fails'):
            call()
    set_conditions()
    camera.restart_imu()
    assert camera.read(PATIENCE) and len(camera.read_imu(PATIENCE))
    set_conditions('unplugged')
    with raises(CameraLostError, 'stopped delivering captures'):
        for _ in range(20):
            camera.read(PATIENCE)
    camera.stop()
    with raises(CameraLostError, 'does not answer on USB'):
        camera.start()
    camera.close()
    camera.close()
    with raises(CameraError, 'it is closed'):
        camera.start()
    with raises(ConfigError, 'is closed'):
        camera.get_control('gain')
    assert camera.sync_jacks() is None


def test_calls_in_any_order_succeed_or_raise(recording):
    virtual.run(_call_in_any_order, cameras=(recording,))


def _start_without_depth_engine(part: str) -> None:
    camera = DeviceCamera(BOTH)
    with raises(CameraError, 'cannot start depth NFOV_2X2BINNED, color 720P', part):
        camera.start()
    camera.config = COLOR
    camera.start()
    assert camera.read(PATIENCE).color is not None
    assert len(camera.read_imu(PATIENCE))
    camera.close()


@pytest.mark.parametrize(('condition', 'part'), [
    ('no-opengl', 'OpenGL 4.4 context, which it needs'), ('no-opengl', 'DISPLAY=:0'),
    ('no-opengl', 'enable automatic login'), ('no-depth-engine', 'libdepthengine.so.2.0')])
def test_color_streams_without_a_depth_engine(both, condition, part):
    virtual.run(_start_without_depth_engine, part, cameras=(both,), conditions=condition)


def _start_wired(role: WiredSyncMode, part: str) -> SyncJacks | None:
    config = replace(BOTH, wired_sync_mode=role)
    with DeviceCamera(config) as camera:
        with raises(CameraError, part):
            camera.start()
        set_conditions('sync-in', 'sync-out')
        camera.start()
        assert camera.read(PATIENCE)
        jacks = camera.sync_jacks()
        camera.stop()
        set_conditions('sync-in', 'sync-out', 'no-pulse')
        camera.start()
        if role is WiredSyncMode.SUBORDINATE:
            with raises(ReadTimeout, 'no capture from camera'):
                camera.read(0.3)
        else:
            assert camera.read(PATIENCE)
        assert len(camera.read_imu(PATIENCE))
        set_conditions('fail:k4a_device_get_sync_jack')
        assert camera.sync_jacks() is None
        return jacks


@pytest.mark.parametrize(('role', 'part'), [
    (WiredSyncMode.MASTER, 'no cable is plugged into its Sync out jack'),
    (WiredSyncMode.SUBORDINATE, 'no cable is plugged into its Sync in jack')])
def test_wired_sync_needs_a_cable(both, role, part):
    assert virtual.run(_start_wired, role, part, cameras=(both,)) == SyncJacks(True, True)
