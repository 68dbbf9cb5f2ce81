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


"""recordings.launch.py: two recordings that were made together get the same times."""

from __future__ import annotations

from pathlib import Path
import sys
import tempfile
import unittest

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from launch import LaunchDescription
from launch.actions import SetEnvironmentVariable
import launch_testing.actions
import launch_testing.asserts
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

# launch_test does not add the directory of the file to sys.path
if (tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, tests)
from support.launch import launch_file
from support.recordings import write_recording
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for

DOMAIN = new_domain()
FOLDER = tempfile.TemporaryDirectory()
#: of the second camera after the first one
DELAY_US = 160


def generate_test_description() -> LaunchDescription:
    """Start the drivers of two recordings, one of which starts later."""
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=False)
    files = [str(write_recording(Path(FOLDER.name) / name, config, 12, start_us).path)
             for name, start_us in (
                 ('left.mkv', 1_000_000),
                 ('right.mkv', 1_000_000 + 3 * config.period_us + DELAY_US))]
    return LaunchDescription([
        SetEnvironmentVariable('ROS_DOMAIN_ID', str(DOMAIN)),
        launch_file('recordings.launch.py', recording_files=','.join(files), start_delay='0',
                    recording_loop_enabled='true', publish_clock='100'),
        launch_testing.actions.ReadyToTest(),
    ])


class WhileTheyRun(unittest.TestCase):
    """Stamps, namespaces, frames and clock."""

    def test_same_trigger_has_same_time_in_both(self) -> None:
        """Each driver has the namespace and frames of its file; the delay is kept."""
        with listening(DOMAIN) as listener:
            images = {side: listener.subscribe(Image, f'/{side}/depth/image_raw')
                      for side in ('left', 'right')}

            def common() -> set[int]:
                left, right = (set(stamps(images[side])) for side in ('left', 'right'))
                return left & {stamp - DELAY_US * 1000 for stamp in right}

            wait_for(lambda: len(common()) > 8, 'images with the same times')
        for side, messages in images.items():
            self.assertEqual(messages[0].header.frame_id, f'{side}_depth_camera_link')

    def test_one_driver_publishes_the_clock(self) -> None:
        """Although publish_clock is given for all of them."""
        with listening(DOMAIN) as listener:
            times = listener.subscribe(Clock, '/clock')
            wait_for(lambda: times, 'a clock')
            wait_for(lambda: {'left', 'right'} <= {
                topic.split('/')[1] for topic in listener.topics()}, 'both drivers')
            self.assertEqual(listener.node.count_publishers('/clock'), 1)


@launch_testing.post_shutdown_test()
class AfterCtrlC(unittest.TestCase):
    """Exit codes; launch_testing ends the drivers with SIGINT."""

    def test_they_end_with_code_0(self, proc_info) -> None:
        """Both drivers do."""
        self.assertEqual(len(proc_info.process_names()), 2)
        launch_testing.asserts.assertExitCodes(proc_info, allowable_exit_codes=[0])
