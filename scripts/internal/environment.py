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

"""Paths of the environment of this checkout, and the environment variables that enter it."""

from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path
import shlex
import sys

CHECKOUT = Path(__file__).resolve().parents[2]
# Signs of other Python environments and other sets of ROS wheels, which must not leak into ours.
_FOREIGN_MODULES = ('site-packages', 'dist-packages')
_FOREIGN_LIBRARY = 'librcl.so'


@dataclass(frozen=True)
class Environment:
    """
    The virtual environment of this checkout, standalone or on top of a ROS installation.

    :param directory: root of the virtual environment.
    :param ros: prefix of the sourced ROS installation, None for the ROS wheels of PyPI.
    """

    directory: Path
    ros: Path | None

    @property
    def python(self) -> Path:
        """Return the path of the interpreter."""
        return self.directory / 'bin/python'

    @property
    def overlay(self) -> Path:
        """Return the prefix of the stand-ins for ROS packages that are not installed."""
        return self.directory / 'overlay'

    @property
    def site_packages(self) -> Path:
        """Return the directory of installed Python packages."""
        return self.directory / f'lib/python{python_version()}/site-packages'

    def variables(self, environ: dict[str, str]) -> dict[str, str | None]:
        """Return the variables that enter this environment from another; None unsets one."""
        own = [self.overlay, self.directory]
        result: dict[str, str | None] = {
            'K4A_ROS_CHECKOUT': str(CHECKOUT),
            'VIRTUAL_ENV': str(self.directory),
            'PYTHONHOME': None,
            'PATH': _join([self.directory / 'bin'], environ.get('PATH', os.defpath)),
            'AMENT_PREFIX_PATH': _join(own, environ.get('AMENT_PREFIX_PATH', '')),
        }
        if self.ros is None:
            result['AMENT_PREFIX_PATH'] = _join(own, '')
            result['PYTHONPATH'] = _without(
                environ.get('PYTHONPATH', ''), lambda path: path.name in _FOREIGN_MODULES)
            result['LD_LIBRARY_PATH'] = _without(
                environ.get('LD_LIBRARY_PATH', ''),
                lambda path: path.suffix == '.libs' or (path / _FOREIGN_LIBRARY).exists())
            # Set by the ROS wheels of another environment to make child processes skip their
            # initialization; ours must not.
            result['_ROS_WHEELS_BOOTSTRAP_COMPLETE'] = None
        return result

    def for_children(self) -> dict[str, str]:
        """Return the environment variables of programs that the set-up runs."""
        environ = dict(os.environ)
        for name, value in self.variables(environ).items():
            if value is None:
                environ.pop(name, None)
            else:
                environ[name] = value
        environ.update(PIP_USER='0', PIP_REQUIRE_VIRTUALENV='0')
        for name in ('PIP_TARGET', 'PIP_PREFIX', 'PIP_ROOT'):
            environ.pop(name, None)
        return environ

    def shell_commands(self) -> str:
        """Return POSIX shell commands that enter this environment."""
        lines = []
        for name, value in self.variables(dict(os.environ)).items():
            if value is not None:
                lines.append(f'export {name}={shlex.quote(value)}')
            elif name in os.environ:
                lines.append(f'unset {name}')
        return '\n'.join(lines)


def find() -> Environment:
    """
    Return the environment of this checkout, on top of the sourced ROS installation if any.

    With K4A_ROS_NUMPY, each version of Python and numpy has an environment of its own.
    """
    ros = ros_installation()
    name = '.venv' if ros is None else f'.venv-{os.environ["ROS_DISTRO"]}'
    if os.environ.get('K4A_ROS_NUMPY'):
        name += f'-py{python_version()}-numpy{wheels_numpy()}'
    return Environment(CHECKOUT / name, ros)


def wheels_numpy() -> int:
    """
    Return the major version of numpy to install: 1 where it exists, as the default.

    The environment variable K4A_ROS_NUMPY chooses.

    :raises LookupError: it is neither 1 nor 2, or there is no numpy 1 for this Python.
    """
    oldest = 1 if sys.version_info < (3, 13) else 2
    chosen = os.environ.get('K4A_ROS_NUMPY') or str(oldest)
    if chosen not in ('1', '2') or int(chosen) < oldest:
        raise LookupError(f'K4A_ROS_NUMPY is {chosen}; for Python {python_version()} it must be '
                          + ('1 or 2' if oldest == 1 else '2'))
    return int(chosen)


def ros_installation() -> Path | None:
    """
    Return the prefix of the sourced ROS installation that has rclpy, or None.

    A virtual environment with ROS wheels, this checkout's or another, is not an installation.
    """
    if not os.environ.get('ROS_DISTRO'):
        return None
    for prefix in ament_prefixes():
        if (prefix / 'share/rclpy').is_dir() and not (prefix / 'pyvenv.cfg').exists():
            return prefix
    return None


def ament_prefixes() -> list[Path]:
    """Return the directories of the caller's AMENT_PREFIX_PATH, without those of this checkout."""
    paths = map(Path, filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(':')))
    return [path for path in paths if CHECKOUT not in path.parents]


def python_version() -> str:
    """Return the version of this Python as used in paths, such as 3.11."""
    return f'{sys.version_info[0]}.{sys.version_info[1]}'


def _join(first: list[Path], rest: str) -> str:
    """Return a search path that starts with the given directories, without duplicates."""
    paths = [str(path) for path in first]
    return ':'.join(dict.fromkeys([*paths, *filter(None, rest.split(':'))]))


def _without(value: str, is_foreign) -> str | None:
    """Return a search path without foreign directories, or None if it is empty then."""
    kept = [path for path in value.split(':') if path and not is_foreign(Path(path))]
    return ':'.join(kept) or None
