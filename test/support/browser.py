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

"""Headless Chromium, driven through its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
import contextlib
import json
from pathlib import Path
import shutil
import signal
import subprocess
import tempfile
import threading
from typing import Any

import aiohttp
from support.time_limits import PATIENCE
from support.time_limits import wait_for

#: names of Chromium, of Debian first
_NAMES = ('chromium', 'chromium-browser', 'google-chrome')
#: WebGL without a graphics card, and no requests to the internet
_FLAGS = (
    '--headless=new', '--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader', '--disable-dev-shm-usage', '--disable-background-networking',
    '--disable-component-update', '--disable-extensions', '--no-first-run', '--mute-audio',
    '--hide-scrollbars', '--remote-debugging-port=0')


def chromium() -> str | None:
    """Return the program, None if there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Tab:
    """A page of the browser; `close` ends the browser as well."""

    def __init__(self, size: tuple[int, int]) -> None:
        program = chromium()
        assert program is not None
        self._directory = tempfile.mkdtemp(prefix='k4a_chromium_')
        self._process = subprocess.Popen(
            [program, *_FLAGS, f'--user-data-dir={self._directory}',
             f'--window-size={size[0]},{size[1]}', 'about:blank'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self.errors: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._last = 0
        port_file = Path(self._directory) / 'DevToolsActivePort'
        text = wait_for(lambda: port_file.exists() and port_file.read_text(), 'Chromium')
        self._run(self._connect(int(text.splitlines()[0])))
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.send(f'{domain}.enable')
        self.resize(size)

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    async def _connect(self, port: int) -> None:
        self._session = aiohttp.ClientSession()
        async with self._session.get(f'http://127.0.0.1:{port}/json/list') as response:
            pages = await response.json()
        page = next(page for page in pages if page['type'] == 'page')
        self._socket = await self._session.ws_connect(
            page['webSocketDebuggerUrl'], max_msg_size=0)
        self._reader = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            content = json.loads(message.data)
            if 'id' in content:
                future = self._pending.pop(content['id'], None)
                if future is not None and not future.done():
                    future.set_result(content)
            else:
                self._note(content['method'], content['params'])

    def _note(self, method: str, event: dict[str, Any]) -> None:
        """Keep what the page has done wrong."""
        if method == 'Runtime.exceptionThrown':
            details = event['exceptionDetails']
            self.errors.append(str(details.get('exception', {}).get(
                'description', details['text'])))
        elif method == 'Runtime.consoleAPICalled' and event['type'] in ('error', 'warning'):
            self.errors.append(' '.join(str(
                a.get('value', a.get('description'))) for a in event['args']))
        elif method == 'Log.entryAdded' and event['entry']['level'] == 'error':
            self.errors.append(event['entry']['text'])

    async def _send(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self._last += 1
        future = self._pending[self._last] = self._loop.create_future()
        await self._socket.send_json({'id': self._last, 'method': method, 'params': arguments})
        answer: dict[str, Any] = await future
        assert 'error' not in answer, answer
        return answer['result']

    def send(self, method: str, **arguments: Any) -> Any:
        """Send a command of the protocol, and return its result."""
        return self._run(self._send(method, arguments))

    def go(self, address: str) -> None:
        """Go to an address."""
        self.send('Page.navigate', url=address)

    def resize(self, size: tuple[int, int], mobile: bool = False) -> None:
        """Give the page a size, pixels."""
        self.send('Emulation.setDeviceMetricsOverride', width=size[0], height=size[1],
                  deviceScaleFactor=1, mobile=mobile)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, also of a promise."""
        result = self.send('Runtime.evaluate', expression=expression, returnByValue=True,
                           awaitPromise=True)
        assert 'exceptionDetails' not in result, result['exceptionDetails']
        return result['result'].get('value')

    def wait(self, expression: str, timeout: float = PATIENCE) -> Any:
        """Return the first true value of an expression."""
        try:
            return wait_for(lambda: self.evaluate(expression), expression, timeout)
        except AssertionError as error:
            raise AssertionError(f'{error}; errors of the page: {self.errors}') from None

    def screenshot(self, path: Path) -> None:
        """Write a picture of the page, PNG."""
        path.write_bytes(base64.b64decode(self.send('Page.captureScreenshot')['data']))

    def close(self) -> None:
        """End the browser."""
        async def leave() -> None:
            self._reader.cancel()
            await self._socket.close()
            await self._session.close()
        try:
            with contextlib.suppress(Exception):
                self._run(leave())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        finally:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
            shutil.rmtree(self._directory, ignore_errors=True)


@contextlib.contextmanager
def browsing(size: tuple[int, int] = (1440, 900)) -> Iterator[Tab]:
    """Run a browser within the block."""
    tab = Tab(size)
    try:
        yield tab
    finally:
        tab.close()
