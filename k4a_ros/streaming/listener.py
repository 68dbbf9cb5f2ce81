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

"""What the supervisor of a camera reports, and to whom (no ROS)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from k4a_ros.cameras.base import Camera
from k4a_ros.errors import CameraError
from k4a_ros.streaming.outage import Report
from k4a_ros.streaming.session import Sink
from k4a_ros.streaming.states import StreamState


class SupervisorListener(Protocol):
    """
    Receiver of the events of a `CameraSupervisor`.

    Methods are called from the thread of the supervisor, `on_stream_problem` from those of the
    session.
    """

    @property
    def start_delay_s(self) -> float:
        """Return how long a lossless camera waits for its first subscriber."""

    def subscriber_counts(self) -> Mapping[str, int]:
        """Return the number of subscribers by topic."""

    def on_opened(self, camera: Camera) -> Sink:
        """Prepare for a camera that was opened or reopened, and return the sink of its data."""

    def on_state(self, state: StreamState) -> None:
        """Note that the state of the stream has changed; must not take long."""

    def on_started(self, camera: Camera) -> None:
        """Note that a live camera was started, and that its first capture is expected."""

    def on_streaming(self, camera: Camera) -> None:
        """Handle the first capture of a live camera after it was started."""

    def on_outage(self, report: Report, error: CameraError) -> None:
        """Handle that the camera is lost, or why it cannot be opened or started again."""

    def on_recovered(self, lost: bool) -> None:
        """Handle the end of an outage, of which the first capture is the sign."""

    def on_stream_problem(self, name: str, reason: str) -> None:
        """Handle that one stream has failed while others go on; '' once it delivers again."""

    def on_ended(self, error: BaseException | None) -> None:
        """Handle the end of streaming: None at the end of a recording, otherwise the error."""
