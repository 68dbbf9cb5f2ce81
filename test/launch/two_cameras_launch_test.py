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


"""driver.launch.py twice: two cameras share neither topics nor frames."""

from __future__ import annotations

from pathlib import Path
import sys
import tempfile
import unittest

from launch import LaunchDescription
from launch.actions import SetEnvironmentVariable
import launch_testing.actions
import launch_testing.asserts
from sensor_msgs.msg import Image

# launch_test does not add the directory of the file to sys.path
if (tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, tests)
from support.launch import driver_launch
from support.recordings import write_recording
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for
from tf2_msgs.msg import TFMessage

DOMAIN = new_domain()
FOLDER = tempfile.TemporaryDirectory()
TOPICS = {'depth/image_raw', 'depth/image_raw/compressedDepth', 'depth/camera_info',
          'ir/image_raw', 'ir/camera_info', 'points2', 'imu', 'time_reference'}
FRAMES = {'depth_camera_link', 'rgb_camera_link', 'imu_link'}


def generate_test_description() -> LaunchDescription:
    """Start two drivers on one recording."""
    path = write_recording(Path(FOLDER.name) / 'a.mkv').path
    return LaunchDescription([
        SetEnvironmentVariable('ROS_DOMAIN_ID', str(DOMAIN)),
        *(driver_launch(namespace=side, tf_prefix=f'{side}_', recording_file=str(path),
                        recording_loop_enabled='true') for side in ('left', 'right')),
        launch_testing.actions.ReadyToTest(),
    ])


class WhileTheyRun(unittest.TestCase):
    """Topics and frames."""

    def test_each_has_topics_of_its_own(self) -> None:
        """Every topic is in one of the namespaces and has one publisher; both publish images."""
        with listening(DOMAIN) as listener:
            def topics_of(side: str) -> set[str]:
                return {topic.removeprefix(f'/{side}/') for topic in listener.topics()
                        if topic.startswith(f'/{side}/')}

            wait_for(lambda: topics_of('left') == topics_of('right') >= TOPICS,
                     'the topics of both')
            topics = listener.topics() - {'/tf_static'}
            self.assertEqual(
                topics, {f'/{side}/{topic}' for side in ('left', 'right')
                         for topic in topics_of('left')})
            for topic in topics:
                self.assertEqual(listener.node.count_publishers(topic), 1, topic)
            for side in ('left', 'right'):
                images = listener.subscribe(Image, f'/{side}/depth/image_raw')
                wait_for(lambda images=images: images, f'an image of the {side} camera')
                self.assertEqual(images[0].header.frame_id, f'{side}_depth_camera_link')

    def test_each_has_frames_of_its_own(self) -> None:
        """Two trees: no frame of one is in the other, and none has two parents."""
        with listening(DOMAIN) as listener:
            found = listener.subscribe(TFMessage, '/tf_static', latched=True)
            wait_for(lambda: len(found) == 2, 'the transforms of both')
        transforms = [transform for message in found for transform in message.transforms]
        self.assertEqual(
            sorted(transform.child_frame_id for transform in transforms),
            sorted(f'{side}_{frame}' for side in ('left', 'right') for frame in FRAMES))
        for transform in transforms:
            self.assertEqual(transform.header.frame_id.split('_')[0],
                             transform.child_frame_id.split('_')[0])


@launch_testing.post_shutdown_test()
class AfterCtrlC(unittest.TestCase):
    """Exit codes; launch_testing ends the drivers with SIGINT."""

    def test_they_end_with_code_0(self, proc_info) -> None:
        """Both drivers do."""
        self.assertEqual(len(proc_info.process_names()), 2)
        launch_testing.asserts.assertExitCodes(proc_info, allowable_exit_codes=[0])
