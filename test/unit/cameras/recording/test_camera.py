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

"""The recording camera: identity, data, pacing, controls and end of playback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
import threading
import time

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np
import pytest
from support.recordings import assert_same_capture
from support.recordings import COMBINATIONS
from support.recordings import FIRMWARE
from support.recordings import IMU_PERIOD_US
from support.recordings import SERIAL
from support.recordings import without
from support.recordings import write_recording
from support.recordings import Written
from support.time_limits import PATIENCE
from support.time_limits import promptly
from support.time_limits import wait_for

SMALL = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)


@pytest.fixture(scope='module')
def small(tmp_path_factory) -> Written:
    """Return a recording of six captures, 200 ms, and 334 IMU samples."""
    return write_recording(tmp_path_factory.mktemp('small') / 'a.mkv', count=6)


class Player:
    """Reads a camera with two threads, like the driver, and records what arrives when."""

    def __init__(
        self, camera: RecordingCamera, captures: int = 10**9, samples: int = 0,
    ) -> None:
        """
        Start the camera and the threads.

        :param captures: number of captures after which both threads may end; default: none.
        :param samples: number of IMU samples after which they may end.
        """
        self.camera = camera
        self.begin = time.monotonic()
        self.captures: list[tuple[float, Capture]] = []
        self.imu: list[tuple[float, ImuSamples]] = []
        self.order: list[tuple[int, str]] = []
        self.errors: list[Exception] = []
        self._enough = lambda: len(self.captures) >= captures and len(self.imu_us) >= samples
        camera.start()
        self._threads = [
            threading.Thread(target=self._play, args=job) for job in (
                (camera.read, self.captures), (camera.read_imu, self.imu))]
        for thread in self._threads:
            thread.start()

    def _play(self, read: Callable[[float], object], out: list[tuple[float, object]]) -> None:
        while not self._enough():
            try:
                item = read(0.05)
            except ReadTimeout:
                continue
            except Exception as error:
                self.errors.append(error)
                return
            out.append((time.monotonic() - self.begin, item))
            if isinstance(item, Capture):
                self.order.append((item.device_us, 'capture'))
            else:
                self.order.extend((int(us), 'imu') for us in item.acc_us)

    def join(self, timeout: float = PATIENCE) -> Player:
        """Wait for both threads, and assert that no error has stopped them."""
        for thread in self._threads:
            thread.join(timeout)
            assert not thread.is_alive()
        for error in self.errors:
            assert isinstance(error, EndOfRecording), error
        return self

    @property
    def imu_us(self) -> list[int]:
        """Return the timestamps of all IMU samples."""
        return [int(us) for _, samples in self.imu for us in samples.acc_us]


def play(path: Path, **options: object) -> Player:
    """Play a file to its end."""
    with RecordingCamera(path, **options) as camera:
        return Player(camera).join()


def assert_played(player: Player, written: Written) -> None:
    """Assert that all data was played once and in order."""
    assert len(player.captures) == len(written.captures)
    for (_, actual), expected in zip(player.captures, written.captures, strict=True):
        assert_same_capture(actual, expected)
    assert len(player.imu_us) == len(written.imu)
    for name in ('acc', 'acc_us', 'gyro', 'gyro_us'):
        if player.imu:
            found = np.concatenate([getattr(samples, name) for _, samples in player.imu])
            np.testing.assert_array_equal(found, getattr(written.imu, name))


def test_attributes_are_read_from_the_file(small):
    with RecordingCamera(small.path) as camera:
        assert camera.lossless
        assert camera.config == small.config
        assert camera.info.kind == 'recording'
        assert camera.info.serial == SERIAL
        assert camera.info.source == str(small.path)
        assert camera.info.firmware == FIRMWARE
        assert camera.calibration.raw == small.calibration.rstrip(b'\0')


@pytest.mark.parametrize('modes', COMBINATIONS, ids=lambda modes: '-'.join(
    str(getattr(mode, 'name', mode)) for mode in modes))
def test_every_mode_is_played_bit_identical(tmp_path, modes):
    written = write_recording(tmp_path / 'a.mkv', CameraConfig.of_modes(*modes), count=2)
    assert_played(play(written.path, rate=0), written)


def test_real_recording_equals_pyk4a(real_recording):
    from pyk4a import PyK4APlayback
    plain = PyK4APlayback(real_recording, thread_safe=False)
    plain.open()
    expected, sample = plain.get_next_capture(), plain.get_next_imu_sample()
    player = play(real_recording)
    (_, capture), = player.captures
    for name in ('depth', 'ir', 'color'):
        image = getattr(capture, name)
        np.testing.assert_array_equal(image.data, getattr(expected, name))
        assert image.device_us == getattr(expected, f'{name}_timestamp_usec')
    (_, imu), = player.imu
    assert imu.acc_us.tolist() == [sample['acc_timestamp']]
    assert imu.gyro_us.tolist() == [sample['gyro_timestamp']]
    assert tuple(imu.acc[0]) == pytest.approx(sample['acc_sample'])
    assert tuple(imu.gyro[0]) == pytest.approx(sample['gyro_sample'])
    assert np.isnan(imu.temperature).all()
    camera = player.camera
    assert camera.config.fps == 5
    assert camera.info.firmware == {'color': '1.6.110', 'depth': '1.6.79'}
    assert camera.info.serial == camera.calibration.serial == '001514394512'
    # the file starts with the sample; the capture is 463,945 us later
    assert player.captures[0][0] == pytest.approx(0.464, abs=0.1)
    plain.close()


@pytest.mark.parametrize('track', ['depth', 'ir'])
def test_track_may_be_empty(tmp_path, track):
    written = write_recording(
        tmp_path / 'a.mkv', edit=lambda index, capture: without(capture, track))
    assert_played(play(written.path, rate=0), written)


def test_captures_may_lack_images(tmp_path):
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)
    missing = [('color',), (), ('depth', 'ir'), ('depth',), ()]
    written = write_recording(
        tmp_path / 'a.mkv', config, count=5,
        edit=lambda index, capture: without(capture, *missing[index]))
    assert_played(play(written.path, rate=0), written)


@pytest.mark.parametrize('start_us', [0, 90_000_000, 5_000_000_000])
def test_playback_starts_immediately_at_any_start_time(tmp_path, start_us):
    written = write_recording(tmp_path / 'a.mkv', start_us=start_us)
    with promptly(0.5):
        player = play(written.path)
    assert_played(player, written)


def test_images_are_played_without_imu(tmp_path):
    config = replace(SMALL, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config)
    with RecordingCamera(written.path, rate=0) as camera:
        assert not camera.config.imu
        player = Player(camera).join()
    assert_played(player, written)


def test_imu_is_played_without_images(tmp_path):
    written = write_recording(tmp_path / 'a.mkv', count=1)
    with RecordingWriter(tmp_path / 'b.mkv', SMALL, written.calibration) as writer:
        writer.write_imu(written.imu)
    player = play(tmp_path / 'b.mkv', rate=0)
    assert not player.captures
    assert player.imu_us == written.imu.acc_us.tolist()


def test_home_and_relative_paths_are_expanded(small, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(small.path.parent))
    monkeypatch.chdir(small.path.parent)
    for path in ('~/a.mkv', 'a.mkv', './a.mkv'):
        with RecordingCamera(path) as camera:
            assert camera.info.serial == SERIAL


@pytest.mark.parametrize('serial', ['', SERIAL, SERIAL.lstrip('0'), '0' + SERIAL])
def test_matching_serial_number_is_accepted(small, serial):
    RecordingCamera(small.path, serial=serial).close()


def test_other_serial_number_is_rejected(small):
    reason = f'as 000999: the serial number of its camera is {SERIAL}'
    with pytest.raises(DeviceNotFoundError, match=reason):
        RecordingCamera(small.path, serial='000999')


@pytest.mark.parametrize('rate', [1.0, 2.0, 0.5])
def test_playback_follows_timestamps_and_rate(small, rate):
    with promptly(0.2 / rate + 0.25):
        player = play(small.path, rate=rate)
    assert_played(player, small)
    for at, capture in player.captures:
        assert at >= (capture.device_us - 500_000) / 1e6 / rate - 0.002
    for at, samples in player.imu:
        assert at >= (int(samples.acc_us[-1]) - 500_000) / 1e6 / rate - 0.002


def test_imu_samples_are_batched(small):
    """About a hundred batches per second instead of 1666 samples."""
    player = play(small.path)
    assert len(player.imu_us) == len(small.imu) > 300
    assert len(player.imu) < 45


def test_late_reader_loses_no_data(small):
    with RecordingCamera(small.path) as camera:
        camera.start()
        time.sleep(0.3)
        for expected in small.captures:
            assert_same_capture(camera.read(0.0), expected)
        assert len(camera.read_imu(0.0)) == len(small.imu)


def test_rate_zero_releases_in_timestamp_order(tmp_path):
    config = replace(SMALL, fps=30)
    written = write_recording(tmp_path / 'a.mkv', config, count=20)
    with promptly(0.5):
        player = play(written.path, rate=0)
    assert_played(player, written)
    times = [us for us, _ in player.order]
    assert times == sorted(times)


@pytest.mark.parametrize('slow', ['read', 'read_imu'])
def test_rate_zero_waits_for_the_slower_reader(small, slow):
    with RecordingCamera(small.path, rate=0) as camera:
        read = getattr(camera, slow)
        setattr(camera, slow, lambda timeout: (time.sleep(0.02), read(timeout))[1])
        player = Player(camera).join()
    assert_played(player, small)
    times = [us for us, _ in player.order]
    assert times == sorted(times)


def test_rate_zero_allows_polling_from_one_thread(small):
    with RecordingCamera(small.path, rate=0) as camera:
        camera.start()
        order: list[int] = []
        ended = set()
        while ended != {'read', 'read_imu'}:
            for name in ('read', 'read_imu'):
                try:
                    item = getattr(camera, name)(0.0)
                except ReadTimeout:
                    continue
                except EndOfRecording:
                    ended.add(name)
                    continue
                order += [item.device_us] if name == 'read' else item.acc_us.tolist()
    assert order == sorted(order)
    assert len(order) == len(small.captures) + len(small.imu)


@pytest.mark.parametrize('rate', [0.0, 4.0])
def test_timestamps_increase_over_loops(small, rate):
    with RecordingCamera(small.path, rate=rate, loop=True) as camera:
        player = Player(camera, captures=20, samples=2 * len(small.imu) + 1)
        player.join()
    span = int(small.imu.acc_us[-1]) - 500_000 + small.config.period_us
    for number, (_, capture) in enumerate(player.captures):
        turn, index = divmod(number, 6)
        assert_same_capture(capture, small.captures[index], turn * span)
    imu = player.imu_us
    for number, us in enumerate(imu):
        turn, index = divmod(number, len(small.imu))
        assert us == small.imu.acc_us[index] + turn * span
    assert len(imu) > 2 * len(small.imu)
    gyro = np.concatenate([samples.gyro_us for _, samples in player.imu])
    assert (np.diff(gyro) > 0).all()
    if rate == 0:
        times = [us for us, _ in player.order]
        assert times == sorted(times)


def test_reads_after_the_end_keep_raising(small):
    with RecordingCamera(small.path, rate=0) as camera:
        Player(camera).join()
        for read in (camera.read, camera.read_imu):
            for _ in range(3):
                with pytest.raises(EndOfRecording):
                    read(0.01)


def test_pause_and_resume(small):
    with RecordingCamera(small.path, paused=True) as camera:
        player = Player(camera)
        time.sleep(0.15)
        assert not player.order
        assert camera.set_control('playback_paused', False) is False
        wait_for(lambda: len(player.captures) >= 2, 'two captures')
        assert camera.set_control('playback_paused', True) is True
        counts = len(player.captures), len(player.imu)
        time.sleep(0.3)
        # each thread may have been returning from a read
        assert len(player.captures) <= counts[0] + 1 and len(player.imu) <= counts[1] + 1
        camera.set_control('playback_paused', False)
        player.join()
    assert_played(player, small)


def test_rate_can_be_changed_during_playback(small):
    with RecordingCamera(small.path, rate=0.0001) as camera:
        player = Player(camera)
        time.sleep(0.1)
        assert len(player.captures) <= 1
        with promptly(1.0):
            assert camera.set_control('playback_rate', 0) == 0.0
            player.join()
    assert_played(player, small)


@pytest.mark.parametrize(('name', 'value'), [
    ('playback_rate', -1.0), ('playback_rate', float('nan')), ('playback_rate', True),
    ('playback_paused', 1.0), ('exposure_time', 500),
])
def test_invalid_control_is_rejected(small, name, value):
    with RecordingCamera(small.path) as camera:
        with pytest.raises(ConfigError, match=name):
            camera.set_control(name, value)


def test_invalid_option_is_rejected(small):
    with pytest.raises(ConfigError, match='playback_rate'):
        RecordingCamera(small.path, rate=-1)
    with pytest.raises(ConfigError, match="'exit', 'pause' or 'loop'"):
        RecordingCamera(small.path, at_end='stop')


@pytest.mark.parametrize('rate', [0.0, 5.0])
def test_playback_paused_at_the_end_can_be_repeated(small, rate):
    reports: list[tuple[str, float | bool]] = []
    with RecordingCamera(small.path, rate=rate, at_end='pause',
                         on_control=lambda name, value: reports.append((name, value))) as camera:
        player = Player(camera)
        wait_for(lambda: len(player.order) == 6 + len(small.imu), 'the first pass')
        time.sleep(0.15)
        assert len(player.order) == 6 + len(small.imu)
        assert set(reports) == {('playback_paused', True)}
        camera.set_control('playback_paused', False)
        wait_for(lambda: len(player.order) == 2 * (6 + len(small.imu)), 'the second pass')
        camera.stop()
        player.join()
    imu = player.imu_us
    assert imu == sorted(imu)
    span = imu[len(small.imu)] - imu[0]
    assert_same_capture(player.captures[6][1], small.captures[0], span)


@pytest.mark.parametrize('end', ['stop', 'close'])
@pytest.mark.parametrize('options', [
    {'rate': 0.001}, {'paused': True}, {'rate': 0, 'at_end': 'pause'}, {'rate': 0, 'loop': True},
    {'loop': True},
], ids=str)
def test_stop_and_close_interrupt_both_readers(small, end, options):
    camera = RecordingCamera(small.path, **options)
    camera.start()
    ended: list[Exception] = []

    def drain(read: Callable[[float], object]) -> None:
        try:
            while True:
                read(30.0)
        except Exception as error:
            ended.append(error)

    threads = [threading.Thread(target=drain, args=[read])
               for read in (camera.read, camera.read_imu)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    with promptly(1.0):
        getattr(camera, end)()
        for thread in threads:
            thread.join()
    assert [type(error) for error in ended] == [EndOfRecording] * 2
    camera.close()
    camera.close()


def test_start_after_stop_resumes(small):
    with RecordingCamera(small.path, rate=0) as camera:
        player = Player(camera, captures=3)
        camera.stop()
        player.join()
        count = len(player.captures)
        resumed = Player(camera).join()
    player.captures += resumed.captures
    player.imu += resumed.imu
    assert count <= 3
    assert_played(player, small)


def test_start_after_close_raises(small):
    camera = RecordingCamera(small.path)
    camera.close()
    with pytest.raises(RecordingError, match='closed'):
        camera.start()


def test_unusable_file_or_calibration_is_rejected(small, tmp_path):
    path = tmp_path / 'truncated.mkv'
    path.write_bytes(small.path.read_bytes()[:-1])
    with pytest.raises(RecordingError, match=rf'cannot open recording {path}: it is truncated'):
        RecordingCamera(path)
    written = write_recording(tmp_path / 'a.mkv', count=1, calibration=b'{"a": 1}')
    with pytest.raises(RecordingError, match=rf'{written.path}: .*factory calibration'):
        RecordingCamera(written.path)


def test_damaged_image_raises_camera_lost(tmp_path):
    """An image of the wrong size, in a file that is complete otherwise."""
    config = CameraConfig.of_modes(
        DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config, count=1)
    written.path.write_bytes(written.path.read_bytes().replace(b'NV12', b'YUY2'))
    with pytest.raises(CameraLostError, match=r'damaged.*color'):
        RecordingCamera(written.path)


def test_imu_period_is_kept(small):
    assert set(np.diff(play(small.path, rate=0).imu_us)) == {IMU_PERIOD_US}
