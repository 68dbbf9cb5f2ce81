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

"""Bags: complete or not there, the same bytes each time, the topics that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import sys
from typing import Any

from k4a_ros.bags.to_bag import BagOptions
from k4a_ros.bags.to_bag import convert
from k4a_ros.bags.to_bag import DEFAULT
from k4a_ros.calibration.tf_frames import base_from_depth
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import BagError
from k4a_ros.errors import ConfigError
from k4a_ros.publishing.messages import stamp_ns
from k4a_ros.publishing.options import TopicOptions
import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from rosbags.interfaces import QosDurability
from rosbags.interfaces import QosReliability
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import Image
from support.recordings import write_recording
from support.recordings import Written
from support.sound import Clocks
from support.sound import numbered_samples
from support.sound import write_sound
from tf2_msgs.msg import TFMessage

ALL_DEFAULT = {
    '/depth/image_raw', '/depth/camera_info', '/ir/image_raw', '/ir/camera_info', '/imu',
    '/tf_static', '/recording_info'}


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write_recording(tmp_path_factory.mktemp('recording') / 'depth.mkv')


def topics(bag: Path) -> dict[str, int]:
    """Return the number of messages by topic."""
    with Reader(bag) as reader:
        return {name: info.msgcount for name, info in reader.topics.items()}


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_same_recording_gives_the_same_bytes(
    written: Written, tmp_path: Path, storage: Any,
) -> None:
    contents = []
    for number in range(2):
        bag = tmp_path / str(number) / 'bag'
        bag.parent.mkdir()
        convert(written.path, bag, BagOptions(storage=storage))
        contents.append({file.name: file.read_bytes() for file in bag.iterdir()})
        assert [*bag.parent.iterdir()] == [bag]
    assert contents[0] == contents[1]
    assert len(contents[0]) == 2


def test_default_topics_of_a_depth_camera(written: Written, tmp_path: Path) -> None:
    result = convert(written.path, tmp_path / 'bag', BagOptions())
    assert topics(tmp_path / 'bag') == result.messages
    assert result.messages.keys() == ALL_DEFAULT
    assert result.messages['/imu'] == len(written.imu)
    assert result.messages['/depth/image_raw'] == len(written.captures)


@pytest.mark.parametrize(('names', 'expected'), [
    (('imu',), {'/imu'}),
    (('depth/image_raw*',), {'/depth/image_raw', '/depth/image_raw/compressedDepth'}),
    ((DEFAULT, 'depth/image_raw/compressedDepth'),
     ALL_DEFAULT | {'/depth/image_raw/compressedDepth'}),
])
def test_topics_can_be_chosen(
    written: Written, tmp_path: Path, names: tuple[str, ...], expected: set[str],
) -> None:
    convert(written.path, tmp_path / 'bag', BagOptions(names))
    assert topics(tmp_path / 'bag').keys() == expected


def test_unknown_topic_is_refused(written: Written, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'called rgb/image_raw; choose from .*depth/image_raw'):
        convert(written.path, tmp_path / 'bag', BagOptions(('imu', 'rgb/image_raw')))
    assert not [*tmp_path.iterdir()]


def test_stamps_are_times_of_the_camera_or_begin_at_a_time(
    written: Written, tmp_path: Path,
) -> None:
    for start_ns, zero_ns in ((None, 0), (5 * 10**18 // 3, 5 * 10**18 // 3 - 500_000_000)):
        bag = tmp_path / str(start_ns)
        convert(written.path, bag, BagOptions(('depth/image_raw',), start_ns=start_ns))
        with Reader(bag) as reader:
            times = [time_ns for _, time_ns, _ in reader.messages()]
        assert times == [zero_ns + capture.device_us * 1000 for capture in written.captures]


def test_latched_topics_have_their_qos(written: Written, tmp_path: Path) -> None:
    convert(written.path, tmp_path / 'bag', BagOptions(namespace='left/cam'))
    with Reader(tmp_path / 'bag') as reader:
        connections: dict[str, Any] = {each.topic: each for each in reader.connections}
        first = next(reader.messages())
    assert first[0].topic in ('/tf_static', '/left/cam/recording_info')
    for topic, connection in connections.items():
        [qos] = connection.ext.offered_qos_profiles
        latched = topic in ('/tf_static', '/left/cam/recording_info')
        assert qos.durability is (
            QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE), topic
        assert qos.reliability is QosReliability.RELIABLE
    assert connections['/left/cam/imu'].ext.offered_qos_profiles[0].depth == 200


def test_color_that_is_no_jpeg_stays_as_it_is(tmp_path: Path) -> None:
    config = CameraConfig.of_modes(
        DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12, 5, imu=False)
    nv12 = write_recording(tmp_path / 'nv12.mkv', config, count=1)
    convert(nv12.path, tmp_path / 'bag', BagOptions())
    with Reader(tmp_path / 'bag') as reader:
        [message] = [deserialize_message(data, Image) for connection, _, data in reader.messages()
                     if connection.topic == '/rgb/image_raw']
    assert message.encoding == 'nv12'
    assert nv12.captures[0].color is not None
    assert bytes(message.data) == nv12.captures[0].color.data.tobytes()


def test_turned_camera_has_upright_images(written: Written, tmp_path: Path) -> None:
    convert(written.path, tmp_path / 'bag', BagOptions(
        ('depth/image_raw', 'tf_static'), content=TopicOptions(camera_rotation=90)))
    with Reader(tmp_path / 'bag') as reader:
        messages = [(connection.topic, data) for connection, _, data in reader.messages()]
    images = [deserialize_message(data, Image) for topic, data in messages
              if topic == '/depth/image_raw']
    for message, capture in zip(images, written.captures, strict=True):
        assert capture.depth is not None
        np.testing.assert_array_equal(
            np.frombuffer(message.data, np.uint16).reshape(message.height, message.width),
            np.rot90(capture.depth.data, -1))
    transforms = next(deserialize_message(data, TFMessage) for topic, data in messages
                      if topic == '/tf_static').transforms
    rotation = transforms[0].transform.rotation
    expected = base_from_depth(90).quaternion()
    assert [rotation.x, rotation.y, rotation.z, rotation.w] == pytest.approx(expected)


@pytest.mark.parametrize('start_ns', [None, 1_800_000_000_000_000_000])
def test_sound_beside_the_recording_comes_along(tmp_path: Path, start_ns: int | None) -> None:
    clocks = Clocks(camera_ppm=30.0, microphones_ppm=-50.0)
    written = write_recording(tmp_path / 'a.mkv', count=15, to_ros=clocks.ros_ns)
    write_sound(written.path, 0.44, clocks)
    result = convert(written.path, tmp_path / 'bag', BagOptions(start_ns=start_ns))
    assert result.messages.keys() == ALL_DEFAULT | {'/audio'} | (
        set() if start_ns else {'/recording_times'})
    first = 0
    with Reader(tmp_path / 'bag') as reader:
        for connection, time_ns, data in reader.messages():
            if connection.topic == '/tf_static':
                frames = deserialize_message(data, TFMessage).transforms
                assert 'microphones_link' in [frame.child_frame_id for frame in frames]
            if connection.topic != '/audio':
                continue
            message = deserialize_message(data, Image)
            assert (message.encoding, message.header.frame_id) == ('16SC1', 'microphones_link')
            expected_ns = clocks.sample_ns(first) if start_ns is None else (
                start_ns + (clocks.sample_us(first) - 500_000) * 1000)
            assert abs(stamp_ns(message.header.stamp) - expected_ns) < 500_000
            assert abs(time_ns - expected_ns) < 500_000
            samples = np.frombuffer(message.data, np.int16).reshape(-1, 7)
            np.testing.assert_array_equal(samples, numbered_samples(first, len(samples)))
            first += len(samples)
    assert first == 21120


def test_existing_path_is_refused(written: Written, tmp_path: Path) -> None:
    (tmp_path / 'bag').mkdir()
    with pytest.raises(BagError, match='bag: it exists; choose another name, or remove it'):
        convert(written.path, tmp_path / 'bag', BagOptions())
    with pytest.raises(BagError, match='no such file or directory'):
        convert(written.path, tmp_path / 'missing/bag', BagOptions())


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_interrupted_conversion_leaves_nothing(
    written: Written, tmp_path: Path, storage: Any,
) -> None:
    def interrupt(device_us: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(written.path, tmp_path / 'bag', BagOptions(storage=storage), progress=interrupt)
    assert not [*tmp_path.iterdir()]


def test_bag_ends_where_the_recording_is_damaged(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    from k4a_ros.cameras.recording.camera import RecordingCamera
    from k4a_ros.errors import CameraLostError
    read: Callable[..., Any] = RecordingCamera.read
    count = 0

    def fail(camera: RecordingCamera, timeout: float) -> Any:
        nonlocal count
        count += 1
        if count > limit:
            raise CameraLostError('the file is damaged here')
        return read(camera, timeout)

    monkeypatch.setattr(RecordingCamera, 'read', fail)
    limit = 0
    with pytest.raises(CameraLostError, match='damaged here'):
        convert(written.path, tmp_path / 'bag', BagOptions())
    assert not [*tmp_path.iterdir()]
    count, limit = 0, 4
    result = convert(written.path, tmp_path / 'bag', BagOptions())
    assert result.problem == 'the file is damaged here'
    assert topics(tmp_path / 'bag') == result.messages
    assert 0 < result.messages['/depth/image_raw'] < len(written.captures)


def test_missing_rosbags_is_one_sentence(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, 'rosbags.rosbag2', None)
    with pytest.raises(BagError, match=r'rosbags is missing .*; pip install rosbags'):
        convert(written.path, tmp_path / 'bag', BagOptions())
