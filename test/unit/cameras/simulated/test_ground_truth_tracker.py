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


"""The bodies of the simulation, as a body tracker gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
import math
import time

from k4a_ros.body.joints import Joint
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import Confidence
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.simulated.camera import SimulatedCamera
from k4a_ros.cameras.simulated.ground_truth_tracker import GroundTruthEstimator
from k4a_ros.errors import BodyTrackingError
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
import numpy as np
import pytest

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=False)
CALIBRATION = FactoryCalibration.from_raw(nominal_calibration())
WALL = Plane((0.0, 0.0, 3.5), (0.0, 0.0, -1.0), Material((0.8, 0.8, 0.8)))
FACING = Person('facing', ((0.0, 2.2),), 1.1)


def opened(*persons: Person, config: CameraConfig = CONFIG) -> SimulatedCamera:
    """Return a camera in a room with these persons, before a wall."""
    sensor = Sensor(Scene((WALL,), (), persons), CALIBRATION, config)
    return SimulatedCamera(config, CALIBRATION, sensor)


def estimator(camera: SimulatedCamera) -> GroundTruthEstimator:
    """Return the estimator that a camera's tracker uses."""
    return GroundTruthEstimator(
        camera.sensor, camera.sensor_us, camera.calibration, camera.config)


def estimated(camera: SimulatedCamera, device_us: int = 100_000) -> BodyFrame:
    """Return the people at a time, the depth images being the camera's."""
    camera.start()
    depth, infrared = camera.sensor.depth_and_ir(device_us)
    assert depth is not None and infrared is not None
    try:
        return estimator(camera).estimate(BodyInput(depth, infrared, device_us))
    finally:
        camera.close()


def confidences(frame: BodyFrame, body: int = 0) -> dict[str, Confidence]:
    """Return the confidences of a body's joints by their names."""
    return {joint.name: Confidence(int(value)) for joint, value in zip(
        Joint, frame.bodies[body].confidences, strict=True)}


def names(found: dict[str, Confidence], wanted: Confidence) -> set[str]:
    """Return the names of the joints that have a confidence."""
    return {name for name, confidence in found.items() if confidence is wanted}


def test_bodies_are_where_they_are() -> None:
    """Positions, orientations, index map and time are the truth; who is seen, is MEDIUM."""
    camera = opened(FACING)
    frame = estimated(camera)
    truth = camera.sensor.truth(100_000).persons[0]
    assert frame.device_us == 100_000 and len(frame.bodies) == 1
    body = frame.bodies[0]
    assert body.body_id == truth.body_id == 1
    assert body.positions == pytest.approx(truth.positions, abs=1e-6)
    assert body.orientations == pytest.approx(truth.orientations, abs=1e-6)
    assert body.positions.dtype == body.orientations.dtype == np.float32
    assert body.confidences.dtype == np.uint8
    assert names(confidences(frame), Confidence.MEDIUM) == {joint.name for joint in Joint}
    assert (frame.index_map == camera.sensor.body_index(100_000)).all()
    assert 3000 < (frame.index_map == 0).sum() < 20000


def test_nobody() -> None:
    """An empty room gives a frame without bodies."""
    frame = estimated(opened())
    assert frame.bodies == () and (frame.index_map == BACKGROUND).all()


def test_who_is_not_seen_is_not_there() -> None:
    """Others keep their numbers, and the index map is that of the bodies."""
    aside = Person('aside', ((9.0, 2.2),), 1.1)
    behind_the_wall = Person('behind the wall', ((0.3, 5.0),), 1.1)
    frame = estimated(opened(aside, FACING, behind_the_wall))
    assert [body.body_id for body in frame.bodies] == [2]
    alone = estimated(opened(FACING))
    assert (frame.index_map == alone.index_map).all()


def test_joints_out_of_the_image_have_no_confidence() -> None:
    """Of somebody close, the legs are below the image."""
    found = confidences(estimated(opened(Person('close', ((0.0, 1.0),), 1.1))))
    out = names(found, Confidence.NONE)
    assert {'ANKLE_LEFT', 'ANKLE_RIGHT', 'FOOT_LEFT', 'FOOT_RIGHT'} <= out
    assert found['NECK'] is found['SPINE_CHEST'] is Confidence.MEDIUM


def test_joints_behind_somebody_else_are_low() -> None:
    """Of who stands behind, what the other hides is LOW, and the rest MEDIUM."""
    behind = Person('behind', ((0.25, 3.0),), 1.1)
    frame = estimated(opened(FACING, behind))
    found = confidences(frame, 1)
    # his right is on the left of the image, behind the one in front
    assert {'SHOULDER_RIGHT', 'ELBOW_RIGHT', 'HIP_RIGHT'} <= names(found, Confidence.LOW)
    assert {'SHOULDER_LEFT', 'ELBOW_LEFT', 'KNEE_LEFT'} <= names(
        found, Confidence.MEDIUM)
    assert names(confidences(frame, 0), Confidence.LOW) == set()


def test_joints_behind_the_own_body_are_low() -> None:
    """Seen from the side, whichever it is, the far arm is hidden."""
    for heading in (math.pi / 2, -math.pi / 2):
        frame = estimated(opened(Person('aside', ((0.0, 2.2),), 1.1, heading=heading)))
        depths = frame.bodies[0].positions[:, 2]
        left_is_far = depths[Joint.ELBOW_LEFT] > depths[Joint.ELBOW_RIGHT]
        found = confidences(frame)
        near, far = ('RIGHT', 'LEFT') if left_is_far else ('LEFT', 'RIGHT')
        assert {f'SHOULDER_{far}', f'ELBOW_{far}'} <= names(found, Confidence.LOW)
        assert {f'SHOULDER_{near}', f'ELBOW_{near}', f'WRIST_{near}', f'KNEE_{near}', 'HEAD'
                } <= names(found, Confidence.MEDIUM)


@pytest.fixture
def walked() -> Iterator[SimulatedCamera]:
    """Return a camera that streams somebody who walks across the picture."""
    with opened(Person('walker', ((-0.8, 2.2), (0.8, 2.2)), 1.1, speed=1.5)) as camera:
        assert isinstance(camera, SimulatedCamera)
        camera.start()
        yield camera


def hit(frame: BodyFrame, depth: np.ndarray[tuple[int, int], np.dtype[np.uint16]]) -> float:
    """Return the share of the body's pixels in which depth is that of the body."""
    mask = (frame.index_map == 0) & (depth > 0)
    return float((depth[mask] < 3000).mean())


def test_bodies_follow_the_images_even_if_the_clock_is_reset(walked: SimulatedCamera) -> None:
    """The body is where the image shows it, by the image's stamp alone."""
    tracker = walked.open_ground_truth_tracker()
    try:
        for number in range(8):
            if number == 3:
                walked.fault('reset timestamps')
            capture = walked.read(1.0)
            assert capture.depth is not None and capture.ir is not None
            tracker.enqueue(
                BodyInput(capture.depth.data, capture.ir.data, capture.device_us), None)
            frame = tracker.pop(10.0)
            assert frame is not None and frame.device_us == capture.device_us
            assert hit(frame, capture.depth.data) > 0.99
        assert walked.sensor_us(capture.device_us) - capture.device_us > 100_000
    finally:
        tracker.close()


def test_late_images_of_before_a_reset() -> None:
    """A stamp that has not come yet since the reset is one of before."""
    with opened(FACING) as camera:
        assert isinstance(camera, SimulatedCamera)
        camera.start()
        time.sleep(0.05)
        camera.fault('reset timestamps')
        assert camera.sensor_us(60_000_000) == 60_000_000
        time.sleep(0.05)
        assert camera.sensor_us(10_000) >= 60_000


def test_the_truth_is_not_smoothed(walked: SimulatedCamera) -> None:
    """Smoothing and closing leave the camera as it is."""
    tracker = walked.open_ground_truth_tracker()
    tracker.set_smoothing(1.0)
    tracker.close()
    assert walked.read(1.0).depth is not None


def test_only_a_simulated_camera_with_depth_has_a_truth() -> None:
    """Others are refused in one line."""
    class Odd:

        def depth_and_ir(self, device_us: int) -> tuple[None, None]:
            return None, None
    odd = SimulatedCamera(CONFIG, CALIBRATION, Odd())  # type: ignore[arg-type]
    with pytest.raises(BodyTrackingError, match='not known for a simulated camera'):
        odd.open_ground_truth_tracker()
    with pytest.raises(BodyTrackingError, match='needs depth images, in IR only'):
        opened(config=replace(CONFIG, depth=False)).open_ground_truth_tracker()
