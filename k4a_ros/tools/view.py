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
Show a camera in a browser: images, point cloud, IMU, parameters, playback and recording.

    k4a_view [--host 127.0.0.1] [--port PORT]

Any browser on this computer can open the address that is printed. Drivers, in any namespace, and
bags that are played are found by themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from k4a_ros.errors import ConfigError
from k4a_ros.process.allocator import retain_freed_memory
from k4a_ros.tools.arguments import integer_between
from rclpy.utilities import remove_ros_args

if TYPE_CHECKING:
    from k4a_ros.viewer.server import Server

#: the first of these that is free, unless a port is chosen
_PORTS = range(8770, 8780)


def main() -> int:
    """Run the command line until a signal; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument(
        '--host', default='127.0.0.1', help='address to listen on; with another than that of this '
        'computer alone, the printed address has a secret token (default: %(default)s)')
    parser.add_argument(
        '--port', type=integer_between(0, 65535),
        help=f'TCP port; 0 for any that is free (default: {_PORTS[0]}, or the next one that is '
        'free)')
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    retain_freed_memory()
    try:
        from k4a_ros.viewer import server
    except ModuleNotFoundError as error:
        if error.name != 'aiohttp':
            raise
        print('k4a_view needs aiohttp: apt install python3-aiohttp, or pip install aiohttp',
              file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(server.Server(
            options.host, _PORTS if options.port is None else [options.port])))
    except ConfigError as error:
        print(f'k4a_view: {error}', file=sys.stderr)
        return 1
    return 0


async def _serve(server: Server) -> None:
    """Serve until a signal."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    await server.run(stop, lambda address: print(
        f'k4a_view: open {address}  (Ctrl-C ends it)', flush=True))
