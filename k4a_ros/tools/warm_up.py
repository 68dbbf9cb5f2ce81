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
Compile numba kernels in advance, so that the first images are as fast as all others.

Run this once after installation; compiled kernels are stored in the cache of numba:

    python3 -m k4a_ros.tools.warm_up [KERNELS ...]

KERNELS are clouds, registration, rectification, rvl, yuv, filters, selection, imu, bodies
or simulation; default: all.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from k4a_ros.body.landmarks.warm_up import warm_up_bodies
from k4a_ros.images.filters.warm_up import warm_up_filters
from k4a_ros.images.warm_up import warm_up_clouds
from k4a_ros.images.warm_up import warm_up_rectification
from k4a_ros.images.warm_up import warm_up_registration
from k4a_ros.images.warm_up import warm_up_rvl
from k4a_ros.images.warm_up import warm_up_selection
from k4a_ros.images.warm_up import warm_up_yuv
from k4a_ros.publishing.raw.warm_up import warm_up_imu
from k4a_ros.simulation.warm_up import warm_up_simulation

#: name on the command line -> function that compiles a group of kernels
WARM_UPS: dict[str, Callable[[], None]] = {
    'clouds': warm_up_clouds,
    'registration': warm_up_registration,
    'rectification': warm_up_rectification,
    'rvl': warm_up_rvl,
    'yuv': warm_up_yuv,
    'filters': warm_up_filters,
    'selection': warm_up_selection,
    'imu': warm_up_imu,
    'bodies': warm_up_bodies,
    'simulation': warm_up_simulation,
}


def warm_up(*names: str) -> None:
    """Compile or load the groups of kernels with these names in `WARM_UPS`; default: all."""
    for name in names or WARM_UPS:
        WARM_UPS[name]()


def main() -> None:
    """Compile the kernels named on the command line, or all of them."""
    parser = argparse.ArgumentParser(
        prog='python3 -m k4a_ros.tools.warm_up', description='Compile numba kernels in advance.')
    parser.add_argument(
        'kernels', nargs='*', metavar='KERNELS',
        help=f'any of {", ".join(WARM_UPS)}; default: all')
    names = parser.parse_args().kernels
    if unknown := set(names) - set(WARM_UPS):
        parser.error(
            f'unknown kernels: {", ".join(sorted(unknown))}; choose from {", ".join(WARM_UPS)}')
    warm_up(*names)


if __name__ == '__main__':
    main()
