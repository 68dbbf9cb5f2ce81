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

"""Names that keep a camera from working as expected are reported in the log."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from support.recordings import write_recording
from support.ros import DriverProcess
from support.ros import new_domain

SMALL = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)


def test_second_driver_in_a_namespace_is_reported_by_both(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv', SMALL).path
    domain = new_domain()
    parameters = {'recording_file': path, 'playback_paused': True, 'playback_start_delay': 0}
    with DriverProcess.with_parameters(domain, **parameters) as first, \
            DriverProcess.with_parameters(domain, '-r', '__node:=second', **parameters) as second:
        line = first.wait_for_line('also publishes')
        assert 'WARN' in line and '/second also publishes /depth/' in line
        assert 'start each camera in a namespace (-r __ns:=/left)' in line
        assert '/k4a_driver also publishes' in second.wait_for_line('also publishes')


def test_parameter_file_of_another_node_is_reported(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv', SMALL).path
    file = tmp_path / 'dumped.yaml'
    file.write_text('/k4a_driver:\n  ros__parameters:\n    tf_prefix: a_\n')
    with DriverProcess.with_parameters(
            new_domain(), '--params-file', str(file), '-r', '__ns:=/left', recording_file=path,
            playback_start_delay=0) as driver:
        assert driver.wait() == 0, driver.output
    (warning,) = [line for line in driver.lines if 'WARN' in line]
    assert (f'The parameter file {file} has no effect: it has parameters of /k4a_driver, but this '
            'node is /left/k4a_driver') in warning
