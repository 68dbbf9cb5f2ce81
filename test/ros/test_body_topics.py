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

"""What body trackers get from captures."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

from k4a_ros.body.tracker import BodyInput
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.errors import TrackerClosed
from k4a_ros.images.filters.cache import FilteredDepth
from k4a_ros.images.filters.options import DepthFilterOptions
from k4a_ros.jit.lazy import BuildWait
from k4a_ros.publishing import body_topics
from k4a_ros.publishing.body_topics import BodyTopics
from k4a_ros.publishing.interfaces import TrackerChoice
from k4a_ros.publishing.options import TopicOptions
from k4a_ros.publishing.topic_builder import TopicBuilder
import numpy as np
import pytest
from support.recordings import write_recording
from support.time_limits import PATIENCE

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
LENS = NOMINAL.depth(DepthMode.NFOV_2X2BINNED)
SPECKLE, WALL = (100, 100), (50, 50)


class RecordingTracker:
    """A tracker that keeps its input, and never has a result."""

    def __init__(self) -> None:
        self.inputs: list[BodyInput] = []
        self._closed = threading.Event()

    def set_smoothing(self, factor: float) -> None:
        """Do nothing."""

    def enqueue(self, body_input: BodyInput, timeout_s: float | None) -> bool:
        """Keep the input."""
        self.inputs.append(body_input)
        return True

    def pop(self, timeout_s: float) -> None:
        """Wait for the end."""
        if self._closed.wait(timeout_s):
            raise TrackerClosed

    def shutdown(self) -> None:
        """End `pop`."""
        self._closed.set()

    def close(self) -> None:
        """Do nothing."""


def capture(number: int) -> Capture:
    """Return a capture of a wall with one speckle."""
    depth = np.full((LENS.height, LENS.width), 2000 + number, np.uint16)
    depth[SPECKLE] = 1000
    return Capture(Image(depth, number), Image(depth, number))


@pytest.mark.parametrize(('filtered', 'speckle'), [(False, 1000), (True, 0)])
def test_depth_is_filtered_by_choice_and_never_overwritten(monkeypatch, filtered, speckle):
    stream = SimpleNamespace(has_subscribers=lambda: True)
    monkeypatch.setattr(body_topics, 'body_streams', lambda _: [stream])
    tracker = RecordingTracker()
    builder = SimpleNamespace(
        camera=SimpleNamespace(lockstep=True), wait=BuildWait(threading.Event()),
        calibration=NOMINAL, warn=pytest.fail,
        options=TopicOptions(body_tracking_filtered_depth=filtered))
    topics = BodyTopics(
        builder, TrackerChoice('fake', lambda _: tracker),
        FilteredDepth(LENS.rays, lambda: DepthFilterOptions(speckle_size=5)), lambda _: None)
    try:
        for number in (1, 2):
            topics.offer(capture(number), lambda device_us: device_us)
        # the tracker still works on the first image when the second one is filtered
        assert [int(i.depth[WALL]) for i in tracker.inputs] == [2001, 2002]
        assert [int(i.depth[SPECKLE]) for i in tracker.inputs] == [speckle, speckle]
    finally:
        topics.close_tracker(drain=False)


@pytest.mark.parametrize('lossless', [True, False])
def test_recording_waits_until_the_tracker_is_open(monkeypatch, lossless):
    stream = SimpleNamespace(has_subscribers=lambda: True)
    monkeypatch.setattr(body_topics, 'body_streams', lambda _: [stream])
    tracker, compiled = RecordingTracker(), threading.Event()
    cancel = threading.Event()

    def open_tracker(_: object) -> RecordingTracker:
        compiled.wait()
        return tracker

    builder = SimpleNamespace(
        camera=SimpleNamespace(lockstep=False), calibration=NOMINAL, warn=pytest.fail,
        wait=BuildWait(cancel) if lossless else None, options=TopicOptions())
    topics = BodyTopics(builder, TrackerChoice('fake', open_tracker), None, lambda _: None)
    playback = threading.Thread(target=lambda: [
        topics.offer(capture(number), lambda device_us: device_us) for number in (1, 2, 3)])
    playback.start()
    try:
        playback.join(0.2)
        assert playback.is_alive() == lossless
        compiled.set()
        playback.join()
        assert [i.device_us for i in tracker.inputs] == ([1, 2, 3] if lossless else [])
    finally:
        compiled.set()
        topics.close_tracker(drain=False)


def test_recording_goes_on_where_it_stood_when_the_tracker_is_open(monkeypatch, tmp_path):
    """Otherwise all captures that became due meanwhile come at once, and most are dropped."""
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=15, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config, count=8)
    length_s = 7 / 15
    stream = SimpleNamespace(has_subscribers=lambda: True)
    monkeypatch.setattr(body_topics, 'body_streams', lambda _: [stream])
    tracker, opened_s = RecordingTracker(), []

    def open_slowly(_: object) -> RecordingTracker:
        time.sleep(length_s)
        opened_s.append(time.monotonic())
        return tracker

    with RecordingCamera(written.path) as camera:
        builder = TopicBuilder(camera, TopicOptions(), None, pytest.fail, threading.Event())
        topics = BodyTopics(builder, TrackerChoice('fake', open_slowly), None, lambda _: None)
        camera.start()
        try:
            for _ in written.captures:
                topics.offer(camera.read(PATIENCE), lambda device_us: device_us)
            played_s = time.monotonic() - opened_s[0]
        finally:
            topics.close_tracker(drain=False)
    assert len(tracker.inputs) == len(written.captures)
    assert played_s > 0.9 * length_s


@pytest.mark.parametrize('rate', [1.0, 0.0])
def test_stop_does_not_wait_for_a_tracker_that_is_being_opened(monkeypatch, tmp_path, rate):
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=15, imu=False)
    written = write_recording(tmp_path / 'a.mkv', config, count=2)
    stream = SimpleNamespace(has_subscribers=lambda: True)
    monkeypatch.setattr(body_topics, 'body_streams', lambda _: [stream])
    tracker, asked, compiled = RecordingTracker(), threading.Event(), threading.Event()
    closed = threading.Event()
    monkeypatch.setattr(tracker, 'close', closed.set)

    def open_tracker(_: object) -> RecordingTracker:
        asked.set()
        compiled.wait(PATIENCE)
        return tracker

    with RecordingCamera(written.path, rate=rate) as camera:
        builder = TopicBuilder(camera, TopicOptions(), None, pytest.fail, threading.Event())
        topics = BodyTopics(builder, TrackerChoice('fake', open_tracker), None, lambda _: None)
        camera.start()
        playback = threading.Thread(
            target=lambda: topics.offer(camera.read(PATIENCE), lambda device_us: device_us))
        playback.start()
        try:
            assert asked.wait(PATIENCE)
            camera.stop()
            playback.join(PATIENCE / 2)
            assert not playback.is_alive()
            topics.close_tracker(drain=True)
            assert not (compiled.is_set() or closed.is_set())
        finally:
            compiled.set()
    assert closed.wait(PATIENCE)
    assert not tracker.inputs


def test_recording_that_waits_for_the_tracker_can_be_ended(monkeypatch):
    stream = SimpleNamespace(has_subscribers=lambda: True)
    monkeypatch.setattr(body_topics, 'body_streams', lambda _: [stream])
    tracker, compiled = RecordingTracker(), threading.Event()
    cancel = threading.Event()
    builder = SimpleNamespace(
        camera=SimpleNamespace(lockstep=False), calibration=NOMINAL, warn=pytest.fail,
        wait=BuildWait(cancel), options=TopicOptions())
    topics = BodyTopics(
        builder, TrackerChoice('fake', lambda _: [compiled.wait(), tracker][1]), None,
        lambda _: None)
    playback = threading.Thread(
        target=lambda: topics.offer(capture(1), lambda device_us: device_us))
    playback.start()
    cancel.set()
    playback.join()
    assert not tracker.inputs
    compiled.set()
    topics.close_tracker(drain=False)
