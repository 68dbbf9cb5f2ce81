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

"""Stamps that reach subscribers: matching topics, recordings, and steps of the host's clock."""

from __future__ import annotations

from pathlib import Path
import struct
import subprocess
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2
from support.recordings import move_cluster
from support.recordings import write_recording
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for
from support.sources import ROOT

CAPTURES = 4
#: pairs of topics that a synchronizer with exact time should match
PAIRS = [('depth_to_rgb/image_raw', 'rgb/image_raw'), ('ir_to_rgb/image_raw', 'rgb/image_raw'),
         ('depth_to_rgb/camera_info', 'rgb/camera_info'),
         ('rgb_to_depth/image_raw', 'depth/image_raw'), ('points2', 'rgb/image_raw')]


@pytest.mark.parametrize(('stamp', 'matches'), [('source', 0), ('target', CAPTURES)])
def test_registered_images_match_their_target_exactly(
    tmp_path: Path, stamp: str, matches: int,
) -> None:
    """In the recording color is 100 us later than depth."""
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.NV12, 5, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config, CAPTURES)
    domain = new_domain()
    with listening(domain) as listener:
        topics = {topic for pair in PAIRS for topic in pair}
        received = {topic: listener.subscribe(
            PointCloud2 if topic == 'points2' else CameraInfo if 'info' in topic else Image,
            f'/{topic}') for topic in sorted(topics)}
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, playback_rate=0, rgb_point_cloud=True,
                point_cloud_in_depth_frame=False, registered_image_stamp=stamp) as driver:
            assert driver.wait() == 0, driver.output
        wait_for(lambda: all(len(came) == CAPTURES for came in received.values()), 'all messages')
    for registered, target in PAIRS:
        assert len({*stamps(received[registered])} & {*stamps(received[target])}) == matches, (
            registered, target)
    for name in ('depth_to_rgb', 'rgb'):
        assert stamps(received[f'{name}/image_raw']) == stamps(received[f'{name}/camera_info'])


def test_all_messages_of_an_image_have_its_stamp_on_a_live_camera() -> None:
    """IMU samples correct the clock meanwhile; color is 5 ms earlier than depth."""
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_2X2BINNED', fps=5,
            depth_delay_off_color_usec=5000, simulation_noise=False, body_tracking_enabled=True,
            body_tracking_backend='ground_truth', registered_image_stamp='target'):
        received = {topic: listener.subscribe(
            CameraInfo if 'info' in topic else PointCloud2 if topic[0] == 'p' else Image,
            f'/{topic}', data='info' in topic) for topic in (
            'depth/image_raw', 'depth/camera_info', 'ir/image_raw', 'points2',
            'body_index_map/image_raw', 'rgb/camera_info', 'rgb/image_raw',
            'body_index_map_to_rgb/image_raw')}

        def common(*topics: str) -> set[int]:
            return set.intersection(*({*stamps(received[topic])} for topic in topics))

        depth = ('depth/image_raw', 'depth/camera_info', 'ir/image_raw', 'points2',
                 'body_index_map/image_raw')
        color = ('rgb/camera_info', 'rgb/image_raw', 'body_index_map_to_rgb/image_raw')
        wait_for(lambda: len(common(*depth)) > 5 and len(common(*color)) > 5, 'matching stamps')
        assert not common('depth/camera_info', 'rgb/camera_info')
        infos = [stamps(received[topic]) for topic in ('depth/camera_info', 'rgb/camera_info')]
    for came in received.values():
        assert stamps(came) == sorted({*stamps(came)})
    nearest = [min(abs(a - b) for b in infos[1]) for a in infos[0][1:-1]]
    assert all(abs(apart - 5_000_000) < 1_000_000 for apart in nearest)


def test_recording_whose_times_go_back_is_cut_there(tmp_path: Path) -> None:
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config, 6)
    move_cluster(written.path, 3, 1)
    domain = new_domain()
    with listening(domain) as listener:
        depth = listener.subscribe(Image, '/depth/image_raw')
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, playback_rate=0) as driver:
            assert driver.wait() == 1, driver.output
        assert 'FATAL' in driver.lines[-1] and 'Traceback' not in driver.output
        assert 'the time of its depth images goes back' in driver.lines[-1]
        wait_for(lambda: len(depth) == 3, 'the images before')
    assert [bytes(m.data) for m in depth] == [
        c.depth.data.tobytes() for c in written.captures[:3] if c.depth is not None]


def test_simulated_time_is_refused_for_a_recording(tmp_path: Path) -> None:
    written = write_recording(tmp_path / 'a.mkv', count=1)
    with DriverProcess.with_parameters(
            new_domain(), recording_file=written.path, use_sim_time=True) as driver:
        assert driver.wait() == 1 and 'Traceback' not in driver.output
        assert 'use_sim_time is true, but a recording' in driver.lines[-1]
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, recording_file=written.path, recording_at_end='pause') as driver:
        answer = listener.set_parameters('/k4a_driver', use_sim_time=True)
        assert not answer.successful and 'use_sim_time is true, but' in answer.reason
        assert listener.get_parameters('/k4a_driver', 'use_sim_time') == [False]
        assert listener.set_parameters('/k4a_driver', use_sim_time=False).successful


def compile_host_clock(directory: Path) -> Path:
    """Compile the library that sets CLOCK_REALTIME in a process of its own."""
    library = directory / 'libhost_clock.so'
    subprocess.run(
        ['cc', '-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared',
         '-fvisibility=hidden', '-o', library, ROOT / 'test/host_clock/host_clock.c', '-ldl'],
        check=True)
    return library


def test_stamps_follow_the_host_clock_when_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is wrong by 600 s for some seconds, as after an answer of a bad time server."""
    offset = tmp_path / 'offset'
    offset.write_bytes(bytes(8))
    monkeypatch.setenv('LD_PRELOAD', str(compile_host_clock(tmp_path)))
    monkeypatch.setenv('HOST_CLOCK_OFFSET', str(offset))
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_2X2BINNED', color_enabled=False,
            fps=15, simulation_noise=False) as driver:
        depth = listener.subscribe(Image, '/depth/image_raw', data=False)
        imu = listener.subscribe(Imu, '/imu')
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')

        def error_s(messages: list[Any], expected_s: int) -> float:
            return abs(stamps(messages[-1:])[0] / 1e9 - time.time() - expected_s)

        wait_for(lambda: depth and imu and error_s(depth, 0) < 9, 'stamps near the present')
        for step_s in (600, 0):
            with offset.open('r+b') as file:
                file.write(struct.pack('=q', step_s * 10**9))
            wait_for(lambda: error_s(depth, step_s) < 9 and error_s(imu, step_s) < 9,  # noqa: B023
                     f'stamps {step_s} s ahead')
            count, samples = len(depth), len(imu)
            wait_for(lambda: len(depth) > count + 15, 'more images')  # noqa: B023
            assert error_s(depth, step_s) < 9 and error_s(imu, step_s) < 9
        for direction in ('forward', 'back'):
            text = f'The clock of this host was set {direction} by 600.0 s; stamps follow it'
            assert sum(text in line for line in driver.lines) == 1, driver.output
        count = len(diagnostics)
        wait_for(lambda: len(diagnostics) > count + 1, 'diagnostics')
        clock = next(s for s in diagnostics[-1].status if s.name.endswith(': clock'))
        values = {v.key: v.value for v in clock.values}
        assert values['steps of the host clock'] == '2'
        # none of those after the step back; a busy machine may delay the first samples
        assert int(values['corrected stamps']) < (len(imu) - samples) / 4
        assert -20 < float(values['age of depth stamps (ms)']) < 9000
    for messages in (depth, imu):
        steps = np.diff(stamps(messages))
        assert (steps > 0).sum() == len(steps) - 1
