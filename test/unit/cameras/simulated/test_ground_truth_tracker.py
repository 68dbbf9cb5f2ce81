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


"""The ground-truth tracker of the simulated camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
import math

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
from k4a_ros.cameras.simulated.hardware import SimulatedDevice
from k4a_ros.errors import BodyTrackingError
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
import numpy as np
import pytest
from support.simulated import SteppedTime

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, imu=False)
CALIBRATION = FactoryCalibration.from_raw(nominal_calibration())
WALL = Plane((0.0, 0.0, 3.5), (0.0, 0.0, -1.0), Material((0.8, 0.8, 0.8)))
FACING = Person('facing', ((0.0, 2.2),), 1.1)


def open_camera(
    *persons: Person, config: CameraConfig = CONFIG, host_time: SteppedTime | None = None,
) -> SimulatedCamera:
    """Return a camera in a scene with these persons in front of a wall."""
    sensor = Sensor(Scene((WALL,), (), persons), CALIBRATION, config)
    device = SimulatedDevice(host_time or SteppedTime())
    return SimulatedCamera(config, CALIBRATION, sensor, device)


def estimator(camera: SimulatedCamera) -> GroundTruthEstimator:
    """Return an estimator like that of the camera's tracker."""
    return GroundTruthEstimator(
        camera.sensor, camera.sensor_us, camera.calibration, camera.config)


def estimate(camera: SimulatedCamera, device_us: int = 100_000) -> BodyFrame:
    """Return the people at a time, from the camera's images."""
    camera.start()
    depth, infrared = camera.sensor.depth_and_ir(device_us)
    assert depth is not None and infrared is not None
    try:
        return estimator(camera).estimate(BodyInput(depth, infrared, device_us))
    finally:
        camera.close()


def confidences(frame: BodyFrame, body: int = 0) -> dict[str, Confidence]:
    """Return the confidences of a body's joints by name."""
    return {joint.name: Confidence(int(value)) for joint, value in zip(
        Joint, frame.bodies[body].confidences, strict=True)}


def joints_with(confidence: Confidence, joints: dict[str, Confidence]) -> set[str]:
    """Return the names of the joints that have a confidence."""
    return {name for name, value in joints.items() if value is confidence}


def test_bodies_equal_the_ground_truth() -> None:
    """Poses, index map and stamp are the truth, and all joints of a visible person are MEDIUM."""
    camera = open_camera(FACING)
    frame = estimate(camera)
    truth = camera.sensor.truth(100_000).persons[0]
    assert frame.device_us == 100_000 and len(frame.bodies) == 1
    body = frame.bodies[0]
    assert body.body_id == truth.body_id == 1
    assert body.positions == pytest.approx(truth.positions, abs=1e-6)
    assert body.orientations == pytest.approx(truth.orientations, abs=1e-6)
    assert body.positions.dtype == body.orientations.dtype == np.float32
    assert body.confidences.dtype == np.uint8
    assert joints_with(Confidence.MEDIUM, confidences(frame)) == {joint.name for joint in Joint}
    assert (frame.index_map == camera.sensor.body_index(100_000)).all()
    assert 3000 < (frame.index_map == 0).sum() < 20000


def test_empty_frame_is_returned() -> None:
    """A scene without people gives a frame without bodies."""
    frame = estimate(open_camera())
    assert frame.bodies == () and (frame.index_map == BACKGROUND).all()


def test_invisible_people_are_left_out() -> None:
    """The ids of the others do not change, and the index map refers to the remaining bodies."""
    out_of_view = Person('out of view', ((9.0, 2.2),), 1.1)
    behind_wall = Person('behind the wall', ((0.3, 5.0),), 1.1)
    frame = estimate(open_camera(out_of_view, FACING, behind_wall))
    assert [body.body_id for body in frame.bodies] == [2]
    alone = estimate(open_camera(FACING))
    assert (frame.index_map == alone.index_map).all()


def test_joints_outside_the_image_have_confidence_none() -> None:
    """The legs of a person close to the camera are below the image."""
    joints = confidences(estimate(open_camera(Person('close', ((0.0, 1.0),), 1.1))))
    outside = joints_with(Confidence.NONE, joints)
    assert {'ANKLE_LEFT', 'ANKLE_RIGHT', 'FOOT_LEFT', 'FOOT_RIGHT'} <= outside
    assert joints['NECK'] is joints['SPINE_CHEST'] is Confidence.MEDIUM


def test_joints_occluded_by_another_person_have_confidence_low() -> None:
    """Of a partly occluded person, occluded joints are LOW, the others MEDIUM."""
    behind = Person('behind', ((0.25, 3.0),), 1.1)
    frame = estimate(open_camera(FACING, behind))
    joints = confidences(frame, 1)
    # the person's right side is on the left of the image, behind the person in front
    assert {'SHOULDER_RIGHT', 'ELBOW_RIGHT', 'HIP_RIGHT'} <= joints_with(Confidence.LOW, joints)
    assert {'SHOULDER_LEFT', 'ELBOW_LEFT', 'KNEE_LEFT'} <= joints_with(Confidence.MEDIUM, joints)
    assert joints_with(Confidence.LOW, confidences(frame, 0)) == set()


def test_self_occluded_joints_have_confidence_low() -> None:
    """Seen from either side, the far arm is occluded by the trunk."""
    for heading in (math.pi / 2, -math.pi / 2):
        frame = estimate(open_camera(Person('sideways', ((0.0, 2.2),), 1.1, heading=heading)))
        depths = frame.bodies[0].positions[:, 2]
        left_is_far = depths[Joint.ELBOW_LEFT] > depths[Joint.ELBOW_RIGHT]
        joints = confidences(frame)
        near, far = ('RIGHT', 'LEFT') if left_is_far else ('LEFT', 'RIGHT')
        assert {f'SHOULDER_{far}', f'ELBOW_{far}'} <= joints_with(Confidence.LOW, joints)
        assert {f'SHOULDER_{near}', f'ELBOW_{near}', f'WRIST_{near}', f'KNEE_{near}', 'HEAD'
                } <= joints_with(Confidence.MEDIUM, joints)


@pytest.fixture
def walker_camera() -> Iterator[SimulatedCamera]:
    """Return a streaming camera in front of which a person walks across the image."""
    with open_camera(Person('walker', ((-0.8, 2.2), (0.8, 2.2)), 1.1, speed=1.5)) as camera:
        assert isinstance(camera, SimulatedCamera)
        camera.start()
        yield camera


def fraction_on_person(
    frame: BodyFrame, depth: np.ndarray[tuple[int, int], np.dtype[np.uint16]],
) -> float:
    """Return the fraction of the body's pixels whose depth is that of the person."""
    mask = (frame.index_map == 0) & (depth > 0)
    return float((depth[mask] < 3000).mean())


def test_bodies_match_the_images_after_a_clock_reset(walker_camera: SimulatedCamera) -> None:
    """The pose is that at the time of the image, which follows from the timestamp alone."""
    tracker = walker_camera.open_ground_truth_tracker()
    try:
        for number in range(8):
            if number == 3:
                walker_camera.inject_faults('reset timestamps')
            capture = walker_camera.read(1.0)
            assert capture.depth is not None and capture.ir is not None
            tracker.enqueue(
                BodyInput(capture.depth.data, capture.ir.data, capture.device_us), None)
            frame = tracker.pop(100.0)
            assert frame is not None and frame.device_us == capture.device_us
            assert fraction_on_person(frame, capture.depth.data) > 0.99
        assert walker_camera.sensor_us(capture.device_us) - capture.device_us > 100_000
    finally:
        tracker.close()


def test_stamp_not_yet_reached_since_a_reset_is_from_before_it() -> None:
    """A late image from before a reset of the clock gets its sensor time from before."""
    host_time = SteppedTime()
    with open_camera(FACING, host_time=host_time) as camera:
        assert isinstance(camera, SimulatedCamera)
        camera.start()
        host_time.advance(0.05)
        camera.inject_faults('reset timestamps')
        assert camera.sensor_us(60_000_000) == 60_000_000
        host_time.advance(0.05)
        assert camera.sensor_us(10_000) >= 60_000


def test_smoothing_and_close_do_not_affect_the_camera(walker_camera: SimulatedCamera) -> None:
    """Ground truth is not smoothed, and the camera stays open."""
    tracker = walker_camera.open_ground_truth_tracker()
    tracker.set_smoothing(1.0)
    tracker.close()
    assert walker_camera.read(1.0).depth is not None


def test_camera_without_depth_or_scene_has_no_ground_truth() -> None:
    """A sensor that knows no poses, and a stream without depth images, raise."""
    class SensorWithoutTruth:

        def depth_and_ir(self, device_us: int) -> tuple[None, None]:
            return None, None
    camera = SimulatedCamera(CONFIG, CALIBRATION, SensorWithoutTruth())  # type: ignore[arg-type]
    with pytest.raises(BodyTrackingError, match='not from this simulated camera'):
        camera.open_ground_truth_tracker()
    with pytest.raises(BodyTrackingError, match=r'with IR only .* needs depth images'):
        open_camera(config=replace(CONFIG, depth=False)).open_ground_truth_tracker()
