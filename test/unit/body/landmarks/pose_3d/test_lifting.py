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


"""
From landmarks to joints in space, with landmarks as a perfect model would see them.

They are made of the true joints of the simulated person, so that no model is needed.
"""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.crop import crop_image
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_2d.crop import region_around
from k4a_ros.body.landmarks.pose_3d.depth_assignment import surfaces
from k4a_ros.body.landmarks.pose_3d.k4abt_joints import joints_from_landmarks
from k4a_ros.body.landmarks.pose_3d.lifting import BONES
from k4a_ros.body.landmarks.pose_3d.lifting import lift
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.landmarks.tracking.front_back import facing_evidence
from k4a_ros.body.landmarks.tracking.front_back import reverse
from k4a_ros.body.tracker import Confidence
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np
import pytest
from support.ideal_landmarks import landmarks_of

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
ROOM = default_scene()
UP = np.array([0.0, -1.0, 0.0])
MODES = [DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED]
LIMBS = [Joint.ELBOW_LEFT, Joint.ELBOW_RIGHT, Joint.WRIST_LEFT, Joint.WRIST_RIGHT,
         Joint.KNEE_LEFT, Joint.KNEE_RIGHT, Joint.ANKLE_LEFT, Joint.ANKLE_RIGHT]


def seen_by(view: CropView, points: np.ndarray) -> Landmarks:
    """Return what the model would say of landmarks, to the millimeter."""
    world = (points - points[[23, 24]].mean(axis=0)) @ view.rotation
    return Landmarks(
        1.0, view.project(points).astype(np.float32), np.full(33, 0.99, np.float32),
        world.astype(np.float32), np.array([128.0, 128.0]), np.array([128.0, 30.0]))


class Seen:
    """The simulated person at a time, in a depth image, and his landmarks in a view."""

    def __init__(
        self, time_us: int = 0, mode: DepthMode = DepthMode.NFOV_UNBINNED, **person: object,
    ) -> None:
        scene = ROOM
        if person:
            scene = replace(ROOM, shapes=ROOM.shapes[:5], movers=(), persons=(
                Person('one', floor=1.1, **person),))  # type: ignore[arg-type]
        sensor = Sensor(scene, NOMINAL, CameraConfig.of_modes(mode, ColorResolution.OFF), seed=5)
        self.lens = NOMINAL.depth(mode)
        self.depth, self.infrared = sensor.depth_and_ir(time_us)
        self.mine = sensor.body_index(time_us) == 0
        self.joints = sensor.truth(time_us).persons[0].positions
        self.points = landmarks_of(self.joints)
        self.view = CropView(region_around(self.points, UP), UP)
        self.landmarks = seen_by(self.view, self.points)

    @property
    def person_depth(self) -> PersonDepth:
        return PersonDepth(self.depth, self.mine, ~self.mine, self.lens)

    def lifted(self, landmarks: Landmarks | None = None, lengths: np.ndarray | None = None):
        return lift(landmarks or self.landmarks, self.view, self.person_depth, lengths)

    def behind(self, joint: Joint) -> float:
        """Return how far behind the surface a joint is, meters."""
        column, row = np.rint(self.lens.project(self.joints[joint])[0]).astype(int)
        return float(self.joints[joint, 2] - self.depth[row, column] * 1e-3)

    def errors(self, lifted) -> np.ndarray:
        positions, _ = joints_from_landmarks(lifted.points, lifted.confidences)
        return np.linalg.norm(positions - self.joints, axis=1)


@pytest.mark.parametrize('mode', MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize('time_us', [0, 800_000, 2_600_000, 5_000_000])
def test_perfect_landmarks_give_the_joints_to_centimeters(time_us, mode):
    seen = Seen(time_us, mode)
    lifted = seen.lifted()
    errors = seen.errors(lifted)
    sure = lifted.confidences == Confidence.MEDIUM
    assert sure.sum() >= 20
    assert Confidence.HIGH not in lifted.confidences
    assert np.median(errors) < 0.03
    in_sight = [joint for joint in LIMBS if seen.behind(joint) < 0.1]
    assert len(in_sight) >= 5
    assert errors[in_sight].max() < 0.08
    assert lifted.support > 0.8
    assert lifted.scale == pytest.approx(1.0, abs=0.06)


def test_a_model_of_another_size_is_no_problem():
    """The model thinks that everybody is of mean size; the depth image knows better."""
    seen = Seen(0)
    small = replace(seen.landmarks, world=seen.landmarks.world * np.float32(0.8))
    lifted = seen.lifted(small)
    assert lifted.scale == pytest.approx(1.25, abs=0.06)
    assert np.median(seen.errors(lifted)) < 0.03


def test_the_view_makes_no_difference():
    """Whatever way the virtual camera is turned, the joints are where they are."""
    seen = Seen(800_000)
    straight = seen.lifted()
    region = seen.view.region
    seen.view = CropView(Region(region.center + [0.2, -0.1, 0.3], region.radius * 1.3, 0.6), UP)
    turned = seen.lifted(seen_by(seen.view, seen.points))
    assert np.abs(turned.points - straight.points).max() < 0.02


def test_what_the_own_body_hides_is_low_and_at_the_length_of_its_bone():
    """A wrist behind the back: the depth image has the trunk there."""
    seen = Seen(0, path=((0.2, 2.2),))
    wrist = seen.points[16].copy()
    hidden = seen.points[[11, 12, 23, 24]].mean(axis=0) + [0.0, 0.12, 0.3]
    shift = hidden - wrist
    points = seen.points.copy()
    points[[16, 18, 20, 22]] += shift
    # the elbow goes out to the side, half way
    points[14] = (points[12] + points[16]) / 2 + [-0.12, 0.0, 0.05]
    lengths = np.array([np.linalg.norm(points[b] - points[a]) for a, b in BONES])
    lifted = seen.lifted(seen_by(seen.view, points), lengths)
    assert lifted.confidences[16] == Confidence.LOW
    assert lifted.confidences[15] == Confidence.MEDIUM
    assert np.linalg.norm(lifted.points[16] - points[16]) < 0.12
    assert np.isnan(lifted.lengths[BONES.index((14, 16))])
    _, sure = joints_from_landmarks(lifted.points, lifted.confidences)
    assert sure[Joint.WRIST_RIGHT] == sure[Joint.HAND_RIGHT] == Confidence.LOW


def test_what_is_outside_of_the_image_or_has_no_depth_is_none():
    seen = Seen(0, path=((0.0, 0.9),))
    lifted = seen.lifted()
    _, sure = joints_from_landmarks(lifted.points, lifted.confidences)
    # 0.9 m from the camera neither feet nor knees are in the image
    for joint in (Joint.ANKLE_LEFT, Joint.ANKLE_RIGHT, Joint.FOOT_LEFT, Joint.FOOT_RIGHT):
        assert sure[joint] == Confidence.NONE
    assert sure[Joint.SPINE_CHEST] == sure[Joint.SHOULDER_LEFT] == Confidence.MEDIUM
    assert np.isfinite(lifted.points).all()
    elbow = np.rint(seen.lens.project(seen.points[13])[0]).astype(int)
    seen.depth = seen.depth.copy()
    seen.depth[elbow[1] - 40:elbow[1] + 40, elbow[0] - 40:elbow[0] + 40] = 0
    assert seen.lifted().confidences[13] == Confidence.NONE


def test_the_model_may_doubt():
    seen = Seen(0)
    visibility = seen.landmarks.visibility.copy()
    visibility[15] = 0.2
    doubted = seen.lifted(replace(seen.landmarks, visibility=visibility))
    assert seen.lifted().confidences[15] == Confidence.MEDIUM
    assert doubted.confidences[15] == Confidence.LOW


def test_legs_that_the_depth_shows_crossed_were_misread():
    seen = Seen(200_000)
    order = np.arange(33)
    order[25:33] = [26, 25, 28, 27, 30, 29, 32, 31]
    right, wrong = seen.landmarks, seen.landmarks
    wrong = replace(right, pixels=right.pixels[order], world=right.world[order])
    assert np.abs(seen.lifted(wrong).points - seen.lifted().points).max() < 0.02


def test_a_bone_of_a_wrong_length_does_not_hide_what_is_seen():
    """Had a shin once been taken as far too short, it has to be found all the same."""
    seen = Seen(0)
    lengths = np.full(len(BONES), np.nan)
    lengths[[BONES.index((25, 27)), BONES.index((26, 28))]] = 0.2
    lifted = seen.lifted(lengths=lengths)
    assert (lifted.confidences[[27, 28]] == Confidence.MEDIUM).all()
    assert np.linalg.norm(lifted.points[[27, 28]] - seen.points[[27, 28]], axis=1).max() < 0.08


def test_an_arm_does_not_reach_for_what_stands_far_behind():
    """Somebody else, taken for a part of the person, is behind the hidden arm."""
    seen = Seen(0, path=((0.0, 2.0),))
    points = seen.points.copy()
    points[[13, 15, 17, 19, 21], 0] += 0.25
    elsewhere = np.rint(seen.lens.project(points[[13, 15]])[0]).astype(int)
    seen.depth, seen.mine = seen.depth.copy(), seen.mine.copy()
    for column, row in elsewhere:
        box = slice(row - 25, row + 26), slice(column - 25, column + 26)
        own = seen.mine[box]
        seen.depth[box] = np.where(own, seen.depth[box], 2700)
        seen.mine[box] = True
    lifted = seen.lifted(seen_by(seen.view, points))
    assert (lifted.points[[13, 15], 2] < 2.4).all()


def test_surfaces_around_a_landmark():
    own = np.array([[2.0, 2.02, 2.01, 0, 0, 2.5, 2.51, 2.49, 0], [0, 0, 0, 0, 0, 0, 0, 0, 1.0]])
    free = np.array([[0, 0, 0, 3.0, 0, 0, 0, 0, 0], [3.0, 3.0, 3.01, 0, 0, 0, 0, 0, 0]])
    found, counts = np.empty((2, 9, 4)), np.empty(2, np.int64)
    surfaces(own, free, np.full(9, 1 / 9), np.array([0.1, 0.0]), found, counts)
    first, second = (here[:count] for here, count in zip(found, counts, strict=True))
    # single samples are nothing
    assert first[:, [0, 3]].tolist() == [[pytest.approx(2.11), True], [pytest.approx(2.6), True]]
    assert second[:, [0, 3]].tolist() == [[pytest.approx(3.0), False]]
    assert second[0, 2] == pytest.approx(1 / 3)
    assert second[0, 1] > first[0, 1] > 0


@pytest.mark.parametrize('time_us', [300_000, 900_000, 1_500_000])
def test_the_depth_tells_a_picture_from_its_reverse(time_us):
    seen = Seen(time_us)

    def of(landmarks):
        return facing_evidence(landmarks, seen.view, seen.person_depth).log_odds

    assert of(seen.landmarks) < -2
    assert of(reverse(seen.landmarks)) > 2
    # of what is not on the person nothing is known
    seen.mine = np.zeros_like(seen.mine)
    assert of(seen.landmarks) == 0


def test_without_the_trunk_there_is_nobody():
    seen = Seen(0)
    seen.mine = np.zeros_like(seen.mine)
    assert seen.lifted() is None


def test_joints_between_landmarks():
    seen = Seen(0)
    sure = np.full(33, Confidence.MEDIUM, np.uint8)
    positions, confidences = joints_from_landmarks(seen.points, sure)
    assert (confidences == Confidence.MEDIUM).all()
    # all but the face, of which the landmarks here are only the nose
    apart = np.linalg.norm(positions - seen.joints, axis=1)
    assert apart[:26].max() < 0.06
    assert np.allclose(positions[Joint.PELVIS], seen.points[[23, 24]].mean(axis=0))
    # one hip that is not seen does not hide the pelvis, one that is outside does
    sure[23] = Confidence.LOW
    assert joints_from_landmarks(seen.points, sure)[1][Joint.PELVIS] == Confidence.MEDIUM
    sure[23] = Confidence.NONE
    assert joints_from_landmarks(seen.points, sure)[1][Joint.PELVIS] == Confidence.LOW
    sure[24] = Confidence.NONE
    assert joints_from_landmarks(seen.points, sure)[1][Joint.PELVIS] == Confidence.NONE


@pytest.mark.parametrize('mode', MODES, ids=lambda mode: mode.name)
def test_a_view_shows_what_the_lens_sees(mode):
    """A pixel of the picture is that of the image in the same direction, distortion and all."""
    lens = NOMINAL.depth(mode)
    region = Region(np.array([0.9, 0.2, 2.0]), 0.8, 0.3)
    view = CropView(region, UP)
    x, y = view.sampling_maps(lens)
    pixels = np.array([[10, 20], [128, 128], [250, 60]])
    expected, valid = lens.project(view.rays(pixels + 0.5))
    assert valid.all()
    found = np.stack([x[pixels[:, 1], pixels[:, 0]], y[pixels[:, 1], pixels[:, 0]]], axis=1)
    assert np.abs(found - expected).max() < 0.05
    assert np.allclose(view.project(region.center[None]), 128)
    # up in the world is turned to the left in a picture whose up is turned to the right
    upwards = view.project((region.center + 0.3 * UP)[None])[0] - 128
    assert np.arctan2(upwards[0], -upwards[1]) == pytest.approx(-0.3, abs=0.03)


def test_the_circle_around_a_body_is_the_next_region():
    view = CropView(Region(np.array([0.1, 0.2, 2.0]), 1.0, 0.2), UP)
    same = view.region_of_circle([128.0, 128.0], [128.0, 28.0])
    assert np.allclose(same.center, view.region.center)
    assert same.roll == pytest.approx(0.2)
    turned = view.region_of_circle([128.0, 128.0], [228.0, 128.0])
    assert turned.roll == pytest.approx(0.2 + np.pi / 2)
    assert turned.radius == pytest.approx(same.radius)
    assert view.region_of_circle([128.0, 128.0], [128.0, 127.0]).radius >= 0.5
    # straight above, where there is no up, one looks all the same
    above = CropView(Region(np.array([0.0, 0.0, 2.0]), 1.0), np.array([0.0, 0.0, -1.0]))
    assert np.allclose(above.rotation.T @ above.rotation, np.eye(3))


def test_a_picture_hides_others_and_is_bright_enough():
    seen = Seen(0)
    hidden = np.zeros((288, 320), np.uint8)
    maps = seen.view.sampling_maps(seen.lens)
    white = float(np.percentile(seen.infrared[seen.mine], 98))
    shown = crop_image(seen.infrared, hidden, white, maps, 2)
    assert shown.shape == (256, 256)
    assert shown.dtype == np.float32
    assert shown.min() >= 0
    assert shown.max() == 1
    assert (crop_image(seen.infrared, hidden + 1, white, maps, 2) == 0.375).all()
    hidden[:, 160:] = 1
    half = crop_image(seen.infrared, hidden, white, maps, 2)
    assert 0.2 < float((half == 0.375).mean()) < 0.9


def test_from_near_the_mean_of_several_pixels_is_seen():
    """Each pixel of the picture is some of the image's: that is less noise."""
    lens = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
    noisy = np.random.default_rng(1).integers(0, 200, (576, 640)).astype(np.uint16)
    none = np.zeros((288, 320), np.uint8)
    regions = [Region(np.array([0.0, 0.0, z]), 0.25) for z in (0.45, 1.2)]
    near, far = (
        crop_image(noisy, none, 300.0, CropView(region, UP).sampling_maps(lens), 2)
        for region in regions)
    assert near[64:192, 64:192].std() < 0.7 * far[64:192, 64:192].std()
