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
Large messages on Fast DDS, without anything for the user to set up.

The default shared-memory segment of Fast DDS is smaller than one depth image, and a lost piece of
a message is asked for again only every three seconds (see config/fastdds.xml). Both are settings
of the sender, so the driver makes them for itself, before the middleware is loaded.
"""

from __future__ import annotations

from collections.abc import MutableMapping
import os
from pathlib import Path

from ament_index_python import get_search_paths
from ament_index_python import PackageNotFoundError
from ament_index_python.packages import get_package_share_directory

#: Any of these means that somebody has decided about the transports already.
DECIDED = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE',
           'FASTDDS_BUILTIN_TRANSPORTS')
#: Twice the segment of config/fastdds.xml. A segment that does not fit kills the process.
_ROOM = 2 * 134_217_728
_SHARED_MEMORY = Path('/dev/shm')


def select_fastdds_profile(environment: MutableMapping[str, str]) -> str:
    """
    Give Fast DDS the profile of this package, unless somebody has decided otherwise.

    :param environment: of this process; changed.
    :return: what was done, or why not: one sentence.
    """
    if not environment.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp').startswith('rmw_fastrtps'):
        return 'the middleware is not Fast DDS; its transports are left as they are'
    for name in DECIDED:
        if name in environment:
            return f'{name} is set; the transports are left as it says'
    if not _SHARED_MEMORY.is_dir():
        return f'there is no {_SHARED_MEMORY}; the transports are left as they are'
    status = os.statvfs(_SHARED_MEMORY)
    if status.f_bavail * status.f_frsize < _ROOM:
        return (f'{_SHARED_MEMORY} has less than {_ROOM >> 20} MB free; the transports are left '
                'as they are, and large messages will be slow (in Docker: --shm-size=512m)')
    try:
        config = Path(get_package_share_directory('k4a_ros'), 'config')
    except PackageNotFoundError:
        return 'k4a_ros is not installed; the transports are left as they are'
    # Fast DDS 2 (Humble, Jazzy) has another name, and other names in its profiles
    old = any(Path(prefix, 'lib/libfastrtps.so').exists() for prefix in get_search_paths())
    file = config / ('fastdds2.xml' if old else 'fastdds.xml')
    environment[DECIDED[1 if old else 0]] = str(file)
    return f'Fast DDS uses {file}'
