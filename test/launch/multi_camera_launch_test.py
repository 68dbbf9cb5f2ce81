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


"""multi_camera.launch.py: two simulated cameras are started in their order, and match."""

from __future__ import annotations

from pathlib import Path
import sys
import tempfile
import unittest

from ament_index_python.packages import get_package_share_directory
from diagnostic_msgs.msg import DiagnosticArray
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.actions import SetEnvironmentVariable
from launch.launch_description_sources import PythonLaunchDescriptionSource
import launch_testing.actions
import launch_testing.asserts

# launch_test does not add the directory of the file to sys.path
if (tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, tests)
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for
from support.time_limits import PATIENCE

DOMAIN = new_domain()
FOLDER = tempfile.TemporaryDirectory()
RIG = """
namespace: cell
parameters: {depth_mode: NFOV_2X2BINNED, fps: 5, exposure_time_us: 8330, point_cloud: false}
cameras:
  - {name: front, simulated: true, role: master}
  - {name: left, simulated: true, role: subordinate}
"""


def generate_test_description() -> LaunchDescription:
    """Start the rig."""
    file = Path(FOLDER.name) / 'rig.yaml'
    file.write_text(RIG)
    launch_file = Path(get_package_share_directory('k4a_ros')) / 'launch/multi_camera.launch.py'
    return LaunchDescription([
        SetEnvironmentVariable('ROS_DOMAIN_ID', str(DOMAIN)),
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(launch_file)),
            launch_arguments=[('config', str(file))]),
        launch_testing.actions.ReadyToTest(),
    ])


class WhileItRuns(unittest.TestCase):
    """Order and proof."""

    def test_the_master_is_started_last_and_the_cameras_match(self, proc_output) -> None:
        """The budget is printed, the subordinate waits first, and the monitor has its proof."""
        with listening(DOMAIN) as listener:
            found = listener.subscribe(DiagnosticArray, '/diagnostics')
            proc_output.assertWaitFor(
                'left wait for the sync pulse: starting the master, front', timeout=PATIENCE)
            proc_output.assertWaitFor('All cameras stream: front, left', timeout=PATIENCE)
            wait_for(lambda: any(
                status.message.startswith('1 cameras match cell/front')
                for message in found for status in message.status), 'the proof')


@launch_testing.post_shutdown_test()
class AfterCtrlC(unittest.TestCase):
    """Exit codes; launch_testing ends the processes with SIGINT."""

    def test_they_end_with_code_0(self, proc_info) -> None:
        """Both drivers, the manager and the monitor do."""
        self.assertEqual(len(proc_info.process_names()), 4)
        launch_testing.asserts.assertExitCodes(proc_info, allowable_exit_codes=[0])
