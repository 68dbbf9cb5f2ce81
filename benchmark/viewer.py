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
Measure what open pages of k4a_view cost the driver and the server.

    python benchmark/viewer.py [--seconds 10] [--rounds 3] [--link 50] [--domain N]

A page is a process that wants what the layout Overview of a real page wants, and acknowledges each
message at once: without drawing, so that the figures are those of a page on another computer.
0, 1 and 3 pages take turns with the simulated camera (NFOV_UNBINNED, 720P, 30 Hz, IMU). Processor
time is of one core; that of the driver includes rendering the scene, so its increase counts.

With --link, a page in a network namespace of its own is connected through a link of so many
Mbit/s (a token bucket of tc); that needs root, ip and tc. It is measured for each size of depth
and infrared that a page can ask for, as they are and compressed.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
import contextlib
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import aiohttp
from domains import add_domain
from k4a_ros.process.fastdds import select_fastdds_profile
import numpy as np
from processes import DRIVER
from processes import used

VIEW = 'from k4a_ros.tools.view import main; raise SystemExit(main())'
TOPICS = ('/depth/image_raw', '/ir/image_raw', '/rgb/image_raw/compressed', '/imu',
          '/depth/camera_info', '/rgb/camera_info', '/temperature', '/tf_static', '/diagnostics')
IMAGES = TOPICS[:3]
PAGES = (0, 1, 3)
NAMESPACE, SERVER_END, PAGE_END = 'k4a_benchmark', '10.213.77.1', '10.213.77.2'
LINK = ('k4abench0', 'k4abench1')
#: largest burst, and longest time in the queue of the link
BUCKET = 'burst 64kb latency 50ms'
WARM_UP_S = 4.0


async def visit(
    address: str, factor: int, compress: bool, seconds: float,
) -> dict[str, float]:
    """Return rates of images, and MB/s, of a page that acknowledges everything at once."""
    counts: dict[str, int] = {}
    size = 0
    began = 0.0
    base, _, token = address.partition('?')
    base = base.rstrip('/')
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        await (await session.get(f'{base}/?{token}')).read()
        async with session.ws_connect(
                f'{base}/ws', headers={'Origin': base}, max_msg_size=0) as socket:
            opened = time.monotonic()
            async for message in socket:
                now = time.monotonic()
                if not began and now > opened + WARM_UP_S:
                    began, size = now, 0
                    counts.clear()
                if began and now > began + seconds:
                    break
                if message.type is aiohttp.WSMsgType.TEXT:
                    if json.loads(message.data)['op'] == 'graph':
                        await socket.send_json({
                            'op': 'want', 'compress': compress,
                            'topics': {t: factor if t in IMAGES[:2] else 1 for t in TOPICS}})
                    continue
                length = int.from_bytes(message.data[:2], 'little')
                topic = message.data[4:length].rstrip(b'\0').decode()
                counts[topic] = counts.get(topic, 0) + 1
                size += len(message.data)
                await socket.send_json({'op': 'ack', 'topic': topic})
    return {**{topic: counts.get(topic, 0) / seconds for topic in IMAGES},
            'MB/s': size / seconds / 1e6}


@contextlib.contextmanager
def running(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program within the block."""
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run k4a_view within the block, and give process and address."""
    with running(sys.executable, '-c', VIEW, '--port', '0', *arguments) as view:
        assert view.stdout is not None
        yield view, view.stdout.readline().split()[2]


def page(
    address: str, factor: int, compress: bool, seconds: float, *prefix: str,
) -> subprocess.Popen[str]:
    """Start a page."""
    return subprocess.Popen(
        [*prefix, sys.executable, __file__, '--visit', address, '--factor', str(factor),
         *['--compress'] * compress, '--seconds', str(seconds)], stdout=subprocess.PIPE, text=True)


def cost(driver: int, view: int, address: str, count: int, seconds: float) -> list[float]:
    """Return percent of a core of driver and server, and the mean rate of depth of the pages."""
    pages = [page(address, 1, False, seconds) for _ in range(count)]
    time.sleep(WARM_UP_S + 1.0)
    paths = [Path(f'/proc/{pid}') for pid in (driver, view)]
    before, began = [used(path)[1] for path in paths], time.monotonic()
    time.sleep(seconds - 2.0)
    passed = time.monotonic() - began
    shares = [100 * (used(path)[1] - b) / passed for path, b in zip(paths, before, strict=True)]
    rates = [json.loads(p.communicate()[0])[IMAGES[0]] for p in pages]
    return [*shares, float(np.mean(rates)) if rates else 0.0]


@contextlib.contextmanager
def slow_link(mbit: float) -> Iterator[None]:
    """Connect a network namespace through a slow link within the block."""
    def ip(text: str) -> None:
        subprocess.run(['ip', *text.split()], check=True)

    ip(f'netns add {NAMESPACE}')
    try:
        ip(f'link add {LINK[0]} type veth peer name {LINK[1]}')
        ip(f'link set {LINK[1]} netns {NAMESPACE}')
        ip(f'addr add {SERVER_END}/30 dev {LINK[0]}')
        ip(f'link set {LINK[0]} up')
        inside = ['ip', 'netns', 'exec', NAMESPACE]
        for command in (f'ip addr add {PAGE_END}/30 dev {LINK[1]}', f'ip link set {LINK[1]} up'):
            subprocess.run([*inside, *command.split()], check=True)
        bucket = f'root tbf rate {mbit}mbit {BUCKET}'
        subprocess.run(f'tc qdisc add dev {LINK[0]} {bucket}'.split(), check=True)
        subprocess.run([*inside, *f'tc qdisc add dev {LINK[1]} {bucket}'.split()], check=True)
        yield
    finally:
        ip(f'netns delete {NAMESPACE}')


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--seconds', type=float, default=10.0, help='length of each round')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--link', type=float, default=0.0, help='Mbit/s of a slow link')
    add_domain(parser)
    parser.add_argument('--visit', default='', help=argparse.SUPPRESS)
    parser.add_argument('--factor', type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument('--compress', action='store_true', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.visit:
        print(json.dumps(asyncio.run(visit(
            options.visit, options.factor, options.compress, options.seconds))))
        return 0
    os.environ['ROS_DOMAIN_ID'] = str(options.domain)
    select_fastdds_profile(os.environ)
    with running(sys.executable, '-c', DRIVER, '--ros-args', '-p', 'camera:=simulated') as driver:
        results: dict[int, list[list[float]]] = {count: [] for count in PAGES}
        with serving() as (view, address):
            for _ in range(options.rounds):
                for count in PAGES:
                    results[count].append(cost(
                        driver.pid, view.pid, address, count, options.seconds))
        print('| pages | driver | server | rate of depth |\n| --- | --- | --- | --- |')
        for count, rows in results.items():
            medians = np.median(rows, axis=0)
            print(f'| {count} | {medians[0]:.0f} % | {medians[1]:.1f} % | '
                  + (f'{medians[2]:.1f} Hz |' if count else '|'))
        if options.link:
            print(f'\n{options.link:g} Mbit/s:\n\n| depth and infrared | depth | infrared | color '
                  '| MB/s |\n| --- | --- | --- | --- | --- |')
            with slow_link(options.link), serving('--host', SERVER_END) as (_, address):
                for factor, name in ((1, 'full'), (2, 'half'), (4, 'quarter')):
                    for compress in (False, True):
                        process = page(address, factor, compress, options.seconds,
                                       'ip', 'netns', 'exec', NAMESPACE)
                        found = json.loads(process.communicate()[0])
                        print(f'| {name}{", compressed" * compress} | ' + ' | '.join(
                            f'{found[t]:.1f} Hz' for t in IMAGES) + f' | {found["MB/s"]:.1f} |')
    return 0


if __name__ == '__main__':
    sys.exit(main())
