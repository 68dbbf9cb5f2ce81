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


"""Body tracking on any processor: people cut out of the depth image, landmarks in the infrared."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
import math

import cv2
from k4a_ros.body.landmarks.pose_2d.blazepose import LandmarkModel
from k4a_ros.body.landmarks.pose_2d.blazepose import Landmarks
from k4a_ros.body.landmarks.pose_2d.blazepose import TRUNK
from k4a_ros.body.landmarks.pose_2d.crop import crop_image
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_2d.crop import region_around
from k4a_ros.body.landmarks.pose_2d.flip_test import mean_distance
from k4a_ros.body.landmarks.pose_2d.flip_test import merge_flip_test
from k4a_ros.body.landmarks.pose_2d.flip_test import unflip
from k4a_ros.body.landmarks.pose_3d.fitting import fit_limbs
from k4a_ros.body.landmarks.pose_3d.k4abt_joints import joints_from_landmarks
from k4a_ros.body.landmarks.pose_3d.lifting import lift
from k4a_ros.body.landmarks.pose_3d.lifting import Pose3d
from k4a_ros.body.landmarks.segmentation.index_map import IndexMapper
from k4a_ros.body.landmarks.segmentation.ownership import assign_segments
from k4a_ros.body.landmarks.segmentation.ownership import attach_limbs
from k4a_ros.body.landmarks.segmentation.ownership import mask_with_nearby_pieces
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.landmarks.segmentation.segmenter import Segmenter
from k4a_ros.body.landmarks.segmentation.segments import Segment
from k4a_ros.body.landmarks.segmentation.segments import Segmentation
from k4a_ros.body.landmarks.segmentation.silhouette import Silhouette
from k4a_ros.body.landmarks.tracking.front_back import reversal
from k4a_ros.body.landmarks.tracking.front_back import straight
from k4a_ros.body.landmarks.tracking.tracker import PersonTracker
from k4a_ros.body.landmarks.tracking.tracker import Track
from k4a_ros.body.orientations import orientations
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.body.tracker import Body
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.errors import BodyTrackingError
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: the model's flag from which on there is somebody
_FLAG = 0.5
#: the same at the first of two looks, and if only the first has it
_FIRST_FLAG, _SURE_FLAG = 0.3, 0.8
#: meters, in the mean, up to which a look has seen what was expected, and more of it for each
#: second since he was seen; and the most
_AS_EXPECTED, _LATER, _LEAST_SURE = 0.03, 0.5, 0.10
#: share of the landmarks called visible that have to be on the surface of who is new
_SUPPORT = 0.5
#: m² of somebody known that have to be seen
_LEAST_AREA = 0.04
#: m² of somebody new that are usually seen: parts like that are looked at first
_USUAL_AREA = 0.45
#: parts of the surface that are looked at for new people in one image
_TRIES = 3
#: a part that is nobody is not looked at again for so many seconds, unless it moves so far
#: (meters) or changes its area by such a share
_REST, _MOVED, _CHANGED = 3.0, 0.12, 0.25
#: frames per second for which a factor of smoothing holds
_RATE = 30.0
#: landmarks of arms and legs, and the visibility from which on they are looked for
_LIMBS, _VISIBLE = slice(11, 33), 0.3
#: points of somebody's surface that limbs are fitted to, and the fewest that are worth it
_CLOUD, _LEAST_CLOUD = 600, 50


@dataclass(frozen=True, eq=False)
class _Observation:
    """Somebody in one image: who (None if new), what the model sees, and on which pixels."""

    track: Track | None
    seen: Landmarks
    view: CropView
    mask: Mask


class LandmarkEstimator:
    """
    Finds the people in depth and infrared images and follows them.

    :param config: says the mode of the depth camera.
    :param model_path: the file of the model, see `LandmarkModel`.
    :param smoothing_factor: see `set_smoothing`.
    :param up: direction of up in the depth camera's frame, any length; by default that of the
        image. Where the floor is seen, 25° off are not too far.
    :raises BodyTrackingError: the model is missing or wrong, or the mode has no depth.
    """

    def __init__(
        self, calibration: FactoryCalibration, config: CameraConfig, model_path: str = '',
        smoothing_factor: float = 0.0, up: npt.ArrayLike | None = None,
    ) -> None:
        if not config.depth_mode.has_depth:
            raise BodyTrackingError(
                f'body tracking needs a depth image, and depth_mode is {config.depth_mode.name}: '
                'choose NFOV_UNBINNED or WFOV_2X2BINNED')
        self._model = LandmarkModel(model_path)
        self._lens = calibration.depth(config.depth_mode)
        self._index_mapper = IndexMapper(self._lens)
        self._segmenter = Segmenter(self._lens, np.array([0.0, -1.0, 0.0]))
        if up is not None:
            self.set_up(up)
        self._follower = PersonTracker()
        self._smoothing = 0.0
        self.set_smoothing(smoothing_factor)
        self._nobody: list[tuple[Vectors, float, int]] = []

    def set_up(self, vector: npt.ArrayLike) -> None:
        """Set the direction of up in the depth camera's frame, from gravity, any length."""
        up = np.asarray(vector, np.float64)
        length = float(np.linalg.norm(up))
        if up.shape != (3,) or not 0 < length < np.inf:
            raise BodyTrackingError(f'up is {up}, expected a vector of three numbers, not 0')
        self._segmenter.set_up(up / length)

    def set_smoothing(self, factor: float) -> None:
        """Smooth over time: 0 not at all, 1 to a standstill; it holds for 30 images a second."""
        if not 0 <= factor <= 1:
            raise BodyTrackingError(
                f'smoothing is {factor}, expected 0 (none) to 1 (to a standstill)')
        self._smoothing = factor

    def close(self) -> None:
        """Forget everybody."""
        self._follower.tracks = []
        self._nobody = []

    def estimate(self, images: BodyInput) -> BodyFrame:
        """
        Return the people in the images, which come in the order of time.

        :raises BodyTrackingError: the images are not of the mode.
        """
        shape = self._lens.height, self._lens.width
        for name, image in (('depth', images.depth), ('infrared', images.infrared)):
            if image.shape != shape or image.dtype != np.uint16:
                raise BodyTrackingError(
                    f'body tracking got a {name} image of {image.shape} {image.dtype}, expected '
                    f'{shape} uint16')
        if images.up is not None:
            self.set_up(images.up)
        segments = self._segmenter.segment(images.depth)
        self._follower.begin(images.device_us)
        sights = self._known(segments, images)
        sights += self._new(segments, images, [sight.mask for sight in sights])
        index_map = self._index_mapper.index_map(
            segments, [sight.mask for sight in sights], images.depth)
        bodies: list[Body] = []
        numbers = np.full(256, BACKGROUND, np.uint8)
        free = index_map == BACKGROUND
        sights = [
            self._resolve_left_right(sight, images, index_map == number, free)
            for number, sight in enumerate(sights)]
        lifted = [
            lift(sight.seen, sight.view,
                 PersonDepth(images.depth, index_map == number, free, self._lens),
                 None if sight.track is None else sight.track.lengths)
            for number, sight in enumerate(sights)]
        for number, track in enumerate(self._tracks(sights, lifted)):
            body = lifted[number]
            if track is None or body is None:
                continue
            sight = sights[number]
            region = sight.view.region_of_circle(
                sight.seen.alignment_center, sight.seen.alignment_top)
            before_us = track.seen_us
            body = self._fitted(body, images, index_map == number, track)
            body = replace(body, points=track.motion.take(
                body.points, body.confidences, images.device_us))
            track.found(body.points, region, body.lengths, images.device_us)
            numbers[number] = len(bodies)
            bodies.append(self._body(track, body, (images.device_us - before_us) * 1e-6))
        return BodyFrame(images.device_us, tuple(bodies), numbers[index_map])

    def _fitted(
        self, body: Pose3d, images: BodyInput, mine: Mask, track: Track,
    ) -> Pose3d:
        """Return somebody with limbs that are on the surface, where enough of it is seen."""
        person = PersonDepth(images.depth, mine, ~mine, self._lens)
        cloud = person.sample_points(self._lens.rays(), _CLOUD)
        if len(cloud) < _LEAST_CLOUD:
            return body
        outline = Silhouette(person, self._segmenter.step)
        return fit_limbs(
            body, cloud, outline, track.lengths, track.motion.expected(images.device_us))

    def _resolve_left_right(
        self, sight: _Observation, images: BodyInput, mine: Mask, free: Mask,
    ) -> _Observation:
        """Return what is seen of somebody with left and right where they are."""
        seen, view = sight.seen, sight.view
        evidence = reversal(seen, view, PersonDepth(images.depth, mine, free, self._lens))
        if sight.track is None:
            return replace(sight, seen=straight(seen, evidence))
        return replace(sight, seen=sight.track.untangled(
            seen, view, evidence, images.device_us))

    def _known(self, segments: Segmentation, images: BodyInput) -> list[_Observation]:
        """
        Look at who was seen in the image before.

        Who was not seen, but may be back, has a claim to the place where he is expected: it is
        nobody else's.
        """
        tracks = sorted(self._follower.tracks, key=lambda track: not track.is_seen)
        moved = [track.ahead(images.device_us) for track in tracks]
        owners = assign_segments(
            segments, [track.points + ahead for track, ahead in zip(tracks, moved, strict=True)])
        sights = []
        for number, (track, ahead) in enumerate(zip(tracks, moved, strict=True)):
            if not track.is_seen:
                break
            track.is_seen = False
            mask = owners == number
            if float(segments.areas[mask].sum()) < _LEAST_AREA:
                continue
            region = Region(
                track.region.center + ahead, track.region.radius, track.region.roll)
            hidden = (owners != number) & (owners != BACKGROUND)
            seen, view = self._estimate_pose_2d(
                region, segments, images, mask, hidden, track.expected(images.device_us),
                (images.device_us - track.seen_us) * 1e-6)
            if seen.presence > _FLAG:
                mask = self._include_detached_limbs(seen, view, segments, mask, hidden)
                sights.append(_Observation(track, seen, view, mask))
        return sights

    def _new(
        self, segments: Segmentation, images: BodyInput, known: list[Mask],
    ) -> list[_Observation]:
        """Look for people among the parts that are nobody's."""
        taken = np.zeros(segments.labels.shape, bool)
        for mask in known:
            taken |= mask
        sights: list[_Observation] = []
        tries = 0
        likeliest = sorted(
            (part for part in segments.segments if part.may_be_person),
            key=lambda part: abs(math.log(part.area / _USUAL_AREA)))
        for part in likeliest:
            mask = segments.labels == part.label
            if (tries == _TRIES or self._is_nobody(part, images)
                    or float(taken[mask].mean()) > 0.3):
                continue
            tries += 1
            mask = mask_with_nearby_pieces(segments, part) & ~taken
            sight = self._confirm_new_person(segments, images, mask, taken)
            if sight is None:
                self._nobody.append((part.center, part.area, images.device_us))
            else:
                sights.append(sight)
                taken |= sight.mask
        return sights

    def _confirm_new_person(
        self, segments: Segmentation, images: BodyInput, mask: Mask, taken: Mask,
    ) -> _Observation | None:
        """Look at somebody who may be there for the first time: twice, the second time better."""
        points = segments.points[mask]
        region = region_around(
            points[::max(1, len(points) // 500)].astype(np.float64), segments.up)
        seen, view = self._estimate_pose_2d(region, segments, images, mask, ~mask)
        if seen.presence <= _FIRST_FLAG:
            return None
        size = self._lens.width, self._lens.height
        large = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        body = lift(seen, view, PersonDepth(images.depth, large, ~large, self._lens))
        if body is None or body.support < _SUPPORT:
            return None
        mask = (assign_segments(segments, [body.points]) == 0) & ~taken
        again, closer = self._estimate_pose_2d(
            view.region_of_circle(seen.alignment_center, seen.alignment_top), segments, images,
            mask, taken)
        if again.presence > _FLAG:
            seen, view = again, closer
        elif seen.presence <= _SURE_FLAG or again.presence <= _FIRST_FLAG:
            return None
        mask = self._include_detached_limbs(seen, view, segments, mask, taken)
        return _Observation(None, seen, view, mask)

    def _include_detached_limbs(
        self, seen: Landmarks, view: CropView, segments: Segmentation, mask: Mask, others: Mask,
    ) -> Mask:
        """Return somebody's pixels with limbs that are apart."""
        limbs = np.flatnonzero(seen.visibility[_LIMBS] > _VISIBLE) + _LIMBS.start
        pixels, valid = self._lens.project(view.rays(seen.pixels[limbs]))
        return attach_limbs(segments, mask, others, pixels[valid] / segments.step)

    def _estimate_pose_2d(
        self, region: Region, segments: Segmentation, images: BodyInput, mask: Mask, hidden: Mask,
        expected: Vectors | None = None, seconds: float = 0.0,
    ) -> tuple[Landmarks, CropView]:
        """
        Let the model look at a region, where landmarks (33, 3) may be expected.

        It looks a second time, in a mirror, unless it has seen what was expected after seconds.
        """
        view = CropView(region, segments.up)
        step = segments.step
        white = float(np.percentile(images.infrared[::step, ::step][mask], 98))
        maps = view.sampling_maps(self._lens)
        shown = crop_image(
            images.infrared, hidden.astype(np.uint8), max(white, 1.0), maps, step)
        seen = self._model(shown)
        there = None if expected is None else view.project(expected)
        sure = (there is not None and seen.presence > _SURE_FLAG
                and mean_distance(seen.pixels, there)
                < min(_AS_EXPECTED + _LATER * seconds, _LEAST_SURE) * view.pixels_per_meter)
        if seen.presence > _FLAG and not sure:
            other = unflip(self._model(np.ascontiguousarray(shown[:, ::-1])))
            if other.presence > _FLAG:
                seen = merge_flip_test(seen, other, view.pixels_per_meter, there)
        return seen, view

    def _is_nobody(self, part: Segment, images: BodyInput) -> bool:
        """Return whether a part has been looked at and found to be nobody."""
        self._nobody = [
            one for one in self._nobody if 0 <= images.device_us - one[2] < _REST * 1e6]
        return any(
            float(np.linalg.norm(part.center - center)) < _MOVED
            and abs(part.area - area) < _CHANGED * area for center, area, _ in self._nobody)

    def _tracks(
        self, sights: list[_Observation], lifted: list[Pose3d | None],
    ) -> list[Track | None]:
        """Return the tracks of those who are seen, None where nobody could be lifted."""
        tracks = [sight.track for sight in sights]
        new = [(number, body) for number, (track, body) in enumerate(
            zip(tracks, lifted, strict=True)) if track is None and body is not None]
        met = self._follower.recognize([body.points[TRUNK].mean(axis=0) for _, body in new])
        for (number, body), track in zip(new, met, strict=True):
            tracks[number] = track or self._follower.add(body.points, sights[number].view.region)
        return tracks

    def _body(self, track: Track, lifted: Pose3d, seconds: float) -> Body:
        """Return what is known of somebody, smoothed."""
        positions, confidences = joints_from_landmarks(lifted.points, lifted.confidences)
        if track.positions is not None and self._smoothing > 0:
            kept = self._smoothing ** max(seconds * _RATE, 0.0)
            positions = positions + kept * (track.positions - positions)
        track.positions = positions
        track.orientations = orientations(positions, track.orientations)
        return Body(
            track.body_id, positions.astype(np.float32), track.orientations, confidences)
