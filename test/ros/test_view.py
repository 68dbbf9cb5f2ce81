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

"""k4a_view as a process beside a camera, and its page in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import aiohttp
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.mkv.reader import RecordingReader
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from support.browser import browsing
from support.browser import chromium
from support.browser import Tab
from support.recordings import write_recording
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for
from support.time_limits import PATIENCE

NODE, PLAYER = '/left/k4a_driver', '/play/k4a_driver'
SIZE, PHONE = (900, 640), (390, 844)
PROGRAM = 'from k4a_ros.tools.view import main; raise SystemExit(main())'
needs_browser = pytest.mark.skipif(
    chromium() is None, reason='Chromium is not installed: apt install chromium')
#: share of the pixels of the cloud's pane that are not background, and number of their colors
CLOUD_PIXELS = """(() => {
  const cloud = app.panes.cloud.canvas;
  const copy = document.createElement('canvas');
  [copy.width, copy.height] = [cloud.width, cloud.height];
  const context = copy.getContext('2d');
  context.drawImage(cloud, 0, 0);
  const words = new Uint32Array(context.getImageData(0, 0, copy.width, copy.height).data.buffer);
  const counts = new Map();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [1 - Math.max(...counts.values()) / words.length, counts.size];
})()"""

#: A red square 0.5 m in front of a blue wall at 2 m, with a color camera 32 mm beside that of
#: depth: pixels of the wall that are red, gray and blue, and pixels of the square that are red.
OCCLUDED_PIXELS = """import('/renderer.js').then(({ Renderer }) => {
  const [width, height, focal, beside] = [160, 120, 120, 0.032];
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height];
  const renderer = new Renderer(canvas);
  const depth = new Uint16Array(width * height).fill(2000);
  const rays = new Float32Array(2 * width * height);
  const picture = document.createElement('canvas');
  [picture.width, picture.height] = [width, height];
  const context = picture.getContext('2d');
  context.fillStyle = 'blue';
  context.fillRect(0, 0, width, height);
  context.fillStyle = 'red';
  context.fillRect(60 - focal * beside / 0.5, 40, 40, 40);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (x >= 60 && x < 100 && y >= 40 && y < 80) depth[i] = 500;
      rays.set([(x + 0.5 - width / 2) / focal, (y + 0.5 - height / 2) / focal], 2 * i);
    }
  }
  renderer.setDepth(width, height, depth, 1);
  renderer.setRays(width, height, rays);
  renderer.setPicture(picture);
  const identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const moved = [...identity];
  moved[12] = -beside;
  const [fx, fy] = [2 * focal / width, 2 * focal / height];
  const view = [fx, 0, 0, 0, 0, -fy, 0, 0, 0, 0, 1, 1, 0, 0, -0.1, 0];
  renderer.draw({ view, background: [0, 0, 0], pixels: focal, cloud: {
    worldFromDepth: identity, pictureFromDepth: moved, cropFromDepth: identity, crop: false,
    cropLow: [0, 0, 0], cropHigh: [0, 0, 0], range: [0, 1], irRange: [0, 1], mode: 0,
    lens: [focal, focal, width / 2 - 0.5, height / 2 - 0.5], k: [0, 0, 0, 0], k2: [0, 0, 0, 0],
    pictureSize: [width, height], focal, pointSize: 1 } });
  const copy = document.createElement('canvas');
  [copy.width, copy.height] = [width, height];
  copy.getContext('2d').drawImage(canvas, 0, 0);
  const { data } = copy.getContext('2d').getImageData(0, 0, width, height);
  const counts = { wall_red: 0, wall_gray: 0, wall_blue: 0, square_red: 0 };
  for (let i = 0; i < depth.length; i++) {
    if (i % width < 4) continue; // not in the color image
    const [r, , b] = data.subarray(4 * i, 4 * i + 3);
    const name = r > 200 && b < 50 ? 'red' : b > 200 && r < 50 ? 'blue' : 'gray';
    const key = `${depth[i] === 500 ? 'square' : 'wall'}_${name}`;
    if (key in counts) counts[key] += 1;
  }
  return counts;
})"""


@contextlib.contextmanager
def viewing(domain: int, *arguments: str) -> Iterator[str]:
    """Run k4a_view within the block, and give the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, '-c', PROGRAM, '--port', '0', *arguments], text=True,
        stdout=subprocess.PIPE, env=os.environ | {'ROS_DOMAIN_ID': str(domain)})
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith('k4a_view: open http://'), line
        yield line.split()[2]
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@dataclass
class Viewed:
    """Cameras, the address of their page, and a node that looks on."""

    domain: int
    listener: Listener
    driver: DriverProcess
    address: str
    record_file: Path

    def subscribers(self, topic: str) -> int:
        """Return how many nodes subscribe to a topic."""
        return int(self.listener.node.count_subscribers(topic))


@pytest.fixture(scope='module')
def viewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    """Show a simulated camera, /left, and a recording that waits for subscribers, /play."""
    directory = tmp_path_factory.mktemp('view')
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=5)
    recording = write_recording(directory / 'a.mkv', config, 100).path
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, '-r', '__ns:=/left', camera='simulated', depth_mode='NFOV_2X2BINNED',
            color_resolution='720P', fps=5, body_tracking_enabled=True,
            body_tracking_backend='ground_truth', record_file=directory / 'run.mkv',
    ) as driver, DriverProcess.with_parameters(
            domain, '-r', '__ns:=/play', recording_file=recording, recording_at_end='pause',
    ) as player, viewing(domain) as address:
        yield Viewed(domain, listener, driver, address, directory / 'run.mkv')
        assert 'Traceback' not in driver.output + player.output


@pytest.fixture(scope='module')
def browser(viewed: Viewed) -> Iterator[Tab]:
    """Keep one browser for all tests."""
    with browsing(SIZE) as tab:
        tab.go(viewed.address)
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Iterator[Tab]:
    """Show the simulated camera in the page."""
    choose(browser, '/left')
    yield browser
    assert browser.errors == []


def choose(tab: Tab, namespace: str) -> None:
    """Show another camera, once the page knows it."""
    tab.wait(f'window.app?.cameras.some((c) => c.namespace === "{namespace}" && c.driver)')
    tab.evaluate(f'app.choose("{namespace}")')


def frames(tab: Tab, pane: str) -> int:
    """Return how often a pane has changed."""
    return int(tab.evaluate(
        f'Number(document.querySelector("#pane-{pane} canvas[data-frames]")?.dataset.frames)'
        '|| 0'))


@needs_browser
def test_every_pane_changes(tab: Tab) -> None:
    for pane in ('color', 'depth', 'ir', 'imu', 'cloud'):
        before = frames(tab, pane)
        wait_for(lambda p=pane, b=before: frames(tab, p) >= b + 3, f'three changes of {pane}')
    for pane in ('color', 'depth', 'ir'):
        shades = tab.evaluate(f"""(() => {{
          const c = app.panes.{pane}.canvas;
          return new Set(new Uint32Array(c.getContext('2d').getImageData(
            0, 0, c.width, c.height).data.buffer)).size;
        }})()""")
        assert shades > 50, pane
    tab.wait('((c) => app.panes.depth.value(c.width >> 1, c.height >> 1).endsWith(" m"))'
             '(app.panes.depth.canvas)')
    tab.wait('app.statuses.size > 2')


@needs_browser
def test_cloud_is_drawn_in_color_and_turns(tab: Tab) -> None:
    tab.wait('app.panes.cloud.drawn > 2 && Boolean(app.panes.cloud.infos.color)')
    share, _ = wait_for(
        lambda: (found := tab.evaluate(CLOUD_PIXELS)) and found[1] > 300 and found, 'colors')
    assert share > 0.1
    assert tab.evaluate('app.frames.parents.size') == 3
    picture = 'app.panes.cloud.canvas.toDataURL()'
    tab.evaluate('app.panes.cloud.orbit.show("top")')
    top = tab.evaluate(f'app.panes.cloud.invalidate().then(() => {picture})')
    tab.evaluate('app.panes.cloud.orbit.show("camera")')
    assert top != tab.evaluate(f'app.panes.cloud.invalidate().then(() => {picture})')
    tab.wait('app.panes.cloud.markers.at(-1)?.markers.length > 30')


@needs_browser
def test_cloud_has_no_color_where_the_color_camera_sees_something_nearer(tab: Tab) -> None:
    counts = tab.evaluate(OCCLUDED_PIXELS)
    hidden = 40 * 120 * 0.032 * (1 / 0.5 - 1 / 2)  # the parallax, times the height of the square
    assert counts['wall_red'] <= 0.1 * hidden
    assert 0.8 * hidden <= counts['wall_gray'] <= 1.5 * hidden
    assert counts['wall_blue'] > 0.95 * (156 * 120 - 40 * 40 - hidden)
    assert counts['square_red'] > 0.9 * 40 * 40


@needs_browser
def test_slider_sets_the_parameter_and_shows_a_refusal(tab: Tab, viewed: Viewed) -> None:
    row = 'document.querySelector("#parameter-brightness")'
    tab.wait(f'{row} !== null')
    tab.evaluate(f"""(() => {{
      const slider = {row}.querySelector('[type=range]');
      slider.value = 200;
      slider.dispatchEvent(new Event('change'));
    }})()""")
    tab.wait(f'{row}.querySelector(".answer.good")?.textContent.startsWith("applied")')
    assert viewed.listener.get_parameters(NODE, 'brightness') == [200]
    tab.evaluate(f"""(() => {{
      const number = {row}.querySelector('[type=number]');
      number.value = 999;
      number.dispatchEvent(new Event('change'));
    }})()""")
    refusal = tab.wait(f'{row}.querySelector(".answer.bad")?.textContent')
    assert 'brightness' in refusal
    assert viewed.listener.get_parameters(NODE, 'brightness') == [200]
    assert tab.evaluate(f'{row}.querySelector("[type=number]").value') == '200'
    assert viewed.listener.set_parameters(NODE, brightness=50).successful
    tab.wait(f'{row}.querySelector("[type=range]").value === "50"')


@needs_browser
def test_what_is_not_shown_is_not_subscribed_to(tab: Tab, viewed: Viewed) -> None:
    depth, color, imu = (f'/left/{name}' for name in (
        'depth/image_raw', 'rgb/image_raw/compressed', 'imu'))
    wait_for(lambda: all(map(viewed.subscribers, (depth, color, imu))), 'subscriptions')
    assert viewed.subscribers('/left/points2') == viewed.subscribers('/left/rgb/image_raw') == 0
    tab.evaluate('app.layout.choose("motion")')
    wait_for(lambda: not viewed.subscribers(depth), 'the end of a subscription')
    assert viewed.subscribers(imu) == 1
    tab.wait('Number.isFinite(app.panes.imu.temperature)')
    plain, curve = tab.evaluate("""(() => {
      const pane = app.panes.imu;
      const start = pane.temperatures.at(-1);
      pane.temperatures = [];
      return [0, 60, 120].map((seconds) => {
        pane.receiveTemperature({
          stamp: BigInt(Math.round((start.time + seconds) * 1e9)), celsius: 30 + seconds / 30 });
        pane.draw();
        return pane.canvas.toDataURL();
      });
    })()""")[:2]
    assert plain != curve
    tab.go('about:blank')
    wait_for(lambda: not any(map(viewed.subscribers, (depth, color, imu))), 'their end')
    tab.go(viewed.address)
    tab.wait('window.app?.connection.connected')
    tab.evaluate('app.layout.choose("overview")')
    wait_for(lambda: viewed.subscribers(depth), 'a subscription')


POSITION = """(() => {
  const [first, last] = app.playback.range ?? [0n, 1n];
  return Number((app.panes.cloud.stamp ?? 0n) - first) / Number(last - first);
})()"""


@needs_browser
def test_playback_pauses_seeks_and_steps(tab: Tab, viewed: Viewed) -> None:
    choose(tab, '/play')
    tab.wait('Boolean(app.playback.range)')
    tab.evaluate('document.querySelector("#playback-toggle").click()')
    tab.wait('app.playback.paused')
    assert viewed.listener.get_parameters(PLAYER, 'playback_paused') == [True]
    for part in (0.8, 0.2):
        tab.evaluate(f"""(() => {{
          app.playback.slider.value = {part};
          app.playback.slider.dispatchEvent(new Event('change'));
        }})()""")
        wait_for(lambda p=part: abs(tab.evaluate(POSITION) - p) < 0.011, f'{part}')
    before = tab.evaluate(POSITION)
    tab.evaluate('document.querySelector("#playback-step").click()')
    wait_for(lambda: before + 0.005 < tab.evaluate(POSITION) < before + 0.015, 'a step')
    tab.evaluate('document.querySelector("#playback-toggle").click()')
    wait_for(lambda: tab.evaluate(POSITION) > before + 0.02, 'playback')
    tab.evaluate('document.querySelector("#playback-toggle").click()')
    tab.wait('app.playback.paused')


@needs_browser
def test_recording_is_started_and_stopped_on_a_phone(tab: Tab, viewed: Viewed) -> None:
    tab.resize(PHONE, mobile=True)
    tab.wait('app.record.element.hidden === false')
    tab.evaluate('app.record.element.click()')
    size = tab.wait('app.record.active && app.record.label.textContent')
    assert size.endswith('MB')
    for name in ('depth', 'ir', 'imu', 'cloud'):
        tab.evaluate(f'document.querySelector("[data-tab={name}]").click()')
        before = frames(tab, name)
        wait_for(lambda n=name, b=before: frames(tab, n) > b, name)
    tab.evaluate('app.record.element.click()')
    tab.wait('!app.record.active')
    viewed.driver.wait_for_line('~/stop_recording')
    tab.resize(SIZE)
    with RecordingReader(str(viewed.record_file)) as reader:
        assert reader.config.depth_mode is DepthMode.NFOV_2X2BINNED


@needs_browser
def test_topics_without_a_driver_are_shown(tab: Tab, viewed: Viewed) -> None:
    """As they come from a bag: there are no parameters, and everything else works."""
    lens = FactoryCalibration.from_raw(nominal_calibration()).depth(DepthMode.NFOV_2X2BINNED)
    info = CameraInfo(height=lens.height, width=lens.width, distortion_model='rational_polynomial',
                      d=lens.distortion.tolist(), k=lens.camera_matrix.ravel().tolist())
    depth = Image(height=lens.height, width=lens.width, encoding='16UC1', step=2 * lens.width)
    pixels = np.full((lens.height, lens.width), 1500, '<u2')
    pixels[::3] = np.random.default_rng(0).choice([0, 300, 301, 60_000], pixels[::3].shape)
    depth.data = pixels.tobytes()
    node = viewed.listener.node
    infos, images = (node.create_publisher(kind, f'/bag/depth/{name}', 5)
                     for kind, name in ((CameraInfo, 'camera_info'), (Image, 'image_raw')))

    def shown() -> bool:
        stamp = node.get_clock().now().to_msg()
        for message, publisher in ((info, infos), (depth, images)):
            message.header.stamp, message.header.frame_id = stamp, 'depth_camera_link'
            publisher.publish(message)
        time.sleep(0.1)  # at more than 15 Hz, a page that is slow asks for a smaller resolution
        return bool(tab.evaluate(
            'app.panes.cloud.shown === "/bag/" && app.panes.cloud.drawn > 2'))

    def arrived() -> bool:
        """Return whether the page has the pixels that were sent, compressed."""
        shown()
        return bool(tab.evaluate('app.connection.compressed')) and pixels.ravel().tolist() == (
            tab.evaluate('[...app.panes.depth.frame.values]'))

    try:
        tab.wait('app.cameras.some((c) => c.namespace === "/bag")')
        tab.evaluate('app.quality.value = "1"; app.connection.setFactor(1); app.choose("/bag")')
        wait_for(shown, 'the cloud')
        tab.wait('app.panes.depth.value(9, 10).endsWith("1500 mm   1.500 m")')
        tab.evaluate('app.connection.setCompress()')
        wait_for(arrived, 'a compressed image')
        tab.evaluate('app.connection.compress = false; app.connection.update()')
        assert 'without a driver' in tab.evaluate('app.state.textContent')
        assert 'No driver' in tab.evaluate('app.parametersPanel.message.textContent')
    finally:
        for publisher in (infos, images):
            node.destroy_publisher(publisher)


def status_of(address: str, path: str = '', **headers: str) -> int:
    """Return the status of a GET request."""
    async def get() -> int:
        async with aiohttp.ClientSession() as session:
            async with session.get(address + path, headers=headers,
                                   allow_redirects=False) as response:
                assert "default-src 'none'" in response.headers['Content-Security-Policy']
                return response.status
    return asyncio.run(get())


UPGRADE = {'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13',
           'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA=='}


def test_requests_of_other_pages_and_names_are_refused(viewed: Viewed) -> None:
    own = viewed.address.rstrip('/')
    assert status_of(viewed.address) == 200
    assert status_of(viewed.address, Host='evil.example') == 403
    assert status_of(viewed.address, Origin='http://evil.example') == 403
    assert status_of(viewed.address, 'ws', **UPGRADE) == 403
    assert status_of(viewed.address, 'ws', **UPGRADE, Origin='http://evil.example') == 403
    assert status_of(viewed.address, 'ws', **UPGRADE, Origin='null') == 403
    assert status_of(viewed.address, 'ws', Origin=own) == 400
    assert status_of(viewed.address, '..%2f..%2fserver.py') == 404
    assert status_of(viewed.address, '%2fetc/passwd') == 404


def test_other_interfaces_need_the_token(viewed: Viewed) -> None:
    with viewing(viewed.domain, '--host', '0.0.0.0') as address:
        port = address.rpartition(':')[2].partition('/')[0]
        token = address.partition('?')[2]
        local = f'http://127.0.0.1:{port}'
        assert len(token) > 32
        for path in ('/', '/main.js', '/?token=', '/?token=' + 'x' * 32):
            assert status_of(local, path) == 403
        origin = {'Origin': local}
        assert status_of(local, '/ws', **UPGRADE, **origin) == 403
        assert status_of(local, f'/?{token}') == 302
        cookie = f'k4a_view_{port}={token.partition("=")[2]}'
        assert status_of(local, '/', Cookie=cookie) == 200
        assert status_of(local, '/ws', **UPGRADE, **origin, Cookie=cookie) == 101


async def abuse(address: str) -> None:
    """Send a thousand requests that no page sends."""
    origin = {'Origin': address.rstrip('/')}
    messages: list[Any] = [
        '', 'null', '[]', '{', '{"op": 1}', '{"op": "want", "topics": []}', '[' * 60_000,
        '{"op": "want", "topics": {"/left/depth/image_raw": 0}}', b'\0', 'x' * 100_000,
        '{"op": "call"}', json.dumps({'op': 'want', 'topics': {str(i): 1 for i in range(99)}})]
    calls = [
        ('set', {'name': 'brightness', 'value': 'x'}), ('set', {'name': 'brightness'}),
        ('set', {'name': 'no_such', 'value': 1}), ('set', {'name': 'record_file', 'value': '/x'}),
        ('set', {'name': 'brightness', 'value': 10 ** 30}), ('service', {'name': '../stop'}),
        ('service', {'name': 'seek', 'time_ns': '-1'}), ('rays', {}), ('rays', {'width': 10 ** 9}),
        ('parameters', {'node': '/other'}), ('', {}), ('set', [])]
    async with aiohttp.ClientSession() as session:
        for i in range(400):
            with contextlib.suppress(aiohttp.ClientError):
                async with session.request(
                        ('GET', 'POST', 'PUT', 'BREW')[i % 4], f'{address}{"a/" * (1 + i % 300)}',
                        data=b'x' * (i * 50 % 4000)) as response:
                    assert response.status in (400, 404, 405)
        for i in range(200):
            async with session.ws_connect(f'{address}ws', headers=origin) as socket:
                message = messages[i % len(messages)]
                await (socket.send_str if isinstance(message, str) else socket.send_bytes)(message)
                while (await socket.receive(PATIENCE)).type is aiohttp.WSMsgType.TEXT:
                    pass
        async with session.ws_connect(f'{address}ws', headers=origin) as socket:
            for i in range(400):
                method, arguments = calls[i % len(calls)]
                if isinstance(arguments, dict):
                    arguments = {'node': NODE, **arguments}
                await socket.send_json(
                    {'op': 'call', 'id': i, 'method': method, 'arguments': arguments})
            answers: set[int] = set()
            while len(answers) < 400:
                answer = json.loads((await socket.receive(PATIENCE)).data)
                if answer['op'] == 'answer':
                    assert 'error' in answer or not answer['result']['successful'], answer
                    answers.add(answer['id'])


def test_a_thousand_bad_requests_change_nothing(viewed: Viewed) -> None:
    names = [d.name for d in viewed.listener.describe(NODE, 'brightness', 'record_file', 'fps')]
    before = viewed.listener.get_parameters(NODE, *names)
    asyncio.run(abuse(viewed.address))
    assert viewed.listener.get_parameters(NODE, *names) == before
    assert status_of(viewed.address) == 200


def test_port_that_is_taken_is_one_line(viewed: Viewed) -> None:
    port = viewed.address.rpartition(':')[2].strip('/')
    result = subprocess.run(
        [sys.executable, '-c', PROGRAM, '--port', port], text=True, capture_output=True,
        timeout=PATIENCE, env=os.environ | {'ROS_DOMAIN_ID': str(viewed.domain)})
    assert result.returncode == 1
    assert result.stderr.startswith(f'k4a_view: cannot listen on 127.0.0.1, port {port}: ')
    assert result.stderr.count('\n') == 1
