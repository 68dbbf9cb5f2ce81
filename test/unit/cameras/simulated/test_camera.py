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


"""The simulated camera behaves like a live one: modes, pace, queues, faults."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import replace
import statistics
import threading
import time
from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.cameras.simulated.faults import Fault
from k4a_ros.cameras.simulated.faults import KINDS
from k4a_ros.cameras.simulated.faults import parse_faults
from k4a_ros.cameras.simulated.hardware import SimulatedDevice
from k4a_ros.capture import Capture
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import ReadTimeout
from k4a_ros.images.color import ColorConverter
from k4a_ros.node.backends import inject_faults
from k4a_ros.node.backends import open_camera
from k4a_ros.parameters.settings import Settings
import numpy as np
import pytest
from support.recordings import assert_same_capture
from support.recordings import COMBINATIONS
from support.sensors import PlainSensor

SMALL = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)
BOTH = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)


class Slow(PlainSensor):
    """Takes longer for an image than there is between two."""

    def depth_and_ir(self, device_us: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        time.sleep(0.08)
        return super().depth_and_ir(device_us)


@contextlib.contextmanager
def streaming(
    config: CameraConfig = SMALL, device: SimulatedDevice | None = None, **options: Any,
) -> Iterator[SimulatedCamera]:
    """Give a camera with a plain sensor that streams."""
    with SimulatedCamera(
            config, sensor=PlainSensor(config), device=device, **options) as camera:
        camera.start()
        yield camera


def read(camera: SimulatedCamera, count: int) -> list[Capture]:
    return [camera.read(2.0) for _ in range(count)]


def numbers(captures: list[Capture], fps: int = 30) -> list[int]:
    """Return the frame numbers that the device's times tell, the first being 0."""
    return [round(c.device_us * fps / 1e6) - 2 for c in captures]


@pytest.mark.parametrize(('depth', 'color', 'form', 'fps', 'imu'), [
    *COMBINATIONS, (DepthMode.WFOV_2X2BINNED, ColorResolution.OFF, ColorFormat.MJPG, 30, True)])
def test_every_mode_gives_its_images(
    depth: DepthMode, color: ColorResolution, form: ColorFormat, fps: int, imu: bool,
) -> None:
    config = CameraConfig.of_modes(depth, color, form, fps, imu)
    sensor = PlainSensor(config)
    with SimulatedCamera(config, sensor=sensor) as camera:
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


def test_frames_come_at_their_pace_and_are_stamped_as_they_arrive() -> None:
    with streaming() as camera:
        began = time.monotonic_ns()
        captures, late = [], []
        for _ in range(20):
            captures.append(camera.read(1.0))
            late.append(time.monotonic_ns() - captures[-1].ir.host_ns)
    assert numbers(captures) == list(range(20))
    steps = np.diff([c.device_us for c in captures])
    assert set(steps.tolist()) <= {33333, 33334}
    delays = [c.ir.host_ns - began - c.device_us * 1000 for c in captures]
    assert min(delays) > 3e6
    assert max(delays) < 12e6
    assert min(late) >= 0
    assert statistics.median(late) < 5e6


def test_what_is_not_read_in_time_is_lost_the_oldest_first() -> None:
    with streaming() as camera:
        time.sleep(0.6)
        captures = read(camera, 9)
    found = numbers(captures)
    assert camera.dropped_captures == found[0]
    assert 6 <= found[0] <= 13
    assert found == list(range(found[0], found[0] + 9))


def test_a_host_that_renders_slower_than_the_frame_rate_still_gets_captures() -> None:
    with SimulatedCamera(SMALL, sensor=Slow(SMALL)) as camera:
        camera.start()
        began = time.monotonic()
        found = numbers(read(camera, 12))
        assert time.monotonic() - began < 1.6
        assert camera.dropped_captures == found[-1] - 11 > 5


def test_read_does_not_wait_longer_than_asked() -> None:
    with streaming(replace(SMALL, fps=5)) as camera:
        began = time.monotonic()
        with pytest.raises(ReadTimeout):
            camera.read(0.0)
        with pytest.raises(ReadTimeout):
            camera.read(0.1)
        assert 0.1 <= time.monotonic() - began < 1.0
        assert numbers([camera.read(1.0)], 5) == [0]


def test_inertial_samples_come_in_bursts_without_a_gap() -> None:
    with streaming() as camera:
        began = time.monotonic()
        parts = []
        while time.monotonic() - began < 0.5:
            parts.append(camera.read_imu(1.0))
    times = np.concatenate([p.acc_us for p in parts])
    assert len(times) == pytest.approx(1666 * 0.5, rel=0.05)
    assert set(np.diff(times).tolist()) == {600, 601}
    assert 12 <= statistics.median(len(p) for p in parts) <= 14
    assert times[0] == 0
    assert camera.dropped_bursts == 0


def test_half_a_second_of_inertial_samples_waits_for_its_reader() -> None:
    with streaming() as camera:
        time.sleep(0.7)
        samples = camera.read_imu(1.0)
    assert len(samples) == pytest.approx(1666 * 0.5, rel=0.03)
    assert camera.dropped_bursts > 15


def test_depth_is_as_much_later_than_color_as_asked() -> None:
    for delay in (7000, -20000):
        with streaming(replace(BOTH, depth_delay_off_color_usec=delay)) as camera:
            capture = camera.read(1.0)
        assert capture.depth.device_us - capture.color.device_us == delay
        assert capture.depth.data[0, 0] == capture.depth.device_us // 1000


def test_a_subordinate_is_later_than_its_master() -> None:
    config = replace(SMALL, wired_sync_mode=WiredSyncMode.SUBORDINATE,
                     subordinate_delay_off_master_usec=160)
    with streaming(config) as camera, streaming() as other:
        assert camera.read(1.0).device_us - other.read(1.0).device_us == 160
        assert camera.sync_jacks() == SyncJacks(sync_in=True, sync_out=False)
        assert other.sync_jacks() == SyncJacks(sync_in=False, sync_out=False)


def test_it_starts_again_at_the_beginning_with_the_same_bytes() -> None:
    settings = Settings.from_values({
        'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'simulation_seed': 3})
    takes = []
    for _ in range(2):
        with open_camera(settings) as camera:
            for _ in range(2):
                camera.start()
                takes.append((read(camera, 3), camera.read_imu(1.0)))
                camera.stop()
    captures, samples = takes[0]
    assert np.ptp(captures[0].depth.data) > 100
    for others, other_samples in takes[1:]:
        for one, other in zip(captures, others, strict=True):
            assert_same_capture(other, one)
        count = min(len(samples), len(other_samples))
        np.testing.assert_array_equal(samples.acc[:count], other_samples.acc[:count])
    again = Settings.from_values({
        'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'simulation_seed': 4})
    with open_camera(again) as camera:
        camera.start()
        assert (camera.read(1.0).depth.data != captures[0].depth.data).any()


@pytest.mark.parametrize('end', ['stop', 'close'])
def test_the_end_wakes_the_readers(end: str) -> None:
    raised: list[Exception] = []

    def wait(camera: SimulatedCamera, what: str) -> None:
        try:
            while True:
                getattr(camera, what)(60.0)
        except CameraError as error:
            raised.append(error)
    with streaming() as camera:
        camera.fault('stall', 60.0)
        threads = [threading.Thread(target=wait, args=[camera, what])
                   for what in ('read', 'read_imu')]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        began = time.monotonic()
        getattr(camera, end)()
        for thread in threads:
            thread.join()
        assert time.monotonic() - began < 5.0
    assert ['not streaming' in str(error) for error in raised] == [True, True]


def test_start_is_refused_where_it_makes_no_sense() -> None:
    with streaming() as camera:
        with pytest.raises(CameraError, match='already'):
            camera.start()
        camera.close()
        camera.close()
        with pytest.raises(CameraError, match='closed'):
            camera.start()


def test_a_configuration_that_no_camera_streams_is_refused_whole() -> None:
    config = CameraConfig.of_modes(
        DepthMode.WFOV_UNBINNED, ColorResolution.R3072P, ColorFormat.NV12, 30)
    with pytest.raises(ConfigError) as error:
        SimulatedCamera(config)
    assert len(error.value.problems) == 3


def test_controls_are_set_while_streaming_and_outlive_the_handle() -> None:
    device = SimulatedDevice()
    told: list[tuple[str, object]] = []
    with streaming(
            BOTH, device, on_control=lambda name, value: told.append((name, value))) as camera:
        assert set(camera.controls()) == set(CONTROLS)
        assert camera.set_control('exposure_time_us', 9000) == 16670
        assert camera.set_control('brightness', 250) == 250
        with pytest.raises(ConfigError, match='between 0 and 255'):
            camera.set_control('brightness', 256)
        captures = read(camera, 4)
        assert captures[-1].color.exposure_us == 16670
    assert told == [('exposure_auto', False)]
    with streaming(BOTH, device) as camera:
        assert camera.get_control('brightness') == 250
        assert camera.get_control('exposure_auto') is False
        converter = ColorConverter(ColorFormat.MJPG, (1280, 720), 'bgr8')
        out = np.empty(converter.shape, np.uint8)
        converter.convert(camera.read(1.0).color.data, out)
        assert out.mean() > 200


def test_an_unplugged_camera_is_lost_until_it_is_opened_again() -> None:
    device = SimulatedDevice()
    with streaming(SMALL, device) as camera:
        camera.read(1.0)
        threading.Timer(0.05, camera.fault, ['unplug']).start()
        with pytest.raises(CameraLostError, match='unplugged'):
            read(camera, 100)
        with pytest.raises(CameraLostError):
            camera.read_imu(1.0)
        with pytest.raises(DeviceNotFoundError, match='replug'):
            SimulatedCamera(SMALL, sensor=PlainSensor(SMALL), device=device)
        camera.fault('replug')
        with pytest.raises(CameraLostError):
            camera.read(1.0)
    with streaming(SMALL, device) as camera:
        assert numbers(read(camera, 2)) == [0, 1]
        camera.fault('unplug', 0.1)
    time.sleep(0.11)
    with streaming(SMALL, device) as camera:
        camera.read(1.0)


def test_after_a_stall_all_that_came_meanwhile_comes_at_once() -> None:
    with streaming() as camera:
        read(camera, 2)
        camera.fault('stall', 0.15)
        began = time.monotonic()
        captures = read(camera, 4)
        assert time.monotonic() - began > 0.14
        assert numbers(captures) == [2, 3, 4, 5]
        assert np.ptp([c.ir.host_ns for c in captures]) < 40e6
        assert len(camera.read_imu(1.0)) > 200


def test_a_silent_camera_sends_nothing_until_it_is_ended() -> None:
    with streaming() as camera:
        camera.read(1.0)
        camera.read_imu(1.0)
        camera.fault('silent')
        for read_one in (camera.read, camera.read_imu):
            with pytest.raises(ReadTimeout):
                for _ in range(5):  # what was there already, on a busy machine
                    read_one(0.1)
        camera.fault('none')
        assert camera.read(1.0).device_us > 230_000
        assert camera.read_imu(1.0).acc_us[0] > 200_000
        assert camera.dropped_captures == camera.dropped_bursts == 0


def test_a_subordinate_without_pulses_has_no_images_but_inertial_samples() -> None:
    with streaming(replace(SMALL, wired_sync_mode=WiredSyncMode.SUBORDINATE)) as camera:
        camera.read(1.0)
        camera.fault('no sync pulse', 0.2)
        with pytest.raises(ReadTimeout):
            camera.read(0.15)
        camera.read_imu(0.1)
        camera.read(0.2)
    with streaming() as camera, pytest.raises(ConfigError, match='no subordinate'):
        camera.fault('no sync pulse')


def test_images_are_dropped_as_many_as_asked() -> None:
    with streaming(BOTH) as camera:
        camera.fault('drop depth', 2)
        captures = read(camera, 3)
        assert [c.ir is None for c in captures] == [True, True, False]
        assert [c.depth is None for c in captures] == [True, True, False]
        assert all(c.color is not None for c in captures)
        camera.fault('drop color')
        assert [c.color is None for c in read(camera, 2)] == [True, False]
        camera.fault('drop capture', 3)
        assert numbers(read(camera, 2)) == [8, 9]


def test_synchronized_images_only_come_in_pairs() -> None:
    with streaming(replace(BOTH, synchronized_images_only=True)) as camera:
        camera.fault('drop depth', 1)
        camera.fault('drop color', 2)
        captures = read(camera, 2)
    assert all(c.color is not None and c.depth is not None for c in captures)
    assert numbers(captures) == [2, 3]


def test_corrupt_images_are_as_many_as_asked() -> None:
    with streaming(BOTH) as camera:
        camera.fault('corrupt jpeg', 2)
        good = [c.color.data[:2].tolist() == [0xff, 0xd8] for c in read(camera, 3)]
    assert good == [False, False, True]


def test_a_gap_in_the_inertial_samples() -> None:
    with streaming() as camera:
        first = camera.read_imu(1.0)
        camera.fault('imu gap', 0.1)
        second = camera.read_imu(1.0)
        assert 95_000 < second.acc_us[0] - first.acc_us[-1] < 125_000
        assert numbers([camera.read(1.0)]) == [0]


def test_a_drifting_clock() -> None:
    with streaming() as camera:
        camera.fault('drift', 50_000)
        captures = read(camera, 15)
    host = captures[-1].ir.host_ns - captures[0].ir.host_ns
    device = 1000 * (captures[-1].device_us - captures[0].device_us)
    assert device / host == pytest.approx(1.05, abs=0.02)


def test_reset_timestamps_start_at_zero_and_are_those_of_all_streams() -> None:
    with streaming() as camera:
        read(camera, 4)
        camera.read_imu(1.0)
        camera.fault('reset timestamps')
        after = read(camera, 3)
        samples = camera.read_imu(1.0)
    assert 0 < after[-1].device_us < 120_000
    assert np.diff([c.device_us for c in after]).max() in (33333, 33334)
    resets = np.flatnonzero(np.diff(samples.acc_us) < 0)
    assert len(resets) == 1
    assert samples.acc_us[resets[0] + 1] < 601


def test_latency_is_irregular_and_as_long_as_asked() -> None:
    with streaming() as camera:
        camera.fault('latency', 0.02)
        began = time.monotonic_ns()
        delays = [(c.ir.host_ns - began) / 1e9 - c.device_us * 1e-6 for c in read(camera, 20)]
    assert 0.012 < statistics.mean(delays) < 0.05
    assert statistics.stdev(delays) > 0.005


@pytest.mark.parametrize(('text', 'found'), [
    ('', []), (' ; ', []), ('unplug', [Fault('unplug', float('inf'))]),
    ('Drop_Depth 5', [Fault('drop depth', 5)]), ('drop color', [Fault('drop color', 1)]),
    ('stall 0.2; no sync pulse 3;drift -400',
     [Fault('stall', 0.2), Fault('no sync pulse', 3), Fault('drift', -400)])])
def test_texts_of_faults(text: str, found: list[Fault]) -> None:
    assert parse_faults(text) == found


@pytest.mark.parametrize('text', [
    'explode', 'stall', 'stall -1', 'stall x', 'stall nan', 'drop depth 1.5', 'drop depth 0',
    'replug 3', 'drop', 'silent 1 2', 'drift inf'])
def test_a_text_that_is_no_fault_is_refused_with_the_list(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_faults(f'stall 1; {text}')
    assert repr(text) in str(error.value)
    for name in KINDS:
        assert name in str(error.value)


def test_the_parameters_open_and_disturb_the_camera_of_the_process() -> None:
    settings = Settings.from_values({
        'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': 'OFF'})
    try:
        with open_camera(settings) as camera:
            assert not camera.lossless
            assert camera.info.serial == '000000000000'
            assert set(camera.info.firmware) >= {'color', 'depth'}
            camera.start()
            inject_faults(settings, 'unplug')
            with pytest.raises(CameraLostError):
                camera.read(1.0)
        with pytest.raises(DeviceNotFoundError):
            open_camera(settings)
    finally:
        inject_faults(settings, 'replug')
    with pytest.raises(DeviceNotFoundError, match='123'):
        open_camera(Settings.from_values({'camera': 'simulated', 'sensor_sn': '123'}))
    inject_faults(Settings.from_values({'recording_file': 'a.mkv'}), '')
    with pytest.raises(ConfigError, match='camera:=simulated'):
        inject_faults(Settings.from_values({'recording_file': 'a.mkv'}), 'unplug')


def test_bad_files_are_named(tmp_path) -> None:
    bad = tmp_path / 'bad.json'
    bad.write_text('{}')
    for path, reason in ((bad, 'CalibrationInformation'), (tmp_path / 'no.json', 'No such file')):
        with pytest.raises(CalibrationError, match=reason) as error:
            open_camera(Settings.from_values({
                'camera': 'simulated', 'simulation_calibration': str(path)}))
        assert str(path) in str(error.value)


def test_a_real_calibration_can_be_simulated(test_data) -> None:
    path = next(test_data.rglob('*calibration*.json'))
    settings = Settings.from_values({
        'camera': 'simulated', 'simulation_calibration': str(path),
        'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': 'OFF'})
    with open_camera(settings) as camera:
        assert camera.calibration.raw == path.read_bytes().rstrip(b'\0')
        camera.start()
        assert (camera.read(1.0).depth.data > 0).mean() > 0.3
