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
Compile all kernels in advance, or load them from the cache.

Run it once after installation to make the first images as fast as all others:

    python3 -m k4a_ros.tools.warm_up [clouds] [registration] [rvl] [bodies] [simulation]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from k4a_ros.body.landmarks.warm_up import warm_up_bodies
from k4a_ros.images.warm_up import warm_up_clouds
from k4a_ros.images.warm_up import warm_up_registration
from k4a_ros.images.warm_up import warm_up_rvl
from k4a_ros.simulation.warm_up import warm_up_simulation

#: what can be warmed up, by the name on the command line
WARM_UPS: dict[str, Callable[[], None]] = {
    'clouds': warm_up_clouds,
    'registration': warm_up_registration,
    'rvl': warm_up_rvl,
    'bodies': warm_up_bodies,
    'simulation': warm_up_simulation,
}


def warm_up(*names: str) -> None:
    """Warm up the kernels with these names in `WARM_UPS`, or all of them."""
    for name in names or WARM_UPS:
        WARM_UPS[name]()


def main() -> None:
    """Warm up the kernels that are named on the command line, or all of them."""
    parser = argparse.ArgumentParser(
        prog='python3 -m k4a_ros.tools.warm_up', description='Compile kernels in advance.')
    parser.add_argument(
        'kernels', nargs='*', metavar='KERNELS',
        help=f'any of {", ".join(WARM_UPS)}; default: all')
    names = parser.parse_args().kernels
    if unknown := set(names) - set(WARM_UPS):
        parser.error(f'unknown: {", ".join(sorted(unknown))}; expected {", ".join(WARM_UPS)}')
    warm_up(*names)


if __name__ == '__main__':
    main()
