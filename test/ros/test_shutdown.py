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

"""A signal ends the driver within two seconds, with code 0 and no traceback, at any moment."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import select
import signal
import subprocess
import sys
import time
from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.jit import numba_jit
import pytest
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from support.faults import assert_ends_well
from support.recordings import write_recording
from support.ros import Case
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize('number', SIGNALS)
def test_signal_without_subscribers(case: Case, number: int) -> None:
    case(signal_without_subscribers)


def signal_without_subscribers(tmp_path: Path, number: int) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    with DriverProcess.with_parameters(
            new_domain(), recording_file=path, recording_loop_enabled=True,
            playback_start_delay=0) as driver:
        driver.wait_for_line('Opened recording')
        time.sleep(0.5)
        assert_ends_well(driver, number)


@pytest.mark.parametrize('number', SIGNALS)
def test_signal_while_waiting_for_subscribers(case: Case, number: int) -> None:
    case(signal_while_waiting_for_subscribers)


def signal_while_waiting_for_subscribers(tmp_path: Path, number: int) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    with DriverProcess.with_parameters(
            new_domain(), recording_file=path, playback_start_delay=60.0) as driver:
        driver.wait_for_line('Opened recording')
        assert_ends_well(driver, number)


@pytest.mark.parametrize('number', SIGNALS)
@pytest.mark.parametrize('rate', [0, 1])
def test_signal_while_streaming(case: Case, number: int, rate: int) -> None:
    case(signal_while_streaming)


def signal_while_streaming(tmp_path: Path, number: int, rate: int) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, recording_file=path, recording_loop_enabled=True,
            playback_rate=rate) as driver:
        clouds = listener.subscribe(PointCloud2, '/points2')
        wait_for(lambda: len(clouds) > 5, 'clouds')
        assert_ends_well(driver, number)


@pytest.mark.parametrize('number', SIGNALS)
def test_signal_while_paused_at_the_end(case: Case, number: int) -> None:
    case(signal_while_paused_at_the_end)


def signal_while_paused_at_the_end(tmp_path: Path, number: int) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    with DriverProcess.with_parameters(
            new_domain(), recording_file=path, recording_at_end='pause',
            playback_start_delay=0) as driver:
        driver.wait_for_line('playback_paused is now true')
        assert_ends_well(driver, number)


def test_signal_while_a_reliable_subscriber_is_stopped(tmp_path: Path) -> None:
    """At rate 0 the driver waits for its acknowledgments, but not during shutdown."""
    path = write_recording(tmp_path / 'a.mkv').path
    domain = new_domain()
    with DriverProcess.with_parameters(
            domain, recording_file=path, recording_loop_enabled=True, playback_rate=0) as driver:
        with stopped_subscriber(domain):
            assert_ends_well(driver, signal.SIGTERM)


@contextlib.contextmanager
def stopped_subscriber(domain: int) -> Iterator[None]:
    """Run a reliable subscriber of /points2, and stop its process after the first message."""
    program = (
        'import rclpy; from sensor_msgs.msg import PointCloud2; rclpy.init();'
        'node = rclpy.create_node("reader");'
        'node.create_subscription(PointCloud2, "/points2", lambda _: print(flush=True), 1);'
        'rclpy.spin(node)')
    reader = subprocess.Popen(
        [sys.executable, '-c', program], env=os.environ | {'ROS_DOMAIN_ID': str(domain)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: select.select([reader.stdout], [], [], 0)[0], 'a cloud')
        reader.send_signal(signal.SIGSTOP)
        time.sleep(1.0)  # until the driver waits for it
        yield
    finally:
        reader.send_signal(signal.SIGCONT)
        reader.terminate()
        reader.communicate()


@pytest.mark.skipif(not numba_jit.AVAILABLE, reason='numba is not installed: nothing compiles')
def test_signal_while_compiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shutdown does not wait for the compiler, which cannot be interrupted."""
    monkeypatch.setenv('NUMBA_CACHE_DIR', str(tmp_path / 'cache'))
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.NV12)
    path = write_recording(tmp_path / 'a.mkv', config).path
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, recording_file=path, recording_loop_enabled=True) as driver:
        images = listener.subscribe(Image, '/depth_to_rgb/image_raw')
        driver.wait_for_line('Compiling kernels')
        assert_ends_well(driver, signal.SIGINT)
    assert not images


def test_repeated_signals_have_no_further_effect(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    with DriverProcess.with_parameters(
            new_domain(), recording_file=path, recording_loop_enabled=True,
            playback_start_delay=0) as driver:
        driver.wait_for_line('Opened recording')
        # while it stands still, so that they arrive together on a busy machine, too
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            driver.process.send_signal(number)
        assert_ends_well(driver, signal.SIGCONT)


def test_signal_while_a_camera_is_opened_and_does_not_get_done(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening reads a cached array, here from a pipe into which nothing is ever written."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    parameters: dict[str, Any] = {
        'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'color_enabled': False}
    with DriverProcess.with_parameters(new_domain(), **parameters) as driver:
        driver.wait_for_line('Opened simulated camera')
        assert_ends_well(driver, signal.SIGHUP)
    pipe, = (tmp_path / 'k4a_ros').iterdir()
    pipe.unlink()
    os.mkfifo(pipe)
    with DriverProcess.with_parameters(new_domain(), **parameters) as driver:
        with opened_for_writing(pipe):
            assert_ends_well(driver, signal.SIGHUP)
    assert 'Opened' not in driver.output


@contextlib.contextmanager
def opened_for_writing(pipe: Path) -> Iterator[None]:
    """Wait until a process reads from a named pipe, and keep it waiting for data."""
    descriptors: list[int] = []

    def is_open() -> bool:
        with contextlib.suppress(OSError):  # ENXIO: there is no reader yet
            descriptors.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(descriptors)

    wait_for(is_open, 'a reader of the pipe')
    try:
        yield
    finally:
        os.close(descriptors[0])
