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


"""The tracker of libk4abt against a library of its ABI, which the tests compile."""

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

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)
CALIBRATION = FactoryCalibration.from_raw(nominal_calibration())
WIDTH, HEIGHT = CONFIG.depth_mode.size


@pytest.fixture(scope='module')
def compiled() -> VirtualK4abt:
    """Return the virtual libk4abt."""
    return VirtualK4abt()


@pytest.fixture
def virtual(compiled: VirtualK4abt) -> Iterator[VirtualK4abt]:
    """Return the virtual libk4abt without disturbances; in the end it must hold nothing."""
    compiled.hold(False)
    compiled.fail('')
    yield compiled
    state = compiled.state
    assert (state.trackers, state.frames, state.images) == (0, 0, 0), 'something is not released'
    assert not state.misused, 'a tracker was destroyed under a call'


@pytest.fixture
def make(virtual: VirtualK4abt) -> Iterator[Callable[..., K4abtTracker]]:
    """Return what makes a tracker that is closed in the end."""
    made: list[K4abtTracker] = []

    def tracker(config: CameraConfig = CONFIG, **options: Any) -> K4abtTracker:
        options = {'library_path': str(virtual.path), **options}
        made.append(K4abtTracker(CALIBRATION, config, TrackerOptions(**options)))
        return made[-1]
    yield tracker
    for each in made:
        each.close()


def images(device_us: int = 1000, bodies: int = 2, first_id: int = 7) -> BodyInput:
    """Return images in which the virtual library sees this many people, at 1.5 m."""
    depth = np.full((HEIGHT, WIDTH), 2000, np.uint16)
    depth[0, :2] = bodies, 1500
    infrared = np.random.default_rng(device_us).integers(0, 5, depth.shape, np.uint16)
    infrared[0, 0] = first_id
    return BodyInput(depth, infrared, device_us)


def popped(tracker: K4abtTracker) -> BodyFrame:
    """Return the next result."""
    frame = tracker.pop(10.0)
    assert frame is not None
    return frame


def fill(tracker: K4abtTracker) -> int:
    """Give images until the queue is full, and return how many were taken."""
    count = 0
    while tracker.enqueue(images(count), 0):
        count += 1
    return count


def test_results_are_what_the_library_found(make: Callable[..., K4abtTracker]) -> None:
    """Meters, w x y z, confidences, ids, index map and stamp come through."""
    tracker = make()
    taken = images(2**33 + 5)
    assert tracker.enqueue(taken, None)
    frame = popped(tracker)
    assert frame.device_us == 2**33 + 5
    assert [body.body_id for body in frame.bodies] == [7, 8]
    for index, body in enumerate(frame.bodies):
        expected = [(0.01 * joint, -0.1 * index, 1.5) for joint in range(32)]
        assert body.positions == pytest.approx(np.array(expected))
        assert body.orientations == pytest.approx(np.array([[0.1, 0.5, -0.7, 0.5]] * 32))
        assert [Confidence(int(c)) for c in body.confidences] == [j % 3 for j in range(32)]
        assert body.positions.dtype == body.orientations.dtype == np.float32
        assert body.confidences.dtype == frame.index_map.dtype == np.uint8
    assert (frame.index_map == np.where(taken.infrared < 2, taken.infrared, 255)).all()


def test_nobody_is_a_result_too(make: Callable[..., K4abtTracker]) -> None:
    """An empty room gives a frame without bodies."""
    tracker = make()
    tracker.enqueue(images(bodies=0), None)
    frame = popped(tracker)
    assert frame.bodies == () and (frame.index_map == 255).all()


def test_results_outlive_the_tracker(make: Callable[..., K4abtTracker]) -> None:
    """What was popped is a copy."""
    tracker = make()
    tracker.enqueue(images(), None)
    frame = popped(tracker)
    before = frame.index_map.copy(), frame.bodies[1].positions.copy()
    tracker.close()
    assert (frame.index_map == before[0]).all() and (frame.bodies[1].positions == before[1]).all()


def test_images_may_be_views(make: Callable[..., K4abtTracker]) -> None:
    """Images whose rows do not lie side by side are copied as they are seen."""
    tracker = make()
    whole = images()
    wide = np.zeros((HEIGHT, 2 * WIDTH), np.uint16)
    wide[:, ::2] = whole.infrared
    wide.setflags(write=False)
    tracker.enqueue(replace(whole, infrared=wide[:, ::2]), None)
    expected = np.where(whole.infrared < 2, whole.infrared, 255)
    assert (popped(tracker).index_map == expected).all()


@pytest.mark.parametrize(('options', 'expected'), [
    ({}, (0, 2, 0)),
    ({'processing_mode': 'cpu', 'gpu_device_id': 3}, (0, 1, 3)),
    ({'processing_mode': 'gpu', 'sensor_orientation': 'clockwise90'}, (1, 0, 0)),
    ({'processing_mode': 'tensorrt', 'sensor_orientation': 'counterclockwise90'}, (2, 3, 0)),
    ({'sensor_orientation': 'flip180'}, (3, 2, 0))])
def test_options_reach_the_library(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt, options: dict[str, Any],
    expected: tuple[int, int, int],
) -> None:
    """The configuration is passed by value as the ABI wants it."""
    make(**options)
    state = virtual.state
    assert (state.sensor_orientation, state.processing_mode, state.gpu_device_id) == expected


def test_smoothing_is_set_from_the_start_and_later(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """The factor is that of the options until it is set."""
    tracker = make(smoothing_factor=0.25)
    assert virtual.state.smoothing == 0.25
    tracker.set_smoothing(0.5)
    assert virtual.state.smoothing == 0.5
    tracker.close()
    tracker.set_smoothing(0.75)
    assert virtual.state.smoothing == 0.5


def test_the_model_is_looked_for(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model that is named must be there; else it is the one here, or beside the library."""
    monkeypatch.setattr(k4abt_library, '_MODEL_FOLDER', str(tmp_path / 'bin'))
    make().close()
    assert virtual.state.model_path == b''
    here = tmp_path / 'here'
    for folder, options in (
            (tmp_path / 'bin', {}), (virtual.path.parent, {}), (here, {}),
            (tmp_path / 'other', {'model_path': str(tmp_path / 'other/lite.onnx')})):
        folder.mkdir(exist_ok=True)
        model = folder / Path(options.get('model_path', k4abt_library.MODEL_NAME)).name
        model.touch()
        monkeypatch.chdir(here if here.exists() else tmp_path)
        make(**options).close()
        assert virtual.state.model_path == bytes(model)
    (virtual.path.parent / k4abt_library.MODEL_NAME).unlink()
    with pytest.raises(BodyTrackingError, match=r'no file .*absent\.onnx.*body_tracking_model_p'):
        make(model_path='absent.onnx')


def native_depth_lens(state: Any) -> list[float]:
    """Return size, cx, cy, fx, fy and metric radius of the depth camera in a k4a_calibration_t."""
    *lens, _, _, _, _, _, _, _, _, _, _, _, width, height, radius = struct.unpack_from(
        '15f2if', bytes(state.calibration), 12 * 4 + 2 * 4)
    return [width, height, *lens, radius]


def test_the_calibration_is_the_cameras(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """The structure is of the camera's calibration in its mode."""
    for mode in (DepthMode.NFOV_2X2BINNED, DepthMode.WFOV_2X2BINNED):
        make(replace(CONFIG, depth_mode=mode)).close()
        lens = CALIBRATION.depth(mode)
        assert native_depth_lens(virtual.state) == pytest.approx([
            *mode.size, lens.cx, lens.cy, lens.fx, lens.fy, lens.metric_radius])


def test_a_real_calibration_is_understood(virtual: VirtualK4abt, test_data: Path) -> None:
    """So is the calibration of a real camera, as its recordings hold it."""
    raw = (test_data / 'recording_001514394512/calibration.json').read_bytes()
    calibration = FactoryCalibration.from_raw(raw)
    K4abtTracker(calibration, CONFIG, TrackerOptions(library_path=str(virtual.path))).close()
    lens = calibration.depth(CONFIG.depth_mode)
    assert native_depth_lens(virtual.state)[2:4] == pytest.approx([lens.cx, lens.cy])


def test_a_full_queue_takes_nothing(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """Three images wait, a fourth is not taken, and all that were come out in order."""
    tracker = make()
    virtual.hold(True)
    assert fill(tracker) == 3
    assert virtual.state.images == 6
    start = time.monotonic()
    assert not tracker.enqueue(images(), 0.03)
    assert 0.03 <= time.monotonic() - start < 1
    assert virtual.state.images == 6
    virtual.hold(False)
    assert [popped(tracker).device_us for _ in range(3)] == [0, 1, 2]
    assert tracker.enqueue(images(3), 0)
    assert popped(tracker).device_us == 3


def test_pop_waits_as_long_as_it_is_told(make: Callable[..., K4abtTracker]) -> None:
    """There is no result before there were images."""
    tracker = make()
    assert tracker.pop(0) is None
    start = time.monotonic()
    assert tracker.pop(0.03) is None
    assert 0.03 <= time.monotonic() - start < 1


def test_without_time_out_both_wait(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """Enqueue waits for room, pop for a result."""
    tracker = make()
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(tracker.pop, None)
        virtual.await_waiting()
        assert virtual.state.timeout_ms == -1
        tracker.enqueue(images(1), None)
        assert waiting.result(10).device_us == 1
        virtual.hold(True)
        assert fill(tracker) == 3
        late = other.submit(tracker.enqueue, images(3), None)
        virtual.await_waiting()
        assert not late.done() and virtual.state.timeout_ms == -1
        virtual.hold(False)
        assert [popped(tracker).device_us for _ in range(4)] == [0, 1, 2, 3]
        assert late.result(10)


def test_a_shutdown_wakes_who_pops(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """And the tracker takes no more images."""
    tracker = make()
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(tracker.pop, None)
        virtual.await_waiting()
        tracker.shutdown()
        with pytest.raises(TrackerClosed):
            waiting.result(10)
    with pytest.raises(TrackerClosed):
        tracker.enqueue(images(), None)


def test_a_shutdown_wakes_who_enqueues_and_leaves_the_results(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """What was taken before still comes out."""
    tracker = make()
    virtual.hold(True)
    fill(tracker)
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(tracker.enqueue, images(3), None)
        virtual.await_waiting()
        tracker.shutdown()
        with pytest.raises(TrackerClosed):
            waiting.result(10)
    tracker.shutdown()
    assert [popped(tracker).device_us for _ in range(3)] == [0, 1, 2]
    with pytest.raises(TrackerClosed):
        tracker.pop(None)


def test_closing_waits_for_who_pops(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """The tracker is not destroyed under a call; unpopped results and images are let go."""
    tracker = make()
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(tracker.pop, None)
        virtual.await_waiting()
        destroyed = virtual.state.destroyed
        tracker.close()
        assert virtual.state.destroyed == destroyed + 1
        assert isinstance(waiting.exception(10), TrackerClosed)
    tracker.close()
    tracker.shutdown()
    assert virtual.state.destroyed == destroyed + 1
    for call in (lambda: tracker.pop(0), lambda: tracker.enqueue(images(), 0)):
        with pytest.raises(TrackerClosed):
            call()


def test_closing_releases_what_is_left(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """Results that nobody took and images that wait are the library's to release."""
    tracker = make()
    tracker.enqueue(images(0), None)
    popped(tracker)
    virtual.hold(True)
    fill(tracker)
    assert virtual.state.images == 6
    tracker.close()
    assert virtual.state.images == 0


def test_there_is_one_tracker_at_a_time(make: Callable[..., K4abtTracker]) -> None:
    """A second one is refused as long as the first is open."""
    first = make()
    with pytest.raises(BodyTrackingError, match='has a body tracker of libk4abt already'):
        make()
    first.close()
    make()


def test_a_tracker_that_is_not_made_can_be_made_again(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """The error says what was wanted, and what else could be."""
    virtual.fail('create')
    with pytest.raises(BodyTrackingError, match=r"makes no tracker .*tensorrt.*mode to 'cpu'"):
        make(processing_mode='tensorrt')
    virtual.fail('')
    make()


def test_failures_say_so_and_release_everything(
    make: Callable[..., K4abtTracker], virtual: VirtualK4abt,
) -> None:
    """Whatever fails, the tracker can be used again if the library works again."""
    tracker = make()
    virtual.fail('enqueue')
    with pytest.raises(BodyTrackingError, match='does not take the images of device time 17 us'):
        tracker.enqueue(images(17), None)
    assert virtual.state.images == 0
    for failure, text in (('pop', 'does not track any more'),
                          ('skeleton', 'does not tell the skeleton of body 0'),
                          ('index map', 'no body index map')):
        virtual.fail(failure)
        tracker.enqueue(images(), None)
        with pytest.raises(BodyTrackingError, match=f'{text}.*K4ABT_ENABLE_LOG_TO_STDOUT'):
            tracker.pop(10.0)
        virtual.fail('')
        if failure == 'pop':
            popped(tracker)
        assert (virtual.state.frames, virtual.state.images) == (0, 0)


def test_images_of_another_mode_are_refused(make: Callable[..., K4abtTracker]) -> None:
    """An image that the calibration is not for would give nonsense."""
    tracker = make()
    whole = images()
    for wrong in (replace(whole, depth=whole.depth[1:]),
                  replace(whole, infrared=whole.infrared.astype(np.uint8))):
        with pytest.raises(BodyTrackingError, match=r'the tracker is for \(288, 320\) uint16'):
            tracker.enqueue(wrong, None)


@pytest.mark.parametrize('config', [
    CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P),
    CameraConfig.of_modes(DepthMode.PASSIVE_IR, ColorResolution.OFF),
    replace(CONFIG, ir=False)])
def test_depth_and_infrared_are_needed(
    make: Callable[..., K4abtTracker], config: CameraConfig,
) -> None:
    """A camera that lacks one of them is refused."""
    with pytest.raises(BodyTrackingError, match=r'needs depth and infrared .*set depth_mode to'):
        make(config)


def test_a_calibration_that_libk4a_refuses_is_named(virtual: VirtualK4abt) -> None:
    """The next tracker can be made."""
    broken = replace(CALIBRATION, raw=b'{}', serial='000123456712')
    with pytest.raises(BodyTrackingError, match='calibration of camera 000123456712'):
        K4abtTracker(broken, CONFIG, TrackerOptions(library_path=str(virtual.path)))


def test_the_real_library_tracks() -> None:
    """Where Microsoft's own is installed, it takes images and gives results."""
    try:
        k4abt_library.load()
    except BodyTrackingError as error:
        pytest.skip(f'there is no libk4abt here: {error}')
    tracker = K4abtTracker(CALIBRATION, CONFIG, TrackerOptions(processing_mode='cpu'))
    try:
        assert tracker.enqueue(images(), None)
        frame = tracker.pop(60.0)
        assert frame is not None and frame.device_us == 1000
        assert frame.index_map.shape == (HEIGHT, WIDTH)
    finally:
        tracker.close()
