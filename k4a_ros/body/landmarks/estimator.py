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

"""Estimate the poses of people from depth and infrared images, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from k4a_ros.body.landmarks.detection.frame_context import FrameContext
from k4a_ros.body.landmarks.detection.head_region import has_short_trunk
from k4a_ros.body.landmarks.detection.head_region import region_below_head
from k4a_ros.body.landmarks.detection.head_search import HeadSearch
from k4a_ros.body.landmarks.detection.new_people import NewPersonDetector
from k4a_ros.body.landmarks.detection.observation import Observation
from k4a_ros.body.landmarks.detection.observation import PoseEstimator
from k4a_ros.body.landmarks.detection.tracked_people import observe_tracked_people
from k4a_ros.body.landmarks.pose_2d.blazepose import LandmarkModel
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_3d.agreement import agreed_confidences
from k4a_ros.body.landmarks.pose_3d.fitting import fit_limbs
from k4a_ros.body.landmarks.pose_3d.k4abt_joints import joints_from_landmarks
from k4a_ros.body.landmarks.pose_3d.lifting import head_of
from k4a_ros.body.landmarks.pose_3d.lifting import lift
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.landmarks.segmentation.index_map import index_map
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.landmarks.segmentation.segmenter import Segmenter
from k4a_ros.body.landmarks.tracking.front_back import facing_evidence
from k4a_ros.body.landmarks.tracking.front_back import resolve_new_person
from k4a_ros.body.landmarks.tracking.track import Track
from k4a_ros.body.landmarks.tracking.tracker import PersonTracker
from k4a_ros.body.orientations import orientations
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.body.tracker import Body
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import Confidence
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.errors import BodyTrackingError
import numpy as np
import numpy.typing as npt

#: up in the frame of a level depth camera
_IMAGE_UP = np.array([0.0, -1.0, 0.0])
#: frame rate at which a smoothing factor is that of one frame
_SMOOTHING_RATE_HZ = 30.0
#: about so many points of a person's surface limbs are fitted to, or none if there are fewer than
#: the minimum
_SURFACE_POINTS, _MIN_SURFACE_POINTS = 600, 50
#: What has fewer joints with confidence MEDIUM is no person, unless it has been seen in so many
#: images, and a detector sees the head. All of 7682 bodies of people in the crowds of seeds 601,
#: 602 and 611 have two or more; a coat on a hook has none or one, but so do some real people of
#: whom neighbors hide most.
_MIN_MEDIUM_JOINTS, _TRUSTED_IMAGES = 2, 3


class LandmarkEstimator:
    """
    Detects people in depth and infrared images, and tracks them from frame to frame.

    :param config: gives the mode of the depth camera.
    :param model_path: file of the landmark model, see `LandmarkModel`.
    :param smoothing_factor: see `set_smoothing`.
    :param up: direction of up in the depth camera's frame, any length; by default that of a level
        camera. Where the floor is visible, it may be wrong by 25°.
    :raises BodyTrackingError: a model or LiteRT is missing, or a model is wrong, or the mode has
        no depth image.
    """

    def __init__(
        self, calibration: FactoryCalibration, config: CameraConfig, model_path: str = '',
        smoothing_factor: float = 0.0, up: npt.ArrayLike | None = None,
    ) -> None:
        if not config.depth_mode.has_depth:
            raise BodyTrackingError(
                f'body tracking needs a depth image, and depth_mode is {config.depth_mode.name}: '
                'choose NFOV_UNBINNED or WFOV_2X2BINNED')
        self._lens = calibration.depth(config.depth_mode)
        self._rays = self._lens.rays()
        self._pose_estimator = PoseEstimator(LandmarkModel(model_path))
        self._heads = HeadSearch(self._lens)
        self._new_people = NewPersonDetector(self._pose_estimator, self._heads)
        self._segmenter = Segmenter(self._lens, _IMAGE_UP)
        if up is not None:
            self.set_up(up)
        self._tracker = PersonTracker()
        self._smoothing_factor = 0.0
        self.set_smoothing(smoothing_factor)

    def set_up(self, vector: npt.ArrayLike) -> None:
        """
        Set the direction of up in the depth camera's frame, for example from an accelerometer.

        :param vector: (3,) of any length.
        :raises BodyTrackingError: it is not a direction.
        """
        up = np.asarray(vector, np.float64)
        length = float(np.linalg.norm(up))
        if up.shape != (3,) or not 0 < length < np.inf:
            raise BodyTrackingError(
                f'up is {up}, expected a finite vector of three numbers, not all 0')
        self._segmenter.set_up(up / length)

    def set_smoothing(self, factor: float) -> None:
        """
        Set the temporal smoothing of joint positions.

        :param factor: share of the previous position that is kept at 30 frames per second, 0 (no
            smoothing) to 1 (joints do not move); less is kept at lower frame rates.
        :raises BodyTrackingError: the factor is out of range.
        """
        if not 0 <= factor <= 1:
            raise BodyTrackingError(
                f'smoothing factor is {factor}, expected 0 (none) to 1 (joints do not move)')
        self._smoothing_factor = factor

    def close(self) -> None:
        """Drop all tracks."""
        self._tracker.clear()
        self._new_people.clear()

    def estimate(self, images: BodyInput) -> BodyFrame:
        """
        Return the people in one frame; frames must come in the order of time.

        :raises BodyTrackingError: the images do not have the resolution of the depth mode.
        """
        self._check_images(images)
        if images.up is not None:
            self.set_up(images.up)
        frame = FrameContext(
            images, self._segmenter.segment(images.depth), self._lens, self._rays)
        self._tracker.start_frame(frame.now_us)
        observations = observe_tracked_people(frame, self._tracker.tracks, self._pose_estimator)
        observations += self._new_people.detect(frame, observations)
        indices = index_map(
            frame.segmentation, [one.mask for one in observations], images.depth, self._rays)
        unassigned = indices == BACKGROUND
        people = [frame.person_depth(indices == index, unassigned)
                  for index in range(len(observations))]
        observations = [self._resolve_left_right(frame, observation, person)
                        for observation, person in zip(observations, people, strict=True)]
        poses = [lift(one.landmarks, one.view, person,
                      None if one.track is None else one.track.bone_lengths)
                 for one, person in zip(observations, people, strict=True)]
        tracks = self._identify(observations, poses)
        bodies: list[Body] = []
        body_indices = np.full(256, BACKGROUND, np.uint8)
        for index, (track, pose) in enumerate(zip(tracks, poses, strict=True)):
            if track is None:
                continue
            if pose is None:
                track.is_seen = False
                continue
            body = self._update_track(frame, track, observations[index], pose, people[index])
            if self._is_person(frame, track, observations[index], body):
                body_indices[index] = len(bodies)
                bodies.append(body)
            else:
                track.is_seen = False
                self._new_people.reject(
                    frame, observations[index].mask, head_of(track.points))
        return BodyFrame(images.device_us, tuple(bodies), body_indices[indices])

    def _check_images(self, images: BodyInput) -> None:
        """Raise an error if an image has the wrong shape or type."""
        shape = self._lens.height, self._lens.width
        for name, image in (('depth', images.depth), ('infrared', images.infrared)):
            if image.shape != shape or image.dtype != np.uint16:
                raise BodyTrackingError(
                    f'body tracking got a {name} image of {image.shape} {image.dtype}, expected '
                    f'{shape} uint16, the size of the depth mode')

    def _is_person(
        self, frame: FrameContext, track: Track, observation: Observation, body: Body,
    ) -> bool:
        """Return whether joints, or else a head that a detector sees, speak for a person."""
        if (body.confidences == Confidence.MEDIUM).sum() >= _MIN_MEDIUM_JOINTS:
            return True
        return track.image_count >= _TRUSTED_IMAGES and self._heads.confirms(
            frame, observation.view.region, head_of(track.points))

    def _resolve_left_right(
        self, frame: FrameContext, observation: Observation, person: PersonDepth,
    ) -> Observation:
        """Return an observation with left and right, front and back resolved."""
        landmarks, view, track = observation.landmarks, observation.view, observation.track
        evidence = facing_evidence(
            landmarks, view, person, partial(self._heads.sees_face, frame, observation.head))
        return replace(observation, landmarks=(
            resolve_new_person(landmarks, evidence) if track is None
            else track.resolve_sides(landmarks, view, evidence, frame.now_us)))

    def _identify(
        self, observations: Sequence[Observation], poses: Sequence[Pose3d | None],
    ) -> list[Track | None]:
        """Return the track of each observation: its own, a lost one, a new one; None: no pose."""
        tracks = [observation.track for observation in observations]
        new = [(index, pose) for index, (track, pose) in enumerate(
            zip(tracks, poses, strict=True)) if track is None and pose is not None]
        matches = self._tracker.match_lost([pose.points[TRUNK].mean(axis=0) for _, pose in new])
        for (index, pose), lost in zip(new, matches, strict=True):
            tracks[index] = lost or self._tracker.start_track(
                pose.points, observations[index].view.region)
        return tracks

    def _update_track(
        self, frame: FrameContext, track: Track, observation: Observation, pose: Pose3d,
        person: PersonDepth,
    ) -> Body:
        """Fit and filter a pose, update its track, and return the body."""
        landmarks = observation.landmarks
        seconds = track.seconds_unseen(frame.now_us)
        expected = track.motion.predict(frame.now_us)
        cloud = person.sample_points(frame.rays, _SURFACE_POINTS)
        fitted = (pose if len(cloud) < _MIN_SURFACE_POINTS
                  else fit_limbs(pose, cloud, track.bone_lengths, expected))
        points = track.motion.update(fitted.points, fitted.confidences, frame.now_us)
        region = observation.view.region_of_circle(
            landmarks.alignment_center, landmarks.alignment_top)
        if has_short_trunk(points):
            # without the legs in the crop, the model puts the hips too high, and keeps it small
            region = region_below_head(head_of(points), frame.segmentation.up)
        track.update(points, region, fitted.lengths, frame.now_us)
        positions, confidences = joints_from_landmarks(
            points, agreed_confidences(pose, fitted, points, expected, person))
        if track.joint_positions is not None and self._smoothing_factor > 0:
            kept = self._smoothing_factor ** max(seconds * _SMOOTHING_RATE_HZ, 0.0)
            positions = positions + kept * (track.joint_positions - positions)
        track.joint_positions = positions
        track.joint_orientations = orientations(positions, track.joint_orientations)
        return Body(
            track.body_id, positions.astype(np.float32), track.joint_orientations, confidences)
