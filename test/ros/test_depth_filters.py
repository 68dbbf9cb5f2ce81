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

"""Depth filters that are switched while a camera streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from sensor_msgs.msg import PointCloud2
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for

NODE = '/k4a_driver'
#: a wall, and a ball of some 200 pixels in front of it, which is a speckle to these tests
SCENE = """
materials:
  gray: {color: [0.7, 0.7, 0.7]}
shapes:
  - {plane: {point: [0, 0, 2], normal: [0, 0, -1]}, material: gray}
  - {sphere: {radius: 0.04, center: [0.1, 0, 1.2]}, material: gray}
"""
BALL_MM, WALL_MM = 1300, 1700
TOPICS = {'depth/image_raw': Image, 'depth_filtered/image_raw': Image,
          'depth_filtered/camera_info': CameraInfo, 'depth/camera_info': CameraInfo,
          'depth_to_rgb/image_raw': Image, 'depth_rect/image_rect': Image, 'points2': PointCloud2}
#: topics that have the filtered depth
DERIVED = ('depth_filtered/image_raw', 'depth_to_rgb/image_raw', 'depth_rect/image_rect',
           'points2')


class Camera:
    """A simulated camera without noise, and the messages of its topics."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._received = {topic: listener.subscribe(kind, f'/{topic}', depth=2)
                          for topic, kind in TOPICS.items()}

    def configure(self, **values: Any) -> None:
        """Set parameters; fail unless the driver accepts them."""
        result = self.listener.set_parameters(NODE, **values)
        assert result.successful, result.reason

    def shot(self) -> dict[str, Any]:
        """Return all topics of the next capture that they have in common."""
        for messages in self._received.values():
            messages.clear()

        def complete() -> Any:
            common = set.intersection(*(set(stamps([*m])) for m in self._received.values()))
            return common and {
                topic: next(m for m in [*messages] if stamps([m])[0] == max(common))
                for topic, messages in self._received.items()}

        found: dict[str, Any] = wait_for(complete, 'all topics of a capture')
        return found

    def shot_with_ball(self, expected: bool) -> dict[str, Any]:
        """Return the next capture whose topics show the ball, or all of them do not."""
        def found() -> Any:
            shot = self.shot()
            seen = {has_ball(shot[topic]) for topic in DERIVED}
            return seen == {expected} and shot

        shot: dict[str, Any] = wait_for(found, f'captures with ball: {expected}')
        return shot


@pytest.fixture(scope='module')
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Camera]:
    """Yield the camera."""
    scene = tmp_path_factory.mktemp('filters') / 'scene.yaml'
    scene.write_text(SCENE)
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_2X2BINNED', fps=5, imu_enabled=False,
            simulation_scene=scene, simulation_noise=False) as driver:
        driver.wait_for_line('Opened simulated')
        yield Camera(listener)


def depth(message: Any) -> np.ndarray:
    """Return the depth of an image or cloud, millimeters, 0 for invalid."""
    if isinstance(message, Image):
        return np.frombuffer(message.data, np.uint16).reshape(message.height, message.width)
    points = np.frombuffer(message.data, np.float32).reshape(message.height, message.width, 4)
    return np.nan_to_num(points[..., 2] * 1000).round().astype(np.uint16)


def has_ball(message: Any) -> bool:
    """Return whether the ball is seen; the wall must be."""
    image = depth(message)
    assert np.count_nonzero(image > WALL_MM) > 10_000
    ball = np.count_nonzero((image > 0) & (image < BALL_MM))
    assert ball == 0 or ball > 50
    return ball > 0


def test_filtered_depth_is_the_measured_one_while_all_filters_are_off(camera):
    shot = camera.shot_with_ball(True)
    measured, filtered = shot['depth/image_raw'], shot['depth_filtered/image_raw']
    assert (filtered.encoding, filtered.header) == (measured.encoding, measured.header)
    np.testing.assert_array_equal(depth(filtered), depth(measured))
    assert shot['depth_filtered/camera_info'] == shot['depth/camera_info']


def test_everything_derived_is_filtered_while_a_filter_is_on(camera):
    camera.configure(depth_filter_speckle_size=1000)
    shot = camera.shot_with_ball(False)
    assert has_ball(shot['depth/image_raw'])
    expected = depth(shot['depth/image_raw']).copy()
    expected[expected < BALL_MM] = 0
    np.testing.assert_array_equal(depth(shot['depth_filtered/image_raw']), expected)
    np.testing.assert_array_equal(depth(shot['points2']), expected)
    camera.configure(depth_filter_speckle_size=0)
    camera.shot_with_ball(True)


def test_values_are_kept_in_another_mode(camera):
    camera.configure(depth_filter_speckle_size=1000, depth_filter_temporal_frames=8)
    camera.shot_with_ball(False)
    camera.configure(depth_mode='WFOV_2X2BINNED')

    def wide() -> Any:
        shot = camera.shot()
        return depth(shot['depth_filtered/image_raw']).shape == (512, 512) and shot

    shot = wait_for(wide, 'images of the other mode')
    assert has_ball(shot['depth/image_raw'])
    # nothing of the averages in the other mode is left
    expected = depth(shot['depth/image_raw']).copy()
    expected[expected < BALL_MM] = 0
    difference = depth(shot['depth_filtered/image_raw']).astype(int) - expected
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize(('name', 'value'), [
    ('depth_filter_flying_angle', 46.0), ('depth_filter_speckle_size', -1),
    ('depth_filter_motion_step', float('nan'))])
def test_bad_values_are_refused(camera, name, value):
    before = camera.listener.get_parameters(NODE, name)
    result = camera.listener.set_parameters(NODE, **{name: value})
    assert not result.successful and name in result.reason
    assert camera.listener.get_parameters(NODE, name) == before
