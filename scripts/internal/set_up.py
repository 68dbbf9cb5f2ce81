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
Create or update the environment of this checkout, and print the shell commands that enter it.

Called by set-up with the Python to use; needs nothing but the standard library. Each step is
recorded with a digest of its inputs, and runs again only when they change. If pip is interrupted,
the environment is created anew.

Usage: set_up.py [--tests]        standard output: shell commands that enter the environment
       set_up.py --check-python   exit code 1 and the reason, if this Python is not usable
"""

from __future__ import annotations

from collections.abc import Container
import fcntl
import importlib.util
import os
from pathlib import Path
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from typing import TextIO

import checkout
from environment import ament_prefixes
from environment import CHECKOUT
from environment import Environment
from environment import find
from environment import python_version
from environment import ros_installation
from environment import wheels_numpy
from requirements import locked
from step import digests
from step import read_done
from step import Step
from step import write_done

SCRIPTS = CHECKOUT / 'scripts'
# Requirement to install if a ROS installation lacks it -> program that fails then.
PROGRAMS = {
    'numpy': 'import numpy; assert tuple(map(int, numpy.__version__.split(".")[:2])) >= (1, 24)',
    'opencv-python-headless': 'import cv2',
    'pyk4a-bundle': 'from k4a_ros.sdk import libk4a; libk4a.load()',
    'simplejpeg': 'import simplejpeg', 'llvmlite': 'import llvmlite', 'numba': 'import numba'}
# with the packages that it needs itself, on some versions of Python
AIOHTTP = ('aiohttp', 'aiohappyeyeballs', 'aiosignal', 'async-timeout', 'attrs', 'frozenlist',
           'idna', 'multidict', 'propcache', 'typing-extensions', 'yarl')
PROGRAMS |= dict.fromkeys(AIOHTTP, 'import aiohttp')
# The last Python that these have wheels for. Only files in them are used, the same for all: libk4a
# and the models of body tracking.
FILES_PYTHON = (3, 12)
LIBK4A, MODELS = 'pyk4a-bundle', 'mediapipe'
# Package in the ament index -> its directory in the overlay.
OVERLAY = {'tf2_msgs': 'tf2_msgs', 'rosbag2_interfaces': 'rosbag2_interfaces',
           'tf2_ros_py': 'tf2_ros', 'cv_bridge': 'cv_bridge'}
# Those that a compiler builds.
INTERFACES = ('tf2_msgs', 'rosbag2_interfaces')
NETWORK_ERRORS = ('connection', 'resolution', 'timed out', 'unreachable', 'no matching distrib')


class SetUpError(Exception):
    """The set-up failed; the message is one line with the remedy."""


def python_problem() -> str | None:
    """Return the reason why this Python is not usable, or None."""
    version = python_version()
    ros = ros_installation()
    if ros is None and (sys.platform, platform.machine()) != ('linux', 'x86_64'):
        return 'the ROS wheels of PyPI are for Linux on x86_64; source a ROS installation instead'
    if ros is not None and not any((ros / library / 'rclpy').is_dir() for library in (
            f'lib/python{version}/site-packages', f'local/lib/python{version}/dist-packages')):
        return f'the ROS installation in {ros} is for another Python than {version}'
    if not all(importlib.util.find_spec(name) for name in ('venv', 'ensurepip')):
        return f'it cannot create virtual environments, python{version}-venv is missing'
    if not Path(sysconfig.get_path('include'), 'Python.h').exists():
        return f'it has no headers, python{version}-dev is missing'
    return None


class SetUp:
    """The actions of the steps that create an environment."""

    def __init__(self, environment: Environment, log: TextIO) -> None:
        self.environment = environment
        self.log = log

    def run(self, *command: object, step: str) -> None:
        """
        Run a program, with its output in the log.

        It inherits the lock on the log, so that another set-up waits as long as it runs.

        :raises SetUpError: it failed.
        """
        self.log.flush()
        result = subprocess.run(
            [str(part) for part in command], env=self.environment.for_children(), cwd=CHECKOUT,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
            pass_fds=[self.log.fileno()])
        if result.returncode:
            raise SetUpError(self.failure(step, result.returncode))

    def failure(self, step: str, code: int) -> str:
        """Return one line about a failed program, with its last error and a probable cause."""
        lines = [line.strip() for line in Path(self.log.name).read_text().splitlines()]
        errors = [line for line in lines if 'error' in line.lower()] or lines[-1:]
        message = f'{step}: exit code {code}'
        if errors:
            message += f', "{errors[-1][:200]}"'
        if any(sign in line.lower() for line in lines for sign in NETWORK_ERRORS):
            message += '. Is the network up, and the package index of pip reachable?'
        return f'{message} Full output: {self.log.name}'

    def make_environment(self) -> None:
        """
        Create an empty virtual environment from the base interpreter.

        :raises SetUpError: its path is a symbolic link, perhaps to an environment in use.
        """
        directory = self.environment.directory
        if directory.is_symlink():
            raise SetUpError(f'{directory} is a link to {directory.resolve()}, which would be '
                             'emptied; remove the link: each checkout has its own environment')
        options = [] if self.environment.ros is None else ['--system-site-packages']
        self.run(os.path.realpath(sys.executable), '-I', '-m', 'venv', '--clear', *options,
                 directory, step='creating the virtual environment failed')

    def pip_install(self, *requirements: Path, only: Container[str] | None = None) -> None:
        """
        Install the packages of locked requirements, each with the hashes of its files.

        :param only: names of the packages to install, without their dependencies; None for all.
        """
        with tempfile.NamedTemporaryFile('w', suffix='.txt') as chosen:
            for name, block in locked(*requirements):
                if only is None or name in only:
                    chosen.write(block)
            chosen.flush()
            options = [] if only is None else ['--no-deps']
            self.run(self.environment.python, '-m', 'pip', 'install', '--no-input',
                     '--disable-pip-version-check', '--require-hashes', *options,
                     '-r', chosen.name, step='pip could not install the packages')

    def install_packages(self) -> None:
        """Install what the driver needs; on top of a ROS installation only what that lacks."""
        if self.environment.ros is None:
            self.pip_install(requirements(wheels_numpy()))
            if sys.version_info[:2] > FILES_PYTHON:
                self.install_files(LIBK4A, SCRIPTS / 'requirements.txt')
            return
        missing = [name for name, program in PROGRAMS.items() if not self.runs(program)]
        if missing:
            has_numpy_2 = self.runs('import numpy; assert numpy.__version__[:2] != "1."')
            self.pip_install(requirements(2 if has_numpy_2 else wheels_numpy()), only=missing)

    def install_files(self, package: str, requirements: Path) -> None:
        """Install a wheel that is for an earlier Python; it is not imported."""
        block = dict(locked(requirements))[package]
        with tempfile.NamedTemporaryFile('w', suffix='.txt') as chosen:
            chosen.write(block)
            chosen.flush()
            self.run(self.environment.python, '-m', 'pip', 'install', '--no-input',
                     '--disable-pip-version-check', '--require-hashes', '--no-deps',
                     '--only-binary', ':all:', '--upgrade',
                     '--python-version', '.'.join(map(str, FILES_PYTHON)),
                     '--target', self.environment.site_packages, '-r', chosen.name,
                     step=f'pip could not install the files of {package}')

    def runs(self, program: str) -> bool:
        """Return whether a Python program runs without an error in this environment."""
        return subprocess.run(
            [str(self.environment.python), '-c', program], env=self.environment.for_children(),
            cwd=CHECKOUT, stdout=self.log, stderr=subprocess.STDOUT).returncode == 0

    def install_overlay(self) -> None:
        """Build the overlay in a temporary directory, then replace the old one."""
        target = self.environment.overlay
        aside = target.with_suffix('.new')
        shutil.rmtree(aside, ignore_errors=True)
        (aside / 'python').mkdir(parents=True)
        for package in overlay_packages(self.environment):
            name = OVERLAY[package]
            if name in INTERFACES:
                self.run(self.environment.python, SCRIPTS / 'overlay/build_interfaces.py',
                         SCRIPTS / 'overlay' / name, aside, step=f'building {name} failed')
            else:
                (aside / 'python' / name).symlink_to(SCRIPTS / 'overlay/python' / name)
                index = aside / 'share/ament_index/resource_index/packages'
                index.mkdir(parents=True, exist_ok=True)
                (index / package).touch()
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)
        (self.environment.site_packages / 'k4a_ros_overlay.pth').write_text(f'{target}/python\n')

    def link_checkout(self) -> None:
        """Install the package of this checkout as links."""
        checkout.install(self.environment)

    def compile_kernels(self) -> None:
        """Compile kernels in advance, so that the first images do not wait for them."""
        self.warm_up('clouds', 'registration', 'rectification', 'rvl', 'simulation')

    def warm_up(self, *kernels: str) -> None:
        """Compile groups of kernels."""
        self.run(self.environment.python, '-m', 'k4a_ros.tools.warm_up', *kernels,
                 step='compiling kernels failed')

    def install_test_tools(self) -> None:
        """Install test tools and linters; a ROS installation has its own ament linters."""
        requirements = SCRIPTS / 'requirements-test.txt'
        if self.environment.ros is None:
            self.pip_install(requirements)
        else:
            self.pip_install(requirements, only={
                name for name, _ in locked(requirements) if not name.startswith('ros-')})
        if (sys.platform, platform.machine()) == ('linux', 'x86_64'):
            body = SCRIPTS / 'requirements-body.txt'
            has_models = sys.version_info[:2] <= FILES_PYTHON
            self.pip_install(body, only={
                name for name, _ in locked(body) if has_models or name != MODELS})
            if not has_models:
                self.install_files(MODELS, body)

    def compile_body_tracking(self) -> None:
        """Compile the kernels of body tracking, which the demo does not use."""
        self.warm_up('bodies')


def requirements(numpy: int) -> Path:
    """Return the locked requirements of the driver with this major version of numpy."""
    return SCRIPTS / ('requirements.txt' if numpy == 1 else 'requirements-numpy2.txt')


def overlay_packages(environment: Environment) -> list[str]:
    """Return the packages of the overlay that the ROS installation lacks."""
    if environment.ros is None:
        return list(OVERLAY)
    index = 'share/ament_index/resource_index/packages'
    return [package for package in OVERLAY
            if not any((prefix / index / package).exists() for prefix in ament_prefixes())]


def steps(environment: Environment, with_tests: bool) -> list[Step]:
    """Return the steps for an environment, in order."""
    interpreter = [os.path.realpath(sys.executable), sys.version, environment.directory]
    result = [
        Step('venv', f'virtual environment {environment.directory.name} with Python '
             f'{platform.python_version()}', SetUp.make_environment,
             [*interpreter, environment.ros]),
        Step('packages', 'packages: ROS 2 Kilted, pyk4a, OpenCV, numba (about 600 MB on disk)'
             if environment.ros is None else f'packages that {environment.ros} lacks',
             SetUp.install_packages, [requirements(wheels_numpy())]),
        Step('overlay', f'stand-ins for what PyPI lacks: {", ".join(OVERLAY.values())}'
             if environment.ros is None else 'stand-ins for packages that are not installed',
             SetUp.install_overlay,
             [SCRIPTS / 'internal/set_up.py', *files(SCRIPTS / 'overlay'),
              *overlay_packages(environment)]),
        Step('checkout', 'k4a_ros itself, as links to this checkout', SetUp.link_checkout,
             # the names of files, because links need no update when the content changes
             [CHECKOUT / 'setup.py', SCRIPTS / 'internal/checkout.py',
              *map(str, checkout.shared())]),
        Step('compile', 'kernels, compiled for this machine', SetUp.compile_kernels,
             kernel_sources(*(CHECKOUT / 'k4a_ros' / part for part in ('images', 'simulation')))),
    ]
    if with_tests:
        result += [
            Step('tests', 'test tools and linters; the landmark model of body tracking',
                 SetUp.install_test_tools,
                 [SCRIPTS / 'requirements-test.txt', SCRIPTS / 'requirements-body.txt']),
            Step('bodies', 'kernels of body tracking, compiled for this machine',
                 SetUp.compile_body_tracking, kernel_sources(CHECKOUT / 'k4a_ros/body')),
        ]
    return result


def kernel_sources(*directories: Path) -> list[Path]:
    """Return the files below directories that numba compiles, and the one that configures it."""
    numba_jit = CHECKOUT / 'k4a_ros/jit/numba_jit.py'
    return [numba_jit, *(
        path for directory in directories for path in files(directory)
        if b'from k4a_ros.jit.numba_jit import' in path.read_bytes())]


def files(directory: Path) -> list[Path]:
    """Return the source files below a directory."""
    return sorted(path for path in directory.rglob('*')
                  if path.is_file() and '__pycache__' not in path.parts)


def set_up(environment: Environment, all_steps: list[Step], log: TextIO) -> None:
    """Run the steps that are missing or outdated; the caller holds the lock."""
    state = environment.directory / 'k4a_ros_set_up.json'
    expected = digests(all_steps)
    done = read_done(state)
    if 'busy' in done or 'packages' not in done or done.get('venv') != expected['venv']:
        done = {}
    worker = SetUp(environment, log)
    for number, step in enumerate(all_steps, 1):
        if done.get(step.name) == expected[step.name]:
            continue
        print(f'k4a_ros: [{number}/{len(all_steps)}] {step.text} ...', file=sys.stderr, flush=True)
        start = time.monotonic()
        others = {name: digest for name, digest in done.items() if name != step.name}
        if state.parent.exists():
            write_done(state, {**others, 'busy': step.name} if step.runs_pip else others)
        try:
            step.action(worker)
        except SetUpError:
            if step.runs_pip and 'Installing collected' not in Path(log.name).read_text():
                write_done(state, done)  # pip has not changed anything
            raise
        done[step.name] = expected[step.name]
        write_done(state, done)
        print(f'k4a_ros: [{number}/{len(all_steps)}] done in {time.monotonic() - start:.1f} s',
              file=sys.stderr, flush=True)


def require_compiler(packages: list[str]) -> None:
    """
    Check that there is a C++ compiler.

    :param packages: those that have to be built.
    :raises SetUpError: there is none.
    """
    compiler = shlex.split(os.environ.get('CXX') or 'g++')[0]
    if shutil.which(compiler) is None:
        raise SetUpError(f'no C++ compiler: {compiler} is not on the PATH, but it has to build '
                         f'{" and ".join(packages)}. On Debian and Ubuntu: sudo apt install g++')


def is_current(environment: Environment, all_steps: list[Step]) -> bool:
    """Return whether all steps are completed and up to date."""
    done = read_done(environment.directory / 'k4a_ros_set_up.json')
    expected = digests(all_steps)
    return 'busy' not in done and all(done.get(name) == expected[name] for name in expected)


def main(arguments: list[str]) -> None:
    """Run the command line."""
    if arguments == ['--check-python']:
        sys.exit(python_problem())
    environment = find()
    all_steps = steps(environment, with_tests='--tests' in arguments)
    if not is_current(environment, all_steps):
        to_build = [name for name in overlay_packages(environment) if name in INTERFACES]
        if to_build:
            require_compiler(to_build)
        with open(f'{environment.directory}.log', 'a+') as log:
            try:
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print('k4a_ros: waiting for another set-up of this checkout to finish ...',
                      file=sys.stderr, flush=True)
                fcntl.flock(log, fcntl.LOCK_EX)
            log.truncate(0)
            set_up(environment, all_steps, log)
    print(environment.shell_commands())


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except (SetUpError, OSError, LookupError, SyntaxError) as error:
        sys.exit(f'k4a_ros: set-up failed: {error}')
    except KeyboardInterrupt:
        sys.exit('k4a_ros: set-up interrupted; the next run resumes it')
