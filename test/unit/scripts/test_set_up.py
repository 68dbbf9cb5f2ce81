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
Scripts of the checkout: they enter the environment, and report what is missing in one line.

No environment is created: the scripts run on a copy of the checkout, up to the point where the
set-up would start, or with steps that are marked as completed.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
from pathlib import Path
import re
import shutil
import socket
import subprocess
import sys
from types import ModuleType

import pytest
from support.domains import ros_domains
from support.sources import ROOT
from support.time_limits import PROCESS_TIMEOUT_S

SHELLS = [shell for shell in ('sh', 'bash', 'dash', 'zsh') if shutil.which(shell)]
TOOLS = ('dirname', 'readlink', 'mktemp', 'rm')


def load(name: str) -> ModuleType:
    """Import a module of scripts/internal."""
    directory = ROOT / 'scripts/internal'
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        spec = importlib.util.spec_from_file_location(name, directory / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the scripts, with a space in its path and without an environment."""
    target = tmp_path / 'a checkout'
    shutil.copytree(ROOT / 'scripts', target / 'scripts',
                    ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copy(ROOT / 'setup.py', target)
    return target


@pytest.fixture
def binaries(tmp_path: Path) -> Path:
    """Return a directory for PATH with basic Unix tools, but neither Python nor g++."""
    directory = tmp_path / 'bin'
    directory.mkdir()
    for tool in ('sh', *TOOLS):
        (directory / tool).symlink_to(shutil.which(tool))
    return directory


def python(directory: Path, name: str, text: str) -> None:
    """Write a shell script that poses as a program, such as a Python."""
    (directory / name).write_text(f'#!/bin/sh\n{text}\n')
    (directory / name).chmod(0o755)


def base_python() -> str:
    """Return the base interpreter of the environment that runs these tests."""
    return os.path.realpath(sys.executable)


def run(script: Path, path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script with only PATH and the given variables in its environment."""
    return subprocess.run(
        [str(script)], capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S, cwd='/',
        env={'PATH': str(path), **environ})


def assert_one_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert that a program failed with one line on stderr that contains the given words."""
    assert result.returncode == 1
    assert result.stdout == ''
    line, = result.stderr.splitlines()
    assert line.startswith('k4a_ros: ')
    for word in words:
        assert word in line


def mark_as_done(copy: Path, *names: str) -> Path:
    """
    Record steps as completed in a copy of the checkout, and the step of packages as outdated.

    :returns: the file of completed steps.
    """
    state = copy / '.venv/k4a_ros_set_up.json'
    state.parent.mkdir(exist_ok=True)
    program = (
        'import json, set_up\n'
        'digests = set_up.digests(set_up.steps(set_up.find(), with_tests=True))\n'
        f'print(json.dumps({{"packages": "old", **{{name: digests[name] for name in {names}}}}}))')
    state.write_text(subprocess.run(
        [base_python(), '-c', program], check=True, capture_output=True, text=True,
        env={'PYTHONPATH': str(copy / 'scripts/internal')}).stdout)
    return state


@pytest.mark.parametrize('script', ['demo', 'test'])
def test_missing_python_is_reported(copy: Path, binaries: Path, script: str) -> None:
    """Without a Python, the error names the supported versions."""
    result = run(copy / 'scripts' / script, binaries)
    assert_one_line(result, 'no usable Python 3.10 to 3.14', 'apt install')


def test_unsupported_pythons_are_named(copy: Path, binaries: Path) -> None:
    """A Python that is too new is named; one that does not start is skipped."""
    python(binaries, 'python3', 'echo 3.15')
    python(binaries, 'python3.11', 'exit 127')
    result = run(copy / 'scripts/test', binaries)
    assert_one_line(result, 'python3 is Python 3.15')


def test_missing_chosen_python_is_not_replaced(copy: Path, binaries: Path) -> None:
    """If the Python of K4A_ROS_PYTHON does not exist, no other one is used."""
    python(binaries, 'python3.11', f'exec "{base_python()}" "$@"')
    result = run(copy / 'scripts/test', binaries, K4A_ROS_PYTHON='python3.12')
    assert_one_line(result, 'python3.12 not found')


def test_missing_compiler_is_reported_first(copy: Path, binaries: Path) -> None:
    """Without a C++ compiler, nothing is downloaded or created."""
    python(binaries, 'python3.11', f'exec "{base_python()}" "$@"')
    result = run(copy / 'scripts/demo', binaries)
    assert_one_line(result, 'no C++ compiler: g++', 'apt install g++')
    assert not list(copy.glob('.venv*'))


def test_missing_network_is_reported_and_the_environment_kept(copy: Path, binaries: Path) -> None:
    """If pip cannot reach its index, the error says so, and completed steps stay completed."""
    python(binaries, 'python3.11', f'exec "{base_python()}" "$@"')
    python(binaries, 'g++', 'exit 0')
    (copy / '.venv/bin').mkdir(parents=True)
    python(copy / '.venv/bin', 'python', 'echo "ERROR: Connection refused"; exit 1')
    state = mark_as_done(copy, 'venv')
    before = json.dumps(json.loads(state.read_text()), indent=1)
    result = run(copy / 'scripts/demo', binaries)
    assert result.returncode == 1
    step, error = result.stderr.splitlines()
    assert step.startswith('k4a_ros: [2/5] packages')
    assert 'Connection refused' in error
    assert 'Is the network up' in error
    assert str(copy / '.venv.log') in error
    assert state.read_text() == before


def test_linked_environment_is_not_emptied(copy: Path, binaries: Path) -> None:
    """A symbolic link in place of the environment is refused, and its target is kept."""
    python(binaries, 'python3.11', f'exec "{base_python()}" "$@"')
    python(binaries, 'g++', 'exit 0')
    (copy.parent / 'theirs/bin').mkdir(parents=True)
    (copy / '.venv').symlink_to(copy.parent / 'theirs')
    result = run(copy / 'scripts/demo', binaries)
    assert result.returncode == 1
    assert 'is a link to' in result.stderr.splitlines()[-1]
    assert (copy.parent / 'theirs/bin').is_dir()


@pytest.mark.parametrize('shell', SHELLS)
def test_env_works_from_another_directory(copy: Path, binaries: Path, shell: str) -> None:
    """Every shell finds the checkout from anywhere, and enters its environment cleanly."""
    python(binaries, 'python3.11', f'exec "{base_python()}" "$@"')
    mark_as_done(copy, 'venv', 'packages', 'overlay', 'checkout', 'compile')
    commands = (f'. "{copy}/scripts/env"; . "{copy}/scripts/env"; echo "$?|$PATH|'
                '$AMENT_PREFIX_PATH|${PYTHONPATH-none}|${_ROS_WHEELS_BOOTSTRAP_COMPLETE-none}|'
                '$PWD"; set')
    result = subprocess.run(
        [shutil.which(shell), '-u', '-c', commands], capture_output=True, text=True, cwd='/',
        env={'PATH': f'{binaries}:/bin', 'PYTHONPATH': '/other/site-packages',
             '_ROS_WHEELS_BOOTSTRAP_COMPLETE': '1'})
    assert result.stderr == ''
    line, _, variables = result.stdout.partition('\n')
    assert line.split('|') == [
        '0', f'{copy}/.venv/bin:{binaries}:/bin', f'{copy}/.venv/overlay:{copy}/.venv', 'none',
        'none', '/']
    assert '_k4a_' not in variables


@pytest.mark.parametrize('shell', SHELLS)
def test_env_failure_leaves_the_shell_unchanged(copy: Path, binaries: Path, shell: str) -> None:
    """If scripts/env fails, the shell that sources it continues, with exit code 1."""
    commands = f'. "{copy}/scripts/env"; echo "code $?"; set'
    result = subprocess.run(
        [shutil.which(shell), '-u', '-c', commands], capture_output=True, text=True, cwd='/',
        env={'PATH': f'{binaries}', 'K4A_ROS_CHECKOUT': str(copy)})
    assert result.stdout.startswith('code 1\n')
    assert '_k4a_' not in result.stdout
    assert 'VIRTUAL_ENV' not in result.stdout
    assert 'no usable Python' in result.stderr


def test_directories_of_other_environments_are_removed(tmp_path: Path) -> None:
    """Paths of another environment are removed from search paths, and others kept."""
    environment = load('environment')
    (tmp_path / 'librcl.so').touch()
    own = environment.Environment(tmp_path / '.venv', ros=None)
    variables = own.variables({
        'PATH': '/usr/bin', 'AMENT_PREFIX_PATH': '/other/venv',
        'PYTHONPATH': '/other/lib/python3.12/site-packages:/mine',
        'LD_LIBRARY_PATH': f'{tmp_path}:/other/ros_rcl.libs:/opt/cuda/lib'})
    assert variables['PATH'] == f'{tmp_path}/.venv/bin:/usr/bin'
    assert variables['AMENT_PREFIX_PATH'] == f'{tmp_path}/.venv/overlay:{tmp_path}/.venv'
    assert variables['PYTHONPATH'] == '/mine'
    assert variables['LD_LIBRARY_PATH'] == '/opt/cuda/lib'
    assert variables['_ROS_WHEELS_BOOTSTRAP_COMPLETE'] is None


def test_sourced_installation_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sourced ROS installation with rclpy is used; a virtual environment is not one."""
    environment = load('environment')
    (tmp_path / 'share/rclpy').mkdir(parents=True)
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nothing:{tmp_path}')
    for name in ('ROS_DISTRO', 'K4A_ROS_NUMPY'):
        monkeypatch.delenv(name, raising=False)
    assert environment.find().ros is None
    monkeypatch.setenv('ROS_DISTRO', 'jazzy')
    found = environment.find()
    assert found.ros == tmp_path
    assert found.directory == ROOT / '.venv-jazzy'
    variables = found.variables({'PYTHONPATH': '/ros/site-packages',
                                 'AMENT_PREFIX_PATH': str(tmp_path)})
    assert 'PYTHONPATH' not in variables
    assert variables['AMENT_PREFIX_PATH'].split(':')[-1] == str(tmp_path)
    (tmp_path / 'pyvenv.cfg').touch()
    assert environment.find().ros is None


def test_steps_run_again_when_their_inputs_change(
        copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed source of the overlay repeats that step; changed packages repeat all of them."""
    set_up = load('set_up')
    monkeypatch.setattr(set_up, 'SCRIPTS', copy / 'scripts')
    own = load('environment').Environment(copy / '.venv', ros=None)
    before = set_up.digests(set_up.steps(own, with_tests=True))
    assert before == set_up.digests(set_up.steps(own, with_tests=True))

    message = copy / 'scripts/overlay/tf2_msgs/msg/TFMessage.msg'
    message.write_text(message.read_text() + '# changed\n')
    overlay = set_up.digests(set_up.steps(own, with_tests=True))
    assert [name for name in before if before[name] != overlay[name]] == ['overlay']

    with set_up.requirements(set_up.wheels_numpy()).open('a') as file:
        file.write('# changed\n')
    packages = set_up.digests(set_up.steps(own, with_tests=True))
    assert [name for name in before if packages[name] != overlay[name]] == \
        ['packages', 'overlay', 'checkout', 'compile', 'tests', 'bodies']


def test_share_directory_has_links_to_files(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk of ros2 launch, which skips linked directories, finds the launch files."""
    checkout = load('checkout')
    monkeypatch.setattr(checkout, 'CHECKOUT', copy)
    (copy / 'package.xml').touch()
    for name in ('launch', 'config', 'urdf'):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns('__pycache__'))
    own = load('environment').Environment(copy / '.venv', ros=None)
    for directory in (own.directory / 'bin', own.site_packages, copy / 'launch/__pycache__'):
        directory.mkdir(parents=True)
    (copy / 'launch/.driver.launch.py.swp').touch()
    checkout.install(own)
    share = own.directory / 'share/k4a_ros'
    found = {Path(directory, file).relative_to(share)
             for directory, _, files in os.walk(share) for file in files}
    assert found == {Path('package.xml'), *(
        path.relative_to(ROOT) for name in ('launch', 'config', 'urdf')
        for path in (ROOT / name).iterdir() if path.is_file())}
    (copy / 'launch/driver.launch.py').write_text('# edited\n')
    assert (share / 'launch/driver.launch.py').read_text() == '# edited\n'


def test_new_launch_file_is_linked_by_the_next_set_up(
        copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step depends on which files there are, but not on what is in them."""
    set_up = load('set_up')
    monkeypatch.setattr(set_up.checkout, 'CHECKOUT', copy)
    own = load('environment').Environment(copy / '.venv', ros=None)
    before = set_up.digests(set_up.steps(own, with_tests=True))
    (copy / 'launch').mkdir()
    (copy / 'launch/new.launch.py').touch()
    after = set_up.digests(set_up.steps(own, with_tests=True))
    assert [name for name in before if before[name] != after[name]] == ['checkout']
    (copy / 'launch/new.launch.py').write_text('# edited\n')
    assert set_up.digests(set_up.steps(own, with_tests=True)) == after


def test_only_changed_kernels_are_compiled_again(
        copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up = load('set_up')
    monkeypatch.setattr(set_up, 'CHECKOUT', copy)
    shutil.copytree(ROOT / 'k4a_ros', copy / 'k4a_ros',
                    ignore=shutil.ignore_patterns('__pycache__'))
    own = load('environment').Environment(copy / '.venv', ros=None)
    before = set_up.digests(set_up.steps(own, with_tests=True))
    for source, steps in (
            ('body/landmarks/pose_3d/fitting_kernels', ['bodies']),
            ('body/landmarks/tracking/tracker', []),
            ('images/rvl_kernels', ['compile']), ('simulation/kernels', ['compile']),
            ('jit/numba_jit', ['compile', 'bodies'])):
        with (copy / f'k4a_ros/{source}.py').open('a') as file:
            file.write('# changed\n')
        after = set_up.digests(set_up.steps(own, with_tests=True))
        assert [name for name in before if before[name] != after[name]] == steps
        before = after


def test_only_missing_packages_are_installed_on_top_of_ros(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On top of a ROS installation, pip gets the pins of the modules that it lacks."""
    set_up = load('set_up')
    environment = load('environment').Environment(tmp_path / '.venv-jazzy', ros=tmp_path)
    worker = set_up.SetUp(environment, log=None)
    installed: list[str] = []
    monkeypatch.setattr(
        worker, 'runs', lambda program: program.startswith(('import numpy', 'import cv2')))
    monkeypatch.setattr(worker, 'run', lambda *command, step: installed.extend(
        [*map(str, command), Path(command[-1]).read_text()]))
    worker.install_packages()
    assert {'--require-hashes', '--no-deps'} <= set(installed)
    assert set(re.findall(r'^([\w-]+)==', installed[-1], re.MULTILINE)) == {
        *set_up.AIOHTTP, 'llvmlite', 'numba', 'pyk4a-bundle', 'simplejpeg'}


@pytest.mark.parametrize(('version', 'earlier'), [((3, 12), []), ((3, 14), ['3.12'])])
def test_models_come_from_the_wheel_of_an_earlier_python_if_there_is_no_other(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int],
        earlier: list[str]) -> None:
    set_up = load('set_up')
    monkeypatch.setattr(sys, 'version_info', (*version, 0))
    environment = load('environment').Environment(tmp_path / '.venv', ros=None)
    worker = set_up.SetUp(environment, log=None)
    installed: list[tuple[list[str], str]] = []
    monkeypatch.setattr(worker, 'run', lambda *command, step: installed.append(
        ([*map(str, command)], Path(command[-1]).read_text())))
    worker.install_test_tools()
    (options, names), = [one for one in installed if 'mediapipe==' in one[1]]
    assert [after for before, after in itertools.pairwise(options)
            if before == '--python-version'] == earlier
    assert ('--target' in options) == bool(earlier) and '--no-deps' in options
    assert ('ai-edge-litert==' in names) == (not earlier)
    assert any('ai-edge-litert==' in text for _, text in installed)


def test_package_is_installed_as_typed() -> None:
    """The marker of PEP 561 is installed by setup.py, and by the links to the checkout."""
    assert (ROOT / 'k4a_ros/py.typed').read_text() == ''
    data = load('checkout')._setup_argument('package_data')
    assert data['k4a_ros'] == ['py.typed']


def test_every_file_of_the_page_is_installed() -> None:
    patterns = load('checkout')._setup_argument('package_data')['k4a_ros.viewer']
    folder = ROOT / 'k4a_ros/viewer'
    installed = {path for pattern in patterns for path in folder.glob(pattern)}
    assert installed == set((folder / 'web').rglob('*')) and len(installed) > 20


def test_requirements_are_locked_with_hashes() -> None:
    """Every package has one version for each Python and hashes, the same in all files."""
    locked = load('requirements').locked
    pinned: dict[tuple[str, str], str] = {}
    names = ('requirements.txt', 'requirements-test.txt', 'requirements-body.txt')
    for name in names:
        for package, block in locked(ROOT / 'scripts' / name):
            version, _, marker = block.split('\\')[0].partition('==')[2].partition(';')
            assert re.fullmatch(r'[\w.]+', version.strip()), block
            assert re.search(r'--hash=sha256:[0-9a-f]{64}$', block.rstrip()), block
            assert pinned.setdefault((package, marker), version) == version, package
    assert pinned['numpy', ''].startswith('1.')
    assert tuple(map(int, pinned['pytest', ''].split('.'))) < (8, 4)


def test_locked_requirements_are_those_that_are_asked_for() -> None:
    """The lock files have been written after the last change of what they are written from."""
    locked = load('requirements').locked
    for name in ('requirements', 'requirements-test', 'requirements-numpy2'):
        blocks = [block for _, block in locked(ROOT / f'scripts/{name}.txt')]
        for line in (ROOT / f'scripts/{name}.in').read_text().splitlines():
            if line and not line.startswith('#'):
                pin = line.partition(';')[0].strip().lower()
                assert any(block.lower().startswith(pin) for block in blocks), line


def test_both_sets_of_packages_differ_only_where_numpy_requires_it() -> None:
    locked = load('requirements').locked
    numpy1, numpy2 = ({block for _, block in locked(ROOT / f'scripts/{name}.txt')}
                      for name in ('requirements', 'requirements-numpy2'))
    assert {block.partition('==')[0] for block in numpy1 ^ numpy2} == {
        'llvmlite', 'numba', 'numpy', 'opencv-python-headless', 'pyk4a-bundle'}


@pytest.mark.parametrize(('version', 'chosen', 'expected'), [
    ((3, 10), '', 1), ((3, 12), '2', 2), ((3, 12), '1', 1), ((3, 13), '', 2), ((3, 14), '2', 2)])
def test_numpy_1_is_installed_where_it_exists_unless_2_is_chosen(
        monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], chosen: str,
        expected: int) -> None:
    environment = load('environment')
    monkeypatch.setattr(sys, 'version_info', (*version, 0))
    monkeypatch.setenv('K4A_ROS_NUMPY', chosen)
    assert environment.wheels_numpy() == expected
    suffix = f'-py{version[0]}.{version[1]}-numpy{expected}' if chosen else ''
    assert environment.find().directory.name.endswith(f'.venv{suffix}')


@pytest.mark.parametrize(('version', 'chosen', 'choice'), [
    ((3, 13), '1', 'must be 2'), ((3, 11), '3', 'must be 1 or 2')])
def test_numpy_that_does_not_exist_is_refused(
        monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], chosen: str,
        choice: str) -> None:
    environment = load('environment')
    monkeypatch.setattr(sys, 'version_info', (*version, 0))
    monkeypatch.setenv('K4A_ROS_NUMPY', chosen)
    with pytest.raises(LookupError, match=f'K4A_ROS_NUMPY is {chosen}.*{choice}'):
        environment.wheels_numpy()


def test_claimed_domains_differ() -> None:
    """All are in the range of safe ports, also where another program has claimed some."""
    domains = [ros_domains.claim_domain(60.0) for _ in range(3)]
    program = 'import ros_domains; print(*[ros_domains.claim_domain(60.0) for _ in range(3)])'
    others = subprocess.run(
        [sys.executable, '-c', program], check=True, capture_output=True, text=True,
        cwd=ROOT / 'scripts/internal').stdout.split()
    assert len({*domains, *map(int, others)}) == 6
    assert {*domains, *map(int, others)} <= set(range(1, 102))


def test_released_domain_is_claimed_again_unless_a_node_uses_it(
        monkeypatch: pytest.MonkeyPatch) -> None:
    """A node, of whatever program, listens on the UDP port of its domain."""
    number = ros_domains.claim_domain(60.0)  # so that nothing else uses it
    monkeypatch.setattr(ros_domains, 'DOMAINS', [number])
    monkeypatch.setattr(ros_domains, '_CLAIM', f'\0k4a_ros/test/{os.getpid()}/{{}}')
    domain = ros_domains.claim_domain()
    assert domain == number
    with pytest.raises(OSError, match='all ROS domains'):
        ros_domains.claim_domain()
    domain.release()
    assert ros_domains.claim_domain() == number
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        node.bind(('', 7400 + 250 * number))
        with pytest.raises(OSError, match='all ROS domains'):
            ros_domains.claim_domain()
