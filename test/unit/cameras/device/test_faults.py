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

"""Faults of physical cameras, stopping from other threads, leaks, and the log."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import gc
import logging
import os
from pathlib import Path
import sys
import threading
import time
from typing import Any

from k4a_ros.cameras.base import UsbErrors
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.device.camera import DeviceCamera
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraErrorReason
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import ReadTimeout
from k4a_ros.errors import StreamFailedError
import pytest
from support import virtual
from support.time_limits import PATIENCE
from support.time_limits import promptly
from support.time_limits import wait_for
from support.virtual import DEPTH
from support.virtual import raises
from support.virtual import set_conditions
from support.virtual import streaming


# ---- faults
def _read_silent_camera() -> None:
    camera = streaming()
    camera.read(PATIENCE)
    set_conditions('silent')
    for read in (camera.read, camera.read_imu):
        with raises(ReadTimeout):  # after the data that was in progress
            while True:
                read(0.25)
        for timeout in (0.0, 0.05, 0.25):
            started = time.monotonic()
            with promptly(timeout + 1.0), raises(ReadTimeout):
                read(timeout)
            assert time.monotonic() - started >= timeout
    set_conditions()
    assert camera.read(PATIENCE)
    set_conditions('fail:k4a_device_get_imu_sample')
    with raises(StreamFailedError, 'stopped delivering IMU samples'):
        camera.read_imu(PATIENCE)
    camera.close()


def test_silence_is_a_timeout_and_failure_a_loss(recording):
    virtual.run(_read_silent_camera, cameras=(recording,))


def _replug(times: int) -> int:
    for _ in range(times):
        set_conditions()
        camera = streaming()
        camera.set_control('gain', 77)
        assert camera.read(PATIENCE) and len(camera.read_imu(PATIENCE))
        set_conditions('unplugged')
        lost = 0
        for read in (camera.read, camera.read_imu):
            try:
                while True:
                    read(PATIENCE)
            except CameraLostError as error:
                assert CameraErrorReason.DISCONNECTED in error.reasons
                lost += 1
        with raises(ConfigError, 'gain', 'does not answer'):
            camera.set_control('gain', 78)
        with raises(ConfigError, 'gain', 'does not answer'):
            camera.get_control('gain')
        assert lost == 2
        camera.close()
    set_conditions()
    with DeviceCamera(DEPTH) as camera:
        return int(camera.get_control('gain'))


def test_replugged_camera_has_default_controls(recording):
    assert virtual.run(_replug, 10, cameras=(recording,)) == CONTROLS['gain'].default


def _small_reads() -> list[int]:
    with streaming() as camera:
        camera._samples = camera._samples[:5].copy()
        for _ in range(4):  # before which 100 samples arrive
            camera.read(PATIENCE)
        reads = [camera.read_imu(PATIENCE) for _ in range(20)]
        assert [len(part) for part in reads] == [5] * 20
        return [int(us) for part in reads for us in part.acc_us]


def test_samples_beyond_the_buffer_are_read_next(recording):
    assert virtual.run(_small_reads, cameras=(recording,)) == list(range(500_000, 560_000, 600))


def _stop_while_reading(times: int, close: bool, silent: bool) -> None:
    camera = DeviceCamera(DEPTH)
    set_conditions(*['silent'] * silent)
    for i in range(times):
        if close and i:
            camera = DeviceCamera(DEPTH)
        camera.start()
        errors: list[BaseException] = []

        def read(function: Any, errors: list[BaseException] = errors) -> None:
            try:
                while True:
                    function(600.0)
            except CameraError as problem:
                errors.append(problem)

        threads = [threading.Thread(target=read, args=[f]) for f in (camera.read, camera.read_imu)]
        for thread in threads:
            thread.start()
        time.sleep(0.002 * (i % 20))
        with promptly(0.5):
            (camera.close if close else camera.stop)()
            for thread in threads:
                thread.join()
        assert ['not streaming' in str(error) for error in errors] == [True, True]
    camera.close()


@pytest.mark.parametrize('silent', [False, True])
@pytest.mark.parametrize('close', [False, True])
def test_stop_and_close_interrupt_reads_in_other_threads(recording, close, silent):
    virtual.run(_stop_while_reading, 40, close, silent, cameras=(recording,))


def _references() -> dict[str, float]:
    """Return how many references to None each call gains or loses."""
    changes = {}

    def count(name: str, calls: int, work: Callable[[int], None]) -> None:
        work(2)  # the first calls keep references of their own
        gc.collect()
        before = sys.getrefcount(None)
        work(calls)
        gc.collect()
        changes[name] = (sys.getrefcount(None) - before) / calls

    def timeout(times: int) -> None:
        for _ in range(times):
            with contextlib.suppress(ReadTimeout):
                camera.read_imu(0.0)

    def missing_image(times: int) -> None:
        native = camera._handle.capture(int(1000 * PATIENCE))
        assert native is not None
        for _ in range(times):
            assert camera._image('color', native) is None
        camera._sdk.k4a_capture_release(native)

    def open_busy_camera(times: int) -> None:
        for _ in range(times):
            with contextlib.suppress(DeviceNotFoundError):
                DeviceCamera(DEPTH, index=0)

    with streaming() as camera:
        camera.read(PATIENCE)
        count('missing image', 10_000, missing_image)
        set_conditions('silent-imu')
        count('timeout', 10_000, timeout)
    set_conditions('busy')
    count('busy camera', 1000, open_busy_camera)
    return changes


def test_references_to_none_are_balanced(recording):
    """
    Python before 3.12 crashes when too many references to None are lost.

    A defect loses one reference per call; threads that exit meanwhile free some tens in total.
    """
    changes = virtual.run(_references, cameras=(recording,))
    assert all(abs(change) < 0.5 for change in changes.values()), changes


def _run_beside_a_read(method: str) -> None:
    camera = streaming()
    set_conditions('silent')
    read = getattr(camera, method)
    with raises(ReadTimeout):
        while True:
            read(0.1)
    errors: list[Exception] = []

    def block() -> None:
        try:
            read(30.0)
        except (CameraError, ReadTimeout) as error:
            errors.append(error)

    thread = threading.Thread(target=block)
    thread.start()
    for _ in range(100):
        time.sleep(0.001)
    assert not errors
    camera.stop()
    thread.join()
    assert isinstance(errors[0], CameraError)
    camera.close()


@pytest.mark.parametrize('method', ['read', 'read_imu'])
def test_other_threads_run_during_reads(recording, method):
    virtual.run(_run_beside_a_read, method, cameras=(recording,))


def _memory() -> float:
    def resident() -> int:
        pages = int(Path('/proc/self/statm').read_text().split()[1])
        return pages * os.sysconf('SC_PAGESIZE')

    def cycle(times: int) -> None:
        for _ in range(times):
            with streaming() as camera:
                for _ in range(3):
                    camera.read(PATIENCE)

    cycle(5)
    before = resident()
    cycle(40)
    return (resident() - before) / 1e6


def test_captures_and_handles_are_released(recording):
    assert virtual.run(_memory, cameras=(recording,)) < 8.0


def _usb_errors() -> list[UsbErrors]:
    found = []
    with streaming() as camera:
        camera.read(PATIENCE)
        for number in 1, 2, 3:
            set_conditions(f'usb-timeout={number}')
            wait_for(lambda n=number: camera.usb_errors().reported == n, 'the log of the SDK')
        found.append(camera.usb_errors())
        set_conditions('unplugged')
        for read in (camera.read, camera.read_imu):
            with raises(CameraLostError):
                while True:
                    read(PATIENCE)
        with raises(ConfigError):
            camera.set_control('gain', 78)
    found.append(camera.usb_errors())
    set_conditions('busy')  # not a USB error
    with raises(DeviceNotFoundError):
        DeviceCamera(DEPTH)
    set_conditions()
    with DeviceCamera(DEPTH) as camera:
        found.append(camera.usb_errors())
    return found


def test_usb_errors_are_counted_at_any_log_level_and_across_reopening(recording):
    for level in 'w', 'c':
        slow, lost, again = virtual.run(_usb_errors, cameras=(recording,), K4A_LOG_LEVEL=level)
        assert slow == UsbErrors(3, 0, 'USB timeout on streaming endpoint for depth')
        # reported: 3 timeouts, an aborted transfer, a command; failed: two reads, the command
        assert (lost.reported, lost.failed_calls) == (5, 3)
        assert 'does not answer' in lost.last
        assert again == lost


# ---- the log
def _log(level: int, awaited: str = '') -> list[tuple[int, str]]:
    records: list[tuple[int, str]] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(  # type: ignore[method-assign]
        (record.levelno, record.getMessage()))
    logging.getLogger('k4a_ros.sdk').addHandler(handler)
    with streaming() as camera:
        for _ in range(3):
            set_conditions('fail:k4a_device_get_color_control')
            with raises(ConfigError):
                camera.get_control('gain')
        set_conditions()
        camera.read(PATIENCE)
        while not any(awaited in text for _, text in records):
            time.sleep(0.3)
            camera.read(PATIENCE)
    assert logging.getLogger('k4a_ros.sdk').level == level
    return records


def test_sdk_log_reaches_the_logger_once_at_its_level(recording):
    quiet = virtual.run(_log, logging.NOTSET, cameras=(recording,), K4A_LOG_LEVEL='')
    verbose = virtual.run(_log, logging.INFO, 'dropped oldest', cameras=(recording,),
                          lossless=False, K4A_LOG_LEVEL='INFO')
    assert [level for level, _ in quiet] == [logging.ERROR]
    assert 'k4a_device_get_color_control fails' in quiet[0][1]
    assert (logging.INFO, 'Queue "Queue_capture" dropped oldest') in [
        (level, text[:36]) for level, text in verbose]
