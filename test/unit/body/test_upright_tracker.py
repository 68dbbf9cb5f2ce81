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

"""Track people in upright images of a turned camera with a tracker that gets the camera's own."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.landmarks.estimator import LandmarkEstimator
from k4a_ros.body.queued_tracker import QueuedTracker
from k4a_ros.body.tracker import Body
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.upright_tracker import upright_tracker
from k4a_ros.calibration.rotation import ROTATIONS
from k4a_ros.calibration.rotation import upright_axes
from k4a_ros.calibration.rotation import upright_image
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Waypoint
import numpy as np
import pytest
from support.landmarks import need_landmarks
from support.people.score import Score
from support.people.shots import NOMINAL
from support.people.shots import ROOM
from support.people.shots import simulate_shots

NFOV = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.OFF)


class RecordingEstimator:
    """Keeps what it gets, and returns a given frame."""

    def __init__(self, frame: BodyFrame) -> None:
        self.frame = frame
        self.inputs: list[BodyInput] = []
        self.smoothing = 0.0
        self.closed = False

    def estimate(self, images: BodyInput) -> BodyFrame:
        self.inputs.append(images)
        return self.frame

    def set_smoothing(self, factor: float) -> None:
        self.smoothing = factor

    def close(self) -> None:
        self.closed = True


def rotation_of(quaternion: np.ndarray) -> np.ndarray:
    """Return the matrix of a unit quaternion w, x, y, z."""
    w, x, y, z = quaternion.astype(float)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])


@pytest.mark.parametrize('rotation', [90, 180, 270])
def test_tracker_gets_the_images_of_the_camera(rotation: int) -> None:
    rng = np.random.default_rng(3)
    depth, infrared = rng.integers(0, 5000, (2, 6, 8)).astype(np.uint16)
    orientations = rng.normal(size=(32, 4))
    orientations /= np.linalg.norm(orientations, axis=1, keepdims=True)
    body = Body(7, rng.normal(size=(32, 3)).astype(np.float32),
                orientations.astype(np.float32), np.full(32, 2, np.uint8))
    index_map = rng.integers(0, 2, (6, 8)).astype(np.uint8)
    estimator = RecordingEstimator(BodyFrame(33, (body,), index_map))
    tracker = upright_tracker(QueuedTracker(estimator), rotation)
    axes = upright_axes(rotation)
    for up in (np.array([0.1, -1.0, 0.2]), None):
        assert tracker.enqueue(BodyInput(
            upright_image(depth, rotation), upright_image(infrared, rotation), 33, up), None)
        frame = tracker.pop(None)
        given = estimator.inputs[-1]
        np.testing.assert_array_equal(given.depth, depth)
        np.testing.assert_array_equal(given.infrared, infrared)
        assert given.device_us == 33
        # without an accelerometer, up is that of the upright image
        np.testing.assert_array_equal(
            axes @ given.up, [0.0, -1.0, 0.0] if up is None else up)
    np.testing.assert_array_equal(frame.index_map, upright_image(index_map, rotation))
    turned, = frame.bodies
    assert (turned.body_id, turned.positions.dtype, turned.orientations.dtype) == (
        7, np.float32, np.float32)
    np.testing.assert_array_equal(turned.positions, body.positions @ axes.T.astype(np.float32))
    np.testing.assert_array_equal(turned.confidences, body.confidences)
    for before, after in zip(body.orientations, turned.orientations, strict=True):
        np.testing.assert_allclose(rotation_of(after), axes @ rotation_of(before), atol=1e-6)
    tracker.set_smoothing(0.5)
    assert estimator.smoothing == 0.5
    assert tracker.pop(0.0) is None
    tracker.shutdown()
    tracker.close()
    assert estimator.closed


def test_camera_that_is_not_turned_needs_nothing() -> None:
    tracker = QueuedTracker(RecordingEstimator(BodyFrame(0, (), np.zeros((2, 2), np.uint8))))
    assert upright_tracker(tracker, 0) is tracker
    tracker.close()


@pytest.mark.parametrize('has_imu', [False, True])
@pytest.mark.parametrize('rotation', ROTATIONS)
def test_people_are_tracked_by_a_turned_camera(rotation: int, has_imu: bool) -> None:
    """As accurately as by one that is not turned."""
    need_landmarks()
    path = CameraPath((Waypoint(0.0, (0.0, 0.0, 0.0), roll=np.radians(rotation)),))
    axes = upright_axes(rotation)
    up = axes @ path.depth_camera(0.0).rotation.T @ [0.0, -1.0, 0.0] if has_imu else None
    tracker = upright_tracker(QueuedTracker(LandmarkEstimator(NOMINAL, NFOV)), rotation)
    score = Score()
    for shot in simulate_shots(replace(ROOM, camera=path), NFOV, range(0, 900_000, 100_000)):
        tracker.enqueue(BodyInput(
            upright_image(shot.images.depth, rotation),
            upright_image(shot.images.infrared, rotation), shot.images.device_us, up), None)
        frame = tracker.pop(None)
        # the truth is in the frame of the camera
        score.add(replace(
            frame, index_map=upright_image(frame.index_map, (360 - rotation) % 360),
            bodies=tuple(replace(body, positions=body.positions @ axes) for body in frame.bodies)),
            shot)
    tracker.close()
    assert score.missed == score.extra == 0 and score.ids == {0: {1}}
    assert score.error_percentile(50) < 0.045
    assert score.share_within(0.1) > 0.9
    assert np.median(score.overlaps) > 0.88
