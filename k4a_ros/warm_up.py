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
Compiles, or loads from the cache, all that would otherwise be compiled at its first use.

Once after installation, if the first images are to be as quick as all others:

    python3 -m k4a_ros.warm_up
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import itertools
import logging
import threading
from typing import Literal

from k4a_ros.images.registration import fixed
from k4a_ros.loops import can_compile
import numpy as np

Loops = Literal['clouds', 'registration', 'rvl', 'bodies', 'simulation']

_LOG = logging.getLogger(__name__)
_SIZE = (2, 2)
#: what is compiled already is loaded in less, seconds
_LOADED = 2.0


def warm_up(*loops: Loops) -> None:
    """
    Make the first capture as fast as all others; takes seconds the first time on a machine.

    Safe to call from any thread, such as one beside that which opens the camera: numba lets one
    thread compile at a time, and the others wait for what they need. It is told when it takes
    long. Does nothing without numba.

    :param loops: what ``clouds`` and ``geometry``, what ``registration``, what ``depth_codec`` for
        RVL, what body tracking with landmarks, or what simulated cameras need; by default all.
    """
    if not can_compile():
        return
    for part in loops or _PARTS:
        name, warm = _PARTS[part]
        with _telling(name):
            warm()


@contextlib.contextmanager
def _telling(what: str) -> Iterator[None]:
    """Tell once if what is done meanwhile takes longer than loading would."""
    timer = threading.Timer(_LOADED, _LOG.info, [
        'Compiling what %s needs, once on this machine; it comes as soon as that is done. '
        'In advance: python3 -m k4a_ros.warm_up', what])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _warm_clouds() -> None:
    """Call all loops of ``cloud_kernels`` on the types that the driver calls them on."""
    from k4a_ros.images import cloud_kernels
    depth, rays = fixed(np.zeros(_SIZE, np.uint16)), fixed(np.zeros(_SIZE, np.float32))
    color = fixed(np.zeros(_SIZE, np.uint32))
    choice = (1, 0, 1, True)
    out = np.zeros((4, 4), np.float32)
    cloud_kernels.xyz(
        depth.reshape(-1), rays.reshape(-1), rays.reshape(-1), 4, out.reshape(-1))
    cloud_kernels.points(depth, rays, rays, *choice, out)
    cloud_kernels.intensity_points(depth, rays, rays, depth, *choice, out)
    out = np.zeros((4, 8), np.float32)
    cloud_kernels.colored_points(
        depth, rays, rays, color, *choice, out.reshape(-1).view(np.uint32))


def _warm_registration() -> None:
    """Call all loops of ``registration_kernels`` on the types that the driver calls them on."""
    from k4a_ros.images import registration_kernels
    depth, rays = fixed(np.zeros(4, np.uint16)), fixed(np.zeros(4, np.float32))
    lens = (np.float32(1),) * 19
    u, v, z = np.zeros((3, *_SIZE), np.float32)
    registration_kernels.project(
        depth, rays, rays, rays, lens, u.reshape(-1), v.reshape(-1), z.reshape(-1))
    u, v, z = fixed(u), fixed(v), fixed(z)
    out = np.zeros(_SIZE, np.uint16)
    kinds = [(np.zeros(4, kind), np.zeros(_SIZE, kind)) for kind in (np.uint16, np.uint8)]
    for has_wide, has_narrow in itertools.product((False, True), repeat=2):
        (wide, wide_out), (narrow, narrow_out) = (
            (fixed(image), target) if wanted else (None, None)
            for wanted, (image, target) in zip((has_wide, has_narrow), kinds, strict=True))
        registration_kernels.rasterise(
            u, v, z, out, wide, wide_out, False, narrow, narrow_out, False)
    where = (u.reshape(-1), v.reshape(-1), z.reshape(-1), fixed(out), np.float32(1))
    registration_kernels.sample_bgra(
        *where, fixed(np.zeros(_SIZE, np.uint32)), np.zeros(4, np.uint32))
    registration_kernels.sample_bgr(
        *where, fixed(np.zeros((*_SIZE, 3), np.uint8)), np.zeros((4, 3), np.uint8))


def _warm_rvl() -> None:
    """Call both loops of ``rvl_kernels``."""
    from k4a_ros.images import rvl_kernels
    words = np.zeros(16, np.uint32)
    count = rvl_kernels.encode(fixed(np.zeros(4, np.uint16)), words)
    rvl_kernels.decode(fixed(words[:count]), np.zeros(4, np.uint16))


def _warm_bodies() -> None:
    """Look for somebody in one image."""
    from k4a_ros.body.landmarks.warm_up import warm_up_bodies
    warm_up_bodies()


def _warm_simulation() -> None:
    """Take a picture with each simulated camera."""
    from k4a_ros.simulation.warm_up import warm_up_simulation
    warm_up_simulation()


#: what it is for, and what compiles it
_PARTS: dict[Loops, tuple[str, Callable[[], None]]] = {
    'clouds': ('point clouds', _warm_clouds),
    'registration': ('registration of depth and colour', _warm_registration),
    'rvl': ('RVL', _warm_rvl),
    'bodies': ('body tracking', _warm_bodies),
    'simulation': ('the simulated camera', _warm_simulation),
}


def main() -> None:
    """Warm up what is named, or all there is."""
    parser = argparse.ArgumentParser(
        prog='python3 -m k4a_ros.warm_up', description='Compile inner loops in advance.')
    parser.add_argument(
        'loops', nargs='*', metavar='LOOPS',
        help=f'of {", ".join(_PARTS)}; by default all')
    wanted = parser.parse_args().loops
    if unknown := set(wanted) - set(_PARTS):
        parser.error(f'unknown: {", ".join(sorted(unknown))}; there are {", ".join(_PARTS)}')
    warm_up(*wanted)


if __name__ == '__main__':
    main()
