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


"""The topics audio and audio/direction, and the status of the microphones in /diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
import time
from typing import Any

from geometry_msgs.msg import PoseStamped
from k4a_ros.audio.direction import estimate_direction
from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.side_file import SoundWriter
from k4a_ros.audio.source import Samples
from k4a_ros.calibration import tf_frames
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.rigid_transform import rotation_y
from k4a_ros.calibration.rigid_transform import rotation_z
from k4a_ros.cameras.base import Camera
from k4a_ros.errors import AudioError
from k4a_ros.node.diagnostics import Level
from k4a_ros.node.diagnostics import Status
from k4a_ros.parameters.settings import Settings
from k4a_ros.publishing.audio_messages import audio_message
from k4a_ros.publishing.messages import set_stamp
from k4a_ros.publishing.publishers import Publishers
from k4a_ros.publishing.raw.rcl import RCLError
from k4a_ros.publishing.topics import host_clock
from k4a_ros.recorder.recorder import Recorder
from k4a_ros.streaming.audio_stream import AudioStream
from k4a_ros.streaming.audio_stream import StampedAudio
import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher

#: queue of audio, 2 s: a gap can be heard
_DEPTH = 100
#: samples that a direction is estimated from, and rate of directions
_WINDOW = RATE * 3 // 10
_DIRECTION_PERIOD_S = 0.1


class Audio:
    """
    Publishes the sound of the camera that is open, while it streams.

    The messages of audio have the stamp of their first sample, those of audio/direction that of
    the last sample that they are computed from.

    While a recording is made, the sound is also written beside it: FILE.wav, see
    `k4a_ros.audio.side_file`.

    :param streaming: returns whether the camera streams.
    :param recorder: the recorder of images.
    """

    def __init__(
        self, node: Node, streaming: Callable[[], bool], recorder: Recorder,
    ) -> None:
        self._node = node
        self._streaming = streaming
        self._recorder = recorder
        self._writer: SoundWriter | None = None
        self._failed = False
        self._publishers = Publishers(node)
        self._stream: AudioStream | None = None
        self._sound: Publisher[Any] | None = None
        self._direction: Publisher[Any] | None = None
        self._window: Samples = np.zeros((0, CHANNELS), np.int16)
        self._next_direction_s = 0.0

    def bind_camera(self, camera: Camera, settings: Settings) -> None:
        """Publish the sound of this camera from now on, if that is enabled."""
        self.release()
        if not settings.audio_enabled:
            self._publishers.keep_only(())
            self._sound = self._direction = None
            return
        kind, self._fill = audio_message(settings.audio_format)
        self._channels = settings.audio_channels
        self._frame = settings.tf_prefix + tf_frames.MICROPHONES
        self._sound = self._publishers.get(kind, 'audio', _DEPTH)
        topics = ['audio']
        self._direction = None
        if settings.audio_direction:
            topics.append('audio/direction')
            self._direction = self._publishers.get(PoseStamped, 'audio/direction', _DEPTH)
        self._publishers.keep_only(topics)
        self._stream = AudioStream(
            camera.open_microphones, self._wanted, self._publish, self._report,
            host_clock(self._node))

    def release(self) -> None:
        """Close the microphones."""
        if self._stream is not None:
            self._stream.stop()
            self._stream = None
        self._end_file()

    def _wanted(self) -> bool:
        if not self._recorder.active:
            self._end_file()
        return self._streaming() and (self._recorder.active or self._has_subscribers())

    def _has_subscribers(self) -> bool:
        return any(
            publisher is not None and publisher.get_subscription_count()
            for publisher in (self._sound, self._direction))

    def _publish(self, audio: StampedAudio) -> None:
        samples = audio.block.samples
        if self._recorder.active:
            self._record(audio)
        try:
            if self._sound is not None and self._sound.get_subscription_count():
                message = self._fill(samples[:, :self._channels])
                self._set_header(message, audio.stamp_ns)
                self._sound.publish(message)
            if self._direction is not None and self._direction.get_subscription_count():
                self._publish_direction(audio)
        except RCLError as error:
            self._node.get_logger().warning(
                f'cannot publish audio: {error}', throttle_duration_sec=5.0)

    def _record(self, audio: StampedAudio) -> None:
        """Write sound beside the recording; after an error, not until the next recording."""
        if self._failed:
            return
        try:
            if self._writer is None:
                self._writer = SoundWriter(Path(self._recorder.status().file).with_suffix('.wav'))
                self._node.get_logger().info(f'Recording sound to {self._writer.path}')
                audio = replace(audio, lost=0)
            self._writer.write(audio.block.samples, audio.stamp_ns, audio.lost)
        except AudioError as error:
            self._failed = True
            self._node.get_logger().error(f'Sound is not recorded: {error}')

    def _end_file(self) -> None:
        self._failed = False
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except AudioError as error:
                self._node.get_logger().error(f'Sound is not recorded: {error}')

    def _publish_direction(self, audio: StampedAudio) -> None:
        if audio.lost:
            self._window = self._window[:0]
        self._window = np.concatenate([self._window, audio.block.samples])[-_WINDOW:]
        now_s = time.monotonic()
        if len(self._window) < _WINDOW or now_s < self._next_direction_s:
            return
        self._next_direction_s = now_s + _DIRECTION_PERIOD_S
        found = estimate_direction(self._window)
        if found is None or self._direction is None:
            return
        message = PoseStamped()
        self._set_header(
            message, audio.stamp_ns + len(audio.block.samples) * 1_000_000_000 // RATE)
        # x points to the source
        turn = RigidTransform(
            rotation_z(found.azimuth) @ rotation_y(-found.elevation), np.zeros(3))
        q = message.pose.orientation
        q.x, q.y, q.z, q.w = turn.quaternion()
        self._direction.publish(message)

    def _set_header(self, message: Any, stamp_ns: int) -> None:
        message.header.frame_id = self._frame
        set_stamp(message.header, stamp_ns)

    def _report(self, problem: str) -> None:
        if problem:
            self._node.get_logger().error(f'No sound: {problem}; trying again')
        elif self._stream is not None:
            self._node.get_logger().info(f'Sound from {self._stream.counts.source}')

    def status(self) -> Status | None:
        """Return the status for /diagnostics; None if audio is not enabled."""
        if self._stream is None:
            return None
        counts = self._stream.counts
        status = Status('audio', message=(
            'recording' if self._writer is not None
            else 'publishing' if self._streaming() and self._has_subscribers()
            else 'no subscribers'))
        if counts.problem:
            status.add_problem(Level.ERROR, counts.problem)
        status.values |= {
            'source': counts.source, 'samples': str(counts.samples), 'lost samples':
            str(counts.lost), 'clock drift (ppm)': f'{counts.drift_ppm:.1f}'}
        return status
