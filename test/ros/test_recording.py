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

"""Recording from a running driver, over DDS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path
import re
import signal
import subprocess
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from k4a_ros.mkv.reader import RecordingReader
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from std_srvs.srv import Trigger
from support.live import live_device
from support.live import recording_in
from support.recorded import read_recorded
from support.recorded import Recorded
from support.recordings import SERIAL
from support.reference import assert_equals_reference
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for

NODE = '/k4a_driver'
#: track, stream in the track of ROS times, kind and topic of each image
IMAGES = {
    'DEPTH': (0, Image, '/depth/image_raw'), 'IR': (1, Image, '/ir/image_raw'),
    'COLOR': (2, CompressedImage, '/rgb/image_raw/compressed')}


@dataclass
class Driver:
    """A driver with a simulated camera, and a node that talks to it."""

    process: DriverProcess
    listener: Listener
    folder: Path
    diagnostics: list[Any]
    #: ROS time of the last call; older diagnostics are outdated
    called_ns: int = 0

    def call(self, name: str) -> tuple[bool, str]:
        """Call a service; return success and message."""
        response = self.listener.call(Trigger, f'{NODE}/{name}', Trigger.Request())
        self.called_ns = time.time_ns()
        return response.success, response.message

    def record(self) -> None:
        """Start to record."""
        success, message = self.call('start_recording')
        assert success, message

    def stop(self) -> list[Path]:
        """Stop recording, and return the files."""
        success, message = self.call('stop_recording')
        assert success, message
        return [Path(path) for path in re.findall(r'[^\s,:]+\.mkv', message)]

    def status(self) -> dict[str, str]:
        """Return values and message of the last status of recording since the last call."""
        found = [status for message in self.diagnostics[-1:] for status in message.status
                 if stamps([message])[0] > self.called_ns and status.name.endswith('recording')]
        values = {value.key: value.value for status in found for value in status.values}
        return values | {'message': found[0].message if found else ''}

    def wait_for_captures(self, count: int) -> None:
        """Wait until a number of captures is recorded."""
        wait_for(lambda: int(self.status().get('captures', '0')) >= count, f'{count} captures')


@pytest.fixture(scope='module')
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, bool]]:
    """Return a folder, and whether it is a disk of its own, with 100 MB: only as root."""
    folder = tmp_path_factory.mktemp('recordings')
    mounted = not os.geteuid() and not subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=100m', 'tmpfs', str(folder)], check=False,
        stderr=subprocess.DEVNULL).returncode
    yield folder, mounted
    if mounted:
        subprocess.run(['umount', str(folder)], check=True)


@pytest.fixture(autouse=True)
def _empty_disk(disk: tuple[Path, bool]) -> Iterator[None]:
    """Remove the recordings of each test, so that the next one has the whole disk."""
    yield
    for path in disk[0].rglob('*.mkv'):
        path.unlink()


@pytest.fixture(scope='module')
def driver(disk: tuple[Path, bool]) -> Iterator[Driver]:
    folder = disk[0]
    domain = new_domain()
    with listening(domain) as listener:
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
        with DriverProcess.with_parameters(
                domain, camera='simulated', fps=15, depth_mode='NFOV_2X2BINNED',
                record_file=folder / '%Y' / 'run.mkv') as process:
            process.wait_for_line('Opened simulated camera')
            yield Driver(process, listener, folder, diagnostics)
            assert process.process.poll() is None, process.output
            assert 'Traceback' not in process.output


def stored(track: str, message: Any) -> bytes:
    """Return the data of a message as it is stored in a track."""
    data = np.frombuffer(message.data, np.uint8)
    return bytes(data if track == 'COLOR' else data.view('<u2').byteswap())


def assert_published(recorded: Recorded, received: dict[str, list[Any]]) -> None:
    """Assert that all messages of the time of a recording are in it, with the same stamps."""
    for track, (stream, _, topic) in IMAGES.items():
        device_us = {ros_ns: us for (s, us), ros_ns in recorded.ros_ns.items() if s == stream}
        assert set(device_us.values()) == set(recorded.images[track])
        matching = [(stamp, message) for stamp, message in zip(
            stamps(received[topic]), received[topic], strict=True)
            if min(device_us) <= stamp <= max(device_us)]
        assert len(matching) >= 5
        for stamp, message in matching:
            assert recorded.images[track][device_us[stamp]] == stored(track, message), track
    ros_ns = {ns for (stream, _), ns in recorded.ros_ns.items() if stream == 3}
    assert len(ros_ns) == len(recorded.acc_us)
    matching_imu = [ns for ns in stamps(received['/imu']) if min(ros_ns) <= ns <= max(ros_ns)]
    assert len(matching_imu) > 100
    assert set(matching_imu) <= ros_ns


def test_recording_has_what_subscribers_get_with_its_stamps(driver: Driver) -> None:
    received = {topic: driver.listener.subscribe(kind, topic)
                for _, kind, topic in IMAGES.values()}
    received['/imu'] = driver.listener.subscribe(Imu, '/imu')
    wait_for(lambda: all(received.values()), 'messages')
    driver.record()
    driver.wait_for_captures(15)
    counts = {topic: len(messages) for topic, messages in received.items()}
    wait_for(lambda: all(len(messages) > counts[topic] for topic, messages in received.items()),
             'messages')
    files = driver.stop()
    assert len(files) == 1
    assert files[0].parent.name.isdecimal() and files[0].parent.parent == driver.folder
    recorded = read_recorded(files[0])
    assert_published(recorded, received)
    imu_us = np.diff(recorded.acc_us)
    assert (imu_us > 0).all()
    assert recorded.acc_us[0] - recorded.start_us < 1000
    assert_equals_reference(files[0])


def test_start_and_stop_are_refused_with_a_reason(driver: Driver) -> None:
    assert driver.call('stop_recording') == (
        False, 'there is no recording; call ~/start_recording')
    driver.record()
    success, message = driver.call('start_recording')
    assert not success and message.startswith('it is recording to ')
    driver.stop()
    assert driver.call('stop')[0]
    assert driver.call('start_recording') == (
        False, 'cannot record: the stream is stopped; call ~/start first')
    assert driver.call('start')[0]


def test_split_can_be_changed_for_the_next_recording(driver: Driver) -> None:
    assert driver.listener.set_parameters(NODE, record_split_duration=1).successful
    driver.record()
    wait_for(lambda: int(driver.status().get('files', '0')) >= 2, 'the second file')
    first = driver.stop()[0]
    assert driver.listener.set_parameters(NODE, record_split_duration=0).successful
    recorded = read_recorded(first)
    assert recorded.length_us < 1e6  # a busy machine may lack captures
    assert recorded.acc_us[-1] - recorded.acc_us[0] > 0.9e6


def test_recording_goes_on_in_another_file_after_every_restart(driver: Driver) -> None:
    """Of the stream by service or parameter, and after a loss; none of the files is unfinished."""
    driver.record()
    driver.wait_for_captures(3)
    assert driver.call('stop')[0]
    wait_for(lambda: driver.status()['message'] == 'waiting for the camera', 'the status')
    assert driver.call('start')[0]
    wait_for(lambda: driver.status().get('files') == '2', 'the second file')
    assert driver.listener.set_parameters(NODE, fps=30, imu_rate_target=100).successful
    wait_for(lambda: driver.status().get('files') == '3', 'the third file')
    before = int(driver.status()['captures'])
    assert driver.listener.set_parameters(NODE, simulation_fault='unplug 0.3').successful
    wait_for(lambda: driver.status().get('files') == '4', 'the fourth file')
    driver.wait_for_captures(before + 5)
    status = driver.status()
    assert status['dropped captures'] == '0'
    assert float(status['written (MB)']) > 1 and float(status['free disk space (MB)']) > 1
    files = driver.stop()
    assert len(files) == 4
    for path in files:
        with RecordingReader(str(path)) as reader:
            assert reader.complete
            assert reader.config.fps == (30 if path in files[2:] else 15)
        recorded = read_recorded(path)  # all samples, also while averages are published
        imu_ns = [ns for (stream, _), ns in recorded.ros_ns.items() if stream == 3]
        assert len(imu_ns) == len(recorded.acc_us)
        distances_s = np.diff(imu_ns) * 1e-9 - np.diff(recorded.acc_us) * 1e-6
        assert abs(distances_s).max(initial=0) < 0.05  # 0.01 at load 40


def test_full_disk_ends_the_recording_alone(driver: Driver, disk: tuple[Path, bool]) -> None:
    if not disk[1]:
        pytest.skip('only root can mount a small disk')
    depth = driver.listener.subscribe(Image, '/depth/image_raw', depth=5, data=False)
    driver.record()
    line = driver.process.wait_for_line('Stopped recording')
    assert re.search(r'only \d+ MB are left on the disk of .*run.*\.mkv; the [\d.]+ s that were '
                     'recorded can be read; streaming goes on$', line)
    count = len(depth)
    wait_for(lambda: len(depth) > count + 5, 'more images')
    success, message = driver.call('stop_recording')
    assert not success and 'has stopped by itself: only ' in message
    path = Path(re.search(r'disk of (.*?);', line)[1])
    with RecordingReader(str(path)) as reader:
        assert reader.complete
        assert sum(1 for _ in reader.captures) > 5
    assert sum('Stopped recording' in line for line in driver.process.lines) == 1


def test_signal_completes_the_recording_of_a_device(tmp_path: Path) -> None:
    target = tmp_path / 'device.mkv'
    with live_device(recording_in(tmp_path), record_file=target) as live:
        assert live.listener.call(Trigger, f'{NODE}/start_recording', Trigger.Request()).success
        wait_for(lambda: target.exists() and target.stat().st_size > 3_000_000, 'some data')
        live.more(live.depth)
        assert live.driver.stop(signal.SIGTERM) == 0
        assert live.lines('Recording ended') == 1
    with RecordingReader(str(target)) as reader:
        assert reader.complete and reader.serial == SERIAL
    assert len(read_recorded(target).images['DEPTH']) >= 2
