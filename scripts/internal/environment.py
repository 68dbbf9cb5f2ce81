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

"""Where things are, and what a shell has to have in its environment to find them."""

from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path
import shlex
import sys

CHECKOUT = Path(__file__).resolve().parents[2]
# Paths of other Python environments and of other sets of ROS wheels that must not leak into ours.
_FOREIGN_MODULES = ('site-packages', 'dist-packages')
_FOREIGN_LIBRARY = 'librcl.so'


@dataclass(frozen=True)
class Environment:
    """
    The virtual environment of this checkout: on its own, or on top of a ROS installation.

    :param directory: the virtual environment.
    :param ros: the prefix of the sourced ROS installation, None for the wheels of PyPI.
    """

    directory: Path
    ros: Path | None

    @property
    def python(self) -> Path:
        """Return the interpreter in the environment."""
        return self.directory / 'bin/python'

    @property
    def overlay(self) -> Path:
        """Return the prefix with the stand-ins for ROS packages that are not installed."""
        return self.directory / 'overlay'

    @property
    def site_packages(self) -> Path:
        """Return where the Python packages of the environment are."""
        return self.directory / f'lib/python{python_version()}/site-packages'

    def variables(self, environ: dict[str, str]) -> dict[str, str | None]:
        """Return the variables to set, and with None those to remove, in a given environment."""
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
            # Set by the wheels of an environment for its children, which then skip the same work
            # although they may belong to another environment.
            result['_ROS_WHEELS_BOOTSTRAP_COMPLETE'] = None
        return result

    def for_children(self) -> dict[str, str]:
        """Return the environment for programs that the set-up starts."""
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
        """Return the commands that put a POSIX shell into this environment."""
        lines = []
        for name, value in self.variables(dict(os.environ)).items():
            if value is not None:
                lines.append(f'export {name}={shlex.quote(value)}')
            elif name in os.environ:
                lines.append(f'unset {name}')
        return '\n'.join(lines)


def find() -> Environment:
    """Return the environment for this checkout and the sourced ROS installation, if any."""
    ros = ros_installation()
    name = '.venv' if ros is None else f'.venv-{os.environ["ROS_DISTRO"]}'
    return Environment(CHECKOUT / name, ros)


def ros_installation() -> Path | None:
    """
    Return the prefix of the sourced ROS installation that has rclpy.

    A virtual environment with ROS wheels, ours or another, does not count as an installation.
    """
    if not os.environ.get('ROS_DISTRO'):
        return None
    for prefix in ament_prefixes():
        if (prefix / 'share/rclpy').is_dir() and not (prefix / 'pyvenv.cfg').exists():
            return prefix
    return None


def ament_prefixes() -> list[Path]:
    """Return the directories of the caller's AMENT_PREFIX_PATH but those of this checkout."""
    paths = map(Path, filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(':')))
    return [path for path in paths if CHECKOUT not in path.parents]


def python_version() -> str:
    """Return the version of this Python as used in paths: 3.11."""
    return f'{sys.version_info[0]}.{sys.version_info[1]}'


def _join(first: list[Path], rest: str) -> str:
    """Return a search path that begins with given directories, none of them twice."""
    paths = [str(path) for path in first]
    return ':'.join(dict.fromkeys([*paths, *filter(None, rest.split(':'))]))


def _without(value: str, is_foreign) -> str | None:
    """Return a search path without foreign directories; None if nothing is left."""
    kept = [path for path in value.split(':') if path and not is_foreign(Path(path))]
    return ':'.join(kept) or None
