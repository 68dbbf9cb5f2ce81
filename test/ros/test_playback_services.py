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

"""A recording is controlled as a rosbag2 player is, and others follow its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosbag2_interfaces import srv
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from support.recordings import random_capture
from support.recordings import write_recording
from support.recordings import Written
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for

NODE = '/k4a_driver'
ORIGIN_S = 5000
START_US = 700_000
COUNT = 60
FPS = 5
#: service -> its type
SERVICES = {
    'pause': srv.Pause, 'resume': srv.Resume, 'toggle_paused': srv.TogglePaused,
    'is_paused': srv.IsPaused, 'set_rate': srv.SetRate, 'get_rate': srv.GetRate,
    'play_next': srv.PlayNext, 'burst': srv.Burst, 'seek': srv.Seek, 'stop_playback': srv.Stop}


@dataclass
class Playing:
    """A driver that plays a recording, and what it publishes."""

    listener: Listener
    driver: DriverProcess
    written: Written
    depth: list[Any]
    imu: list[Any]
    clock: list[Clock]

    def call(self, name: str, **request: Any) -> Any:
        """Call a service of the player."""
        kind = SERVICES[name]
        return self.listener.call(kind, f'{NODE}/{name}', kind.Request(**request))

    def seek(self, ns: int) -> bool:
        """Seek to a ROS time."""
        sec, nanosec = divmod(ns, 10 ** 9)
        return bool(self.call('seek', time=Time(sec=sec, nanosec=nanosec)).success)

    def stamp(self, index: int) -> int:
        """Return the stamp of a capture."""
        return ORIGIN_S * 10 ** 9 + self.written.captures[index].device_us * 1000

    def clock_ns(self) -> int:
        """Return the time of the next message on /clock."""
        count = len(self.clock)
        wait_for(lambda: len(self.clock) > count + 1, 'a message on /clock')
        return self.clock[-1].clock.sec * 10 ** 9 + self.clock[-1].clock.nanosec

    def stopped_clock_ns(self) -> int:
        """Return the time on /clock, as soon as it stands still."""
        return int(wait_for(lambda: (ns := self.clock_ns()) == self.clock_ns() and ns,
                            '/clock to stand still'))

    def at(self, index: int) -> None:
        """Pause, and go to a capture."""
        self.call('pause')
        count = len(self.depth)
        assert self.seek(self.stamp(index))
        wait_for(lambda: len(self.depth) > count and stamps(self.depth)[-1] == self.stamp(index),
                 f'capture {index}')


@pytest.fixture(scope='module')
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=FPS)
    written = write_recording(
        tmp_path_factory.mktemp('playing') / 'a.mkv', config, COUNT, START_US)
    domain = new_domain()
    with listening(domain) as listener:
        depth = listener.subscribe(Image, '/depth/image_raw')
        imu = listener.subscribe(Imu, '/imu')
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, playback_paused=True, publish_clock=50.0,
                recording_at_end='pause', playback_time_origin=float(ORIGIN_S)) as driver:
            clock = listener.subscribe(Clock, '/clock')
            wait_for(lambda: clock, 'the clock')
            yield Playing(listener, driver, written, depth, imu, clock)
            assert 'Traceback' not in driver.output


def test_services_have_the_types_of_rosbag2(playing: Playing) -> None:
    """And ~/stop is still the one that stops the stream."""
    expected = {f'{NODE}/{name}': [f'rosbag2_interfaces/srv/{kind.__name__}']
                for name, kind in SERVICES.items()}
    expected[f'{NODE}/stop'] = ['std_srvs/srv/Trigger']

    def found() -> dict[str, list[str]]:
        services = playing.listener.node.get_service_names_and_types()
        return {name: types for name, types in services if name in expected}

    wait_for(lambda: found().keys() == expected.keys(), 'discovery')
    assert found() == expected


def test_seek_while_paused_shows_exactly_one_capture(playing: Playing) -> None:
    playing.at(0)
    count = len(playing.depth)
    indices = (30, 5, 59, 58, 0)
    for number, index in enumerate(indices, count + 1):
        early_ns = 150_000_000 * bool(index)
        assert playing.seek(playing.stamp(index) - early_ns)
        wait_for(lambda n=number: len(playing.depth) >= n, 'the capture')
        assert stamps(playing.depth)[-1] == playing.stamp(index)
        image = playing.written.captures[index].depth
        assert bytes(playing.depth[-1].data) == image.data.tobytes()
        wait_for(lambda i=index: playing.clock_ns() == playing.stamp(i), 'its time')
    assert len(playing.depth) == count + len(indices)


@pytest.mark.parametrize('time', [
    Time(), Time(sec=-1), Time(sec=ORIGIN_S), Time(sec=2 ** 31 - 1), Time(sec=ORIGIN_S + 13),
    Time(sec=ORIGIN_S + 5, nanosec=10 ** 9)], ids=str)
def test_seek_out_of_range_is_refused_with_the_range(playing: Playing, time: Time) -> None:
    playing.at(1)
    assert not playing.call('seek', time=time).success
    line = playing.driver.wait_for_line(f'seek to {time.sec} s and {time.nanosec} ns')
    assert f'from {ORIGIN_S}.700000000 to {ORIGIN_S + 12}.69' in line
    wait_for(lambda: playing.clock_ns() == playing.stamp(1), 'its time')


def test_pause_and_resume_are_shown_by_the_parameter(playing: Playing) -> None:
    playing.at(0)
    for name, paused in (('resume', False), ('toggle_paused', True), ('toggle_paused', False),
                         ('pause', True)):
        playing.call(name)
        assert playing.call('is_paused').paused is paused
        assert playing.listener.get_parameters(NODE, 'playback_paused') == [paused]
    assert playing.stamp(0) <= playing.stopped_clock_ns() < playing.stamp(59)


def test_playback_goes_on_from_where_it_was_moved_to(playing: Playing) -> None:
    """Stamps go back with it, of images and of IMU samples, and the clock is never behind."""
    playing.at(40)
    count, imu_count = len(playing.depth), len(playing.imu)
    playing.call('resume')
    wait_for(lambda: len(playing.imu) > imu_count + 500, 'samples')
    assert playing.seek(playing.stamp(10))
    wait_for(lambda: playing.stamp(12) in stamps(playing.depth)[count:], 'three captures')
    playing.call('pause')
    stopped_ns = playing.stopped_clock_ns()
    after = stamps(playing.depth)[count:]
    first = after.index(playing.stamp(10))
    assert after[first:first + 3] == [playing.stamp(10 + i) for i in range(3)]
    wait_for(lambda: 0 <= stopped_ns - stamps(playing.imu[-1:])[0] < 100_000_000, 'all samples')
    samples = np.array(stamps(playing.imu)[imu_count:])
    jump = int(np.argmin(np.diff(samples)))
    assert playing.stamp(40) < samples[jump]
    assert 0 <= samples[jump + 1] - playing.stamp(10) < 600_000
    assert set(np.diff(samples[jump + 1:])) == {600_000}


def test_rate_is_that_of_the_parameter(playing: Playing) -> None:
    playing.at(0)
    assert playing.call('set_rate', rate=2.5).success
    assert playing.call('get_rate').rate == 2.5
    assert playing.listener.get_parameters(NODE, 'playback_rate') == [2.5]
    for rate in (0.0, -1.0, float('nan'), float('inf'), 101.0):
        assert not playing.call('set_rate', rate=rate).success
    assert playing.call('get_rate').rate == 2.5
    assert playing.call('set_rate', rate=1.0).success


def test_captures_are_played_one_by_one(playing: Playing) -> None:
    playing.at(50)
    count = len(playing.depth)
    assert playing.call('play_next').success
    assert playing.call('burst', num_messages=4).actually_burst == 4
    assert playing.call('burst').actually_burst == 4
    assert not playing.call('play_next').success
    wait_for(lambda: len(playing.depth) >= count + 9, 'the captures')
    assert stamps(playing.depth)[count:] == [playing.stamp(i) for i in range(51, 60)]
    wait_for(lambda: playing.clock_ns() >= playing.stamp(59), 'the time of the last one')
    playing.at(20)
    playing.call('resume')
    assert not playing.call('play_next').success
    assert playing.call('burst', num_messages=3).actually_burst == 0
    playing.call('pause')


def test_node_with_simulated_time_follows(playing: Playing) -> None:
    node = Node('follower', context=playing.listener.context, parameter_overrides=[
        Parameter('use_sim_time', value=True)])
    playing.listener._executor.add_node(node)
    for index in (3, 33, 7):
        playing.at(index)
        wait_for(lambda i=index: node.get_clock().now().nanoseconds == playing.stamp(i),
                 'simulated time')
    playing.call('resume')
    wait_for(lambda: node.get_clock().now().nanoseconds > playing.stamp(8), 'time to go on')
    playing.call('pause')
    playing.listener._executor.remove_node(node)
    node.destroy_node()


def test_stop_ends_playback_like_the_end_of_the_recording(playing: Playing) -> None:
    """Here playback pauses there, and can be started again; stamps then continue."""
    playing.at(2)
    playing.call('resume')
    playing.call('stop_playback')
    wait_for(lambda: playing.call('is_paused').paused, 'the pause')
    count = len(playing.depth)
    playing.call('resume')
    wait_for(lambda: len(playing.depth) > count, 'the next pass')
    assert stamps(playing.depth)[count] > playing.stamp(COUNT - 1)


def test_driver_runs_without_rosbag2_interfaces(tmp_path: Path) -> None:
    """And says once which services are missing; the parameters work."""
    written = write_recording(tmp_path / 'a.mkv')
    package = tmp_path / 'hidden/rosbag2_interfaces'
    package.mkdir(parents=True)
    (package / '__init__.py').write_text('raise ImportError("hidden by a test")')
    paths = os.pathsep.join([str(package.parent), os.environ.get('PYTHONPATH', '')])
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, recording_file=written.path, playback_start_delay=0,
            recording_at_end='pause', variables={'PYTHONPATH': paths}) as driver:
        line = driver.wait_for_line('There are no services')
        assert '~/pause, ~/resume, ' in line and 'rosbag2_interfaces is not installed' in line
        driver.wait_for_line('playback_paused is now true')
        assert listener.set_parameters(NODE, playback_paused=False).successful
        assert '/k4a_driver/pause' not in dict(listener.node.get_service_names_and_types())
        assert driver.stop() == 0
    assert sum('There are no services' in line for line in driver.lines) == 1


def test_live_camera_has_no_playback_services() -> None:
    """And its synchronized_images_only, which recordings have as well, can be changed."""
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_2X2BINNED', fps=5) as driver:
        driver.wait_for_line('Opened simulated')
        result = listener.set_parameters(NODE, synchronized_images_only=True)
        assert result.successful, result.reason
        assert f'{NODE}/pause' not in dict(listener.node.get_service_names_and_types())
        assert driver.stop() == 0


def test_recorded_stamps_are_published_and_can_be_sought(tmp_path: Path) -> None:
    """They have a drift against the device time; /clock is in that time, too."""
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=FPS, imu=False)
    random = np.random.default_rng(1)

    def recorded_ns(device_us: int) -> int:
        return 1_700_000_000_000_000_007 + device_us * 1001

    captures = [random_capture(random, config, i * config.period_us) for i in range(10)]
    with RecordingWriter(
            tmp_path / 'a.mkv', config, nominal_calibration(), ros_time=True) as writer:
        for capture in captures:
            writer.write(capture, recorded_ns)
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, recording_file=tmp_path / 'a.mkv', playback_stamps='recorded',
            playback_paused=True, publish_clock=50.0, playback_start_delay=0) as driver:
        clock = listener.subscribe(Clock, '/clock')
        depth = listener.subscribe(Image, '/depth/image_raw')
        wait_for(lambda: clock and listener.node.count_publishers('/depth/image_raw'), 'topics')
        for index in (7, 2):
            stamp = recorded_ns(captures[index].device_us)
            sec, nanosec = divmod(stamp, 10 ** 9)
            request = srv.Seek.Request(time=Time(sec=sec, nanosec=nanosec))

            def shown(request: srv.Seek.Request = request, stamp: int = stamp) -> bool:
                assert listener.call(srv.Seek, f'{NODE}/seek', request).success
                return stamps(depth[-1:]) == [stamp]

            wait_for(shown, 'the capture')  # the first one before the subscriber is discovered
            wait_for(lambda sec=sec, nanosec=nanosec: (
                clock[-1].clock == Time(sec=sec, nanosec=nanosec)), 'its time')
        assert driver.stop() == 0
