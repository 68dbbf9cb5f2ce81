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


"""People in simulated and in rendered images, as the landmark model finds them."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks import backend
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
from k4a_ros.node.backends import choose_tracker
from k4a_ros.parameters.settings import Settings
from k4a_ros.simulation.person import Person
import numpy as np
import pytest
from support.landmarks import need_landmarks
from support.people.score import BARE
from support.people.score import CROSSING
from support.people.score import NOMINAL
from support.people.score import rendered
from support.people.score import ROOM
from support.people.score import Score
from support.people.score import simulated

NFOV = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.OFF)
WFOV = CameraConfig.of_modes(DepthMode.WFOV_2X2BINNED, ColorResolution.OFF)


@pytest.fixture(scope='session')
def model() -> None:
    """Skip where numba or the weights are not installed."""
    need_landmarks()


def check(score: Score, least: float) -> None:
    assert score.missed == score.extra == 0
    assert score.error(50) < 0.045
    assert score.error(90) < 0.090
    assert np.mean(score.sure) > 0.8
    assert score.within(0.1, sure=True) >= least
    assert score.within(0.1) >= 0.92


def estimator(config: CameraConfig = NFOV, **options: object) -> LandmarkEstimator:
    return LandmarkEstimator(NOMINAL, config, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize('config', [NFOV, WFOV], ids=['NFOV', 'WFOV'])
def test_somebody_who_walks_in_the_simulated_room(model, config):
    tracker = estimator(config)
    score = Score()
    for shot in simulated(ROOM, config, range(0, 4_000_000, 100_000)):
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
    check(score, 0.94)
    assert np.median(score.overlaps) > (0.88 if config is NFOV else 0.8)
    tracker.close()


def test_two_who_cross_keep_their_numbers(model):
    """In the middle of it the one behind is hidden."""
    tracker = estimator()
    score = Score()
    for shot in simulated(CROSSING, NFOV, range(0, 2_400_000, 100_000)):
        score.add(tracker.estimate(shot.images), shot)
    assert score.people >= 45
    assert score.missed <= 3
    assert sorted(map(sorted, score.numbers.values())) == [[1], [2]]
    assert score.error(50) < 0.045


@pytest.mark.parametrize('name', [
    'standing', 'turned 90', 'turned 180', 'sitting, turned', 'at a table', 'close',
    'half out of view', 'three people', 'behind another'])
def test_rendered_people(model, name):
    score = Score()
    for shot in rendered(name, NFOV):
        score.add(estimator().estimate(shot.images), shot)
    assert score.people > score.missed == score.extra == 0
    assert min(score.overlaps) > 0.6
    assert score.error(50) < 0.055
    assert score.error(80) < 0.110


def test_rendered_people_who_walk(model):
    total = Score()
    for name in ('walking', 'approaching'):
        tracker = estimator()
        score = Score()
        for shot in rendered(name, NFOV):
            score.add(tracker.estimate(shot.images), shot)
        assert score.numbers == {0: {1}}
        total.join(score)
    check(total, 0.97)


@pytest.mark.parametrize('name', ['empty room', 'furniture only'])
def test_furniture_is_nobody(model, name):
    tracker = estimator()
    shot = next(rendered(name, NFOV))
    for time_us in (0, 100_000):
        frame = tracker.estimate(replace(shot.images, device_us=time_us))
        assert frame.bodies == ()
        assert (frame.index_map == BACKGROUND).all()


def test_the_room_without_its_walker_is_empty(model):
    tracker = estimator()
    for shot in simulated(replace(ROOM, persons=()), NFOV, range(0, 1_500_000, 700_000)):
        assert tracker.estimate(shot.images).bodies == ()


def test_a_printed_figure_is_nobody(model, real_recording):
    with RecordingCamera(str(real_recording)) as camera:
        camera.start()
        capture = camera.read(10.0)
        tracker = LandmarkEstimator(camera.calibration, camera.config)
        assert capture.depth is not None
        assert capture.ir is not None
        frame = tracker.estimate(BodyInput(capture.depth.data, capture.ir.data, 0))
    assert frame.bodies == ()


def test_who_is_nobody_is_not_looked_at_again(model, monkeypatch):
    """Furniture costs one look in three seconds, not one in each image."""
    looks = []
    original = LandmarkModel.__call__
    monkeypatch.setattr(
        LandmarkModel, '__call__', lambda self, seen: looks.append(1) or original(self, seen))
    shot = next(rendered('furniture only', NFOV))
    tracker = estimator()
    counts = []
    for time_us in (0, 100_000, 200_000, 300_000, 400_000, 4_000_000):
        looks.clear()
        tracker.estimate(replace(shot.images, device_us=time_us))
        counts.append(len(looks))
    assert 1 <= counts[0] <= 3
    assert counts[3:5] == [0, 0]
    assert counts[5] >= 1


def test_smoothing(model):
    """0 is not at all, 1 to a standstill, and in between in between."""
    given = [shot.images for shot in simulated(ROOM, NFOV, range(1_000_000, 1_300_000, 100_000))]
    moved = {}
    for factor in (0.0, 0.7, 1.0):
        tracker = estimator(smoothing_factor=factor)
        first, second = (tracker.estimate(one).bodies[0].positions for one in given[:2])
        moved[factor] = second - first
    assert np.abs(moved[1.0]).max() < 1e-6
    assert np.linalg.norm(moved[0.0][Joint.PELVIS]) > 0.03
    # a tenth of a second is three images of 30 Hz
    assert np.allclose(moved[0.7], moved[0.0] * (1 - 0.7 ** 3), atol=1e-4)
    tracker.set_smoothing(0.0)
    third = tracker.estimate(given[2]).bodies[0].positions
    assert np.abs(third - second).max() > 0.02
    for wrong in (-0.1, 1.1, float('nan')):
        with pytest.raises(BodyTrackingError, match=r'expected 0 \(none\) to 1'):
            tracker.set_smoothing(wrong)


def test_a_camera_on_its_side(model):
    """Gravity tells what is up: the images turned by 90 degrees show somebody who stands."""
    scene = replace(BARE, persons=(Person('one', ((0.0, 2.6),), 1.1),))
    given = next(simulated(scene, WFOV, range(1))).images
    # the nominal lens is nearly the same, turned: its middle is a few pixels from the image's
    turned = BodyInput(np.rot90(given.depth), np.rot90(given.infrared), 0)
    expected = estimator(WFOV).estimate(given).bodies[0].positions
    tracker = estimator(WFOV, up=[-9.8, 0.0, 0.0])
    found = tracker.estimate(turned).bodies[0].positions
    back = np.stack((-found[:, 1], found[:, 0], found[:, 2]), axis=1)
    away = back - expected
    assert np.linalg.norm(np.median(away, axis=0)) < 0.12
    assert np.median(np.linalg.norm(away - np.median(away, axis=0), axis=1)) < 0.05
    tracker.set_up([0.0, -1.0, 0.0])
    with pytest.raises(BodyTrackingError, match='vector of three numbers'):
        tracker.set_up([0.0, 0.0, 0.0])


def test_images_of_another_mode_are_refused(model):
    tracker = estimator()
    image = np.zeros((512, 512), np.uint16)
    with pytest.raises(BodyTrackingError, match=r'depth image of \(512, 512\)'):
        tracker.estimate(BodyInput(image, image, 0))


def test_without_depth_there_is_no_tracking():
    config = CameraConfig.of_modes(DepthMode.PASSIVE_IR, ColorResolution.OFF)
    with pytest.raises(BodyTrackingError, match='depth_mode is PASSIVE_IR'):
        estimator(config)


def test_missing_model_path_raises(tmp_path):
    with pytest.raises(BodyTrackingError, match='body_tracking_model_path is'):
        estimator(model_path=str(tmp_path / 'none.tflite'))


def test_without_numba_it_is_not_chosen(monkeypatch):
    monkeypatch.setattr(backend, 'numba_works', lambda: False)
    for name in ('landmarks', 'auto'):
        with pytest.raises(BodyTrackingError, match=r'landmarks needs numba.*"pip install numba"'):
            choose_tracker(Settings(body_tracking_backend=name))
