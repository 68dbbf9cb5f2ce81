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

"""Recordings that were bags: bit-exact where the topics have all, one sentence elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from k4a_ros.bags.from_bag import convert as from_bag
from k4a_ros.bags.to_bag import ALL
from k4a_ros.bags.to_bag import BagOptions
from k4a_ros.bags.to_bag import convert as to_bag
from k4a_ros.bags.to_bag import DEFAULT
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import BagError
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.publishing.options import TopicOptions
import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from support.recordings import assert_same_capture
from support.recordings import write_recording
from support.recordings import Written

#: depth mode, color resolution and format, frame rate
COMBINATIONS = [
    (DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG, 30),
    (DepthMode.WFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.YUY2, 25),
    (DepthMode.PASSIVE_IR, ColorResolution.R720P, ColorFormat.NV12, 15),
    (DepthMode.OFF, ColorResolution.R720P, ColorFormat.BGRA32, 5),
]
NO_SAMPLES = ImuSamples(
    np.zeros((0, 3), np.float32), np.zeros(0, np.int64), np.zeros((0, 3), np.float32),
    np.zeros(0, np.int64), np.zeros(0, np.float32))


def read(path: Path) -> tuple[RecordingReader, list[Capture], ImuSamples]:
    """Return the reader of a recording, and all that it has."""
    with RecordingReader(str(path)) as reader:
        captures, samples = [], [NO_SAMPLES]
        while (item := reader.read()) is not None:
            if isinstance(item, Capture):
                captures.append(Capture(*(
                    image and replace(image, data=np.array(image.data))
                    for image in (item.depth, item.ir, item.color))))
            else:
                samples.append(item)
        return reader, captures, ImuSamples(*(
            np.concatenate([getattr(part, name) for part in samples])
            for name in ('acc', 'acc_us', 'gyro', 'gyro_us', 'temperature')))


def assert_same_recording(actual: Path, expected: Path) -> None:
    (reader, captures, imu), (reference, originals, samples) = read(actual), read(expected)
    assert reader.config == reference.config
    assert reader.calibration == reference.calibration
    assert (reader.serial, reader.firmware) == (reference.serial, reference.firmware)
    assert (reader.start_us, reader.end_us) == (reference.start_us, reference.end_us)
    assert len(captures) == len(originals)
    for capture, original in zip(captures, originals, strict=True):
        assert_same_capture(capture, original)
    for name in ('acc', 'gyro', 'acc_us', 'gyro_us'):
        np.testing.assert_array_equal(getattr(imu, name), getattr(samples, name))


@pytest.mark.parametrize(('combination', 'storage'), [
    *((combination, 'mcap') for combination in COMBINATIONS), (COMBINATIONS[0], 'sqlite3'),
], ids=str)
def test_round_trip_is_bit_exact(tmp_path: Path, combination: Any, storage: Any) -> None:
    written = write_recording(
        tmp_path / 'in.mkv', CameraConfig.of_modes(*combination), gyro_delay_us=0,
        start_us=0 if storage == 'sqlite3' else 500_000)
    to_bag(written.path, tmp_path / 'bag', BagOptions(namespace='left', storage=storage))
    from_bag(tmp_path / 'bag', tmp_path / 'out.mkv')
    assert_same_recording(tmp_path / 'out.mkv', written.path)


def test_recorded_ros_times_come_back(tmp_path: Path) -> None:
    """They are stamps in the bag, although they are no linear function of device times."""
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)

    def to_ros(device_us: int) -> int:
        return 1_795_953_600_000_000_000 + 1001 * device_us + device_us * device_us // 1000 % 7001

    written = write_recording(tmp_path / 'in.mkv', config, gyro_delay_us=0, to_ros=to_ros)
    result = to_bag(written.path, tmp_path / 'bag', BagOptions())
    assert '/recording_times' in result.messages
    with Reader(tmp_path / 'bag') as bag:
        stamps = {connection.topic: [] for connection in bag.connections}
        for connection, time_ns, _ in bag.messages():
            stamps[connection.topic].append(time_ns)
    times = {name: [getattr(capture, name).device_us for capture in written.captures]
             for name in ('depth', 'color')}
    assert stamps['/depth/image_raw'] == [*map(to_ros, times['depth'])]
    assert stamps['/rgb/camera_info'] == [*map(to_ros, times['color'])]
    assert stamps['/imu'] == [*map(to_ros, written.imu.acc_us.tolist())]
    from_bag(tmp_path / 'bag', tmp_path / 'out.mkv')
    assert_same_recording(tmp_path / 'out.mkv', written.path)
    with RecordingReader(str(tmp_path / 'out.mkv')) as reader:
        assert reader.ros_times is not None
        for stream, name in ((TimedStream.DEPTH, 'depth'), (TimedStream.COLOR, 'color')):
            assert [*reader.ros_times.find(stream, np.array(times[name]))] == [
                *map(to_ros, times[name])]
        assert [*reader.ros_times.find(TimedStream.IMU, written.imu.acc_us)] == stamps['/imu']


def test_start_time_replaces_recorded_ros_times(tmp_path: Path) -> None:
    written = write_recording(
        tmp_path / 'in.mkv', gyro_delay_us=0, to_ros=lambda device_us: 10**18 + 999 * device_us)
    to_bag(written.path, tmp_path / 'bag', BagOptions(start_ns=10**18))
    from_bag(tmp_path / 'bag', tmp_path / 'out.mkv')
    assert_same_recording(tmp_path / 'out.mkv', written.path)


def test_round_trip_of_a_real_recording_is_bit_exact(real_recording: Path, tmp_path: Path) -> None:
    to_bag(real_recording, tmp_path / 'bag', BagOptions(start_ns=1_795_953_600_123_456_789))
    from_bag(tmp_path / 'bag', tmp_path / 'out.mkv')
    assert_same_recording(tmp_path / 'out.mkv', real_recording)


@pytest.fixture()
def written(tmp_path: Path) -> Written:
    return write_recording(tmp_path / 'in.mkv', gyro_delay_us=0)


@pytest.mark.parametrize('content', [
    {'compressed_depth_format': 'rvl'}, {'compressed_depth_format': 'png'},
    {'depth_unit': '32FC1'}], ids=str)
def test_depth_comes_back_from_other_forms(
    written: Written, tmp_path: Path, content: dict[str, Any],
) -> None:
    names: tuple[str, ...] = ('depth/image_raw/compressedDepth',)
    if 'depth_unit' in content:
        names = ('depth/image_raw',)
    to_bag(written.path, tmp_path / 'bag', BagOptions(
        (*names, 'ir/image_raw', 'imu', 'recording_info'), content=TopicOptions(**content)))
    from_bag(tmp_path / 'bag', tmp_path / 'out.mkv')
    assert_same_recording(tmp_path / 'out.mkv', written.path)


@pytest.mark.parametrize('rotation', [90, 180])
def test_turned_images_are_refused(written: Written, tmp_path: Path, rotation: int) -> None:
    to_bag(written.path, tmp_path / 'bag', BagOptions(
        content=TopicOptions(camera_rotation=rotation)))
    with pytest.raises(BagError, match=rf'turned \(camera_rotation {rotation}\).*with camera_r'):
        from_bag(tmp_path / 'bag', tmp_path / 'out.mkv')
    assert not (tmp_path / 'out.mkv').exists()


def test_without_recording_info_a_calibration_is_needed(written: Written, tmp_path: Path) -> None:
    to_bag(written.path, tmp_path / 'bag', BagOptions(
        ('depth/image_raw', 'ir/image_raw', 'imu'), start_ns=1_795_953_600_000_000_000))
    with pytest.raises(BagError, match=r'no recording_info.*with --calibration'):
        from_bag(tmp_path / 'bag', tmp_path / 'out.mkv')
    assert not (tmp_path / 'out.mkv').exists()
    from_bag(tmp_path / 'bag', tmp_path / 'out.mkv', calibration=written.calibration)
    (reader, captures, imu), (reference, originals, samples) = (
        read(tmp_path / 'out.mkv'), read(written.path))
    assert reader.config == reference.config
    shift_us = captures[0].device_us - originals[0].device_us
    for capture, original in zip(captures, originals, strict=True):
        assert_same_capture(capture, original, shift_us)
    np.testing.assert_array_equal(imu.acc_us, samples.acc_us + shift_us)


@pytest.mark.parametrize('fps', [5, 25])
def test_without_recording_info_stamps_give_the_frame_rate(tmp_path: Path, fps: int) -> None:
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=fps, imu=False)
    written = write_recording(tmp_path / 'in.mkv', config, count=4)
    to_bag(written.path, tmp_path / 'bag', BagOptions(('depth/image_raw',)))
    from_bag(tmp_path / 'bag', tmp_path / 'out.mkv', calibration=written.calibration)
    reader, captures, _ = read(tmp_path / 'out.mkv')
    assert reader.config == config
    assert len(captures) == 4


def test_scaled_infrared_is_left_out_with_a_sentence(written: Written, tmp_path: Path) -> None:
    to_bag(written.path, tmp_path / 'bag', BagOptions(
        content=TopicOptions(rescale_ir_to_mono8=True)))
    warnings: list[str] = []
    result = from_bag(tmp_path / 'bag', tmp_path / 'out.mkv', warn=warnings.append)
    assert result.counts.keys() == {'depth', 'imu'}
    [warning] = warnings
    assert 'left out /ir/image_raw: infrared is mono8' in warning


def test_color_of_another_format_is_reported(tmp_path: Path) -> None:
    config = CameraConfig.of_modes(
        DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12, 5, imu=False)
    nv12 = write_recording(tmp_path / 'in.mkv', config, count=1)
    to_bag(nv12.path, tmp_path / 'bag', BagOptions((ALL,)))
    warnings: list[str] = []
    from_bag(tmp_path / 'bag', tmp_path / 'out.mkv', warn=warnings.append)
    assert warnings == [
        'the recording gets MJPG images, because /rgb/image_raw/compressed has them; the camera '
        'delivered NV12']
    reader, captures, _ = read(tmp_path / 'out.mkv')
    assert reader.config.color_format is ColorFormat.MJPG
    assert captures[0].color is not None and bytes(captures[0].color.data[:2]) == b'\xff\xd8'


def test_other_cameras_and_other_bags_are_refused(written: Written, tmp_path: Path) -> None:
    to_bag(written.path, tmp_path / 'bag', BagOptions((DEFAULT,), namespace='left'))
    with pytest.raises(BagError, match="no topics of this driver in the namespace 'right'"):
        from_bag(tmp_path / 'bag', tmp_path / 'out.mkv', namespace='right')
    to_bag(written.path, tmp_path / 'tf', BagOptions(('tf_static', 'depth/camera_info')))
    with pytest.raises(BagError, match='no topics of this driver that a recording can be made of'):
        from_bag(tmp_path / 'tf', tmp_path / 'out.mkv')
    with pytest.raises(BagError, match=r'cannot read bag .*missing'):
        from_bag(tmp_path / 'missing', tmp_path / 'out.mkv')
    with pytest.raises(BagError, match='cannot read bag'):
        from_bag(written.path, tmp_path / 'out.mkv')
    with pytest.raises(RecordingError, match='the file exists'):
        from_bag(tmp_path / 'bag', written.path)
    assert not (tmp_path / 'out.mkv').exists()


@pytest.mark.parametrize(('storage', 'part'), [('mcap', 0.0), ('mcap', 0.5), ('sqlite3', 0.5)])
def test_damaged_bag_is_one_sentence(
    written: Written, tmp_path: Path, storage: Any, part: float,
) -> None:
    to_bag(written.path, tmp_path / 'bag', BagOptions(storage=storage))
    [file] = [file for file in (tmp_path / 'bag').iterdir() if file.suffix != '.yaml']
    data = bytearray(file.read_bytes())
    start = int(part * len(data))
    # several pages of SQLite, which has no checksums: it notices a page that leads nowhere
    data[start:start + 50_000] = b'\xff' * 50_000
    file.write_bytes(data[:-100])
    with pytest.raises(BagError, match='cannot read bag'):
        from_bag(tmp_path / 'bag', tmp_path / 'out.mkv')
    assert not (tmp_path / 'out.mkv').exists()
