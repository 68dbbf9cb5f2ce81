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

"""The services of a rosbag2 player, for a recording that is played."""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
import math
from typing import Any
from typing import TypeVar

from k4a_ros.cameras.playback import Playback
from k4a_ros.errors import ConfigError
from k4a_ros.errors import K4aRosError
from k4a_ros.node.playback_times import NS
from k4a_ros.node.playback_times import playback_range_ns
from k4a_ros.node.playback_times import time_text
from k4a_ros.process.bounded import abandonable_thread
from k4a_ros.streaming.stamper import Stamper
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.supervisor import CameraSupervisor
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.service import Service
from rclpy.task import Future

try:
    from rosbag2_interfaces import srv as _types
except ImportError:  # not installed
    _types = None

T = TypeVar('T')

#: service -> type in rosbag2_interfaces; rosbag2's own name of the last is that of ~/stop here
_SERVICES = {
    'pause': 'Pause', 'resume': 'Resume', 'toggle_paused': 'TogglePaused',
    'is_paused': 'IsPaused', 'set_rate': 'SetRate', 'get_rate': 'GetRate',
    'play_next': 'PlayNext', 'burst': 'Burst', 'seek': 'Seek', 'stop_playback': 'Stop'}
_NOT_BEGUN = {
    StreamState.CLOSED: 'the recording is closed; configure and activate the node first',
    StreamState.READY: 'the stream is stopped; call ~/start to start it',
    StreamState.WAITING: 'playback has not begun because there are no subscribers; subscribe to a '
                         'topic, or wait for playback_start_delay',
    StreamState.ENDED: 'playback has ended, and the driver is about to exit; start it again'}


class PlaybackServices:
    """
    Services with the names and types of those of a rosbag2 player.

    They exist while the camera is a recording, as far as rosbag2_interfaces is installed. What
    is ``~/stop`` there is ``~/stop_playback`` here, because ``~/stop`` stops the stream
    (`StreamServices`). Most of the types have no room for a reason, so that is logged.

    What waits for captures runs in a thread, while the executor goes on.

    :param stamper: maps ROS time to positions.
    """

    def __init__(self, node: Node, supervisor: CameraSupervisor, stamper: Stamper) -> None:
        self._node = node
        self._supervisor = supervisor
        self._stamper = stamper
        # other callbacks run while one of them awaits something
        self._group = ReentrantCallbackGroup()
        self._is_recording = False
        self._services: list[Service[Any, Any]] = []
        self._handlers: dict[str, Callable[[Any, Any], Awaitable[str]]] = {
            'pause': self._pause, 'resume': self._resume, 'toggle_paused': self._toggle_paused,
            'is_paused': self._is_paused, 'set_rate': self._set_rate, 'get_rate': self._get_rate,
            'play_next': self._play_next, 'burst': self._burst, 'seek': self._seek,
            'stop_playback': self._stop_playback}

    def update(self, is_recording: bool) -> None:
        """Create the services for a recording, and remove them for another camera."""
        if is_recording and not self._is_recording:
            self._create()
        elif not is_recording:
            for service in self._services:
                self._node.destroy_service(service)
            self._services.clear()
        self._is_recording = is_recording

    def _create(self) -> None:
        missing = []
        for name, kind in _SERVICES.items():
            service_type = getattr(_types, kind, None)
            if service_type is None:
                missing.append(f'~/{name}')
                continue
            self._services.append(self._node.create_service(
                service_type, f'~/{name}', self._callback(name), callback_group=self._group))
        if missing:
            self._node.get_logger().warning(
                f'There are no services {", ".join(missing)}, because rosbag2_interfaces '
                f'{"is not installed" if _types is None else "lacks their types"}; install '
                'ros-$ROS_DISTRO-rosbag2-interfaces, or use the parameters playback_paused and '
                'playback_rate')

    def _callback(self, name: str) -> Callable[[Any, Any], Awaitable[Any]]:
        """Return the callback of a service, which answers, and logs what it did or why not."""
        async def respond(request: Any, response: Any) -> Any:
            try:
                done = await self._handlers[name](request, response)
            except K4aRosError as error:
                self._node.get_logger().warning(f'~/{name}: {error}')
                _refuse(response, str(error))
                return response
            if done:
                self._node.get_logger().info(f'~/{name}: {done}')
            return response
        return respond

    def _playback(self, started: bool = True) -> Playback:
        """
        Return the control of the recording.

        :param started: whether it must be playing, or paused.
        :raises ConfigError: it is not; says what to do.
        """
        camera, state = self._supervisor.camera, self._supervisor.state
        playback = camera.playback if camera is not None else None
        if playback is None or (started and state in _NOT_BEGUN):
            raise ConfigError(_NOT_BEGUN.get(state, _NOT_BEGUN[StreamState.CLOSED]))
        return playback

    def _set(self, name: str, value: bool | float) -> str:
        """
        Set a parameter, so that it shows what the service did.

        :raises ConfigError: the value is refused.
        """
        result, = self._node.set_parameters([Parameter(name, value=value)])
        if not result.successful:
            raise ConfigError(result.reason)
        return f'{name} is {str(value).lower()}'

    def _in_thread(self, function: Callable[[], T]) -> Future[T]:
        """Return the future result of a function, which runs in a thread of its own."""
        future: Future[T] = Future(executor=self._node.executor)
        future.add_done_callback(lambda _: None)  # wakes the executor

        def run() -> None:
            try:
                result = function()
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        abandonable_thread('playback', run).start()
        return future

    async def _pause(self, request: Any, response: Any) -> str:
        return self._set('playback_paused', True)

    async def _resume(self, request: Any, response: Any) -> str:
        return self._set('playback_paused', False)

    async def _toggle_paused(self, request: Any, response: Any) -> str:
        return self._set('playback_paused', not self._paused())

    async def _is_paused(self, request: Any, response: Any) -> str:
        response.paused = self._paused()
        return ''

    def _paused(self) -> bool:
        return bool(self._node.get_parameter('playback_paused').value)

    async def _get_rate(self, request: Any, response: Any) -> str:
        response.rate = float(self._node.get_parameter('playback_rate').value)
        return ''

    async def _set_rate(self, request: Any, response: Any) -> str:
        rate = request.rate
        if not (math.isfinite(rate) and rate > 0):
            raise ConfigError(
                f'the rate is {rate:g}; it must be a number above 0, where 1 is real time (to '
                'play as fast as possible, set the parameter playback_rate to 0)')
        done = self._set('playback_rate', rate)
        response.success = True
        return done

    async def _play_next(self, request: Any, response: Any) -> str:
        response.success = await self._play(1) == 1
        if not response.success:
            raise ConfigError('there is no further capture, or playback was resumed or moved')
        return ''

    async def _burst(self, request: Any, response: Any) -> str:
        response.actually_burst = await self._play(request.num_messages)
        return f'played {response.actually_burst} captures'

    async def _play(self, count: int) -> int:
        """Play the next captures; return their number."""
        playback = self._playback()
        if not playback.paused:
            raise ConfigError('captures are played one by one only while playback is paused; call '
                              '~/pause first')
        played = await self._in_thread(lambda: playback.play_next(count))
        return played or 0

    async def _seek(self, request: Any, response: Any) -> str:
        playback = self._playback(started=False)
        recorded_ns = playback.ros_range_ns()
        first_ns, last_ns = recorded_ns or playback_range_ns(playback, self._stamper)
        sec, nanosec = request.time.sec, request.time.nanosec
        ros_ns = sec * NS + nanosec
        if nanosec >= NS or not first_ns <= ros_ns <= last_ns:
            raise ConfigError(
                f'cannot seek to {sec} s and {nanosec} ns; the time must be from '
                f'{time_text(first_ns)} to {time_text(last_ns)}')

        def seek() -> int:
            device_us = playback.find_us(ros_ns) if recorded_ns else (
                self._stamper.playback_us(ros_ns))
            playback.seek(device_us)
            return device_us

        device_us = await self._in_thread(seek)
        response.success = True
        return f'playback goes on at {time_text(ros_ns)} (device time {device_us} us)'

    async def _stop_playback(self, request: Any, response: Any) -> str:
        self._playback().finish()
        return 'playback has ended'


def _refuse(response: Any, reason: str) -> None:
    """Say in a response that a request was refused; newer types have room for the reason."""
    if hasattr(response, 'success'):
        response.success = False
    if hasattr(response, 'error_string'):
        response.error_string = reason
    if hasattr(response, 'return_code'):
        response.return_code = 1
