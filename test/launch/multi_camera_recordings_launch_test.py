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

"""multi_camera.launch.py: recordings of three cameras on a sync cable are played in step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import sys
import tempfile
import unittest

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from launch import LaunchDescription
from launch.actions import SetEnvironmentVariable
from launch.actions import SetLaunchConfiguration
import launch_testing.actions
import launch_testing.asserts
from sensor_msgs.msg import Image
from sensor_msgs.msg import TimeReference

# launch_test does not add the directory of the file to sys.path
if (tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, tests)
from support.launch import launch_file
from support.recordings import write_recording
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for
from support.time_limits import PATIENCE

DOMAIN = new_domain()
FOLDER = tempfile.TemporaryDirectory()
#: of each camera after the master; and the pulse that its recording begins with
CAMERAS = {'front': (0, 0), 'left': (160, 2), 'right': (480, 3)}
RIG = """
namespace: cell
parameters: {recording_loop_enabled: true, exposure_time_us: 8330}
cameras:
  - {name: front, simulated: true, role: master}
  - {name: left, simulated: true, role: subordinate}
  - {name: right, simulated: true, role: subordinate, delay: 480}
"""


def generate_test_description() -> LaunchDescription:
    """Play the recordings of a rig, which begin at different pulses."""
    folder = Path(FOLDER.name)
    file = folder / 'rig.yaml'
    file.write_text(RIG)
    for name, (delay_us, first) in CAMERAS.items():
        config = replace(
            CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=5, imu=False),
            wired_sync_mode=WiredSyncMode.SUBORDINATE if delay_us else WiredSyncMode.MASTER)
        write_recording(folder / f'{name}.mkv', config, 12,
                        1_000_000 + first * config.period_us + delay_us)
    return LaunchDescription([
        SetEnvironmentVariable('ROS_DOMAIN_ID', str(DOMAIN)),
        SetLaunchConfiguration('sigterm_timeout', str(PATIENCE)),
        launch_file('multi_camera.launch.py', config=str(file), recordings=str(folder),
                    start_delay='0'),
        launch_testing.actions.ReadyToTest(),
    ])


class WhileTheyRun(unittest.TestCase):
    """Stamps and device times."""

    def test_one_pulse_has_the_same_time_in_all(self) -> None:
        """But for the delay, which is kept."""
        with listening(DOMAIN) as listener:
            images = {name: listener.subscribe(Image, f'/cell/{name}/depth/image_raw')
                      for name in CAMERAS}
            times = {name: listener.subscribe(TimeReference, f'/cell/{name}/time_reference')
                     for name in CAMERAS}

            def common() -> set[int]:
                return set.intersection(*(
                    {stamp - CAMERAS[name][0] * 1000 for stamp in stamps(messages)}
                    for name, messages in images.items()))

            wait_for(lambda: len(common()) > 8, 'images with the same times')
            wait_for(lambda: all(times.values()), 'device times')
        for name, messages in images.items():
            self.assertEqual(messages[0].header.frame_id, f'{name}_depth_camera_link')


@launch_testing.post_shutdown_test()
class AfterCtrlC(unittest.TestCase):
    """Exit codes; launch_testing ends the processes with SIGINT."""

    def test_they_end_with_code_0(self, proc_info) -> None:
        """Three drivers, the rig and the monitor do."""
        self.assertEqual(len(proc_info.process_names()), 5)
        launch_testing.asserts.assertExitCodes(proc_info, allowable_exit_codes=[0])
