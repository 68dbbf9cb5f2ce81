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

"""A camera that is mounted turned, as a process: upright, and true in the frame of the robot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from k4a_ros.mkv.reader import RecordingReader
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2
from std_srvs.srv import Trigger
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for
from support.transforms import frames
from support.transforms import moved
from tf2_msgs.msg import TFMessage

NODE = '/k4a_driver'
FLOOR, WALL = 1.1, 3.0
SCENE = f"""
camera: {{position: [0, 0, 0], roll: 90}}
shapes:
  - {{plane: {{point: [0, {FLOOR}, 0], normal: [0, -1, 0]}}}}
  - {{plane: {{point: [0, 0, {WALL}], normal: [0, 0, -1]}}}}
persons:
  - {{name: ada, path: [[0, 2]], floor: {FLOOR}}}
"""


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[tuple[Listener, Path]]:
    """Yield a listener to a camera that is turned clockwise, and the file that it records to."""
    (tmp_path / 'scene.yaml').write_text(SCENE)
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_2X2BINNED', fps=5, camera_rotation=90,
            simulation_scene=tmp_path / 'scene.yaml', simulation_noise=False,
            body_tracking_enabled=True, body_tracking_backend='ground_truth',
            record_file=tmp_path / 'turned.mkv') as process:
        process.wait_for_line('Opened simulated')
        yield listener, tmp_path / 'turned.mkv'
        assert 'Traceback' not in process.output


def in_scene(message: PointCloud2, transforms: list[TFMessage]) -> np.ndarray:
    """Return the valid points (N, 3) of a cloud in the scene: x right, y down, z forward."""
    data = np.frombuffer(message.data, np.uint8).reshape(-1, message.point_step)[:, :12]
    values = np.ascontiguousarray(data).view(np.float32).astype(np.float64)
    # the axes of the scene are those of a camera that is not turned; of this one, left is up
    turn = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    to_scene = turn @ frames(transforms[-1:])[message.header.frame_id]
    return moved(values[np.isfinite(values[:, 0])], to_scene)


def newest(listener: Listener, width: int, height: int) -> dict[str, Any]:
    """Return the first messages of all topics with images of this size."""
    kinds = {'/depth/image_raw': Image, '/depth/camera_info': CameraInfo,
             '/body_index_map/image_raw': Image, '/points2': PointCloud2}
    received: dict[str, list[Any]] = {
        topic: listener.subscribe(kind, topic, depth=3) for topic, kind in kinds.items()}
    received['/body_tracking_joints'] = listener.subscribe(
        PointCloud2, '/body_tracking_joints', depth=3)

    def complete() -> dict[str, Any] | None:
        fitting = {topic: {m.header.stamp.sec * 10**9 + m.header.stamp.nanosec: m for m in messages
                           if topic not in kinds or (m.width, m.height) == (width, height)}
                   for topic, messages in received.items()}
        common = set.intersection(*(set(found) for found in fitting.values()))
        stamp = min(common, default=None)
        return None if stamp is None else {
            topic: found[stamp] for topic, found in fitting.items()}

    return wait_for(complete, f'images of {width}x{height}')


def check_scene(messages: dict[str, Any], transforms: list[TFMessage]) -> None:
    """Check that the room is where it is: floor, wall, and a person who stands on the floor."""
    points = in_scene(messages['/points2'], transforms)
    floor, wall = abs(points[:, 1] - FLOOR), abs(points[:, 2] - WALL)
    person = np.hypot(points[:, 0], points[:, 2] - 2) < 0.6
    on_surface = np.minimum(floor, wall)[~person] < 1e-3
    assert on_surface.all() and len(on_surface) > 20_000
    joints = in_scene(messages['/body_tracking_joints'], transforms)
    assert len(joints) == 32
    assert (np.hypot(joints[:, 0], joints[:, 2] - 2) < 0.5).all()
    assert 1.5 < np.ptp(joints[:, 1]) < 1.8 and joints[26, 1] < joints[0, 1] < joints[21, 1]


def test_turned_camera_is_upright_live(driver: tuple[Listener, Path]) -> None:
    listener, file = driver
    transforms = listener.subscribe(TFMessage, '/tf_static', latched=True)
    imu = listener.subscribe(Imu, '/imu')
    upright = newest(listener, 288, 320)
    index_map = np.frombuffer(upright['/body_index_map/image_raw'].data, np.uint8)
    rows, columns = np.nonzero(index_map.reshape(320, 288) != 255)
    assert np.ptp(rows) > 2 * np.ptp(columns)
    check_scene(upright, transforms)
    with listener.subscribed(Image, '/body_index_map_to_rgb/image_raw', depth=2) as in_color:
        wait_for(lambda: in_color, 'index map of the color camera')
    assert (in_color[0].width, in_color[0].height) == (720, 1280)
    index_map = np.frombuffer(in_color[0].data, np.uint8).reshape(1280, 720)
    rows, columns = np.nonzero(index_map != 255)
    assert np.ptp(rows) > 2 * np.ptp(columns) > 0
    wait_for(lambda: len(imu) > 100, 'IMU')
    mean = np.mean([[getattr(m.linear_acceleration, axis) for axis in 'xyz'] for m in imu], axis=0)
    # it stays as it is: gravity is along the side of the housing
    np.testing.assert_allclose(
        frames(transforms[-1:])['imu_link'][:3, :3] @ mean, [-9.81, 0, 0], atol=0.05)

    # a recording has what the camera delivers
    assert listener.call(Trigger, f'{NODE}/start_recording', Trigger.Request()).success
    color = listener.subscribe(CompressedImage, '/rgb/image_raw/compressed', depth=5)
    wait_for(lambda: len(stamps(color)) >= 3, 'color images')
    assert listener.call(Trigger, f'{NODE}/stop_recording', Trigger.Request()).success
    with RecordingReader(file) as recording:
        capture = recording.captures.read()
        assert capture is not None and capture.depth is not None
        assert capture.depth.data.shape == (288, 320)

    # the other way round: the person is upside down, but nothing has moved
    answer = listener.set_parameters(NODE, camera_rotation=180)
    assert answer.successful, answer.reason
    wait_for(lambda: len(transforms) >= 2, 'other transforms')
    other = newest(listener, 320, 288)
    check_scene(other, transforms)
    late = listener.subscribe(TFMessage, '/tf_static', latched=True)
    wait_for(lambda: late, 'transforms')
    assert late[0] == transforms[-1]
    refused = listener.set_parameters(NODE, camera_rotation=45)
    assert not refused.successful and '0, 90, 180, 270' in refused.reason
