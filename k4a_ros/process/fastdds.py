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
Select a Fast DDS profile for large messages, without configuration by the user.

The default shared-memory segment of Fast DDS is smaller than one depth image, and a lost fragment
is only requested again after three seconds (see config/fastdds.xml). Both are settings of the
sender, which the driver makes for itself before the middleware is loaded.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
import os
from pathlib import Path

from ament_index_python import get_search_paths
from ament_index_python import PackageNotFoundError
from ament_index_python.packages import get_package_share_directory
from k4a_ros.process.shared_memory import remove_stale_files
from k4a_ros.process.shared_memory import SHARED_MEMORY

_PROFILE, _PROFILE_OF_FASTDDS_2 = (
    'FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
#: environment variables with which the user configures the transports
USER_VARIABLES = (_PROFILE, _PROFILE_OF_FASTDDS_2, 'FASTDDS_BUILTIN_TRANSPORTS')
#: Free shared memory required: twice the segment of config/fastdds.xml. A segment that does not
#: fit kills the process.
_REQUIRED_BYTES = 2 * 134_217_728


@dataclass(frozen=True)
class TransportChoice:
    """
    How messages are transported.

    ``description`` is one sentence for the log. ``degraded``: Fast DDS runs with its defaults,
    which are slow for large messages and lose most of them with best effort, although the user has
    not asked for that. ``freed_bytes`` of shared memory were left behind by dead processes.
    """

    description: str
    degraded: bool = False
    freed_bytes: int = 0

    @property
    def problem(self) -> str:
        """Return the description if the transport is degraded, otherwise ''."""
        return self.description if self.degraded else ''


def select_fastdds_profile(environment: MutableMapping[str, str]) -> TransportChoice:
    """
    Set the Fast DDS profile of this package, unless the user has configured the transports.

    Before, shared memory of dead processes is removed: a few of them would leave too little.

    :param environment: environment variables of this process; modified.
    """
    if not environment.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp').startswith('rmw_fastrtps'):
        return TransportChoice('Fast DDS profile not set: the middleware is not Fast DDS')
    freed = remove_stale_files(SHARED_MEMORY)
    for name in USER_VARIABLES:
        if name in environment:
            return TransportChoice(
                f'Fast DDS profile not set: {name} is set by the user', freed_bytes=freed)
    if not SHARED_MEMORY.is_dir():
        return _degraded(f'there is no {SHARED_MEMORY}; mount a tmpfs there', freed)
    status = os.statvfs(SHARED_MEMORY)
    free = status.f_bavail * status.f_frsize
    if free < _REQUIRED_BYTES:
        return _degraded(
            f'{SHARED_MEMORY} has {free >> 20} MB free, of {_REQUIRED_BYTES >> 20} MB required; '
            f'remove files there, or enlarge it (in Docker, use --shm-size=512m)', freed)
    try:
        config = Path(get_package_share_directory('k4a_ros'), 'config')
    except (PackageNotFoundError, OSError):  # the latter without AMENT_PREFIX_PATH
        return _degraded('k4a_ros is not installed; source its workspace', freed)
    # Fast DDS 2 (Humble, Jazzy) has another variable, and other names in its profiles
    is_2 = any(Path(prefix, 'lib/libfastrtps.so').exists() for prefix in get_search_paths())
    file = config / ('fastdds2.xml' if is_2 else 'fastdds.xml')
    environment[_PROFILE_OF_FASTDDS_2 if is_2 else _PROFILE] = str(file)
    return TransportChoice(f'Fast DDS profile set: {file}', freed_bytes=freed)


def _degraded(reason: str, freed: int) -> TransportChoice:
    return TransportChoice(
        'Fast DDS runs with its default settings: large messages are slow, and most of them are '
        f'lost with best effort, because {reason}', degraded=True, freed_bytes=freed)
