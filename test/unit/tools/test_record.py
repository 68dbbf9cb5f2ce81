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

"""Recording from the command line."""

from __future__ import annotations

from dataclasses import replace
import os
from pathlib import Path
import re
import signal
import threading

from k4a_ros.audio.sound_file import SoundFile
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.cameras.simulated.faults import parse_faults
from k4a_ros.cameras.simulated.hardware import SimulatedDevice
from k4a_ros.cameras.simulated.microphones import SimulatedMicrophones
from k4a_ros.capture import Capture
from k4a_ros.errors import ConfigError
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sound import Ears
from k4a_ros.tools import record
from k4a_ros.tools.recording_run import RecordingRun
import numpy as np
import pytest
from support.recorded import read_recorded
from support.reference import assert_equals_reference
from support.sensors import PlainSensor
from support.time_limits import PATIENCE
from support.time_limits import wait_for

SMALL = ('--camera', 'simulated', '-d', 'nfov_2x2binned', '-c', 'off')


def config_of(*options: str) -> CameraConfig:
    return record.configuration(record._parser().parse_args([*options, 'a.mkv']))


def modes(*of: object) -> CameraConfig:
    return CameraConfig.of_modes(*of)


NFOV, P1080, MJPG = DepthMode.NFOV_UNBINNED, ColorResolution.R1080P, ColorFormat.MJPG


@pytest.mark.parametrize(('options', 'expected'), [
    ((), modes(NFOV, P1080, MJPG, 30)),
    (('-d', 'WFOV_UNBINNED', '-c', '3072p', '-r', '15', '-l', '10', '--imu', 'OFF'),
     modes(DepthMode.WFOV_UNBINNED, ColorResolution.R3072P, MJPG, 15, False)),
    (('-d', 'WFOV_UNBINNED'), modes(DepthMode.WFOV_UNBINNED, P1080, MJPG, 15)),
    (('-c', '3072p'), modes(NFOV, ColorResolution.R3072P, MJPG, 15)),
    (('-d', 'PASSIVE_IR', '-c', 'OFF'),
     modes(DepthMode.PASSIVE_IR, ColorResolution.OFF, MJPG, 30)),
    (('-c', '720p_NV12', '--rate', '5'),
     modes(NFOV, ColorResolution.R720P, ColorFormat.NV12, 5)),
    (('-c', '720p_YUY2'), modes(NFOV, ColorResolution.R720P, ColorFormat.YUY2, 30)),
    (('--external-sync', 'Sub', '--sync-delay', '160', '--depth-delay', '-160'),
     replace(modes(NFOV, P1080, MJPG, 30), wired_sync_mode=WiredSyncMode.SUBORDINATE,
             subordinate_delay_off_master_usec=160, depth_delay_off_color_usec=-160)),
    (('--external-sync', 'Master'),
     replace(modes(NFOV, P1080, MJPG, 30), wired_sync_mode=WiredSyncMode.MASTER)),
])
def test_options_are_those_of_k4arecorder(options, expected):
    assert config_of(*options) == expected


@pytest.mark.parametrize(('options', 'reason'), [
    (('-d', 'WFOV_UNBINNED', '-r', '30'), 'does not run at 30 fps'),
    (('-d', 'OFF', '-c', 'OFF'), 'set one of them'),
    (('--sync-delay', '160'), 'only a subordinate'),
])
def test_options_that_cannot_be_combined_are_refused(options, reason):
    with pytest.raises(ConfigError, match=reason):
        config_of(*options)


@pytest.mark.parametrize(('text', 'us'), [
    ('-11', 488), ('0', 1_000_000), ('1', 2_000_000), ('-8', 3906), ('33330', 33330)])
def test_exposure_is_an_exponent_or_a_time(text, us):
    assert record._parser().parse_args(['-e', text, 'a.mkv']).exposure_control == us


@pytest.mark.parametrize('options', [
    (), ('-l', '0', 'a.mkv'), ('-c', '480p', 'a.mkv'), ('-e', '200001', 'a.mkv'),
    ('-r', '25', 'a.mkv'), ('--device', '-1', 'a.mkv')])
def test_invalid_options_are_refused(options, capsys):
    with pytest.raises(SystemExit):
        record.main(list(options))
    assert 'error: ' in capsys.readouterr().err


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> list[SimulatedCamera]:
    """Return the simulated cameras that are opened; they cost no rendering time."""
    opened = []

    def open_camera(config, scene):
        device = SimulatedDevice()
        opened.append(SimulatedCamera(config, sensor=PlainSensor(config), device=device))
        opened[-1].device = device
        return opened[-1]

    monkeypatch.setattr(record, 'open_simulated', open_camera)
    return opened


def test_length_is_exact(tmp_path, cameras, capsys):
    path = tmp_path / '100%d.mkv'
    assert record.main([*SMALL, '-l', '0.5', str(path)]) == 0
    recorded = read_recorded(path)
    assert recorded.length_us <= 500_000 - 33_333
    imu_us = recorded.acc_us[-1] - recorded.start_us
    assert imu_us < 500_000
    count = assert_equals_reference(path)
    printed = capsys.readouterr()
    assert f'{count} captures' in printed.out
    if 'missing' not in printed.err:  # a machine that stands still may drop some, and samples
        assert imu_us > 499_000
        assert (count, recorded.length_us) == (15, 500_000 - 33_333)
        assert f'{path}: 0.500 s, ' in printed.out


def test_imu_is_complete_although_publishing_it_is_blocked(tmp_path, cameras, monkeypatch):
    """The queue of the camera holds half a second; the thread that publishes waits for three."""
    ended = threading.Event()
    blocked: list[bool] = []
    monkeypatch.setattr(RecordingRun, 'has_imu_subscribers', lambda run: True)
    monkeypatch.setattr(
        RecordingRun, 'imu', lambda run, samples: blocked.append(ended.wait(PATIENCE)))
    path = tmp_path / 'a.mkv'
    timer = threading.Timer(3.5, ended.set)
    timer.start()
    assert record.main([*SMALL, '-l', '3', str(path)]) == 0
    timer.join()
    assert blocked[0]
    missing = np.diff(read_recorded(path).acc_us) / 600 - 1
    assert missing.sum() < 0.5 * 1666  # a busy machine may lose some


def test_ros_time_is_that_of_the_host(tmp_path, cameras):
    path = tmp_path / 'a.mkv'
    assert record.main([*SMALL, '-l', '0.2', str(path)]) == 0
    for (_, device_us), ros_ns in read_recorded(path).ros_ns.items():
        assert abs(ros_ns * 1e-9 - path.stat().st_mtime) < 60, device_us


def test_sound_is_recorded_beside_the_file(tmp_path, cameras, monkeypatch):
    ears = Ears(default_scene())
    monkeypatch.setattr(SimulatedCamera, 'open_microphones', lambda camera: SimulatedMicrophones(
        ears, lambda host_ns: host_ns % 10 ** 10 * 1e-9))
    path = tmp_path / 'a.mkv'
    assert record.main([*SMALL, '--audio', 'on', '-l', '0.5', str(path)]) == 0
    with SoundFile(path) as sound, RecordingReader(str(path)) as reader:
        assert sound.read(0, 10_000).any()
        begin_ns, end_ns = (
            us * 1000 + reader.ros_times.offset_ns(us) for us in (reader.start_us, reader.end_us))
        # how early and how late depends on how busy the machine is
        assert sound.stamp_of(0) < end_ns and sound.stamp_of(sound.samples) > begin_ns


def test_camera_without_microphones_is_recorded_without_sound(tmp_path, cameras, caplog):
    path = tmp_path / 'a.mkv'
    assert record.main([*SMALL, '--audio', 'on', '-l', '0.2', str(path)]) == 0
    assert caplog.text.count('No sound: a simulated camera has no microphones') == 1
    assert [each.name for each in tmp_path.iterdir()] == ['a.mkv']


def test_signal_finishes_the_file(tmp_path, cameras, capsys):
    path = tmp_path / 'a.mkv'

    def interrupt() -> None:
        wait_for(lambda: path.exists() and path.stat().st_size > 1_000_000, 'some data')
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert record.main([*SMALL, str(path)]) == 0
    thread.join()
    assert assert_equals_reference(path) >= 3
    recorded = read_recorded(path)
    assert recorded.acc_us[-1] - recorded.start_us >= recorded.length_us + 32_000


def test_existing_file_is_kept(tmp_path, cameras, capsys):
    path = tmp_path / 'a.mkv'
    path.write_text('precious')
    assert record.main([*SMALL, str(path)]) == 1
    assert 'the file exists' in capsys.readouterr().err
    assert path.read_text() == 'precious' and not cameras


def inject(cameras: list[SimulatedCamera], fault: str) -> None:
    cameras[0].device.inject(parse_faults(fault, WiredSyncMode.STANDALONE)[0])


def after_some_data(path: Path, cameras: list[SimulatedCamera], fault: str) -> None:
    """Inject a fault as soon as there are some captures in a file."""
    def wait() -> None:
        wait_for(lambda: path.exists() and path.stat().st_size > 1_000_000, 'some data')
        inject(cameras, fault)

    threading.Thread(target=wait).start()


def test_lost_camera_ends_the_recording(tmp_path, cameras, capsys):
    path = tmp_path / 'a.mkv'
    after_some_data(path, cameras, 'unplug')
    assert record.main([*SMALL, str(path)]) == 1
    printed = capsys.readouterr()
    assert 'unplugged' in printed.err
    assert re.match(rf'{re.escape(str(path))}: \d+\.\d{{3}} s, [1-9]\d* captures', printed.out)
    assert assert_equals_reference(path) >= 2


def test_missing_captures_are_reported(tmp_path, cameras, capsys, monkeypatch):
    path = tmp_path / 'a.mkv'
    arrive, times_us = RecordingRun.arrive, []

    def end_after_a_gap(run: RecordingRun, capture: Capture) -> Capture:
        times_us.append(capture.device_us)
        if len(times_us) == 3:
            inject(cameras, 'drop capture 3')
        if np.diff(times_us[2:]).max(initial=0) > 3 * 33_333:
            signal.raise_signal(signal.SIGINT)
        return arrive(run, capture)

    monkeypatch.setattr(RecordingRun, 'arrive', end_after_a_gap)
    assert record.main([*SMALL, str(path)]) == 0
    count = assert_equals_reference(path)
    missing = round((read_recorded(path).length_us / 33_333) + 1) - count
    assert missing >= 3
    assert f'missing captures: {missing}, of which 0' in capsys.readouterr().err


def test_captures_that_are_missing_at_the_end_are_reported(
    tmp_path, cameras, capsys, monkeypatch,
):
    path = tmp_path / 'a.mkv'
    arrive, runs = RecordingRun.arrive, []

    def drop_others(run: RecordingRun, capture: Capture) -> Capture:
        if run not in runs:
            runs.append(run)
            inject(cameras, 'drop capture 20')
        return arrive(run, capture)

    monkeypatch.setattr(RecordingRun, 'arrive', drop_others)
    assert record.main([*SMALL, '-l', '0.5', str(path)]) == 0
    missing = 15 - assert_equals_reference(path)
    # on a busy machine, all may have been taken before the first one arrives
    assert (f'missing captures: {missing}, of which 0' in capsys.readouterr().err) is (missing > 0)


def test_list_without_cameras(capsys, monkeypatch):
    monkeypatch.setattr(record, 'connected', list)
    assert record.main(['--list']) == 0
    assert 'no ' in capsys.readouterr().out.lower()
