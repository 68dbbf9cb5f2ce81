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

"""Requests that would load code, block the node or end it: rejected before anything happens."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

from k4a_ros.parameters.spec import Change
from k4a_ros.parameters.table import SPECS
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import pytest
from rcl_interfaces.msg import Parameter
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters
from rcl_interfaces.srv import SetParametersAtomically
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import set_request
from support.ros import wait_for

NODE = '/k4a_driver'
PATHS = [name for name, spec in SPECS.items() if spec.change is Change.STARTUP]


@pytest.fixture(scope='module')
def driver() -> Iterator[tuple[Listener, DriverProcess]]:
    """Return a driver that is not configured yet, and a listener in its domain."""
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', depth_mode='NFOV_2X2BINNED', color_enabled=False, fps=5,
            body_tracking_enabled=True, body_tracking_backend='ground_truth',
            autostart=False) as process:
        yield listener, process
        assert process.process.poll() is None, process.output


def set_separately(listener: Listener, **values: object) -> list[Any]:
    """Set parameters with the service that ``ros2 param set`` calls; return the results."""
    request = SetParameters.Request(parameters=set_request(values).parameters)
    results: list[Any] = listener.call(SetParameters, f'{NODE}/set_parameters', request).results
    return results


def library_that_writes(folder: Path) -> tuple[Path, Path]:
    """Return a shared library, and the file that its constructor writes."""
    proof, source, library = folder / 'proof', folder / 'evil.c', folder / 'libevil.so'
    source.write_text(
        '#include <stdio.h>\n__attribute__((constructor)) static void run(void) '
        f'{{ fclose(fopen("{proof}", "w")); }}\n')
    subprocess.run(['gcc', '-shared', '-fPIC', '-o', library, source], check=True)
    subprocess.run(
        [sys.executable, '-c', f'import ctypes; ctypes.CDLL({str(library)!r})'], check=True)
    proof.unlink()  # the line above raises an error if the constructor has not run
    return library, proof


@pytest.mark.parametrize('configured', [False, True])
def test_library_that_is_set_at_runtime_is_not_loaded(
    driver: tuple[Listener, DriverProcess], tmp_path: Path, configured: bool,
) -> None:
    listener, _ = driver
    if configured:
        configure = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
        assert listener.call(ChangeState, f'{NODE}/change_state', configure).success
    library, proof = library_that_writes(tmp_path)
    values = {'body_tracking_library_path': str(library), 'body_tracking_backend': 'k4abt'}
    atomic = listener.set_parameters(NODE, **values)
    path, backend = set_separately(listener, **values)
    assert not proof.exists()
    for result in (atomic, path):
        assert not result.successful
        assert result.reason == (
            'body_tracking_library_path is fixed at startup, because it names a file that the '
            'driver uses; restart the node with -p body_tracking_library_path:=…')
    assert not backend.successful and 'cannot load' in backend.reason
    assert listener.get_parameters(NODE, *values) == ['', 'ground_truth']


def test_paths_are_refused_unseen(
    driver: tuple[Listener, DriverProcess], tmp_path: Path,
) -> None:
    listener, process = driver
    assert set(PATHS) == {
        'recording_file', 'record_file', 'simulation_scene', 'simulation_calibration',
        'k4a_library_path', 'body_tracking_model_path', 'body_tracking_library_path',
        'calibration_file', 'depth_camera_info_url', 'ir_camera_info_url', 'rgb_camera_info_url'}
    os.mkfifo(tmp_path / 'pipe')
    for value in ('a' * 5000, '/proc/1/root/x', str(tmp_path / 'pipe'), '/dev/zero', 'a.mkv'):
        for result in set_separately(listener, **dict.fromkeys(PATHS, value)):
            assert not result.successful and 'fixed at startup' in result.reason
    assert all(d.read_only for d in listener.describe(NODE, *PATHS))
    assert listener.get_parameters(NODE, *PATHS) == [''] * len(PATHS)
    assert 'Traceback' not in process.output


def test_malformed_requests_are_answered(driver: tuple[Listener, DriverProcess]) -> None:
    listener, process = driver
    unknown = ParameterValue(type=42)
    parameters = [
        Parameter(name='fps', value=unknown), Parameter(name='', value=unknown),
        Parameter(name='fps', value=ParameterValue(type=ParameterType.PARAMETER_NOT_SET)),
        Parameter(name='tf_prefix', value=ParameterValue(
            type=ParameterType.PARAMETER_STRING, string_value='a\n' * 100_000)),
        Parameter(name='depth_mode', value=ParameterValue(
            type=ParameterType.PARAMETER_BYTE_ARRAY, byte_array_value=[b'a'])),
        Parameter(name='a' * 100_000, value=unknown)]
    results = listener.call(
        SetParameters, f'{NODE}/set_parameters', SetParameters.Request(parameters=parameters)
    ).results
    assert len(results) == len(parameters)
    assert not any(result.successful for result in results)
    assert all(0 < len(result.reason) < 500 for result in results)
    assert 'unexpected ValueError' in results[0].reason
    result = listener.call(
        SetParametersAtomically, f'{NODE}/set_parameters_atomically',
        SetParametersAtomically.Request(parameters=parameters)).result
    assert not result.successful and result.reason
    wait_for(lambda: 'Traceback' in process.output, 'the traceback')
    assert process.output.count('Traceback') == 1  # once for each place in the program
