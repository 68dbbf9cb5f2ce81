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

"""Silent streams of a camera that delivers others."""

from __future__ import annotations

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.streaming import stream_watch
from k4a_ros.streaming.stream_watch import IMU
from k4a_ros.streaming.stream_watch import StreamWatch
import pytest

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)


class Time:
    """A monotonic clock that tests advance."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture()
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Replace the clock."""
    clock = Time()
    monkeypatch.setattr(stream_watch, 'time', clock)
    return clock


def restarts(watch: StreamWatch, time: Time, name: str, seconds: int) -> list[int]:
    """Return the seconds after which a silent stream is to be restarted."""
    begin_s, found = time.now_s, []
    for _ in range(seconds * 10):
        time.now_s += 0.1
        if watch.check(name):
            found.append(round(time.now_s - begin_s))
    return found


def test_stream_has_time_to_start_and_is_then_reported_once(time: Time) -> None:
    reports: list[tuple[str, str]] = []
    watch = StreamWatch(lambda *report: reports.append(report))
    watch.begin(CONFIG)
    time.now_s += 6.9
    assert not watch.check('color') and not reports
    time.now_s += 0.2
    for _ in range(5):
        watch.check('color')
    assert reports == [('color', 'no images received for 3 s')]
    assert dict(watch.problems) == {'color': 'no images received for 3 s'}
    watch.arrived('color')
    assert reports[1:] == [('color', '')] and not watch.problems


def test_imu_is_restarted_at_once_and_then_with_growing_pauses(time: Time) -> None:
    watch = StreamWatch(lambda name, reason: None)
    watch.begin(CONFIG)
    assert restarts(watch, time, IMU, 40) == [7, 8, 10, 14, 22, 38]


def test_camera_is_restarted_for_missing_images_later_and_rarely(time: Time) -> None:
    watch = StreamWatch(lambda name, reason: None)
    watch.begin(CONFIG)
    assert restarts(watch, time, 'color', 200) == [14, 34, 74, 154]


def test_pauses_outlast_the_sessions_in_between(time: Time) -> None:
    watch = StreamWatch(lambda name, reason: None)
    watch.begin(CONFIG)
    assert restarts(watch, time, 'color', 15) == [14]
    watch.begin(CONFIG)
    assert watch.problems and restarts(watch, time, 'color', 30) == [19]


def test_streams_that_are_disabled_are_not_watched(time: Time) -> None:
    watch = StreamWatch(lambda name, reason: None)
    watch.begin(CameraConfig.of_modes(DepthMode.PASSIVE_IR, ColorResolution.OFF, imu=False))
    for name in ('depth', 'color', IMU):
        assert not restarts(watch, time, name, 20)
    assert restarts(watch, time, 'infrared', 20)
