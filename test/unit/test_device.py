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

"""The live camera: the real pyk4a and libk4a, whose device plays a recording."""

from __future__ import annotations

from dataclasses import replace
import gc
import logging
import math
import os
from pathlib import Path
import sys
import threading
import time
from typing import Any

from k4a_ros.cameras.base import Capture
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.device import arrival_ns
from k4a_ros.cameras.device import DeviceCamera
from k4a_ros.cameras.device import shaped
from k4a_ros.cameras.device_search import connected
from k4a_ros.config import CameraConfig
from k4a_ros.config import ColorFormat
from k4a_ros.config import ColorResolution
from k4a_ros.config import DepthMode
from k4a_ros.config import WiredSyncMode
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import ReadTimeout
import numpy as np
import pytest
from support import virtual
from support.recordings import assert_same_capture
from support.recordings import COMBINATIONS
from support.recordings import FIRMWARE
from support.recordings import SERIAL
from support.recordings import without
from support.recordings import write_recording
from support.virtual import have
from support.virtual import raises

DEPTH = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)
BOTH = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.NV12)
COLOR = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12)
OTHER_SERIAL = '000999999912'


@pytest.fixture(scope='module')
def recording(tmp_path_factory: Any) -> Path:
    """Return a recording of depth, infrared and inertial samples."""
    return write_recording(tmp_path_factory.mktemp('device') / 'depth.mkv', DEPTH, 10).path


@pytest.fixture(scope='module')
def both(tmp_path_factory: Any) -> Path:
    """Return a recording with colour; every third capture lacks it."""
    def edit(index: int, capture: Capture) -> Capture:
        return without(capture, 'color') if index % 3 == 2 else capture
    return write_recording(
        tmp_path_factory.mktemp('device') / 'both.mkv', BOTH, 9, edit=edit).path


def streaming(config: CameraConfig = DEPTH, **options: Any) -> DeviceCamera:
    camera = DeviceCamera(config, **options)
    camera.start()
    return camera


# ---- what it delivers

def _read_all(config: CameraConfig, captures: int, samples: int) -> tuple[Any, ...]:
    with streaming(config) as camera:
        assert isinstance(camera, DeviceCamera)
        imu: list[Any] = []

        def read_imu() -> None:
            while sum(map(len, imu)) < samples:
                imu.append(camera.read_imu(1.0))

        thread = threading.Thread(target=read_imu)
        thread.start()
        found = [camera.read(2.0) for _ in range(captures)]
        thread.join()
        now = time.monotonic_ns()
        for capture in found:
            for image in (capture.depth, capture.ir, capture.color):
                assert image is None or now - 20e9 < image.host_ns <= now
                assert image is None or not image.data.flags.writeable
            assert 0 < capture.temperature < 100
    return found, imu, camera.info, camera.calibration.raw


@pytest.mark.parametrize(
    ('depth', 'color', 'form', 'fps', 'imu'), COMBINATIONS,
    ids=[f'{d.name}-{c.label}-{f.name}-{fps}' for d, c, f, fps, _ in COMBINATIONS])
def test_every_mode_is_bit_exact_with_the_recording(tmp_path, depth, color, form, fps, imu):
    config = CameraConfig.of_modes(depth, color, form, fps, imu)
    written = write_recording(tmp_path / 'a.mkv', config, 3)
    found, samples, info, raw = virtual.run(
        _read_all, config, 3, len(written.imu), cameras=(written.path,))
    for have_, want in zip(found, written.captures, strict=True):
        assert_same_capture(have_, want)
    if imu:
        for name in ('acc', 'acc_us', 'gyro', 'gyro_us'):
            came = np.concatenate([getattr(part, name) for part in samples])[:len(written.imu)]
            np.testing.assert_array_equal(came, getattr(written.imu, name), err_msg=name)
        assert all(np.isfinite(part.temperature).all() for part in samples)
    assert (info.kind, info.serial) == ('device', SERIAL)
    assert info.firmware.items() >= FIRMWARE.items()
    assert set(info.firmware) == {'color', 'depth', 'audio', 'depth_sensor'}
    assert raw == written.calibration.rstrip(b'\0')


def _metadata() -> list[Any]:
    with streaming(COLOR) as camera:
        camera.set_control('exposure_time_us', 8000)
        camera.set_control('whitebalance', 5000)
        assert camera.read(1.0)
        while True:
            color = camera.read(1.0).color
            assert color is not None
            if color.exposure_us == 8330:
                return [color.exposure_us, color.white_balance, color.iso_speed]


def test_colour_images_say_how_they_were_taken(both):
    assert virtual.run(_metadata, cameras=(both,)) == [8330, 5000, 228]


def _outlive() -> bool:
    camera = streaming()
    first = camera.read(1.0).depth
    assert first is not None
    copy = first.data.copy()
    camera.stop()
    camera.close()
    gc.collect()
    return bool((copy == first.data).all()) and not first.data.flags.owndata


def test_images_that_somebody_holds_neither_delay_the_end_nor_are_lost(recording):
    assert virtual.run(_outlive, cameras=(recording,))


def _partial(synchronized: bool) -> list[bool]:
    with streaming(replace(BOTH, synchronized_images_only=synchronized)) as camera:
        return [camera.read(1.0).color is not None for _ in range(6)]


def test_captures_without_colour_come_unless_synchronised_ones_are_wanted(both):
    assert virtual.run(_partial, False, cameras=(both,)) == [True, True, False] * 2
    assert virtual.run(_partial, True, cameras=(both,)) == [True] * 6


def _modes() -> None:
    camera = DeviceCamera(DEPTH)
    for config, width in ((DEPTH, 320), (COLOR, 1280), (BOTH, 1280), (DEPTH, 320)):
        camera.config = config
        camera.start()
        capture = camera.read(1.0)
        image = capture.color or capture.depth
        assert image is not None and image.data.shape[1] == width
        assert (capture.depth is None) == (config is COLOR)
        assert len(camera.read_imu(1.0))
        camera.stop()
    camera.config = replace(DEPTH, fps=7)
    with raises(ConfigError, 'fps is 7'):
        camera.start()
    camera.config = replace(DEPTH, depth_mode=DepthMode.WFOV_2X2BINNED)
    with raises(CameraError, 'does not start depth WFOV_2X2BINNED', 'no recording'):
        camera.start()
    camera.config = replace(DEPTH, imu=False)
    camera.start()
    with raises(CameraError, 'off in the configuration'):
        camera.read_imu(0.1)
    camera.close()


def test_the_mode_can_be_changed_without_opening_the_camera_anew(recording, both):
    virtual.run(_modes, cameras=([recording, both],))


# ---- which camera

def _search() -> list[str]:
    listed = [str(camera) for camera in connected()]
    for wanted, index, serial in (
            ({}, '0', SERIAL), ({'serial': OTHER_SERIAL}, '1', OTHER_SERIAL),
            ({'index': 1}, '1', OTHER_SERIAL), ({'serial': SERIAL.lstrip('0')}, '0', SERIAL),
            ({'index': 0, 'serial': SERIAL}, '0', SERIAL)):
        with DeviceCamera(DEPTH, **wanted) as camera:
            assert (camera.info.source, camera.info.serial) == (index, serial), wanted
            assert camera.calibration.serial
    first = DeviceCamera(DEPTH)
    with DeviceCamera(DEPTH) as second:
        assert second.info.serial == OTHER_SERIAL  # the first that is free
        with raises(DeviceNotFoundError, 'cannot open a camera; connected are 0: it is in use by '
                    'another program', '1: it is in use'):
            DeviceCamera(DEPTH)
        with raises(DeviceNotFoundError, 'camera 0', 'in use by another program'):
            DeviceCamera(DEPTH, index=0)
    with raises(DeviceNotFoundError, 'camera 123;', '0: it is in use', f'1: {OTHER_SERIAL}'):
        DeviceCamera(DEPTH, serial='123')
    first.close()
    with raises(DeviceNotFoundError, 'camera number 2;', f'0: {SERIAL}', f'1: {OTHER_SERIAL}'):
        DeviceCamera(DEPTH, index=2)
    with raises(DeviceNotFoundError, f'is {OTHER_SERIAL}, not {SERIAL}'):
        DeviceCamera(DEPTH, serial=SERIAL, index=1)
    have('0:forbidden', '1:fail:k4a_device_get_serialnum')
    with raises(DeviceNotFoundError, '0: this user may not open it', '99-k4a.rules',
                '1: cannot read the serial number'):
        DeviceCamera(DEPTH)
    have('unplugged')
    with raises(DeviceNotFoundError, 'no Azure Kinect is connected', 'lsusb', 'recording_file'):
        DeviceCamera(DEPTH)
    with raises(DeviceNotFoundError, 'no Azure Kinect is connected'):
        DeviceCamera(DEPTH, index=0)
    return listed


def test_a_camera_is_found_by_serial_number_or_number(tmp_path, recording):
    from k4a_ros.nominal_calibration import nominal_calibration
    from k4a_ros.recorder import Recorder
    other = tmp_path / 'other.mkv'
    written = write_recording(tmp_path / 'a.mkv', DEPTH, 1)
    with Recorder(other, DEPTH, nominal_calibration(), OTHER_SERIAL, FIRMWARE) as recorder:
        recorder.write(written.captures[0])
    assert virtual.run(_search, cameras=(recording, other)) == [
        f'0: {SERIAL}', f'1: {OTHER_SERIAL}']


def _free_at_last() -> float:
    have('busy')
    timer = threading.Timer(0.15, have)
    timer.start()
    with DeviceCamera(DEPTH, serial=SERIAL) as camera:
        return len(camera.info.serial)


def test_a_camera_that_another_driver_looks_at_for_a_moment_is_tried_again(recording):
    assert virtual.run(_free_at_last, cameras=(recording,)) == len(SERIAL)


def _broken() -> None:
    for condition, kind, part in (
            ('fail:k4a_device_get_raw_calibration', CameraLostError, 'factory calibration'),
            ('fail:k4a_device_open', DeviceNotFoundError, 'does not answer on USB')):
        have(condition)
        with raises(kind, part):
            DeviceCamera(DEPTH)
        have()
        DeviceCamera(DEPTH).close()  # nothing was left open
    have('fail:k4a_device_get_version')
    with DeviceCamera(DEPTH) as camera:
        assert camera.info.firmware == {}
    with raises(ConfigError, 'fps is 12'):
        DeviceCamera(replace(DEPTH, fps=12))


def test_a_camera_that_cannot_be_read_is_closed_again(recording):
    virtual.run(_broken, cameras=(recording,))


def _bad_calibration() -> None:
    for _ in range(2):
        with raises(CameraError, f'cannot use camera {SERIAL}: ', 'calibration'):
            DeviceCamera(DEPTH)


def test_a_calibration_that_is_none_is_refused(tmp_path):
    bad = write_recording(tmp_path / 'a.mkv', DEPTH, 1, calibration=b'{"not": "a calibration"}')
    virtual.run(_bad_calibration, cameras=(bad.path,))


# ---- starting

def _order() -> None:
    camera = streaming()
    with raises(CameraError, 'streaming already'):
        camera.start()
    camera.stop()
    camera.stop()
    with raises(CameraError, 'not streaming'):
        camera.read(1.0)
    have('fail:k4a_device_start_imu')
    with raises(CameraError, 'does not start the IMU', 'k4a_device_start_imu fails'):
        camera.start()
    have()
    camera.start()
    have('unplugged')
    with raises(CameraLostError, 'does not deliver captures'):
        for _ in range(20):
            camera.read(0.2)
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


def test_start_stop_and_close_in_any_order(recording):
    virtual.run(_order, cameras=(recording,))


def _headless(part: str) -> None:
    camera = DeviceCamera(BOTH)
    with raises(CameraError, 'does not start depth NFOV_2X2BINNED, colour 720P', part):
        camera.start()
    camera.config = COLOR
    camera.start()
    assert camera.read(1.0).color is not None
    assert len(camera.read_imu(1.0))
    camera.close()


@pytest.mark.parametrize(('condition', 'part'), [
    ('no-opengl', 'OpenGL 4.4 context, which it needs'), ('no-opengl', 'DISPLAY=:0'),
    ('no-opengl', 'log in automatically'), ('no-depth-engine', 'libdepthengine.so.2.0')])
def test_without_a_display_only_depth_and_infrared_are_lost(both, condition, part):
    virtual.run(_headless, part, cameras=(both,), conditions=condition)


def _wired(role: WiredSyncMode, part: str) -> SyncJacks | None:
    config = replace(BOTH, wired_sync_mode=role)
    with DeviceCamera(config) as camera:
        with raises(CameraError, part):
            camera.start()
        have('sync-in', 'sync-out')
        camera.start()
        assert camera.read(1.0)
        jacks = camera.sync_jacks()
        camera.stop()
        have('sync-in', 'sync-out', 'no-pulse')
        camera.start()
        if role is WiredSyncMode.SUBORDINATE:
            with raises(ReadTimeout, 'no capture came'):
                camera.read(0.3)
        else:
            assert camera.read(1.0)
        assert len(camera.read_imu(1.0))
        have('fail:k4a_device_get_sync_jack')
        assert camera.sync_jacks() is None
        return jacks


@pytest.mark.parametrize(('role', 'part'), [
    (WiredSyncMode.MASTER, 'no cable is in its Sync out jack'),
    (WiredSyncMode.SUBORDINATE, 'no cable is in its Sync in jack')])
def test_synchronisation_needs_its_cable(both, role, part):
    assert virtual.run(_wired, role, part, cameras=(both,)) == SyncJacks(True, True)


# ---- trouble

def _silence() -> None:
    camera = streaming()
    camera.read(1.0)
    have('silent')
    for read in (camera.read, camera.read_imu):
        for timeout in (0.0, 0.05, 0.25):
            with raises(ReadTimeout):  # what was under way comes first
                while True:
                    started = time.monotonic()
                    read(timeout)
            assert timeout <= time.monotonic() - started < timeout + 0.1
    have()
    assert camera.read(1.0)
    have('fail:k4a_device_get_imu_sample')
    with raises(CameraLostError, 'inertial samples any more'):
        camera.read_imu(1.0)
    camera.close()


def test_silence_is_a_time_out_and_failure_a_loss(recording):
    virtual.run(_silence, cameras=(recording,))


def _replug(times: int) -> int:
    for _ in range(times):
        have()
        camera = streaming()
        camera.set_control('gain', 77)
        assert camera.read(1.0) and len(camera.read_imu(1.0))
        have('unplugged')
        lost = 0
        for read in (camera.read, camera.read_imu):
            try:
                while True:
                    read(1.0)
            except CameraLostError:
                lost += 1
        with raises(ConfigError, 'gain', 'does not answer'):
            camera.set_control('gain', 78)
        with raises(ConfigError, 'gain', 'does not answer'):
            camera.get_control('gain')
        assert lost == 2
        camera.close()
    have()
    with DeviceCamera(DEPTH) as camera:
        return int(camera.get_control('gain'))


def test_a_camera_comes_back_after_it_was_unplugged_with_controls_of_the_factory(recording):
    assert virtual.run(_replug, 10, cameras=(recording,)) == CONTROLS['gain'].default


def _end_while_reading(times: int, close: bool, silent: bool) -> float:
    longest = 0.0
    camera = DeviceCamera(DEPTH)
    have(*['silent'] * silent)
    for i in range(times):
        if close and i:
            camera = DeviceCamera(DEPTH)
        camera.start()
        errors: list[BaseException] = []

        def read(function: Any, errors: list[BaseException] = errors) -> None:
            try:
                while True:
                    function(30.0)
            except CameraError as error:
                errors.append(error)

        threads = [threading.Thread(target=read, args=[f]) for f in (camera.read, camera.read_imu)]
        for thread in threads:
            thread.start()
        time.sleep(0.002 * (i % 20))
        started = time.monotonic()
        (camera.close if close else camera.stop)()
        for thread in threads:
            thread.join(2.0)
        longest = max(longest, time.monotonic() - started)
        assert ['not streaming' in str(error) for error in errors] == [True, True]
    camera.close()
    return longest


@pytest.mark.parametrize('silent', [False, True])
@pytest.mark.parametrize('close', [False, True])
def test_stop_and_close_end_reads_of_other_threads(recording, close, silent):
    assert virtual.run(_end_while_reading, 40, close, silent, cameras=(recording,)) < 0.5


def _references() -> tuple[int, int, int]:
    changes = []

    def changed(work: Any) -> None:
        gc.collect()
        before = sys.getrefcount(None)
        work()
        gc.collect()
        changes.append(sys.getrefcount(None) - before)

    def time_out(times: int) -> None:
        for _ in range(times):
            try:
                camera.read_imu(0.0)
            except ReadTimeout:
                pass

    def absent(times: int) -> None:
        native = camera._handle.capture(1000)
        assert native is not None
        for _ in range(times):
            assert camera._image('color', native) is None
        camera._sdk.k4a_capture_release(native)

    def refused(times: int) -> None:
        for _ in range(times):
            try:
                DeviceCamera(DEPTH, index=0)
            except DeviceNotFoundError:
                pass

    with streaming() as camera:
        camera.read(1.0)
        changed(lambda: absent(10_000))
        have('silent-imu')
        time_out(2)
        changed(lambda: time_out(10_000))
    have('busy')
    changed(lambda: refused(1000))
    return tuple(changes)


def test_nothing_takes_references_from_none(recording):
    """pyk4a loses one with each of these, and Python before 3.12 dies of it."""
    changes = virtual.run(_references, cameras=(recording,))
    assert all(abs(change) < 50 for change in changes), changes


def _ticks() -> tuple[int, int]:
    camera = streaming()
    have('silent')
    ended = threading.Event()

    def read() -> None:
        try:
            while True:
                camera.read(0.0)
        except ReadTimeout:
            pass
        for read in (camera.read, camera.read_imu):
            with raises(ReadTimeout):
                while True:
                    read(0.2)
        ended.set()

    thread = threading.Thread(target=read)
    started = time.monotonic()
    thread.start()
    ticks = 0
    while not ended.is_set():
        time.sleep(0.001)
        ticks += 1
    milliseconds = (time.monotonic() - started) * 1000
    thread.join()
    camera.close()
    return ticks, int(milliseconds)


def test_other_threads_run_while_the_camera_is_waited_for(recording):
    ticks, milliseconds = virtual.run(_ticks, cameras=(recording,))
    assert milliseconds > 350
    assert ticks > milliseconds / 4


def _memory() -> float:
    def resident() -> int:
        pages = int(Path('/proc/self/statm').read_text().split()[1])
        return pages * os.sysconf('SC_PAGESIZE')

    def cycle(times: int) -> None:
        for _ in range(times):
            with streaming() as camera:
                for _ in range(3):
                    camera.read(1.0)

    cycle(5)
    before = resident()
    cycle(40)
    return (resident() - before) / 1e6


def test_captures_and_handles_are_given_back(recording):
    assert virtual.run(_memory, cameras=(recording,)) < 8.0


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
    camera = streaming()
    camera.on_control = lambda name, value: told.append((name, value))
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


# ---- the log

def _log(level: int) -> list[tuple[int, str]]:
    records: list[tuple[int, str]] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(  # type: ignore[method-assign]
        (record.levelno, record.getMessage()))
    logging.getLogger('k4a_ros.sdk').addHandler(handler)
    with streaming() as camera:
        for _ in range(3):
            have('fail:k4a_device_get_color_control')
            with raises(ConfigError):
                camera.get_control('gain')
        have()
        camera.read(1.0)
        time.sleep(1.0)
        camera.read(1.0)
    assert logging.getLogger('k4a_ros.sdk').level == level
    return records


def test_lines_of_the_sdk_reach_the_logger_once_at_their_level(recording):
    quiet = virtual.run(_log, logging.NOTSET, cameras=(recording,), K4A_LOG_LEVEL='')
    told = virtual.run(_log, logging.INFO, cameras=(recording,), K4A_LOG_LEVEL='INFO')
    assert [level for level, _ in quiet] == [logging.ERROR]
    assert 'k4a_device_get_color_control fails' in quiet[0][1]
    assert (logging.INFO, 'Queue "Queue_capture" dropped oldest') in [
        (level, text[:36]) for level, text in told]
