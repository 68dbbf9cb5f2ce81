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
import os
from pathlib import Path

from ament_index_python import get_search_paths
from ament_index_python import PackageNotFoundError
from ament_index_python.packages import get_package_share_directory

_PROFILE, _PROFILE_OF_FASTDDS_2 = (
    'FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
#: environment variables with which the user configures the transports
USER_VARIABLES = (_PROFILE, _PROFILE_OF_FASTDDS_2, 'FASTDDS_BUILTIN_TRANSPORTS')
#: Free shared memory required: twice the segment of config/fastdds.xml. A segment that does not
#: fit kills the process.
_REQUIRED_BYTES = 2 * 134_217_728
_SHARED_MEMORY = Path('/dev/shm')


def select_fastdds_profile(environment: MutableMapping[str, str]) -> str:
    """
    Set the Fast DDS profile of this package, unless the user has configured the transports.

    :param environment: environment variables of this process; modified.
    :return: what was done or why not, as one sentence for the log.
    """
    if not environment.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp').startswith('rmw_fastrtps'):
        return 'Fast DDS profile not set: the middleware is not Fast DDS'
    for name in USER_VARIABLES:
        if name in environment:
            return f'Fast DDS profile not set: {name} is set by the user'
    if not _SHARED_MEMORY.is_dir():
        return f'Fast DDS profile not set: there is no {_SHARED_MEMORY}'
    status = os.statvfs(_SHARED_MEMORY)
    if status.f_bavail * status.f_frsize < _REQUIRED_BYTES:
        return (f'Fast DDS profile not set: {_SHARED_MEMORY} has less than '
                f'{_REQUIRED_BYTES >> 20} MB free, so large messages will be slow (in Docker, use '
                '--shm-size=512m)')
    try:
        config = Path(get_package_share_directory('k4a_ros'), 'config')
    except PackageNotFoundError:
        return 'Fast DDS profile not set: k4a_ros is not installed'
    # Fast DDS 2 (Humble, Jazzy) has another variable, and other names in its profiles
    is_2 = any(Path(prefix, 'lib/libfastrtps.so').exists() for prefix in get_search_paths())
    file = config / ('fastdds2.xml' if is_2 else 'fastdds.xml')
    environment[_PROFILE_OF_FASTDDS_2 if is_2 else _PROFILE] = str(file)
    return f'Fast DDS profile set: {file}'
