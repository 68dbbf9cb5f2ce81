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

"""Move within a recording, step through it, and play a part of it."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import replace
import time

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.capture import Capture
from k4a_ros.errors import ConfigError
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import RecordingError
import pytest
from support.player import play
from support.player import Player
from support.recordings import assert_same_capture
from support.recordings import without
from support.recordings import write_recording
from support.recordings import Written
from support.time_limits import PATIENCE
from support.time_limits import promptly
from support.time_limits import wait_for

START_US = 500_000
BOTH = CameraConfig.of_modes(
    DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG, 30)


@pytest.fixture(scope='module')
def minute(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Return a recording of 60 s at 5 fps, in several clusters, with IMU samples."""
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=5)
    return write_recording(tmp_path_factory.mktemp('minute') / 'a.mkv', config, 300)


@contextlib.contextmanager
def playing(written: Written, **options: object) -> Iterator[Player]:
    """Play a recording within the block."""
    with RecordingCamera(written.path, **options) as camera:
        player = Player(camera)
        yield player
        camera.stop()
        player.join()


def times(captures: list[tuple[float, Capture]]) -> list[int]:
    """Return the device times of captures that were played."""
    return [capture.device_us for _, capture in captures]


def await_captures(player: Player, count: int) -> None:
    """Wait for captures that were sought; a seek itself waits no longer than two seconds."""
    wait_for(lambda: len(player.captures) >= count, 'the capture that was sought')
    assert len(player.captures) == count


def test_seek_while_paused_shows_exactly_that_capture(minute: Written) -> None:
    """Forward and back, to every kind of position."""
    with playing(minute, paused=True) as player:
        period_us = minute.config.period_us
        for number, index in enumerate([299, 0, 150, 149, 150, 1, 298, 0], 1):
            early_us = min(number * 1000, period_us - 1) * bool(index)
            with promptly(0.1):
                player.camera.playback.seek(START_US + index * period_us - early_us)
            await_captures(player, number)
            assert_same_capture(player.captures[-1][1], minute.captures[index])
            assert player.camera.playback.position().us == START_US + index * period_us
        time.sleep(0.1)
        assert len(player.captures) == 8


def test_playback_goes_on_from_where_it_was_moved_to(minute: Written) -> None:
    """Captures and IMU samples, back and forward."""
    with playing(minute) as player:
        period_us = minute.config.period_us
        for index in (200, 20):
            target_us = START_US + index * period_us
            seen, imu_seen = len(player.captures), len(player.imu_us)
            player.camera.playback.seek(target_us)
            wait_for(lambda n=seen: len(player.captures) > n + 2, 'captures')
            played = times(player.captures)
            first = played.index(target_us, seen)
            assert first <= seen + 1  # one may have been in flight
            assert played[first:first + 3] == [target_us + i * period_us for i in range(3)]
            wanted = minute.imu.acc_us[minute.imu.acc_us.searchsorted(target_us):].tolist()
            wait_for(lambda n=imu_seen, us=wanted[0]: us in player.imu_us[n:-100], 'IMU samples')
            samples = player.imu_us[imu_seen:]
            after = samples[samples.index(wanted[0]):]
            assert after == wanted[:len(after)] and len(after) > 100


def test_seek_to_any_image_of_a_capture_finds_it(tmp_path) -> None:
    """Color images are 100 us later than the others of their capture."""
    written = write_recording(tmp_path / 'a.mkv', BOTH, 6)
    with playing(written, paused=True) as player:
        for count, (index, image) in enumerate([(4, 'color'), (2, 'depth'), (3, 'color')], 1):
            player.camera.playback.seek(getattr(written.captures[index], image).device_us)
            await_captures(player, count)
            assert_same_capture(player.captures[-1][1], written.captures[index])


@pytest.mark.parametrize('us', [-10 ** 15, START_US - 1, 60_500_000, 10 ** 18])
def test_seek_out_of_range_names_the_range(minute: Written, us: int) -> None:
    with playing(minute, paused=True) as player:
        with pytest.raises(ConfigError, match=rf'{START_US} to 60\d+ us'):
            player.camera.playback.seek(us)
        assert player.camera.playback.position() == (0, START_US)
        assert not player.order


def test_seek_at_rate_zero_keeps_the_order(minute: Written) -> None:
    with playing(minute, rate=0, paused=True) as player:
        target_us = START_US + 280 * minute.config.period_us
        player.camera.playback.seek(target_us)
        wait_for(lambda: player.captures, 'the capture that was sought')
        player.camera.set_control('playback_paused', False)
        wait_for(lambda: len(player.captures) == 20, 'the rest')
    order = [us for us, _ in player.order]
    assert order == sorted(order) and order[0] == target_us


def test_seek_after_a_pause_at_the_end(minute: Written) -> None:
    with playing(minute, at_end='pause', rate=0) as player:
        wait_for(lambda: player.camera.playback.paused, 'the end')
        player.camera.playback.seek(START_US)
        player.camera.set_control('playback_paused', False)
        wait_for(lambda: len(player.captures) >= 600, 'another pass')
    assert times(player.captures)[-300:] == times(player.captures)[:300]


def test_next_captures_are_played_one_by_one(small: Written) -> None:
    """At the end none is left; only then the recording ends, when playback is resumed."""
    with playing(small, paused=True) as player:
        playback = player.camera.playback
        assert playback.play_next(1) == 1
        assert playback.play_next(3) == 3
        assert len(player.captures) == 4
        assert playback.play_next(0) == 2
        assert playback.play_next(1) == 0
        for (_, actual), expected in zip(player.captures, small.captures, strict=True):
            assert_same_capture(actual, expected)
        assert player.imu_us == small.imu.acc_us.tolist()
        playback.seek(START_US)
        await_captures(player, 7)
        assert_same_capture(player.captures[-1][1], small.captures[0])
        assert playback.play_next(0) == 5
        player.camera.set_control('playback_paused', False)
        player.join()
        assert all(isinstance(error, EndOfRecording) for error in player.errors)
        assert playback.play_next(1) == 0


def test_nothing_is_played_out_of_turn_without_a_pause(minute: Written) -> None:
    with playing(minute, rate=0.001) as player:
        assert player.camera.playback.play_next(5) == 0
        assert len(player.captures) <= 1


@pytest.mark.parametrize('options', [{}, {'loop': True}, {'paused': True}], ids=str)
def test_finish_ends_playback(small: Written, options: dict[str, object]) -> None:
    with RecordingCamera(small.path, rate=0.01, **options) as camera:
        player = Player(camera)
        camera.playback.finish()
        with promptly(1.0):
            player.join()
        assert [type(error) for error in player.errors] == [EndOfRecording] * 2


def test_start_offset_and_duration_limit_every_pass(minute: Written) -> None:
    """The first and the last capture of the part are included."""
    with RecordingCamera(
            minute.path, rate=0, loop=True, start_offset=10.0, duration=2.0) as camera:
        player = Player(camera, captures=25).join()
        assert camera.playback.range_us[1] - camera.playback.range_us[0] == 2_000_000
    first = START_US + 10_000_000
    assert times(player.captures)[:11] == [first + i * 200_000 for i in range(11)]
    assert times(player.captures)[11:22] == [first + 2_200_000 + i * 200_000 for i in range(11)]
    begin, end = minute.imu.acc_us.searchsorted([first, first + 2_000_001])
    assert player.imu_us[:end - begin] == minute.imu.acc_us[begin:end].tolist()


def test_start_offset_beyond_the_end_is_rejected(minute: Written) -> None:
    with pytest.raises(RecordingError, match=r'playback_start_offset is 61 s, but .* only 59\.9'):
        RecordingCamera(minute.path, start_offset=61.0)


def test_loop_can_restart_the_timestamps(small: Written) -> None:
    with RecordingCamera(small.path, rate=0, loop=True, loop_stamps='restart') as camera:
        player = Player(camera, captures=14).join()
    assert times(player.captures)[6:12] == times(player.captures)[:6]
    assert player.imu_us[len(small.imu)] == small.imu.acc_us[0]


@pytest.mark.parametrize('stamps', ['continue', 'restart'])
def test_loop_period_is_the_time_between_passes(small: Written, stamps: str) -> None:
    with RecordingCamera(small.path, rate=2.0, loop=True, loop_period=0.4,
                         loop_stamps=stamps) as camera:
        player = Player(camera, captures=9).join()
    (_, first), (second_s, second) = player.captures[0], player.captures[6]
    assert second.device_us - first.device_us == 400_000 * (stamps == 'continue')
    assert second_s > 0.19  # at twice the speed


def test_loop_period_below_the_length_is_rejected(small: Written) -> None:
    with pytest.raises(RecordingError, match=r'playback_loop_period is 0.1 s, but .* 0\.2'):
        RecordingCamera(small.path, loop_period=0.1)


def test_time_origin_delays_the_start(small: Written) -> None:
    """Until the host's clock reaches the time of the first data."""
    origin_s = time.time() + 0.3 - START_US * 1e-6
    with RecordingCamera(small.path, time_origin=origin_s) as camera:
        player = Player(camera, captures=1).join()
    assert 0.2 < player.captures[0][0] < PATIENCE
    for origin_s in (0.0, time.time() + 1000.0):
        with RecordingCamera(small.path, time_origin=origin_s) as camera:
            player = Player(camera, captures=1).join()
        assert player.captures[0][0] < PATIENCE


def test_synchronized_images_only_leaves_out_incomplete_captures(tmp_path) -> None:
    missing = {1: ('color',), 2: ('depth', 'ir'), 3: ('depth',)}
    written = write_recording(
        tmp_path / 'a.mkv', BOTH, 6,
        edit=lambda index, capture: without(capture, *missing.get(index, ())))
    player = play(written.path, rate=0, synchronized_images_only=True)
    assert times(player.captures) == [written.captures[i].device_us for i in (0, 4, 5)]
    assert len(player.imu_us) == len(written.imu)
    with RecordingCamera(written.path, synchronized_images_only=True) as camera:
        assert camera.config == replace(written.config, synchronized_images_only=True)


def test_synchronized_images_only_needs_both_cameras(small: Written) -> None:
    with pytest.raises(RecordingError, match='needs depth and color, but it has no color images'):
        RecordingCamera(small.path, synchronized_images_only=True)
