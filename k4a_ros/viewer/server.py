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

"""The HTTP server of the viewer: its page, and a WebSocket for what the page shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
import errno
import logging
import os
from pathlib import Path
import socket

from aiohttp import web
from k4a_ros.errors import ConfigError
from k4a_ros.viewer.access import Access
from k4a_ros.viewer.access import cookie_name
from k4a_ros.viewer.access import security_headers
from k4a_ros.viewer.hub import Hub
from k4a_ros.viewer.page import MAX_MESSAGE_BYTES
from k4a_ros.viewer.page import Page

WEB = Path(__file__).resolve().parent / 'web'
_TYPES = {
    '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml',
    '.json': 'application/json'}
#: pages that are open at a time; each has a connection and some messages in memory
_MAX_PAGES = 16
#: time after which a page that does not answer is given up
_HEARTBEAT_S = 20.0

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """
    The server; `run` returns when it is stopped.

    :param host: address to listen on.
    :param ports: TCP ports, of which the first that is free is used; 0 for any that is free.
    """

    def __init__(self, host: str, ports: Sequence[int]) -> None:
        own = socket.gethostname().lower()
        self.access = Access.for_host(host, frozenset({own, f'{own}.local'}))
        self._host, self._ports, self._port = host, ports, 0
        self._hub: Hub | None = None
        self._pages = 0
        self._failure: Exception | None = None
        self._files = {
            path.relative_to(WEB).as_posix(): path for path in WEB.rglob('*')
            if path.suffix in _TYPES}

    async def run(self, stop: asyncio.Event, on_address: Callable[[str], None]) -> None:
        """
        Serve until an event.

        :param on_address: called with the address of the page when it can be opened.
        :raises ConfigError: the address cannot be used.
        """
        loop = asyncio.get_running_loop()

        def fail(error: Exception) -> None:
            self._failure = error
            loop.call_soon_threadsafe(stop.set)

        async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
            return await self._guard(request, handler)

        app = web.Application(middlewares=[web.middleware(guard)], client_max_size=1024)
        app.router.add_get('/ws', self._connect)
        app.router.add_get('/{name:.*}', self._file)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        logging.getLogger('aiohttp.server').setLevel(logging.CRITICAL)  # bad requests
        await runner.setup()
        try:
            await self._listen(runner)
            self._port = runner.addresses[0][1]
            self._hub = Hub(fail)
            on_address(self.address())
            await stop.wait()
        finally:
            if self._hub is not None:
                await self._hub.close()
            await runner.cleanup()
        if self._failure is not None:
            raise self._failure

    async def _listen(self, runner: web.AppRunner) -> None:
        """
        Listen on the first port that is free.

        :raises ConfigError: there is none, or the address is not one of this computer.
        """
        for port in self._ports:
            try:
                await web.TCPSite(
                    runner, self._host.strip('[]'), port, shutdown_timeout=1.0).start()
                return
            except OSError as error:
                if error.errno == errno.EADDRINUSE and port != self._ports[-1]:
                    continue
                raise ConfigError(
                    f'cannot listen on {self._host}, port {port}: '
                    f'{os.strerror(error.errno or 0)}; choose another --port, or an address of '
                    'this computer as --host') from error

    def address(self) -> str:
        """Return the address to open in a browser, with the token if there is one."""
        host = self._host
        if host in ('0.0.0.0', '::', '[::]'):
            host = socket.gethostname()
        elif ':' in host:
            host = f'[{host.strip("[]")}]'
        token = f'?token={self.access.token}' if self.access.token else ''
        return f'http://{host}:{self._port}/{token}'

    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse requests that are not of this server's page, and add the security headers."""
        given = request.query.get('token', '')
        token = given or request.cookies.get(cookie_name(self._port), '')
        reason = self.access.refusal(
            request.host, request.headers.get('Origin'), token,
            needs_origin=request.path == '/ws')
        response: web.StreamResponse
        if reason is not None:
            response = web.Response(status=403, text=f'403: {reason}\n')
        elif request.method != 'GET':
            response = web.Response(status=405, text='405: only GET\n')
        elif given and self.access.token and request.path == '/':
            # the token leaves the address line, and goes with every request from here
            response = web.Response(status=302, headers={'Location': '/'})
            response.set_cookie(
                cookie_name(self._port), given, httponly=True, samesite='Strict', path='/')
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = web.Response(status=error.status, text=f'{error.status}\n')
        if not response.prepared:
            response.headers.update(security_headers())
        return response

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file of the page."""
        path = self._files.get(request.match_info['name'] or 'index.html')
        if path is None:
            return web.Response(status=404, text='404: no such file\n')
        return web.Response(
            body=path.read_bytes(), content_type=_TYPES[path.suffix], charset='utf-8')

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        """Serve a page through its WebSocket."""
        if self._hub is None or self._pages >= _MAX_PAGES:
            return web.Response(
                status=503, text=f'503: {_MAX_PAGES} pages are open; close one\n')
        connection = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_S, max_msg_size=MAX_MESSAGE_BYTES, compress=False)
        connection.headers.update(security_headers())
        if not connection.can_prepare(request).ok:
            return web.Response(status=400, text='400: not a WebSocket\n')
        self._pages += 1
        try:
            await connection.prepare(request)
            await Page(connection, self._hub).run()
        finally:
            self._pages -= 1
        return connection
