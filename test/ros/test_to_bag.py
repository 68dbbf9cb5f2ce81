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

"""A bag of a recording has what the driver publishes for it, message by message."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from k4a_ros.bags.to_bag import ALL
from k4a_ros.bags.to_bag import BagOptions
from k4a_ros.bags.to_bag import convert
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.tools.simulate import SimulationOptions
from k4a_ros.tools.simulate import write_simulation
import mcap.reader
import mcap_ros2.decoder
import pytest
from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

CAPTURES = 3
#: topics of bags only
BAG_ONLY = {'/cam/recording_info'}
CONTENT = {'tf_prefix': 'left_', 'rgb_point_cloud': True, 'point_cloud_organized': False}

Messages = dict[str, list[Any]]


@pytest.fixture(scope='module')
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('recording') / 'room.mkv'
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)
    write_simulation(path, config, CAPTURES, SimulationOptions(seed=3))
    return path


def message_type(name: str) -> Any:
    """Return the class of a message type: sensor_msgs/msg/Image."""
    package, _, kind = name.split('/')
    return getattr(import_module(f'{package}.msg'), kind)


@pytest.fixture(scope='module')
def kinds(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the type of the messages of each topic that a bag can have of a driver."""
    path = tmp_path_factory.mktemp('bag') / 'kinds'
    convert(recording, path, BagOptions((ALL,), 'cam', content=TopicOptions(**CONTENT)))
    with Reader(path) as reader:
        return {each.topic: message_type(each.msgtype) for each in reader.connections
                if each.topic not in BAG_ONLY}


@pytest.fixture(scope='module')
def live(recording: Path, kinds: dict[str, Any]) -> Messages:
    """Return all messages of a driver at playback rate 0, by topic."""
    domain = new_domain()
    with listening(domain) as listener:
        messages = {name: listener.subscribe(kind, name, latched=name == '/tf_static')
                    for name, kind in kinds.items()}
        with DriverProcess.with_parameters(
                domain, '-r', '__ns:=/cam', recording_file=recording, playback_rate=0.0,
                **CONTENT) as driver:
            assert driver.wait() == 0, driver.output
        images = kinds.keys() - {'/cam/imu', '/tf_static'}
        wait_for(lambda: all(len(messages[topic]) == CAPTURES for topic in images),
                 'all messages of the recording')
    return messages


def stamp(message: Any) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


@pytest.fixture(scope='module', params=['mcap', 'sqlite3'])
def bag(
    request: pytest.FixtureRequest, recording: Path, live: Messages,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return a bag whose first stamp is that of the driver."""
    path = tmp_path_factory.mktemp('bag') / 'room'
    start_ns = min(stamp(messages[0]) for topic, messages in live.items() if topic != '/tf_static')
    warnings: list[str] = []
    result = convert(recording, path, BagOptions(
        (ALL,), 'cam', request.param, start_ns, TopicOptions(**CONTENT)), warnings.append)
    assert (result.failures, warnings) == ({}, [])
    return path


def test_bag_equals_what_the_driver_publishes(
    bag: Path, live: Messages, kinds: dict[str, Any],
) -> None:
    found: Messages = {}
    with Reader(bag) as reader:
        for connection, time_ns, data in reader.messages():
            if connection.topic in kinds:
                message = deserialize_message(data, kinds[connection.topic])
                found.setdefault(connection.topic, []).append(message)
                if connection.topic != '/tf_static':
                    assert time_ns == stamp(message)
    assert found.keys() == live.keys()
    assert {'/cam/points2', '/cam/depth_to_rgb/image_raw', '/cam/rgb/image_raw'} <= found.keys()
    transforms = [message.pop().transforms for message in (
        found['/tf_static'], live['/tf_static'][:])]
    for transform in [*transforms[0], *transforms[1]]:
        transform.header.stamp.sec = transform.header.stamp.nanosec = 0
    assert transforms[0] == transforms[1]
    assert len(transforms[0]) == 3
    for topic, messages in found.items():
        assert len(messages) == (len(live[topic]) if topic != '/tf_static' else 0), topic
        for actual, expected in zip(messages, live[topic], strict=False):
            assert actual == expected, topic


@pytest.mark.parametrize('bag', ['mcap'], indirect=True)
def test_independent_reader_finds_the_same_messages(bag: Path, live: Messages) -> None:
    counts: dict[str, int] = {}
    with (bag / f'{bag.name}.mcap').open('rb') as stream:
        reader = mcap.reader.make_reader(
            stream, decoder_factories=[mcap_ros2.decoder.DecoderFactory()], validate_crcs=True)
        for _, channel, message, decoded in reader.iter_decoded_messages():
            number = counts.get(channel.topic, 0)
            counts[channel.topic] = number + 1
            if channel.topic not in BAG_ONLY | {'/tf_static'}:
                expected = live[channel.topic][number]
                assert message.log_time == stamp(expected)
                assert decoded.header.frame_id == expected.header.frame_id
                if hasattr(expected, 'data'):
                    assert bytes(decoded.data) == bytes(expected.data)
    expected_counts = {topic: len(messages) for topic, messages in live.items()}
    assert counts == expected_counts | {'/tf_static': 1, '/cam/recording_info': 1}
