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

"""One simulated person in a depth image, with the landmarks of a perfect model."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.sensor import Sensor
from support.ideal_landmarks import ideal_landmarks
from support.ideal_landmarks import ideal_points
from support.people.shots import BARE
from support.people.shots import NOMINAL
from support.people.shots import ROOM
from support.segmentation import IMAGE_UP


class SimulatedPerson:
    """
    The person of the furnished room at a time, or one with other options in the bare room.

    ``depth`` and ``infrared``: images; ``own``: the pixels that show the person; ``joints``
    (32, 3) and ``points`` (33, 3): the true joints and landmarks, meters; ``view``: the crop
    around the person; ``landmarks``: what a perfect model estimates in it.
    """

    def __init__(
        self, time_us: int = 0, mode: DepthMode = DepthMode.NFOV_UNBINNED, seed: int = 5,
        **options: object,
    ) -> None:
        scene = ROOM
        if options:
            person = Person('one', floor=1.1, **options)  # type: ignore[arg-type]
            scene = replace(BARE, persons=(person,))
        sensor = Sensor(
            scene, NOMINAL, CameraConfig.of_modes(mode, ColorResolution.OFF), seed=seed)
        self.lens = NOMINAL.depth(mode)
        depth, infrared = sensor.depth_and_ir(time_us)
        assert depth is not None
        assert infrared is not None
        self.depth, self.infrared = depth, infrared
        self.own = sensor.body_index(time_us) == 0
        self.joints = sensor.truth(time_us).persons[0].positions
        self.points = ideal_points(self.joints)
        middle = (self.points.min(axis=0) + self.points.max(axis=0)) / 2
        self.view = CropView(Region(middle, 1.1), IMAGE_UP)
        self.landmarks = ideal_landmarks(self.points, self.view)

    @property
    def person_depth(self) -> PersonDepth:
        """Return the depth image with the pixels of the person."""
        return PersonDepth(self.depth, self.own, ~self.own, self.lens)
