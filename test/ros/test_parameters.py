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

"""Parameters on the command line, in files, and at runtime."""

from __future__ import annotations

import json
from pathlib import Path

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.parameters.settings import mode_values
from k4a_ros.parameters.spec import Change
from k4a_ros.parameters.table import SPECS
import numpy as np
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import Image
from support.recordings import SERIAL
from support.recordings import write_recording
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

NODE = '/k4a_driver'


def test_unknown_parameter_is_reported_with_the_nearest_name(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    with DriverProcess.with_parameters(
            new_domain(), recording_file=path, recording_lop_enabled=True, tf_prefx='a_',
            playback_start_delay=0) as driver:
        assert driver.wait() == 0, driver.output
    warnings = [line for line in driver.lines if 'WARN' in line]
    assert len(warnings) == 2
    assert 'Unknown parameter recording_lop_enabled ignored' in driver.output
    assert 'did you mean recording_loop_enabled?' in driver.output
    assert 'did you mean tf_prefix?' in driver.output


def test_values_of_other_yaml_types_are_accepted(tmp_path: Path) -> None:
    """Serial 000123456712 reaches the node as an octal number, 001514394512 as a float."""
    path = write_recording(tmp_path / 'a.mkv').path
    for serial in (SERIAL, SERIAL.lstrip('0'), f"'{SERIAL}'"):
        with DriverProcess(
                new_domain(), '-p', f"recording_file:='{path}'", '-p', f'sensor_sn:={serial}',
                '-p', 'playback_rate:=2', '-p', 'playback_start_delay:=0') as driver:
            assert driver.wait() == 0, driver.output
            assert not any('WARN' in line for line in driver.lines)


def test_parameter_file_with_namespace_and_overrides(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    file = tmp_path / 'p.yaml'
    file.write_text(f'/**:\n  ros__parameters:\n    recording_file: "{path}"\n'
                    '    recording_loop_enabled: true\n    playback_rate: 3\n'
                    '    depth_unit: 32FC1\n')
    domain = new_domain()
    with listening(domain) as listener, DriverProcess(
            domain, '--params-file', str(file), '-p', 'depth_unit:=16UC1', '-r', '__ns:=/left',
            '-r', '__node:=kinect'):
        depth = listener.subscribe(Image, '/left/depth/image_raw')
        wait_for(lambda: depth, 'depth')
        assert depth[0].encoding == '16UC1'
        (rate,) = listener.describe('/left/kinect', 'playback_rate')
        assert rate.floating_point_range[0].to_value == 100.0


def test_descriptors_of_all_parameters(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, recording_file=path, recording_loop_enabled=True):
        descriptors = listener.describe(NODE, *SPECS)
    assert [d.name for d in descriptors] == list(SPECS)
    for descriptor in descriptors:
        spec = SPECS[descriptor.name]
        assert descriptor.description.startswith(spec.description)
        text = descriptor.additional_constraints
        if descriptor.name in mode_values(CameraConfig()) and spec.cameras:
            assert descriptor.read_only and text == f'Read-only: that of recording {path}.'
            continue
        assert descriptor.read_only == (spec.change is Change.STARTUP)
        assert ('Fixed while the node is configured' in text) == (spec.change is Change.FIXED)
        assert ('Changes restart the streams' in text) == (spec.change is Change.RESTART)
        if spec.minimum is not None:
            (range_,) = [*descriptor.integer_range, *descriptor.floating_point_range]
            assert (range_.from_value, range_.to_value) == (spec.minimum, spec.maximum)


def test_modes_of_a_recording_are_read_only(tmp_path: Path) -> None:
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R1080P, ColorFormat.MJPG, 15)
    path = write_recording(tmp_path / 'a.mkv', config).path
    modes = {'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': '1080P', 'fps': 15}
    file = tmp_path / 'dumped.yaml'
    file.write_text(json.dumps({NODE: {'ros__parameters': {
        name: spec.default for name, spec in SPECS.items()
    } | modes | {'recording_file': str(path), 'recording_loop_enabled': True}}}))
    domain = new_domain()
    with listening(domain) as listener, DriverProcess(
            domain, '--params-file', str(file), '-p', 'color_format:=nv12') as driver:
        driver.wait_for_line('Opened recording')
        assert listener.get_parameters(NODE, *modes, 'color_format') == [*modes.values(), 'jpeg']
        result = listener.set_parameters(NODE, fps=5)
        assert not result.successful
        assert result.reason == f'fps is that of recording {path}, and cannot be changed'
        assert listener.get_parameters(NODE, *modes) == list(modes.values())
    # values that are defaults, or those of the recording, are no requests without an effect
    assert [line for line in driver.lines if 'WARN' in line] == [
        line for line in driver.lines if 'color_format has no effect' in line]
    assert 'color_format has no effect' in driver.output


def test_off_without_quotes_is_accepted() -> None:
    """YAML reads OFF as false, on the command line and in files, as does ``ros2 param set``."""
    domain = new_domain()
    with listening(domain) as listener, DriverProcess(
            domain, '-p', 'camera:=simulated', '-p', 'fps:=5', '-p', 'color_resolution:=OFF',
            '-p', 'depth_mode:=NFOV_2X2BINNED') as driver:
        driver.wait_for_line('Opened')
        assert listener.get_parameters(NODE, 'color_resolution') == ['OFF']
        result = listener.set_parameters(NODE, color_resolution='720P', depth_mode=False)
        assert result.successful, result.reason
        assert listener.get_parameters(NODE, 'depth_mode', 'color_resolution') == ['OFF', '720P']


def test_changes_are_applied_or_rejected_with_a_remedy(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, recording_file=path, recording_loop_enabled=True,
            rescale_ir_to_mono8=True) as driver:
        ir = listener.subscribe(Image, '/ir/image_raw')
        wait_for(lambda: len(ir) > 2, 'infrared')
        assert ir[0].encoding == 'mono8'
        assert np.mean(ir[-1].data) > 250  # 16-bit noise, saturated

        for name, value in (('depth_unit', '32FC1'), ('tf_prefix', 'a_')):
            fixed = listener.set_parameters(NODE, **{name: value})
            assert not fixed.successful
            assert f'restart the node with {name}:={value}' in fixed.reason
        assert listener.set_parameters(NODE, depth_unit='16UC1').successful  # as it is already

        wrong = listener.set_parameters(NODE, playback_rate=500.0)
        assert not wrong.successful and '100' in wrong.reason

        both = listener.set_parameters(NODE, ir_mono8_scaling_factor=0.001, depth_unit='32FC1')
        assert not both.successful
        count = len(ir)
        wait_for(lambda: len(ir) > count + 3, 'more infrared')
        assert np.mean(ir[-1].data) > 250  # nothing of the refused change was applied

        assert listener.set_parameters(NODE, ir_mono8_scaling_factor=0.001).successful
        wait_for(lambda: np.mean(ir[-1].data) < 40, 'darker infrared')
        assert listener.set_parameters(NODE, playback_rate=2).successful  # an integer
        assert listener.set_parameters(NODE, playback_paused=True).successful
        count = len(ir)
        wait_for(lambda: driver.process.poll() is None, 'the driver')
        assert listener.set_parameters(NODE, playback_paused=False).successful
        wait_for(lambda: len(ir) > count + 3, 'infrared after the pause')


def test_qos_overrides_of_a_topic(tmp_path: Path) -> None:
    path = write_recording(tmp_path / 'a.mkv').path
    domain = new_domain()
    override = 'qos_overrides./depth/image_raw.publisher'
    with listening(domain) as listener, DriverProcess(
            domain, '-p', f"recording_file:='{path}'", '-p', 'recording_loop_enabled:=true',
            '-p', f'{override}.reliability:=best_effort', '-p', f'{override}.depth:=2',
            '-p', 'qos_overrides./depth/imge_raw.publisher.depth:=2') as driver:
        driver.wait_for_line('Unknown parameter qos_overrides./depth/imge_raw.publisher.depth')
        driver.wait_for_line('Opened')
        assert driver.output.count('Unknown parameter') == 1, driver.output

        def reliability(topic: str) -> ReliabilityPolicy | None:
            publishers = listener.node.get_publishers_info_by_topic(topic)
            return publishers[0].qos_profile.reliability if publishers else None

        wait_for(lambda: reliability('/points2'), 'points2')
        assert reliability('/points2') is ReliabilityPolicy.RELIABLE
        wait_for(lambda: reliability('/depth/image_raw'), 'depth')
        assert reliability('/depth/image_raw') is ReliabilityPolicy.BEST_EFFORT


def test_color_controls_have_the_limits_and_values_of_the_camera() -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='OFF', fps=5, whitebalance=3000) as driver:
        driver.wait_for_line('Opened')
        exposure, balance, gain = listener.describe(
            NODE, 'exposure_time_us', 'whitebalance', 'gain')
        assert (gain.integer_range[0].from_value, gain.integer_range[0].to_value) == (0, 255)
        assert balance.integer_range[0].step == 10
        assert exposure.integer_range[0].to_value == 133330

        def shown(name: str) -> object:
            return listener.get_parameters(NODE, name)[0]

        # what was given is set, and ends the automatic mode
        assert (shown('whitebalance'), shown('whitebalance_auto')) == (3000, False)
        # the camera rounds a length of exposure up to one that its sensor has
        assert listener.set_parameters(NODE, exposure_time_us=5000).successful
        wait_for(lambda: shown('exposure_time_us') == 8330, '8330 us')
        wait_for(lambda: shown('exposure_auto') is False, 'the automatic mode to end')
        assert not listener.set_parameters(NODE, whitebalance=3005).successful
        assert not listener.set_parameters(NODE, gain=256).successful
        assert listener.set_parameters(NODE, exposure_auto=True).successful
