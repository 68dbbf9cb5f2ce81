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


"""
driver.launch.py: what it is given reaches the node, which publishes what the recording has.

Run by launch_test, as is everything in this directory.
"""

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
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2

# launch_test does not look for modules beside the file that it is given
if (tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, tests)
from support.launch import driver_launch
from support.recordings import SERIAL
from support.recordings import write_recording
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

DOMAIN = new_domain()
FOLDER = tempfile.TemporaryDirectory()
RECORDING = Path(FOLDER.name) / 'a.mkv'
PARAMETERS = """
/**:
  ros__parameters:
    playback_rate: 2.0
    depth_unit: 32FC1
    tf_prefix: file_
"""


def generate_test_description() -> LaunchDescription:
    """Start the driver with every argument of the launch file."""
    write_recording(RECORDING, CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P))
    file = RECORDING.with_suffix('.yaml')
    file.write_text(PARAMETERS)
    return LaunchDescription([
        SetEnvironmentVariable('ROS_DOMAIN_ID', str(DOMAIN)),
        driver_launch(
            namespace='left', name='eye', params_file=str(file), log_level='debug',
            camera='recording', recording_file=str(RECORDING), recording_loop_enabled='true',
            playback_rate='3', sensor_sn=SERIAL, tf_prefix='l_',
            body_tracking_enabled='false', fastdds_profile='false'),
        launch_testing.actions.ReadyToTest(),
    ])


class WhileItRuns(unittest.TestCase):
    """The node and its topics."""

    def test_the_arguments_reach_the_node(self) -> None:
        """They win over the file, which gives the rest."""
        expected = {
            'camera': 'recording', 'recording_file': str(RECORDING),
            'recording_loop_enabled': True, 'playback_rate': 3.0, 'tf_prefix': 'l_',
            'depth_unit': '32FC1', 'body_tracking_enabled': False}
        with listening(DOMAIN) as listener:
            answer = listener.call(GetParameters, '/left/eye/get_parameters',
                                   GetParameters.Request(names=[*expected, 'sensor_sn']))
        values = [parameter_value_to_python(value) for value in answer.values]
        self.assertEqual(values[:-1], list(expected.values()))
        # launch_ros writes a text of digits to a file in which it reads as a number
        self.assertEqual(values[-1].lstrip('0'), SERIAL.lstrip('0'))

    def test_the_log_level_reaches_the_node(self, proc_output) -> None:
        """Somebody says something at that level."""
        proc_output.assertWaitFor('DEBUG', timeout=20)

    def test_the_switch_of_the_profile_reaches_the_node(self, proc_output) -> None:
        """It says what it does about the transports."""
        proc_output.assertWaitFor('FASTDDS_BUILTIN_TRANSPORTS is set', timeout=20)

    def test_the_topics_arrive(self) -> None:
        """In the namespace, with the prefix, as the file says."""
        wanted = {'depth/image_raw': Image, 'depth/camera_info': CameraInfo,
                  'ir/image_raw': Image, 'points2': PointCloud2, 'imu': Imu}
        with listening(DOMAIN) as listener:
            messages = {topic: listener.subscribe(kind, f'/left/{topic}')
                        for topic, kind in wanted.items()}
            wait_for(lambda: all(len(found) > 1 for found in messages.values()), 'two of each')
        image = messages['depth/image_raw'][0]
        self.assertEqual(image.encoding, '32FC1')
        self.assertEqual(image.header.frame_id, 'l_depth_camera_link')


@launch_testing.post_shutdown_test()
class AfterCtrlC(unittest.TestCase):
    """What the driver leaves behind; launch_testing ends it with SIGINT."""

    def test_it_ends_with_code_0(self, proc_info) -> None:
        """As after every signal."""
        launch_testing.asserts.assertExitCodes(proc_info, allowable_exit_codes=[0])
