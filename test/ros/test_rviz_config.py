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


"""Set-ups of rviz and Foxglove, and the URDF, compared with topics and frames of the driver."""

from __future__ import annotations

from collections.abc import Iterator
import json
import re
from typing import Any

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy
from rclpy.qos import ReliabilityPolicy
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for
from support.sources import ROOT
from tf2_msgs.msg import TFMessage
import yaml

CONFIG: dict[str, Any] = yaml.safe_load(
    (ROOT / 'config/k4a.rviz').read_text())['Visualization Manager']
TYPES = {'rviz_default_plugins/Image': 'sensor_msgs/msg/Image',
         'rviz_default_plugins/PointCloud2': 'sensor_msgs/msg/PointCloud2',
         'rviz_default_plugins/MarkerArray': 'visualization_msgs/msg/MarkerArray'}
#: displays without a topic of the driver
OTHERS = {'rviz_default_plugins/RobotModel', 'rviz_default_plugins/TF'}
DISPLAYS = [display for display in CONFIG['Displays'] if display['Class'] in TYPES]


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """Run a driver with depth, infrared, color and body tracking, and a listener in its domain."""
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_2X2BINNED', fps=5,
            body_tracking_enabled=True, body_tracking_backend='ground_truth') as driver:
        driver.wait_for_line('Opened simulated')
        yield listener


@pytest.mark.parametrize('display', DISPLAYS, ids=lambda display: display['Name'])
def test_display_matches_a_topic(running: Listener, display: dict[str, Any]) -> None:
    """The message type is that of the display, and the QoS settings are compatible."""
    topic = display['Topic']
    found = wait_for(lambda: running.node.get_publishers_info_by_topic(topic['Value']),
                     topic['Value'])
    assert [info.topic_type for info in found] == [TYPES[display['Class']]]
    assert display['Enabled']
    assert topic['Reliability Policy'] == 'Reliable'
    assert found[0].qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert topic['Durability Policy'] == 'Volatile'
    assert found[0].qos_profile.durability == DurabilityPolicy.VOLATILE


def test_displays_are_complete() -> None:
    classes = [display['Class'] for display in CONFIG['Displays']]
    assert set(classes) == set(TYPES) | OTHERS
    assert {display['Topic']['Value'] for display in DISPLAYS} == {
        '/depth/image_raw', '/ir/image_raw', '/rgb/image_raw', '/points2',
        '/body_tracking_data'}


def test_view_shows_camera_and_field_of_view() -> None:
    """
    The camera, and what it sees at 3 m, are inside of the 3D pane of a window of 1280 x 800.

    The view of rviz is 45 degrees high, and 494 x 708 pixels large then.
    """
    view = CONFIG['Views']['Current']
    focal = np.array([view['Focal Point'][axis] for axis in 'XYZ'])
    yaw, pitch = view['Yaw'], view['Pitch']
    back = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
    right = np.array([-np.sin(yaw), np.cos(yaw), 0])
    across, down = np.tan(np.deg2rad([75 / 2, 65 / 2]))  # NFOV
    points = np.array([(0, 0, 0), (3, 3 * across, 0), (3, -3 * across, 0), (3, 0, 3 * down),
                       (3, 0, -3 * down)])
    offset = points - (focal + view['Distance'] * back)
    pixels = np.stack((offset @ right, offset @ np.cross(back, right)), -1) / (
        -(offset @ back)[:, None]) * 354 / np.tan(np.deg2rad(45 / 2))
    assert (np.abs(pixels) < (247, 354)).all(), pixels


def test_view_launch_file_remaps_every_topic() -> None:
    """view.launch.py remaps the topics of all displays into a namespace."""
    text = (ROOT / 'launch/view.launch.py').read_text()
    listed = re.search(r'TOPICS = \((.*?)\)', text, re.DOTALL)
    assert listed is not None
    topics = {display['Topic']['Value'] for display in DISPLAYS} | {
        display['Description Topic']['Value']
        for display in CONFIG['Displays'] if 'Description Topic' in display}
    assert topics <= {f'/{topic}' for topic in re.findall(r"'(.*?)'", listed[1])}


def test_frames_are_a_tree_below_the_fixed_frame(running: Listener) -> None:
    """These are the frames of the driver and of robot_state_publisher."""
    messages = running.subscribe(TFMessage, '/tf_static', latched=True)
    wait_for(lambda: messages, '/tf_static')
    published = [(t.child_frame_id, t.header.frame_id) for t in messages[0].transforms]
    text = (ROOT / 'urdf/azure_kinect_macro.urdf.xacro').read_text()
    joints = re.findall(r'<parent link="\$\{prefix\}(\w+)" />\s*'
                        r'<child link="\$\{prefix\}(\w+)" />', text)
    tree = published + [(child, parent) for parent, child in joints]
    assert len(published) == 3 and len(joints) == 2
    assert len(dict(tree)) == len(tree), sorted(tree)
    assert {parent for _, parent in tree} - set(dict(tree)) == {
        CONFIG['Global Options']['Fixed Frame']}


def test_foxglove_layout_names_topics(running: Listener) -> None:
    """Every panel is in the layout, and every topic has a publisher."""
    text = (ROOT / 'config/foxglove.json').read_text()
    layout = json.loads(text)
    topics = set(re.findall(r'"(/[a-z_0-9/]+)', text))
    assert {'/points2', '/rgb/image_raw/compressed', '/imu', '/diagnostics'} <= topics
    for topic in topics:
        wait_for(lambda topic=topic: running.node.count_publishers(topic), topic)

    def panels(node: Any) -> set[str]:
        return {node} if isinstance(node, str) else panels(node['first']) | panels(node['second'])

    assert panels(layout['layout']) == layout['configById'].keys()
