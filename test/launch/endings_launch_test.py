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


"""driver.launch.py: how the driver ends after a recording, and without a camera."""

from __future__ import annotations

from pathlib import Path
import sys
import tempfile
import unittest

from launch import LaunchDescription
from launch.actions import SetEnvironmentVariable
import launch_testing
import launch_testing.actions
import launch_testing.asserts
import launch_testing.util

# launch_test does not add the directory of the file to sys.path
if (tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, tests)
from support.launch import driver_launch
from support.recordings import write_recording
from support.ros import new_domain

FOLDER = tempfile.TemporaryDirectory()


@launch_testing.parametrize('file, code, words', [
    ('good.mkv', 0, 'End of the recording: 3 captures'),
    ('text.mkv', 1, 'cannot open recording'),
    ('missing.mkv', 1, 'no such file'),
])
def generate_test_description(file: str, code: int, words: str) -> LaunchDescription:
    """Start the driver with a recording, or with a file that is none."""
    path = Path(FOLDER.name) / file
    if file == 'good.mkv':
        write_recording(path)
    elif file == 'text.mkv':
        path.write_text('This is not a recording.\n')
    return LaunchDescription([
        SetEnvironmentVariable('ROS_DOMAIN_ID', str(new_domain())),
        driver_launch(recording_file=str(path), playback_rate='0'),
        launch_testing.util.KeepAliveProc(),  # the tests go on when the driver has ended
        launch_testing.actions.ReadyToTest(),
    ])


class Ending(unittest.TestCase):
    """The process ends by itself."""

    def test_it_says_why_and_ends(self, proc_info, proc_output, words: str) -> None:
        """The driver ends by itself, before launch shuts down."""
        proc_output.assertWaitFor(words, timeout=20)
        proc_info.assertWaitForShutdown('k4a_driver', timeout=20)


@launch_testing.post_shutdown_test()
class Ended(unittest.TestCase):
    """The exit code."""

    def test_the_exit_code_tells_good_from_bad(self, proc_info, code: int) -> None:
        """0 after the end of a recording, 1 after an error."""
        launch_testing.asserts.assertExitCodes(
            proc_info, allowable_exit_codes=[code], process='k4a_driver')
