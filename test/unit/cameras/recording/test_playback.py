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

"""Playback of the recording camera: pacing, controls, loops, and end of playback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import threading
import time

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout
import numpy as np
import pytest
from support.player import assert_played
from support.player import play
from support.player import Player
from support.recordings import assert_same_capture
from support.recordings import IMU_PERIOD_US
from support.recordings import write_recording
from support.time_limits import promptly
from support.time_limits import wait_for

SMALL = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)


@pytest.mark.parametrize('start_us', [0, 90_000_000, 5_000_000_000])
def test_playback_starts_immediately_at_any_start_time(tmp_path, start_us):
    written = write_recording(tmp_path / 'a.mkv', start_us=start_us)
    with promptly(0.5):
        player = play(written.path)
    assert_played(player, written)


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


@pytest.mark.parametrize(('time_origin', 'keeps_up'), [(-1.0, False), (0.0, True)])
def test_recording_that_plays_in_step_with_others_is_not_held(small, time_origin, keeps_up):
    with RecordingCamera(small.path, time_origin=time_origin) as camera:
        camera.start()
        with camera.playback.hold():
            held = camera.playback.position()
            time.sleep(0.02)
            assert (camera.playback.position() > held) is keeps_up
        wait_for(lambda: camera.playback.position() > held, 'playback')


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


def test_imu_period_is_kept(small):
    assert set(np.diff(play(small.path, rate=0).imu_us)) == {IMU_PERIOD_US}
