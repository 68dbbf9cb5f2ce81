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
driver.launch.py: arguments reach the node, which publishes the streams of the recording.

Run by launch_test, as is everything in this directory.
"""

from __future__ import annotations

from collections.abc import Iterable
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

# launch_test does not add the directory of the file to sys.path
if (tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, tests)
from support.launch import driver_launch
from support.recordings import SERIAL
from support.recordings import write_recording
from support.ros import Listener
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
#: parameters as a user types them, and the values that the node must have
TYPED_AS = {
    'camera': 'simulated', 'depth_mode': 'PASSIVE_IR', 'color_resolution': 'OFF', 'fps': '15',
    'sensor_sn': '000123456789', 'tf_prefix': '1e5', 'simulation_seed': '7',
    'point_cloud_max_depth': '3', 'point_cloud': 'False', 'simulation_scene': 'no'}
RECEIVED_AS = TYPED_AS | {
    'fps': 15, 'simulation_seed': 7, 'point_cloud_max_depth': 3.0, 'point_cloud': False}


def values(listener: Listener, node: str, names: Iterable[str]) -> list[object]:
    """Return the values of parameters of a node."""
    answer = listener.call(GetParameters, f'{node}/get_parameters',
                           GetParameters.Request(names=[*names]))
    return [parameter_value_to_python(value) for value in answer.values]


def generate_test_description() -> LaunchDescription:
    """Start one driver that plays a recording, and one that waits, with other parameters."""
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
        driver_launch(namespace='waiting', autostart='false', **TYPED_AS),
        launch_testing.actions.ReadyToTest(),
    ])


class WhileItRuns(unittest.TestCase):
    """The node and its topics."""

    def test_arguments_override_the_parameter_file(self) -> None:
        """Parameters that are not arguments keep their values from the file."""
        expected = {
            'camera': 'recording', 'recording_file': str(RECORDING),
            'recording_loop_enabled': True, 'playback_rate': 3.0, 'tf_prefix': 'l_',
            'depth_unit': '32FC1', 'body_tracking_enabled': False, 'sensor_sn': SERIAL}
        with listening(DOMAIN) as listener:
            self.assertEqual(values(listener, '/left/eye', expected), list(expected.values()))

    def test_values_keep_their_types(self) -> None:
        """Strings that YAML would read as a boolean or a number stay strings."""
        with listening(DOMAIN) as listener:
            self.assertEqual(values(listener, '/waiting/k4a_driver', RECEIVED_AS),
                             list(RECEIVED_AS.values()))

    def test_log_level_reaches_the_node(self, proc_output) -> None:
        """Debug messages are printed."""
        proc_output.assertWaitFor('DEBUG', timeout=20)

    def test_fastdds_profile_reaches_the_node(self, proc_output) -> None:
        """The node logs that it keeps the default transports."""
        proc_output.assertWaitFor('FASTDDS_BUILTIN_TRANSPORTS is set', timeout=20)

    def test_topics_arrive(self) -> None:
        """In the namespace, with the prefix, in the encoding of the file."""
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
    """launch_testing ends the drivers with SIGINT."""

    def test_exit_code_is_0(self, proc_info) -> None:
        """The exit code after a signal is 0."""
        launch_testing.asserts.assertExitCodes(proc_info, allowable_exit_codes=[0])
