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

"""k4a_to_bag: its command line, and how it ends."""

from __future__ import annotations

from pathlib import Path
import resource
import signal
import subprocess
import sys
from typing import Any

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.tools import to_bag
import pytest
from rosbags.rosbag2 import Reader
from rosbags.typesys import get_typestore
from rosbags.typesys import Stores
from support.recordings import SERIAL
from support.recordings import write_recording
from support.time_limits import PROCESS_TIMEOUT_S

_PROGRAM = [sys.executable, '-m', 'k4a_ros.tools.to_bag']
#: less than a depth image and an infrared image
_MAX_FILE_BYTES = 200_000


@pytest.fixture(scope='module')
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_recording(tmp_path_factory.mktemp('recording') / 'depth.mkv').path)


def test_bag_is_written_with_the_options(
    recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    bag = tmp_path / 'bag'
    assert to_bag.main([
        recording, str(bag), '--topics', 'depth/*', 'imu', '--storage', 'sqlite3', '--namespace',
        '/left/', '--start-time', '2026-11-29T12:00:00Z', '-p', 'imu_rate_target:=100',
        '-p', 'depth_unit:=32FC1']) == 0
    assert 'bag: ' in capsys.readouterr().out
    with Reader(bag) as reader:
        assert reader.start_time == 1795953600 * 10**9
        counts = {name: info.msgcount for name, info in reader.topics.items()}
    assert counts.keys() == {
        '/left/depth/image_raw', '/left/depth/image_raw/compressedDepth',
        '/left/depth/camera_info', '/left/imu'}
    assert 5 < counts['/left/imu'] < 15
    assert (bag / 'bag.db3').exists()


def test_calibration_of_the_user_replaces_that_of_the_recording(
    recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    mine, other = tmp_path / 'mine.json', tmp_path / 'other.json'
    mine.write_bytes(nominal_calibration(SERIAL).replace(b'0.4925', b'0.4825'))
    other.write_bytes(nominal_calibration('000999999912'))
    options = [recording, str(tmp_path / 'bag'), '--topics', 'depth/camera_info', '--calibration']
    assert to_bag.main([*options, str(other)]) == 1
    assert 'that of camera 000999999912' in capsys.readouterr().err
    assert not (tmp_path / 'bag').exists()
    assert to_bag.main([*options, str(mine)]) == 0
    types = get_typestore(Stores.ROS2_HUMBLE)
    with Reader(tmp_path / 'bag') as reader:
        for connection, _, data in reader.messages():
            info: Any = types.deserialize_cdr(data, connection.msgtype)
            assert info.k[0] == pytest.approx(0.4825 * 512)


@pytest.mark.parametrize(('options', 'sentence'), [
    (['--topics', 'nothing'], 'is called nothing; choose from'),
    (['-p', 'depth_unit:=inches'], 'depth_unit'),
    (['-p', 'fps:=5'], 'fps: no such parameter of topics; choose from'),
])
def test_unusable_option_is_one_sentence(
    recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str],
    sentence: str,
) -> None:
    assert to_bag.main([recording, str(tmp_path / 'bag'), *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith('k4a_to_bag: ') and sentence in error and error.count('\n') == 1
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(('option', 'value'), [
    ('--start-time', 'yesterday'), ('--start-time', '-5'), ('--start-time', '99999999999'),
    ('--start-time', '1'*400), ('--namespace', 'a b'), ('--param', 'imu_rate_target'),
    ('--param', 'imu_rate_target:=]'), ('--storage', 'zip'),
])
def test_malformed_option_is_refused(
    recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str,
) -> None:
    with pytest.raises(SystemExit):
        to_bag.main([recording, str(tmp_path / 'bag'), f'{option}={value}'])
    assert option in capsys.readouterr().err.splitlines()[-1]


def test_missing_recording_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert to_bag.main([str(tmp_path / 'no.mkv'), str(tmp_path / 'bag')]) == 1
    assert 'no such file or directory' in capsys.readouterr().err


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_full_disk_is_one_sentence_and_leaves_nothing(
    recording: str, tmp_path: Path, storage: str,
) -> None:
    """A limit of the size of files stands for a full disk."""
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE_BYTES,) * 2)

    done = subprocess.run(
        [*_PROGRAM, recording, str(tmp_path / 'bag'), '--storage', storage], preexec_fn=limit,
        capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S)
    assert done.returncode == 1
    assert done.stderr.startswith('k4a_to_bag: cannot write bag ')
    assert done.stderr.endswith('; the incomplete bag is removed\n')
    assert done.stderr.count('\n') == 1
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_and_leaves_nothing(
    recording: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], number: signal.Signals,
) -> None:
    def update(progress: object, device_us: int) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr('k4a_ros.tools.progress.Progress.update', update)
    before = signal.getsignal(number)
    assert to_bag.main([recording, str(tmp_path / 'bag')]) == 130
    assert signal.getsignal(number) is before
    assert capsys.readouterr().err.endswith('bag is not written\n')
    assert not [*tmp_path.iterdir()]


def test_crop_box_in_a_frame_of_another_node_is_refused(
    recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    options = [recording, str(tmp_path / 'bag'), '--tf-prefix', 'left_', '-p']
    assert to_bag.main([*options, 'point_cloud_crop_frame:=map']) == 1
    assert 'a recording has no transforms to it' in capsys.readouterr().err
    assert to_bag.main([*options, 'point_cloud_crop_frame:=left_imu_link']) == 0
