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

"""Playback of recordings: completeness at rate 0, pace, loops, pause, end of file."""

from __future__ import annotations

from pathlib import Path
import signal
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2
from support.faults import assert_ends_well
from support.faults import assert_stamps_increase
from support.recordings import COMBINATIONS
from support.recordings import SERIAL
from support.recordings import without
from support.recordings import write_recording
from support.recordings import Written
from support.ros import Case
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for
from support.time_limits import promptly

CAPTURES = 4


def subscribe(listener: Listener, config: CameraConfig) -> dict[str, list[Any]]:
    """Subscribe to every recorded image without conversion, and to the IMU samples."""
    kinds: dict[str, Any] = {}
    if config.depth:
        kinds['/depth/image_raw'] = Image
    if config.ir:
        kinds['/ir/image_raw'] = Image
    if config.color:
        jpeg = config.color_format is ColorFormat.MJPG
        kinds['/rgb/image_raw/compressed' if jpeg else '/rgb/image_raw'] = (
            CompressedImage if jpeg else Image)
    if config.imu:
        kinds['/imu'] = Imu
    return {name: listener.subscribe(kind, name) for name, kind in kinds.items()}


def images_of(written: Written, topic: str) -> list[bytes]:
    name = {'/depth': 'depth', '/ir/i': 'ir', '/rgb/': 'color'}[
        next(p for p in ('/depth', '/ir/i', '/rgb/') if topic.startswith(p))]
    images = [getattr(capture, name) for capture in written.captures]
    return [image.data.tobytes() for image in images if image is not None]


def assert_all_arrive(written: Written, messages: dict[str, list[Any]]) -> None:
    """Fail unless every image and IMU sample arrives once, in order, and unchanged."""
    for topic, received in messages.items():
        expected_count = len(written.imu if topic == '/imu' else images_of(written, topic))
        wait_for(lambda r=received, n=expected_count: len(r) >= n, f'all messages of {topic}')
        assert_stamps_increase(received)
        if topic != '/imu':
            assert [bytes(m.data) for m in received] == images_of(written, topic), topic
            continue
        assert len(received) == len(written.imu)
        acc = [[getattr(m.linear_acceleration, axis) for axis in 'xyz'] for m in received]
        np.testing.assert_array_equal(np.float32(acc), written.imu.acc)
        np.testing.assert_array_equal(
            np.diff(stamps(received)), np.diff(written.imu.acc_us) * 1000)
        gyro = [[getattr(m.angular_velocity, axis) for axis in 'xyz'] for m in received]
        expected = np.stack([np.interp(written.imu.acc_us, written.imu.gyro_us,
                                       written.imu.gyro[:, i]) for i in range(3)], axis=-1)
        np.testing.assert_allclose(gyro, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ('depth', 'color', 'form', 'fps', 'imu'), COMBINATIONS,
    ids=[f'{d.name}-{c.label}-{f.name}-{fps}{"-imu" * imu}' for d, c, f, fps, imu in COMBINATIONS])
def test_no_message_is_lost_at_rate_0(
    case: Case, depth: DepthMode, color: ColorResolution, form: ColorFormat, fps: int, imu: bool,
) -> None:
    case(no_message_is_lost_at_rate_0)


def no_message_is_lost_at_rate_0(
    tmp_path: Path, depth: DepthMode, color: ColorResolution, form: ColorFormat, fps: int,
    imu: bool,
) -> None:
    config = CameraConfig.of_modes(depth, color, form, fps, imu)
    written = write_recording(tmp_path / 'a.mkv', config, CAPTURES)
    domain = new_domain()
    with listening(domain) as listener:
        messages = subscribe(listener, config)
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, playback_rate=0, depth_unit='16UC1',
                rgb_encoding='bgra8' if form is ColorFormat.BGRA32 else 'native') as driver:
            assert driver.wait() == 0, driver.output
            summary = driver.wait_for_line('End of the recording')
        assert f'{CAPTURES} captures and {len(written.imu)} IMU samples' in summary
        assert_all_arrive(written, messages)


def test_no_message_is_lost_after_resuming_a_paused_recording(tmp_path: Path) -> None:
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=30)
    written = write_recording(tmp_path / 'a.mkv', config, 10)
    domain = new_domain()
    with DriverProcess.with_parameters(
            domain, recording_file=written.path, playback_rate=0, playback_paused=True,
            playback_start_delay=0) as driver, listening(domain) as listener:
        driver.wait_for_line('Opened recording')
        messages = subscribe(listener, config)
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')

        def discovered() -> bool:
            values = {v.key: v.value for s in diagnostics[-1:] for d in s.status for v in d.values}
            return all('subscribers: 1' in values.get(name.strip('/'), '') for name in messages)

        wait_for(discovered, 'the driver to discover all subscribers')
        assert not any(messages.values())
        assert listener.set_parameters('/k4a_driver', playback_paused=False).successful
        assert driver.wait() == 0, driver.output
        assert_all_arrive(written, messages)


def test_loop_keeps_stamps_increasing_and_their_distances(tmp_path: Path) -> None:
    """At rate 0, at which no message is lost."""
    written = write_recording(tmp_path / 'a.mkv', count=3)
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, recording_file=written.path, recording_loop_enabled=True, playback_rate=0):
        depth = listener.subscribe(Image, '/depth/image_raw')
        info = listener.subscribe(CameraInfo, '/depth/camera_info')
        imu = listener.subscribe(Imu, '/imu')
        wait_for(lambda: len(depth) > 12, 'four passes')
    period = written.config.period_us * 1000
    steps = np.diff(stamps(depth))
    assert (steps >= period).all() and steps.max() < 3 * period
    assert len({bytes(m.data) for m in depth}) == 3
    assert_stamps_increase(imu)
    # one of the subscribers may have been discovered first, and stopped first
    first = max(stamps(depth)[0], stamps(info)[0])
    last = min(stamps(depth)[-1], stamps(info)[-1])
    of_depth, of_info = ([s for s in stamps(m) if first <= s <= last] for m in (depth, info))
    assert of_depth == of_info and len(of_depth) > 3


def test_playback_has_the_pace_of_the_recording(tmp_path: Path) -> None:
    """Fifteen captures at 5 fps take 2.8 s; at rate 2 half as long."""
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=5)
    written = write_recording(tmp_path / 'a.mkv', config, 15)
    for rate in (1.0, 2.0):
        domain = new_domain()
        with listening(domain) as listener:
            depth = listener.subscribe(Image, '/depth/image_raw')
            with DriverProcess.with_parameters(
                    domain, recording_file=written.path, playback_rate=rate):
                wait_for(lambda d=depth: d, 'the first capture')
                first = time.monotonic()
                with promptly(2.8 / rate + 0.4):
                    wait_for(lambda d=depth: len(d) == 15, 'all captures')
            # less than the whole, as the first capture may be late
            assert time.monotonic() - first > 0.6 * 2.8 / rate


def test_recording_paused_at_the_end_can_be_played_again(tmp_path: Path) -> None:
    written = write_recording(tmp_path / 'a.mkv', count=3)
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, recording_file=written.path, recording_at_end='pause') as driver:
        depth = listener.subscribe(Image, '/depth/image_raw')
        wait_for(lambda: len(depth) == 3, 'the first pass')
        driver.wait_for_line('playback_paused is now true')
        time.sleep(0.5)
        assert len(depth) == 3
        assert listener.set_parameters('/k4a_driver', playback_paused=False).successful
        wait_for(lambda: len(depth) == 6, 'the second pass')
        assert_stamps_increase(depth)
        assert_ends_well(driver, signal.SIGTERM)


def test_partial_captures_are_published(tmp_path: Path) -> None:
    """The second capture lacks color, the third lacks depth and infrared."""
    def edit(index: int, capture: Capture) -> Capture:
        return without(capture, *{1: ('color',), 2: ('depth', 'ir')}.get(index, ()))

    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.NV12, 15)
    written = write_recording(tmp_path / 'a.mkv', config, 5, edit=edit)
    domain = new_domain()
    with listening(domain) as listener:
        messages = subscribe(listener, config)
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, playback_rate=0,
                rgb_encoding='native') as driver:
            assert driver.wait() == 0, driver.output
        assert_all_arrive(written, messages)
    color = messages['/rgb/image_raw']
    assert [m.encoding for m in color] == ['nv12'] * 4
    assert (color[0].height, color[0].width, color[0].step) == (720, 1280, 1280)


def test_relative_paths_and_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_recording(tmp_path / 'a b.mkv')
    monkeypatch.setenv('HOME', str(tmp_path))
    for path in ('a b.mkv', '~/a b.mkv'):
        with DriverProcess.with_parameters(
                new_domain(), '-p', f"recording_file:='{path}'", cwd=tmp_path,
                playback_start_delay=0) as driver:
            assert driver.wait() == 0, driver.output
            assert f'serial number {SERIAL}' in driver.output


def test_topics_without_subscribers_are_not_converted(tmp_path: Path) -> None:
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.BGRA32)
    written = write_recording(tmp_path / 'a.mkv', config, 3)
    domain = new_domain()
    with DriverProcess.with_parameters(
            domain, recording_file=written.path, playback_start_delay=0) as driver:
        assert driver.wait() == 0, driver.output
        without = driver.wait_for_line('End of the recording')
    with listening(domain) as listener:
        points = listener.subscribe(PointCloud2, '/points2')
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, playback_rate=0) as driver:
            assert driver.wait() == 0, driver.output
            with_one = driver.wait_for_line('End of the recording')
        wait_for(lambda: len(points) == 3, 'the clouds')

    def published(line: str) -> dict[str, int]:
        parts = line.partition('published: ')[2].split(', ')
        return {topic: int(count) for topic, count in (part.split() for part in parts)}

    assert len(published(without)) > 8 and not any(published(without).values())
    assert published(with_one) == dict.fromkeys(published(without), 0) | {'points2': 3}


def test_points_project_to_their_pixels(tmp_path: Path) -> None:
    for mode in (DepthMode.WFOV_2X2BINNED, DepthMode.NFOV_UNBINNED):
        config = CameraConfig.of_modes(mode, ColorResolution.OFF, imu=False)
        written = write_recording(tmp_path / f'{mode.name}.mkv', config, 1)
        domain = new_domain()
        with listening(domain) as listener:
            clouds = listener.subscribe(PointCloud2, '/points2')
            depth = listener.subscribe(Image, '/depth/image_raw')
            with DriverProcess.with_parameters(
                    domain, recording_file=written.path, playback_rate=0,
                    depth_unit='32FC1') as driver:
                assert driver.wait() == 0, driver.output
            wait_for(lambda c=clouds, d=depth: c and d, 'cloud and depth')
        shape = mode.size[::-1]
        points = np.frombuffer(clouds[0].data, np.float32).reshape(*shape, 4)
        meters = np.frombuffer(depth[0].data, np.float32).reshape(shape)
        lens = FactoryCalibration.from_raw(written.calibration).depth(mode)
        seen = ~np.isnan(points[..., 0])
        np.testing.assert_array_equal(points[seen][:, 2], meters[seen])
        pixels, valid = lens.project(points[seen][:, :3])
        assert valid.all()
        v, u = np.nonzero(seen)
        np.testing.assert_allclose(pixels, np.stack([u, v], axis=-1), atol=2e-3)
