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


"""`ros2 launch` as users run it: the arguments that it lists and refuses, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import itertools
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess

from k4a_ros.parameters.table import SPECS
import pytest
from support import programs
from support.recordings import write_recording
from support.ros import new_domain
from support.sources import ROOT
from support.time_limits import PATIENCE
from support.time_limits import wait_for

INDEX = 'share/ament_index/resource_index/packages'


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """Return an installation of this package alone, with the files of the checkout."""
    for name in ('ros2launch', 'launch_ros'):
        pytest.importorskip(name, reason=f'{name} comes with a ROS installation only')
    if shutil.which('ros2') is None:
        pytest.skip('ros2 is not on the PATH')
    prefix = tmp_path / 'prefix'
    for name in ('launch', 'config', 'urdf'):
        directory = prefix / 'share/k4a_ros' / name
        directory.mkdir(parents=True)
        for path in (ROOT / name).iterdir():
            if path.is_file():
                (directory / path.name).symlink_to(path)
    (prefix / INDEX).mkdir(parents=True)
    (prefix / INDEX / 'k4a_ros').touch()
    executables = prefix / 'lib/k4a_ros'
    executables.mkdir(parents=True)
    programs.environment(executables)
    return prefix


def install_fake(prefix: Path, name: str, commands: str) -> None:
    """Install a shell script as a package with one program."""
    (prefix / INDEX / name).touch()
    program = prefix / 'lib' / name / name
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\n{commands}\n')
    program.chmod(0o755)


@contextlib.contextmanager
def launching(prefix: Path, *arguments: str, alone: bool = False) -> Iterator[subprocess.Popen]:
    """
    Run `ros2 launch k4a_ros`, with its output in launch.log beside the prefix.

    :param alone: hide all other packages.
    """
    others = [] if alone else [os.environ.get('AMENT_PREFIX_PATH', '')]
    environment = os.environ | {
        'AMENT_PREFIX_PATH': os.pathsep.join([str(prefix), *others]),
        'ROS_DOMAIN_ID': str(new_domain()), 'ROS_LOG_DIR': str(prefix.parent / 'log'),
        'ROS_HOME': str(prefix.parent / 'home')}
    with (prefix.parent / 'launch.log').open('w') as log:
        process = subprocess.Popen(
            [shutil.which('ros2'), 'launch', '--noninteractive', 'k4a_ros', *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def log(prefix: Path) -> str:
    """Return what ros2 launch has printed so far."""
    return (prefix.parent / 'launch.log').read_text()


def run(prefix: Path, *arguments: str, alone: bool = False) -> tuple[int, str]:
    """Return exit code and output of `ros2 launch k4a_ros`."""
    with launching(prefix, *arguments, alone=alone) as process:
        code = process.wait(PATIENCE)
    return code, log(prefix)


def assert_nothing_runs(prefix: Path) -> None:
    """Assert that all processes that were started have ended."""
    processes = re.findall(r'process started with pid \[(\d+)\]', log(prefix))
    assert processes
    for pid in processes:
        assert not Path('/proc', pid).exists(), log(prefix)


@pytest.mark.parametrize('file, group', [('driver.launch.py', 'Launch'),
                                         ('view.launch.py', 'View')])
def test_show_args_lists_every_parameter(prefix: Path, file: str, group: str) -> None:
    """With group, choices and the default of the driver, in the order of the table."""
    code, output = run(prefix, file, '--show-args')
    assert code == 0, output
    names = re.findall(r"^    '(\w+)':$", output, re.MULTILINE)
    assert names[-len(SPECS):] == [*SPECS]
    groups = re.findall(r'^        \[(.+?)\] ', output, re.MULTILINE)
    assert len(groups) == len(names)
    sections = [title for title, _ in itertools.groupby(groups)]
    assert sections[0] == group
    assert len(set(sections)) == len(sections)
    assert re.search(r"'fps':\n.*One of 5, 15, 30\..*\n +\(default: '30'\)", output)
    assert "'color_enabled':\n" in output


def test_unknown_argument_is_an_error(prefix: Path) -> None:
    code, output = run(prefix, 'driver.launch.py', 'camera:=simulated', 'depht_mode:=OFF')
    assert code == 1, output
    assert 'driver.launch.py has no argument depht_mode (did you mean depth_mode?)' in output
    assert 'process started' not in output


def test_view_without_rviz_starts_nothing(prefix: Path) -> None:
    """A missing program is reported before the driver opens the camera."""
    code, output = run(prefix, 'view.launch.py', 'camera:=simulated', alone=True)
    assert code == 1, output
    assert 'rviz2 and robot_state_publisher' in output
    assert 'install ros-$ROS_DISTRO-rviz2 ros-$ROS_DISTRO-robot-state-publisher' in output
    assert 'rviz:=false robot_model:=false' in output
    assert 'process started' not in output


def test_view_without_a_valid_model_starts_nothing(prefix: Path) -> None:
    """The model of the camera is expanded before the driver opens the camera."""
    install_fake(prefix, 'rviz2', 'exec sleep 1000')
    install_fake(prefix, 'robot_state_publisher', 'exec sleep 1000')
    model = prefix / 'share/k4a_ros/urdf/azure_kinect.urdf.xacro'
    model.unlink()
    model.write_text('no XML')
    code, output = run(prefix, 'view.launch.py', 'camera:=simulated')
    assert code == 1, output
    assert 'process started' not in output


def test_failure_of_rviz_ends_the_driver(prefix: Path) -> None:
    """And rviz2 has shown a file that belongs to the user. The camera is free again."""
    pytest.importorskip('xacro', reason='xacro is not installed')
    recording = write_recording(prefix.parent / 'a.mkv').path
    file = prefix.parent / 'fail'
    install_fake(prefix, 'rviz2', f'echo "shown: $*"; until [ -e "{file}" ]; do sleep 0.1; done; '
                 'exit 3')
    install_fake(prefix, 'robot_state_publisher', 'exec sleep 1000')
    with launching(prefix, 'view.launch.py', f'recording_file:={recording}',
                   'recording_loop_enabled:=true', 'tf_prefix:=left_') as process:
        wait_for(lambda: 'Opened recording' in log(prefix) or process.poll() is not None,
                 'the recording to be opened')
        file.touch()
        process.wait(PATIENCE)
    output = log(prefix)
    assert re.search(r'rviz2-\d failed with exit code 3: shutting down', output), output
    copy = prefix.parent / 'home/k4a_ros/k4a.rviz'
    assert f'shown: --display-config {copy} --fixed-frame left_camera_base' in output
    assert copy.read_bytes() == (ROOT / 'config/k4a.rviz').read_bytes()
    assert re.search(r'k4a_driver-\d\]: process has finished cleanly', output), output
    assert_nothing_runs(prefix)


def test_failure_of_the_driver_ends_rviz(prefix: Path) -> None:
    pytest.importorskip('xacro', reason='xacro is not installed')
    for name in ('rviz2', 'robot_state_publisher'):
        install_fake(prefix, name, 'exec sleep 1000')
    run(prefix, 'view.launch.py', 'recording_file:=/missing.mkv')
    output = log(prefix)
    assert re.search(r'k4a_driver-\d failed with exit code 1: shutting down', output), output
    assert_nothing_runs(prefix)


def test_view_in_a_browser_needs_no_rviz(prefix: Path) -> None:
    """k4a_view is started beside the driver; when it ends, so does the driver."""
    with launching(prefix, 'view.launch.py', 'camera:=simulated', 'view:=browser', 'fps:=5',
                   'depth_mode:=NFOV_2X2BINNED', 'color_resolution:=OFF') as process:
        wait_for(lambda: ('k4a_view: open http://' in log(prefix)
                          and 'Opened simulated camera' in log(prefix))
                 or process.poll() is not None, 'the page and the camera')
        page = re.search(r'k4a_view-\d+\]: process started with pid \[(\d+)\]', log(prefix))
        assert page, log(prefix)
        os.kill(int(page[1]), signal.SIGINT)
        process.wait(PATIENCE)
    assert re.search(r'k4a_view-\d+ has ended: shutting down', log(prefix)), log(prefix)
    assert_nothing_runs(prefix)


def test_view_in_an_unknown_place_starts_nothing(prefix: Path) -> None:
    code, output = run(prefix, 'view.launch.py', 'camera:=simulated', 'view:=browsr')
    assert code == 1, output
    assert 'view is browsr; it must be rviz or browser' in output
    assert 'process started' not in output


@pytest.mark.parametrize(('arguments', 'words'), [
    ([], 'config is empty; give a rig file: config:=cameras.yaml'),
    (['config:=/missing.yaml'], 'cannot read the rig /missing.yaml: no such file or directory'),
    (['records:=a'], 'multi_camera.launch.py has no argument records (did you mean recordings?)'),
    (['config:=EXAMPLE', 'only:=back'], 'only has back, but the cameras of'),
    (['config:=EXAMPLE', 'monitor:=maybe'], 'monitor is maybe; it must be true or false'),
])
def test_wrong_rig_starts_nothing(prefix: Path, arguments: list[str], words: str) -> None:
    example = str(ROOT / 'config/multi_camera.yaml')
    code, output = run(prefix, 'multi_camera.launch.py', *(
        argument.replace('EXAMPLE', example) for argument in arguments))
    assert code == 1, output
    assert words in output
    assert 'process started' not in output
