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
Install the package of this checkout as links, so that edits take effect at once.

The result looks like an installed ament_python package: importable and typed, with executables in
bin/ and lib/k4a_ros/, a share directory, an entry in the ament index, and metadata.
"""

from __future__ import annotations

import ast
from pathlib import Path
import re
import shutil

from environment import CHECKOUT
from environment import Environment

NAME = 'k4a_ros'
SHARED_DIRECTORIES = ('launch', 'config', 'urdf')
_SCRIPT = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

from {module} import {function}

sys.exit({function}())
"""


def shared() -> list[Path]:
    """
    Return the files that are linked into the share directory, as setup.py installs them.

    Their directories are not linked: ros2 launch does not look for files in linked directories.
    """
    return [CHECKOUT / 'package.xml', *(
        path for name in SHARED_DIRECTORIES for path in sorted((CHECKOUT / name).glob('[!.]*'))
        if path.is_file())]


def install(environment: Environment) -> None:
    """Create or replace all links, executables and metadata."""
    prefix = environment.directory
    _link(environment.site_packages / NAME, CHECKOUT / NAME)
    _install_executables(environment)
    share = prefix / 'share' / NAME
    shutil.rmtree(share, ignore_errors=True)
    for path in shared():
        _link(share / path.relative_to(CHECKOUT), path)
    marker = prefix / 'share/ament_index/resource_index/packages' / NAME
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _link(link: Path, target: Path) -> None:
    """Create a symbolic link, replacing an existing one."""
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _install_executables(environment: Environment) -> None:
    """Write lib/k4a_ros/*, link to it from bin/, and write the metadata with the entry points."""
    executables = environment.directory / 'lib' / NAME
    binaries = environment.directory / 'bin'
    for link in binaries.iterdir():
        if link.is_symlink() and link.readlink().parent == executables:
            link.unlink()
    shutil.rmtree(executables, ignore_errors=True)
    executables.mkdir(parents=True)
    entry_points = _setup_argument('entry_points')['console_scripts']
    for entry_point in entry_points:
        name, module, function = re.split(r'\s*[=:]\s*', entry_point)
        path = executables / name
        path.write_text(
            _SCRIPT.format(python=environment.python, module=module, function=function))
        path.chmod(0o755)
        _link(binaries / name, path)
    version = _setup_argument('version')
    for old in environment.site_packages.glob(f'{NAME}-*.dist-info'):
        shutil.rmtree(old)
    metadata = environment.site_packages / f'{NAME}-{version}.dist-info'
    metadata.mkdir()
    (metadata / 'METADATA').write_text(
        f'Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n')
    (metadata / 'INSTALLER').write_text('scripts\n')
    (metadata / 'entry_points.txt').write_text(
        '\n'.join(['[console_scripts]', *entry_points]) + '\n')


def _setup_argument(name: str):
    """Return a literal keyword argument of setup() in setup.py."""
    tree = ast.parse((CHECKOUT / 'setup.py').read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == name:
            return ast.literal_eval(node.value)
    raise LookupError(f'setup.py does not pass {name} to setup()')
