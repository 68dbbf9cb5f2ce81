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


"""Track people in simulated and in rendered images with the landmark model."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks import estimator
from k4a_ros.body.landmarks.detection.head_search import HeadSearch
from k4a_ros.body.landmarks.estimator import LandmarkEstimator
from k4a_ros.body.landmarks.pose_2d.blazepose import LandmarkModel
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import Confidence
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.errors import BodyTrackingError
from k4a_ros.simulation.person import Person as SimulatedPerson
import numpy as np
import pytest
from support.landmarks import need_landmarks
from support.people.render import Person
from support.people.render import Scene
from support.people.scenes import LIGHT
from support.people.scenes import PLAIN
from support.people.scenes import SCENES
from support.people.score import Score
from support.people.shots import BARE
from support.people.shots import CROSSING
from support.people.shots import NOMINAL
from support.people.shots import render_shots
from support.people.shots import ROOM
from support.people.shots import simulate_shots

NFOV = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.OFF)
WFOV = CameraConfig.of_modes(DepthMode.WFOV_2X2BINNED, ColorResolution.OFF)


@pytest.fixture(scope='session')
def model() -> None:
    """Skip the test where numba, LiteRT or the models are not installed."""
    need_landmarks()


def check_accuracy(score: Score, min_share_of_sure: float) -> None:
    """Check that all people were found, and the errors of their visible joints."""
    assert score.missed == score.extra == 0
    assert score.error_percentile(50) < 0.045
    assert score.error_percentile(90) < 0.090
    assert np.mean(score.medium) > 0.75
    assert score.share_within(0.1, medium_only=True) >= min_share_of_sure
    assert score.share_within(0.1) >= 0.92


def make_estimator(config: CameraConfig = NFOV, **options: object) -> LandmarkEstimator:
    return LandmarkEstimator(NOMINAL, config, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize('config', [NFOV, WFOV], ids=['NFOV', 'WFOV'])
def test_simulated_walking_person_is_tracked(model, config):
    tracker = make_estimator(config)
    score = Score()
    for shot in simulate_shots(ROOM, config, range(0, 4_000_000, 100_000)):
        frame = tracker.estimate(shot.images)
        assert frame.device_us == shot.images.device_us
        assert [body.body_id for body in frame.bodies] == [1]
        body = frame.bodies[0]
        assert (body.positions.shape, body.positions.dtype) == ((32, 3), np.float32)
        assert (body.orientations.shape, body.orientations.dtype) == ((32, 4), np.float32)
        assert (body.confidences.shape, body.confidences.dtype) == ((32,), np.uint8)
        assert body.confidences.max() == Confidence.MEDIUM
        assert np.allclose(np.linalg.norm(body.orientations, axis=1), 1, atol=1e-5)
        assert frame.index_map.dtype == np.uint8
        assert set(np.unique(frame.index_map)) == {0, BACKGROUND}
        score.add(frame, shot)
    check_accuracy(score, 0.94)
    assert np.median(score.overlaps) > (0.88 if config is NFOV else 0.8)
    tracker.close()


def test_crossing_people_keep_their_ids(model):
    """One person occludes the other for a moment."""
    tracker = make_estimator()
    score = Score()
    for shot in simulate_shots(CROSSING, NFOV, range(0, 2_400_000, 100_000)):
        score.add(tracker.estimate(shot.images), shot)
    assert score.people >= 45
    assert score.missed <= 3
    assert sorted(map(sorted, score.ids.values())) == [[1], [2]]
    assert score.error_percentile(50) < 0.045


@pytest.mark.parametrize('name', [
    'standing', 'turned 90', 'turned 180', 'sitting, turned', 'at a table', 'close',
    'half out of view', 'three people', 'behind another'])
def test_rendered_postures_are_found(model, name):
    score = Score()
    for shot in render_shots(SCENES[name], NFOV):
        score.add(make_estimator().estimate(shot.images), shot)
    assert score.people > score.missed == score.extra == 0
    assert min(score.overlaps) > 0.6
    assert score.error_percentile(50) < 0.065
    assert score.error_percentile(80) < 0.110


def test_rendered_walking_people_are_tracked(model):
    total = Score()
    for name in ('walking', 'approaching'):
        tracker = make_estimator()
        score = Score()
        for shot in render_shots(SCENES[name], NFOV):
            score.add(tracker.estimate(shot.images), shot)
        assert score.ids == {0: {1}}
        total.merge(score)
    check_accuracy(total, 0.97)


def test_people_who_touch_are_found_one_by_one(model):
    """They are one segment of the depth image; the detector of heads tells them apart."""
    people = tuple(Person((x, 2.4), clothes=clothes) for x, clothes in (
        (-0.23, PLAIN), (0.23, LIGHT)))
    shot = next(render_shots((Scene(people),), NFOV))
    tracker, score = make_estimator(), Score()
    for number in range(16):
        frame = tracker.estimate(replace(shot.images, device_us=number * 100_000))
        assert len({body.body_id for body in frame.bodies}) == len(frame.bodies)
    score.add(frame, shot)
    assert (score.people, score.missed, score.extra) == (2, 0, 0)
    assert score.share_within(0.1) > 0.85
    assert min(score.overlaps) > 0.7


@pytest.mark.parametrize('name', ['empty room', 'furniture only'])
def test_scene_without_people_has_no_bodies(model, name):
    tracker = make_estimator()
    shot = next(render_shots(SCENES[name], NFOV))
    for time_us in (0, 100_000):
        frame = tracker.estimate(replace(shot.images, device_us=time_us))
        assert frame.bodies == ()
        assert (frame.index_map == BACKGROUND).all()


def test_simulated_room_without_people_has_no_bodies(model):
    tracker = make_estimator()
    for shot in simulate_shots(replace(ROOM, persons=()), NFOV, range(0, 1_500_000, 700_000)):
        assert tracker.estimate(shot.images).bodies == ()


def test_printed_figure_is_not_a_person(model, real_recording):
    with RecordingCamera(str(real_recording)) as camera:
        camera.start()
        capture = camera.read(10.0)
        tracker = LandmarkEstimator(camera.calibration, camera.config)
        assert capture.depth is not None
        assert capture.ir is not None
        frame = tracker.estimate(BodyInput(capture.depth.data, capture.ir.data, 0))
    assert frame.bodies == ()


def test_rejected_segments_are_retried_after_seconds(model, monkeypatch):
    """Furniture costs a few runs of the model in three seconds, not one in each frame."""
    runs = []
    original = LandmarkModel.__call__
    monkeypatch.setattr(
        LandmarkModel, '__call__', lambda self, crop: runs.append(1) or original(self, crop))
    shot = next(render_shots(SCENES['furniture only'], NFOV))
    tracker = make_estimator()
    counts = []
    for time_us in (0, 100_000, 200_000, 300_000, 400_000, 4_000_000):
        runs.clear()
        tracker.estimate(replace(shot.images, device_us=time_us))
        counts.append(len(runs))
    assert 1 <= counts[0] <= 3
    assert sum(counts[1:5]) <= 2  # a tile may show what looks like a head
    assert counts[5] >= 1


@pytest.mark.parametrize(('count', 'sees_head', 'stays'), [
    (3, False, False), (3, True, True), (1, True, False)])
def test_body_without_reliable_joints_needs_a_head(model, monkeypatch, count, sees_head, stays):
    """A coat on a hook has a trunk and sleeves, but the depth image contradicts most of it."""
    tracker, original = make_estimator(), estimator.agreed_confidences
    shots = [*simulate_shots(ROOM, NFOV, range(0, 2_000_000, 100_000))]
    for seen in shots[:count]:
        assert [body.body_id for body in tracker.estimate(seen.images).bodies] == [1]
    monkeypatch.setattr(
        estimator, 'agreed_confidences', lambda *arguments: np.minimum(
            original(*arguments), Confidence.LOW))
    monkeypatch.setattr(HeadSearch, 'confirms', lambda *_: sees_head)
    frame = tracker.estimate(shots[count].images)
    assert len(frame.bodies) == stays
    assert (frame.index_map == BACKGROUND).all() == (not stays)
    monkeypatch.undo()
    frames = [tracker.estimate(shot.images) for shot in shots[count + 1:]]
    assert [body.body_id for body in frames[-1].bodies] == [1]


def test_smoothing_factor_keeps_its_share_per_frame(model):
    """0 does not smooth, 1 does not move, and others keep a share of the previous position."""
    shots = simulate_shots(ROOM, NFOV, range(1_000_000, 1_300_000, 100_000))
    frames = [shot.images for shot in shots]
    moved = {}
    for factor in (0.0, 0.7, 1.0):
        tracker = make_estimator(smoothing_factor=factor)
        first, second = (tracker.estimate(one).bodies[0].positions for one in frames[:2])
        moved[factor] = second - first
    assert np.abs(moved[1.0]).max() < 1e-6
    assert np.linalg.norm(moved[0.0][Joint.PELVIS]) > 0.03
    # 0.1 s is three frames at 30 Hz
    assert np.allclose(moved[0.7], moved[0.0] * (1 - 0.7 ** 3), atol=1e-4)
    tracker.set_smoothing(0.0)
    third = tracker.estimate(frames[2]).bodies[0].positions
    assert np.abs(third - second).max() > 0.02
    for wrong in (-0.1, 1.1, float('nan')):
        with pytest.raises(BodyTrackingError, match=r'expected 0 \(none\) to 1'):
            tracker.set_smoothing(wrong)


def test_camera_on_its_side_uses_up(model):
    """Images turned by 90 degrees, with up from gravity, give the same joints."""
    scene = replace(BARE, persons=(SimulatedPerson('one', ((0.0, 2.6),), 1.1),))
    upright = next(simulate_shots(scene, WFOV, range(1))).images
    # the nominal lens is nearly symmetric: its center is a few pixels from the image's
    turned = BodyInput(np.rot90(upright.depth), np.rot90(upright.infrared), 0)
    expected = make_estimator(WFOV).estimate(upright).bodies[0].positions
    tracker = make_estimator(WFOV, up=[-9.8, 0.0, 0.0])
    found = tracker.estimate(turned).bodies[0].positions
    turned_back = np.stack((-found[:, 1], found[:, 0], found[:, 2]), axis=1)
    errors = turned_back - expected
    assert np.linalg.norm(np.median(errors, axis=0)) < 0.12
    assert np.median(np.linalg.norm(errors - np.median(errors, axis=0), axis=1)) < 0.05
    tracker.set_up([0.0, -1.0, 0.0])
    with pytest.raises(BodyTrackingError, match='vector of three numbers'):
        tracker.set_up([0.0, 0.0, 0.0])


def test_images_of_another_mode_raise(model):
    tracker = make_estimator()
    image = np.zeros((512, 512), np.uint16)
    with pytest.raises(BodyTrackingError, match=r'depth image of \(512, 512\)'):
        tracker.estimate(BodyInput(image, image, 0))


def test_mode_without_depth_raises():
    config = CameraConfig.of_modes(DepthMode.PASSIVE_IR, ColorResolution.OFF)
    with pytest.raises(BodyTrackingError, match='depth_mode is PASSIVE_IR'):
        make_estimator(config)


def test_missing_model_path_raises(tmp_path):
    with pytest.raises(BodyTrackingError, match='body_tracking_model_path is'):
        make_estimator(model_path=str(tmp_path / 'none.tflite'))
