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


"""The tracker of libk4abt, on a virtual library with the same ABI."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
import struct
import time
from typing import Any

from k4a_ros.body.k4abt import library as k4abt_library
from k4a_ros.body.k4abt.tracker import K4abtTracker
from k4a_ros.body.options import TrackerOptions
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import Confidence
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import TrackerClosed
import numpy as np
import pytest
from support.k4abt import VirtualK4abt
from support.time_limits import PATIENCE
from support.time_limits import promptly

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)
CALIBRATION = FactoryCalibration.from_raw(nominal_calibration())
WIDTH, HEIGHT = CONFIG.depth_mode.size


@pytest.fixture(scope='module')
def compiled() -> VirtualK4abt:
    """Return the virtual libk4abt."""
    return VirtualK4abt()


@pytest.fixture
def virtual(compiled: VirtualK4abt) -> Iterator[VirtualK4abt]:
    """Return the virtual libk4abt without faults; after the test it must hold no resources."""
    compiled.hold(False)
    compiled.fail('')
    yield compiled
    state = compiled.state
    assert (state.trackers, state.frames, state.images) == (0, 0, 0), 'a handle was leaked'
    assert not state.misused, 'a tracker was destroyed during a call'


@pytest.fixture
def open_tracker(virtual: VirtualK4abt) -> Iterator[Callable[..., K4abtTracker]]:
    """Return a function that opens a tracker, which is closed after the test."""
    trackers: list[K4abtTracker] = []

    def open_one(config: CameraConfig = CONFIG, **options: Any) -> K4abtTracker:
        options = {'library_path': str(virtual.path), **options}
        trackers.append(K4abtTracker(CALIBRATION, config, TrackerOptions(**options)))
        return trackers[-1]
    yield open_one
    for tracker in trackers:
        tracker.close()


def images(device_us: int = 1000, bodies: int = 2, first_id: int = 7) -> BodyInput:
    """Return images in which the virtual library detects this many people, at 1.5 m."""
    depth = np.full((HEIGHT, WIDTH), 2000, np.uint16)
    depth[0, :2] = bodies, 1500
    infrared = np.random.default_rng(device_us).integers(0, 5, depth.shape, np.uint16)
    infrared[0, 0] = first_id
    return BodyInput(depth, infrared, device_us)


def pop_frame(tracker: K4abtTracker) -> BodyFrame:
    """Return the next result, which must come in time."""
    frame = tracker.pop(PATIENCE)
    assert frame is not None
    return frame


def fill(tracker: K4abtTracker) -> int:
    """Enqueue images until the queue is full, and return their number."""
    count = 0
    while tracker.enqueue(images(count), 0):
        count += 1
    return count


def test_results_are_converted_from_the_library(open_tracker: Callable[..., K4abtTracker]) -> None:
    """Positions in meters, quaternions, confidences, ids, index map and stamp are converted."""
    tracker = open_tracker()
    inputs = images(2**33 + 5)
    assert tracker.enqueue(inputs, None)
    frame = pop_frame(tracker)
    assert frame.device_us == 2**33 + 5
    assert [body.body_id for body in frame.bodies] == [7, 8]
    for index, body in enumerate(frame.bodies):
        expected = [(0.01 * joint, -0.1 * index, 1.5) for joint in range(32)]
        assert body.positions == pytest.approx(np.array(expected))
        assert body.orientations == pytest.approx(np.array([[0.1, 0.5, -0.7, 0.5]] * 32))
        assert [Confidence(int(c)) for c in body.confidences] == [j % 3 for j in range(32)]
        assert body.positions.dtype == body.orientations.dtype == np.float32
        assert body.confidences.dtype == frame.index_map.dtype == np.uint8
    assert (frame.index_map == np.where(inputs.infrared < 2, inputs.infrared, 255)).all()


def test_empty_frame_is_returned(open_tracker: Callable[..., K4abtTracker]) -> None:
    """Images without people give a frame without bodies."""
    tracker = open_tracker()
    tracker.enqueue(images(bodies=0), None)
    frame = pop_frame(tracker)
    assert frame.bodies == () and (frame.index_map == 255).all()


def test_results_outlive_the_tracker(open_tracker: Callable[..., K4abtTracker]) -> None:
    """A popped frame is a copy, which stays valid after close."""
    tracker = open_tracker()
    tracker.enqueue(images(), None)
    frame = pop_frame(tracker)
    before = frame.index_map.copy(), frame.bodies[1].positions.copy()
    tracker.close()
    assert (frame.index_map == before[0]).all() and (frame.bodies[1].positions == before[1]).all()


def test_non_contiguous_images_are_copied(open_tracker: Callable[..., K4abtTracker]) -> None:
    """Views with gaps between pixels are accepted."""
    tracker = open_tracker()
    whole = images()
    wide = np.zeros((HEIGHT, 2 * WIDTH), np.uint16)
    wide[:, ::2] = whole.infrared
    wide.setflags(write=False)
    tracker.enqueue(replace(whole, infrared=wide[:, ::2]), None)
    expected = np.where(whole.infrared < 2, whole.infrared, 255)
    assert (pop_frame(tracker).index_map == expected).all()


@pytest.mark.parametrize(('options', 'expected'), [
    ({}, (0, 2, 0)),
    ({'processing_mode': 'cpu', 'gpu_device_id': 3}, (0, 1, 3)),
    ({'processing_mode': 'gpu', 'sensor_orientation': 'clockwise90'}, (1, 0, 0)),
    ({'processing_mode': 'tensorrt', 'sensor_orientation': 'counterclockwise90'}, (2, 3, 0)),
    ({'sensor_orientation': 'flip180'}, (3, 2, 0))])
def test_options_are_passed_to_the_library(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt, options: dict[str, Any],
    expected: tuple[int, int, int],
) -> None:
    """The configuration is passed by value, as the ABI requires."""
    open_tracker(**options)
    state = virtual.state
    assert (state.sensor_orientation, state.processing_mode, state.gpu_device_id) == expected


def test_smoothing_is_set_at_start_and_later(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """The options give the initial factor; after close it is ignored."""
    tracker = open_tracker(smoothing_factor=0.25)
    assert virtual.state.smoothing == 0.25
    tracker.set_smoothing(0.5)
    assert virtual.state.smoothing == 0.5
    tracker.close()
    tracker.set_smoothing(0.75)
    assert virtual.state.smoothing == 0.5


def test_model_search_order(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model given by path must exist; otherwise the usual folders are searched."""
    monkeypatch.setattr(k4abt_library, '_MODEL_FOLDER', str(tmp_path / 'bin'))
    open_tracker().close()
    assert virtual.state.model_path == b''
    current = tmp_path / 'current'
    for folder, options in (
            (tmp_path / 'bin', {}), (virtual.path.parent, {}), (current, {}),
            (tmp_path / 'other', {'model_path': str(tmp_path / 'other/lite.onnx')})):
        folder.mkdir(exist_ok=True)
        model = folder / Path(options.get('model_path', k4abt_library.MODEL_NAME)).name
        model.touch()
        monkeypatch.chdir(current if current.exists() else tmp_path)
        open_tracker(**options).close()
        assert virtual.state.model_path == bytes(model)
    (virtual.path.parent / k4abt_library.MODEL_NAME).unlink()
    for path, reason in (('absent.onnx', 'no such file'), ('/dev/zero', 'a device')):
        with pytest.raises(
                BodyTrackingError, match=f'model {path}: .*{reason}.*body_tracking_model_path'):
            open_tracker(model_path=path)


def native_depth_lens(state: Any) -> list[float]:
    """Return size, cx, cy, fx, fy and metric radius of the depth camera in a k4a_calibration_t."""
    *lens, _, _, _, _, _, _, _, _, _, _, _, width, height, radius = struct.unpack_from(
        '15f2if', bytes(state.calibration), 12 * 4 + 2 * 4)
    return [width, height, *lens, radius]


def test_calibration_is_passed_for_the_depth_mode(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """The native structure holds the camera's calibration in the configured depth mode."""
    for mode in (DepthMode.NFOV_2X2BINNED, DepthMode.WFOV_2X2BINNED):
        open_tracker(replace(CONFIG, depth_mode=mode)).close()
        lens = CALIBRATION.depth(mode)
        assert native_depth_lens(virtual.state) == pytest.approx([
            *mode.size, lens.cx, lens.cy, lens.fx, lens.fy, lens.metric_radius])


def test_calibration_of_a_real_camera_is_accepted(virtual: VirtualK4abt, test_data: Path) -> None:
    """The factory calibration from a recording of a real camera is converted."""
    raw = (test_data / 'recording_001514394512/calibration.json').read_bytes()
    calibration = FactoryCalibration.from_raw(raw)
    K4abtTracker(calibration, CONFIG, TrackerOptions(library_path=str(virtual.path))).close()
    lens = calibration.depth(CONFIG.depth_mode)
    assert native_depth_lens(virtual.state)[2:4] == pytest.approx([lens.cx, lens.cy])


def test_enqueue_on_full_queue_returns_false(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """A fourth image is not copied, and the results of the first three come in order."""
    tracker = open_tracker()
    virtual.hold(True)
    assert fill(tracker) == 3
    assert virtual.state.images == 6
    start = time.monotonic()
    with promptly(1.0):
        assert not tracker.enqueue(images(), 0.03)
    assert time.monotonic() - start >= 0.03
    assert virtual.state.images == 6
    virtual.hold(False)
    assert [pop_frame(tracker).device_us for _ in range(3)] == [0, 1, 2]
    assert tracker.enqueue(images(3), 0)
    assert pop_frame(tracker).device_us == 3


def test_pop_returns_none_after_the_timeout(open_tracker: Callable[..., K4abtTracker]) -> None:
    """Without images there is no result."""
    tracker = open_tracker()
    assert tracker.pop(0) is None
    start = time.monotonic()
    with promptly(1.0):
        assert tracker.pop(0.03) is None
    assert time.monotonic() - start >= 0.03


def test_calls_without_timeout_block(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """Enqueue waits for space in the queue, pop for a result."""
    tracker = open_tracker()
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(tracker.pop, None)
        virtual.await_waiting()
        assert virtual.state.timeout_ms == -1
        tracker.enqueue(images(1), None)
        assert waiting.result(PATIENCE).device_us == 1
        virtual.hold(True)
        assert fill(tracker) == 3
        blocked = other.submit(tracker.enqueue, images(3), None)
        virtual.await_waiting()
        assert not blocked.done() and virtual.state.timeout_ms == -1
        virtual.hold(False)
        assert [pop_frame(tracker).device_us for _ in range(4)] == [0, 1, 2, 3]
        assert blocked.result(PATIENCE)


def test_shutdown_wakes_a_blocked_pop(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """Both the blocked pop and a later enqueue raise TrackerClosed."""
    tracker = open_tracker()
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(tracker.pop, None)
        virtual.await_waiting()
        tracker.shutdown()
        with pytest.raises(TrackerClosed):
            waiting.result(PATIENCE)
    with pytest.raises(TrackerClosed):
        tracker.enqueue(images(), None)


def test_shutdown_wakes_a_blocked_enqueue_and_keeps_results(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """Images that were queued before the shutdown are still processed."""
    tracker = open_tracker()
    virtual.hold(True)
    fill(tracker)
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(tracker.enqueue, images(3), None)
        virtual.await_waiting()
        tracker.shutdown()
        with pytest.raises(TrackerClosed):
            waiting.result(PATIENCE)
    tracker.shutdown()
    assert [pop_frame(tracker).device_us for _ in range(3)] == [0, 1, 2]
    with pytest.raises(TrackerClosed):
        tracker.pop(None)


def test_close_waits_for_a_blocked_pop(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """The tracker is destroyed once, and only after calls of other threads have returned."""
    tracker = open_tracker()
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(tracker.pop, None)
        virtual.await_waiting()
        destroyed = virtual.state.destroyed
        tracker.close()
        assert virtual.state.destroyed == destroyed + 1
        assert isinstance(waiting.exception(PATIENCE), TrackerClosed)
    tracker.close()
    tracker.shutdown()
    assert virtual.state.destroyed == destroyed + 1
    for call in (lambda: tracker.pop(0), lambda: tracker.enqueue(images(), 0)):
        with pytest.raises(TrackerClosed):
            call()


def test_close_releases_pending_images_and_results(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """The library releases unpopped results and queued images when it is destroyed."""
    tracker = open_tracker()
    tracker.enqueue(images(0), None)
    pop_frame(tracker)
    virtual.hold(True)
    fill(tracker)
    assert virtual.state.images == 6
    tracker.close()
    assert virtual.state.images == 0


def test_second_tracker_in_a_process_raises(open_tracker: Callable[..., K4abtTracker]) -> None:
    """Another tracker can be opened only after the first is closed."""
    first = open_tracker()
    with pytest.raises(BodyTrackingError, match='already has a body tracker of libk4abt'):
        open_tracker()
    first.close()
    open_tracker()


def test_tracker_can_be_opened_after_a_failed_attempt(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """The error names the requested mode and an alternative, and the lock is released."""
    virtual.fail('create')
    with pytest.raises(BodyTrackingError, match=r"failed to create .*tensorrt.*mode to 'cpu'"):
        open_tracker(processing_mode='tensorrt')
    virtual.fail('')
    open_tracker()


def test_failed_calls_raise_and_release_all_handles(
    open_tracker: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """After a failed call the tracker stays usable, and no handle is leaked."""
    tracker = open_tracker()
    virtual.fail('enqueue')
    with pytest.raises(BodyTrackingError, match=r'failed to enqueue .* device timestamp 17 us'):
        tracker.enqueue(images(17), None)
    assert virtual.state.images == 0
    for failure, text in (('pop', 'has stopped tracking'),
                          ('skeleton', 'failed to return the skeleton of body 0'),
                          ('index map', 'no body index map')):
        virtual.fail(failure)
        tracker.enqueue(images(), None)
        with pytest.raises(BodyTrackingError, match=f'{text}.*K4ABT_ENABLE_LOG_TO_STDOUT'):
            tracker.pop(PATIENCE)
        virtual.fail('')
        if failure == 'pop':
            pop_frame(tracker)
        assert (virtual.state.frames, virtual.state.images) == (0, 0)


def test_images_of_another_mode_raise(open_tracker: Callable[..., K4abtTracker]) -> None:
    """An image whose size or type does not match the calibration is rejected."""
    tracker = open_tracker()
    whole = images()
    for wrong in (replace(whole, depth=whole.depth[1:]),
                  replace(whole, infrared=whole.infrared.astype(np.uint8))):
        with pytest.raises(BodyTrackingError, match=r'opened for \(288, 320\) uint16'):
            tracker.enqueue(wrong, None)


@pytest.mark.parametrize('config', [
    CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P),
    CameraConfig.of_modes(DepthMode.PASSIVE_IR, ColorResolution.OFF),
    replace(CONFIG, ir=False)])
def test_camera_without_depth_or_infrared_raises(
    open_tracker: Callable[..., K4abtTracker], config: CameraConfig,
) -> None:
    """The tracker needs both images."""
    with pytest.raises(BodyTrackingError, match=r'needs depth and infrared .*set depth_mode to'):
        open_tracker(config)


def test_rejected_calibration_raises_with_the_serial_number(virtual: VirtualK4abt) -> None:
    """The error names the camera."""
    broken = replace(CALIBRATION, raw=b'{}', serial='000123456712')
    with pytest.raises(BodyTrackingError, match='calibration of camera 000123456712'):
        K4abtTracker(broken, CONFIG, TrackerOptions(library_path=str(virtual.path)))


def test_installed_library_tracks() -> None:
    """Microsoft's libk4abt, where it is installed, processes images."""
    try:
        k4abt_library.load()
    except BodyTrackingError as error:
        pytest.skip(f'libk4abt is not installed: {error}')
    tracker = K4abtTracker(CALIBRATION, CONFIG, TrackerOptions(processing_mode='cpu'))
    try:
        assert tracker.enqueue(images(), None)
        frame = tracker.pop(PATIENCE)
        assert frame is not None and frame.device_us == 1000
        assert frame.index_map.shape == (HEIGHT, WIDTH)
    finally:
        tracker.close()
