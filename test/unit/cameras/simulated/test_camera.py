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

"""The simulated camera behaves like a live one: modes, timing, queues, controls."""

from __future__ import annotations

from dataclasses import replace
import statistics
import threading
import time

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.cameras.simulated.hardware import SimulatedDevice
from k4a_ros.errors import CameraError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import ReadTimeout
from k4a_ros.images.color import ColorConverter
import numpy as np
import pytest
from support.recordings import COMBINATIONS
from support.sensors import PlainSensor
from support.simulated import DEPTH_AND_COLOR
from support.simulated import DEPTH_ONLY
from support.simulated import frame_numbers
from support.simulated import read
from support.simulated import stepped_device
from support.simulated import SteppedTime
from support.simulated import streaming
from support.time_limits import promptly


class SlowSensor(PlainSensor):
    """Takes longer to render an image than the frame period."""

    def __init__(self, config: CameraConfig, host_time: SteppedTime) -> None:
        super().__init__(config)
        self._time = host_time

    def depth_and_ir(self, device_us: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        self._time.advance(0.08)
        return super().depth_and_ir(device_us)


@pytest.mark.parametrize(('depth', 'color', 'form', 'fps', 'imu'), [
    *COMBINATIONS, (DepthMode.WFOV_2X2BINNED, ColorResolution.OFF, ColorFormat.MJPG, 30, True)])
def test_every_mode_delivers_its_images(
    depth: DepthMode, color: ColorResolution, form: ColorFormat, fps: int, imu: bool,
) -> None:
    config = CameraConfig.of_modes(depth, color, form, fps, imu)
    sensor = PlainSensor(config)
    with SimulatedCamera(config, sensor=sensor, device=stepped_device()) as camera:
        camera.start()
        capture = camera.read(2.0)
        assert (capture.depth is not None) == config.depth
        assert (capture.ir is not None) == config.ir
        assert (capture.color is not None) == config.color
        for image in (capture.depth, capture.ir):
            if image is not None:
                assert image.data.shape == depth.size[::-1]
                assert image.data.dtype == np.uint16
        if capture.color is not None:
            converter = ColorConverter(form, color.size, 'bgr8')
            out = np.empty(converter.shape, np.uint8)
            converter.convert(capture.color.data, out)
            assert np.abs(out.astype(int) - 115).max() <= 3
            assert capture.color.exposure_us == 16670
            assert capture.color.white_balance == 4500
            assert capture.color.iso_speed == 100
        assert 25 < capture.temperature < 50
        if imu:
            assert len(camera.read_imu(1.0)) > 0
        else:
            with pytest.raises(CameraError, match='IMU'):
                camera.read_imu(0.1)
    assert ('depth' in sensor.calls, 'color' in sensor.calls) == (config.ir, config.color)


def test_frames_arrive_at_the_frame_rate_and_are_stamped_on_arrival() -> None:
    host_time = SteppedTime()
    with streaming(device=SimulatedDevice(host_time)) as camera:
        start = host_time.now_ns()
        captures, age_ns = [], []
        for _ in range(20):
            captures.append(camera.read(1.0))
            age_ns.append(host_time.now_ns() - captures[-1].ir.host_ns)
    assert frame_numbers(captures) == list(range(20))
    steps = np.diff([c.device_us for c in captures])
    assert set(steps.tolist()) <= {33333, 33334}
    latencies = [c.ir.host_ns - start - c.device_us * 1000 for c in captures]
    assert min(latencies) > 3e6
    assert max(latencies) < 12e6
    assert min(age_ns) >= 0
    assert max(age_ns) < 1000


def test_reads_wait_for_real_time() -> None:
    """Nothing arrives early by the host's own clock."""
    with streaming(device=SimulatedDevice()) as camera:
        start = time.monotonic_ns()
        for _ in range(3):
            capture = camera.read(10.0)
            now = time.monotonic_ns()
            assert start + capture.device_us * 1000 < capture.ir.host_ns <= now


def test_oldest_captures_are_dropped_when_the_queue_is_full() -> None:
    host_time = SteppedTime()
    with streaming(device=SimulatedDevice(host_time)) as camera:
        host_time.advance(0.6)
        captures = read(camera, 9)
    numbers = frame_numbers(captures)
    assert camera.dropped_captures == numbers[0]
    assert 8 <= numbers[0] <= 10
    assert numbers == list(range(numbers[0], numbers[0] + 9))


def test_rendering_slower_than_the_frame_rate_drops_captures() -> None:
    host_time = SteppedTime()
    sensor = SlowSensor(DEPTH_ONLY, host_time)
    with SimulatedCamera(
            DEPTH_ONLY, sensor=sensor, device=SimulatedDevice(host_time)) as camera:
        camera.start()
        start = host_time.now_ns()
        numbers = frame_numbers(read(camera, 12))
        assert host_time.now_ns() - start < 1.1e9
        assert camera.dropped_captures == numbers[-1] - 11 > 5


def test_read_raises_after_the_timeout() -> None:
    host_time = SteppedTime()
    with streaming(replace(DEPTH_ONLY, fps=5), SimulatedDevice(host_time)) as camera:
        start = host_time.now_ns()
        with pytest.raises(ReadTimeout):
            camera.read(0.0)
        with pytest.raises(ReadTimeout):
            camera.read(0.1)
        assert 0.1e9 <= host_time.now_ns() - start < 0.101e9
        assert frame_numbers([camera.read(1.0)], 5) == [0]


def test_inertial_samples_arrive_in_bursts_without_gaps() -> None:
    host_time = SteppedTime()
    with streaming(device=SimulatedDevice(host_time)) as camera:
        end = host_time.now_ns() + 500_000_000
        parts = []
        while host_time.now_ns() < end:
            parts.append(camera.read_imu(1.0))
    times = np.concatenate([p.acc_us for p in parts])
    assert len(times) == pytest.approx(1666 * 0.5, rel=0.05)
    assert set(np.diff(times).tolist()) == {600, 601}
    assert 12 <= statistics.median(len(p) for p in parts) <= 14
    assert times[0] == 0
    assert camera.dropped_bursts == 0


def test_imu_queue_holds_half_a_second() -> None:
    host_time = SteppedTime()
    with streaming(device=SimulatedDevice(host_time)) as camera:
        host_time.advance(0.7)
        samples = camera.read_imu(1.0)
    assert len(samples) == pytest.approx(1666 * 0.5, rel=0.03)
    assert camera.dropped_bursts > 15


def test_depth_delay_off_color_shifts_the_depth_image() -> None:
    for delay in (7000, -20000):
        with streaming(replace(DEPTH_AND_COLOR, depth_delay_off_color_usec=delay)) as camera:
            capture = camera.read(1.0)
        assert capture.depth.device_us - capture.color.device_us == delay
        assert capture.depth.data[0, 0] == capture.depth.device_us // 1000


def test_subordinate_delay_off_master_shifts_all_images() -> None:
    config = replace(DEPTH_ONLY, wired_sync_mode=WiredSyncMode.SUBORDINATE,
                     subordinate_delay_off_master_usec=160)
    with streaming(config) as subordinate, streaming() as standalone:
        assert subordinate.read(1.0).device_us - standalone.read(1.0).device_us == 160
        assert subordinate.sync_jacks() == SyncJacks(sync_in=True, sync_out=False)
        assert standalone.sync_jacks() == SyncJacks(sync_in=False, sync_out=False)


@pytest.mark.parametrize('method', ['stop', 'close'])
def test_stop_and_close_wake_blocked_reads(method: str) -> None:
    errors: list[Exception] = []

    def read_until_error(camera: SimulatedCamera, read_method: str) -> None:
        try:
            while True:
                getattr(camera, read_method)(60.0)
        except CameraError as error:
            errors.append(error)
    with streaming(device=SimulatedDevice()) as camera:
        camera.inject_faults('stall', 60.0)
        threads = [threading.Thread(target=read_until_error, args=[camera, read_method])
                   for read_method in ('read', 'read_imu')]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        with promptly(5.0):
            getattr(camera, method)()
            for thread in threads:
                thread.join()
    assert ['not streaming' in str(error) for error in errors] == [True, True]


def test_start_while_streaming_or_closed_raises() -> None:
    with streaming() as camera:
        with pytest.raises(CameraError, match='already'):
            camera.start()
        camera.close()
        camera.close()
        with pytest.raises(CameraError, match='closed'):
            camera.start()


def test_invalid_configuration_raises_with_all_problems() -> None:
    config = CameraConfig.of_modes(
        DepthMode.WFOV_UNBINNED, ColorResolution.R3072P, ColorFormat.NV12, 30)
    with pytest.raises(ConfigError) as error:
        SimulatedCamera(config)
    assert len(error.value.problems) == 3


def test_controls_can_be_set_while_streaming_and_persist_after_close() -> None:
    device = stepped_device()
    reported: list[tuple[str, object]] = []
    with streaming(
            DEPTH_AND_COLOR, device,
            on_control=lambda name, value: reported.append((name, value))) as camera:
        assert set(camera.controls()) == set(CONTROLS)
        assert camera.set_control('exposure_time_us', 9000) == 16670
        assert camera.set_control('brightness', 250) == 250
        with pytest.raises(ConfigError, match='between 0 and 255'):
            camera.set_control('brightness', 256)
        captures = read(camera, 4)
        assert captures[-1].color.exposure_us == 16670
    assert reported == [('exposure_auto', False)]
    with streaming(DEPTH_AND_COLOR, device) as camera:
        assert camera.get_control('brightness') == 250
        assert camera.get_control('exposure_auto') is False
        converter = ColorConverter(ColorFormat.MJPG, (1280, 720), 'bgr8')
        out = np.empty(converter.shape, np.uint8)
        converter.convert(camera.read(1.0).color.data, out)
        assert out.mean() > 200
