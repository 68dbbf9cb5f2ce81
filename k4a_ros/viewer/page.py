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

"""One open page: its WebSocket, what it is shown, and what it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
import json
import traceback
from typing import Any

from aiohttp import web
from aiohttp import WSMsgType
from k4a_ros.viewer import serialized
from k4a_ros.viewer.delivery import POLICIES
from k4a_ros.viewer.delivery import Slot
from k4a_ros.viewer.delivery import with_prologue
from k4a_ros.viewer.errors import Refused
from k4a_ros.viewer.hub import Hub
from k4a_ros.viewer.hub import rays

#: limits of what one page may ask for
MAX_MESSAGE_BYTES = 65536
_MAX_TOPICS, _MAX_FACTOR, _MAX_CALLS = 64, 8, 16


class Page:
    """
    A page from its connection to its end.

    :param socket: connected.
    :param hub: delivers what the page wants.
    """

    def __init__(self, socket: web.WebSocketResponse, hub: Hub) -> None:
        self._socket = socket
        self._hub = hub
        self._slots: dict[str, Slot] = {}
        self._compress = False
        self._preparation: asyncio.Task[None] | None = None
        self._notes: dict[str, Mapping[str, Any]] = {}
        self._answers: list[str | bytes] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()

    @property
    def wanted(self) -> Mapping[str, int]:
        """Return the factor of decimation by topic."""
        return {topic: slot.factor for topic, slot in self._slots.items()}

    def put(self, topic: str, messages: list[bytes]) -> None:
        """Pass messages of a topic on."""
        for message in messages:
            self._slots[topic].put(message)
        self._ready.set()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a small message; the newest of each operation is kept."""
        self._notes[str(message['op'])] = message
        self._ready.set()

    async def run(self) -> None:
        """Serve the page until it is closed."""
        self._hub.add(self)
        sender = asyncio.ensure_future(self._send())
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT:
                    break
                if not self._handle(message.data):
                    await self._socket.close(code=1008, message=b'not a request of this page')
                    break
        finally:
            sender.cancel()
            if self._preparation is not None:
                self._preparation.cancel()
            for call in self._calls:
                call.cancel()
            self._slots.clear()
            self._hub.remove(self)

    async def _send(self) -> None:
        """Send what waits, small messages first; one thing at a time."""
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                while self._answers or self._notes:
                    answers, self._answers = self._answers, []
                    notes, self._notes = self._notes, {}
                    for answer in answers:
                        if isinstance(answer, str):
                            await self._socket.send_str(answer)
                        else:
                            await self._socket.send_bytes(answer)
                    for note in notes.values():
                        await self._socket.send_str(json.dumps(note))
                for slot in list(self._slots.values()):
                    message = slot.take()
                    if message is not None:
                        await self._socket.send_bytes(message)
                        self._ready.set()
        except (ConnectionError, RuntimeError):
            await self._socket.close()

    def _handle(self, text: str) -> bool:
        """Handle a message of the page; return False if it is none."""
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(request, dict):
            return False
        operation = request.get('op')
        if operation == 'ack':
            slot = self._slots.get(str(request.get('topic')))
            if slot is not None:
                slot.acknowledge()
                self._ready.set()
            return True
        if operation == 'want':
            if request.get('compress') is True and self._preparation is None:
                self._preparation = asyncio.ensure_future(self._prepare_compression())
            return self._want(request.get('topics'))
        if operation == 'call' and isinstance(request.get('id'), int):
            if len(self._calls) >= _MAX_CALLS:
                self._answer(request['id'], error='too many requests at a time; wait for answers')
                return True
            call = asyncio.ensure_future(self._call(request))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
            return True
        return False

    def _want(self, topics: object) -> bool:
        """Show these topics, factors of decimation by name, and no others."""
        if not isinstance(topics, dict) or len(topics) > _MAX_TOPICS:
            return False
        slots = {}
        for topic, factor in topics.items():
            kind = self._hub.kind(topic)
            if not isinstance(factor, int) or not 1 <= factor <= _MAX_FACTOR:
                return False
            if kind is None:
                continue  # it has just gone
            slot = self._slots.get(topic)
            if slot is None:
                slot = Slot(topic, POLICIES[kind], factor, compress=self._compress)
                for message in self._hub.latched(topic):
                    slot.put(message)
            slot.factor = factor
            slots[topic] = slot
        self._slots = slots
        self._hub.update()
        self._ready.set()
        return True

    async def _prepare_compression(self) -> None:
        """Compress images from when that is fast: the link is slow, the loop must not wait."""
        self._compress = await asyncio.get_running_loop().run_in_executor(
            None, serialized.prepare_compression)
        for slot in self._slots.values():
            slot.compress = self._compress

    async def _call(self, request: Mapping[str, Any]) -> None:
        """Answer a request with a result or a reason."""
        try:
            result = await self._result(request)
        except Refused as reason:
            self._answer(request['id'], error=str(reason))
        except Exception as defect:  # of this program: the page goes on, the log has it
            traceback.print_exception(defect)
            self._answer(request['id'], error=f'unexpected {type(defect).__name__}; the output of '
                         'k4a_view has details')
        else:
            if isinstance(result, bytes):
                self._answers.append(with_prologue(f'answer {request["id"]}', 1, result))
                self._ready.set()
            else:
                self._answer(request['id'], result=result)

    def _answer(self, number: int, **content: Any) -> None:
        self._answers.append(json.dumps({'op': 'answer', 'id': number, **content}))
        self._ready.set()

    async def _result(self, request: Mapping[str, Any]) -> Any:
        """
        Return the result of a request.

        :raises Refused: it cannot be fulfilled.
        """
        method = request.get('method')
        arguments = request.get('arguments')
        if not isinstance(arguments, dict):
            raise Refused('a request has arguments')
        if method == 'rays':
            return await asyncio.get_running_loop().run_in_executor(None, lambda: rays(
                *(arguments.get(name) for name in ('width', 'height', 'k', 'd'))))
        driver = self._hub.driver(arguments.get('node'))
        if method == 'parameters':
            return await driver.parameters()
        if method == 'values':
            return await driver.values()
        if method == 'set':
            return await driver.set_parameter(
                str(arguments.get('name')), arguments.get('value'))
        if method == 'service':
            return await driver.call(str(arguments.get('name')), arguments)
        raise Refused(f'there is no request {str(method)[:80]!r}')
