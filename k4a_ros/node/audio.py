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

"""The topics of sound, its recording, and the status of the microphones in /diagnostics."""

from __future__ import annotations

from collections.abc import Sequence

from k4a_ros.audio.source import RecordedAudio
from k4a_ros.cameras.base import Camera
from k4a_ros.node.diagnostics import Level
from k4a_ros.node.diagnostics import Status
from k4a_ros.parameters.settings import Settings
from k4a_ros.publishing.audio_topics import AudioTopics
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.publishers import LazyPublisher
from k4a_ros.publishing.publishers import Publishers
from k4a_ros.publishing.topics import host_clock
from k4a_ros.publishing.topics import Topics
from k4a_ros.recorder.recorder import Recorder
from k4a_ros.streaming.audio_stream import AudioStream
from k4a_ros.streaming.audio_stream import StampedAudio
from k4a_ros.streaming.states import StreamState
from k4a_ros.streaming.supervisor import CameraSupervisor
from rclpy.node import Node


class Audio:
    """
    Publishes the sound of the camera that is open, while it streams; implements `SoundPlayer`.

    Microphones are read by a thread of their own, while somebody uses their sound. The sound of a
    recording comes from the camera with the images, and has stamps of the same time line.

    :param images: the topics of images, which play the sound of a recording through this.
    :param supervisor: knows whether the camera streams.
    :param recorder: gets the sound of microphones, too.
    """

    def __init__(
        self, node: Node, images: Topics, supervisor: CameraSupervisor, recorder: Recorder,
    ) -> None:
        self._node = node
        self._images = images
        self._supervisor = supervisor
        self._recorder = recorder
        self._publishers = Publishers(node)
        self._stream: AudioStream | None = None
        self._topics: AudioTopics | None = None
        self._played = 0
        self._source = ''
        self._end: tuple[int, int] | None = None  # section and end of the sound that was played
        images.sound_player = self

    @property
    def topics(self) -> Sequence[LazyPublisher]:
        """Return the topics of sound."""
        return self._topics.all if self._topics is not None else ()

    def bind_camera(self, camera: Camera, settings: Settings, options: TopicOptions) -> None:
        """Publish the sound of this camera from now on, if that is enabled."""
        self.release()
        if settings.audio_enabled and (camera.plays_sound or not camera.lossless):
            self._topics = AudioTopics(self._publishers, options, self._warn,
                                       lossless=camera.lossless)
        self._publishers.keep_only({topic.topic for topic in self.topics})
        self._source = f'recording {camera.info.source}'
        if self._topics is not None and not camera.lossless:
            self._stream = AudioStream(
                camera.open_microphones, self._wanted, self._deliver, self._report,
                host_clock(self._node))

    def release(self) -> None:
        """Close the microphones."""
        if self._stream is not None:
            self._stream.stop()
            self._stream = None
        self._topics = self._end = None

    def _streaming(self) -> bool:
        return self._supervisor.state is StreamState.STREAMING

    def _wanted(self) -> bool:
        return self._streaming() and (self._recorder.active or self._has_subscribers())

    def _has_subscribers(self) -> bool:
        return any(topic.has_subscribers() for topic in self.topics)

    def _deliver(self, audio: StampedAudio) -> None:
        """Record and publish sound of the microphones; called by their thread."""
        samples, topics = audio.block.samples, self._topics
        if self._recorder.active:
            self._recorder.sound(samples, audio.stamp_ns, audio.lost)
        if topics is not None:
            topics.publish(samples, audio.stamp_ns, continues=not audio.lost)

    def play(self, sound: RecordedAudio) -> None:
        """Publish sound of a recording."""
        if self._topics is None:
            return
        self._played += len(sound.samples)
        stamp_ns = sound.stamp_ns or self._images.stamper.playback_ns(sound.device_us)
        self._topics.publish(
            sound.samples, stamp_ns, continues=self._end == (sound.section, sound.first))
        self._end = sound.section, sound.first + len(sound.samples)

    def _warn(self, text: str) -> None:
        self._node.get_logger().warning(text)

    def _report(self, problem: str) -> None:
        if problem:
            self._node.get_logger().error(f'No sound: {problem}; trying again')
        elif self._stream is not None:
            self._node.get_logger().info(f'Sound from {self._stream.counts.source}')

    def status(self) -> Status | None:
        """Return the status for /diagnostics; None if there is no sound."""
        if self._topics is None:
            return None
        status = Status('audio', message=(
            'recording' if self._stream is not None and self._recorder.active
            else 'publishing' if self._streaming() and self._has_subscribers()
            else 'no subscribers'))
        if self._stream is None:
            status.values |= {'source': self._source, 'samples': str(self._played)}
            return status
        counts = self._stream.counts
        if counts.problem:
            status.add_problem(Level.ERROR, counts.problem)
        status.values |= {
            'source': counts.source, 'samples': str(counts.samples), 'lost samples':
            str(counts.lost), 'clock drift (ppm)': f'{counts.drift_ppm:.1f}'}
        return status
