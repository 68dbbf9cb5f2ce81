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


"""What a body tracker has found, against the truth of simulated and of rendered people."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

from k4a_ros.body.joints import Joint
from k4a_ros.body.tracker import BodyFrame
from k4a_ros.body.tracker import BodyInput
from k4a_ros.body.tracker import Confidence
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np
from support.people.render import render
from support.people.render import Scene as View
from support.people.scenes import PERIOD
from support.people.scenes import SCENES

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
ROOM = default_scene()
#: floor, ceiling and walls
BARE = replace(ROOM, shapes=ROOM.shapes[:5], movers=(), persons=())
#: two who cross: in the middle of it the one behind is hidden
CROSSING = replace(BARE, persons=(
    Person('far', ((-1.0, 2.9), (1.0, 2.7)), 1.1, speed=0.9),
    Person('near', ((0.8, 2.1), (-0.8, 2.1)), 1.1, 1.65, speed=0.9)))

#: meters from surface to joint at which a simulated joint is that of the limb that is seen
_DEPTHS = {'SHOULDER': 0.12, 'ELBOW': 0.08, 'WRIST': 0.075, 'HAND': 0.07, 'HANDTIP': 0.065,
           'THUMB': 0.05, 'HIP': 0.15, 'KNEE': 0.11, 'ANKLE': 0.09, 'FOOT': 0.08, 'NOSE': 0.05,
           'EYE': 0.05, 'EAR': 0.05}
_THICK = np.array([_DEPTHS.get(joint.name.replace('_LEFT', '').replace('_RIGHT', ''), 0.2)
                   for joint in Joint])
#: pixels of somebody who has to be found
_ENOUGH = 1500


@dataclass(frozen=True, eq=False)
class Shot:
    """
    Images and the truth: ``people`` are joints (32, 3) and which of them can be seen (32,).

    ``owners`` (height, width) is whose each pixel is, 255 for nobody.
    """

    images: BodyInput
    owners: np.ndarray
    people: tuple[tuple[np.ndarray, np.ndarray], ...]


def simulated(
    scene: Scene, config: CameraConfig, times_us: range, seed: int = 1,
) -> Iterator[Shot]:
    """Return what the simulated camera sees."""
    sensor = Sensor(scene, NOMINAL, config, seed=seed)
    lens = NOMINAL.depth(config.depth_mode)
    for time_us in times_us:
        depth, infrared = sensor.depth_and_ir(time_us)
        assert depth is not None
        assert infrared is not None
        # as those of a camera, which nobody may write to
        depth, infrared = depth.view(), infrared.view()
        depth.flags.writeable = infrared.flags.writeable = False
        owners = sensor.body_index(time_us)
        people = []
        for number, person in enumerate(sensor.truth(time_us).persons):
            pixels, valid = lens.project(person.positions)
            columns, rows = np.rint(np.nan_to_num(pixels, nan=-1)).astype(int).T
            inside = (columns >= 0) & (columns < lens.width) & (rows >= 0) & (rows < lens.height)
            inside &= valid
            columns, rows = columns * inside, rows * inside
            behind = person.positions[:, 2] - depth[rows, columns] * 1e-3
            people.append((person.positions, inside & (owners[rows, columns] == number)
                           & (behind > -0.05) & (behind < _THICK)))
        yield Shot(BodyInput(depth, infrared, time_us), owners, tuple(people))


def rendered(scenes: str | Sequence[View], config: CameraConfig) -> Iterator[Shot]:
    """Return what the camera sees of a sequence, or of that name in ``people_scenes.SCENES``."""
    lens = NOMINAL.depth(config.depth_mode)
    for number, scene in enumerate(SCENES[scenes] if isinstance(scenes, str) else scenes):
        seen = render(scene, lens, number)
        yield Shot(BodyInput(seen.depth, seen.infrared, round(number * PERIOD * 1e6)),
                   seen.index_map, tuple((one.positions, one.visible) for one in seen.people))


def nearest(frame: BodyFrame, joints: np.ndarray) -> int | None:
    """Return the index of the body at somebody's place."""
    away = [float(np.linalg.norm(body.positions[Joint.SPINE_CHEST] - joints[Joint.SPINE_CHEST]))
            for body in frame.bodies]
    return int(np.argmin(away)) if away and min(away) < 0.4 else None


@dataclass(eq=False)
class Score:
    """
    What has been found.

    ``errors`` are meters of joints that can be seen, ``sure`` those that the tracker calls so;
    ``numbers`` the ids that each person has had; ``overlaps`` of the index map (intersection
    over union); ``people`` had to be found and ``missed`` were not; ``extra`` are bodies where
    nobody is.
    """

    errors: list[float] = field(default_factory=list)
    sure: list[bool] = field(default_factory=list)
    numbers: dict[int, set[int]] = field(default_factory=dict)
    overlaps: list[float] = field(default_factory=list)
    people: int = 0
    missed: int = 0
    extra: int = 0

    def add(self, frame: BodyFrame, shot: Shot) -> None:
        """Take what was found in a shot."""
        found = set()
        for number, (joints, visible) in enumerate(shot.people):
            index = nearest(frame, joints)
            there = shot.owners == number
            if index is not None:
                found.add(index)
            if there.sum() < _ENOUGH:
                continue
            self.people += 1
            if index is None:
                self.missed += 1
                continue
            body = frame.bodies[index]
            self.errors += np.linalg.norm(body.positions - joints, axis=1)[visible].tolist()
            self.sure += (body.confidences[visible] == Confidence.MEDIUM).tolist()
            self.numbers.setdefault(number, set()).add(body.body_id)
            ours = frame.index_map == index
            self.overlaps.append(float((ours & there).sum() / (ours | there).sum()))
        self.extra += len(frame.bodies) - len(found)

    def join(self, other: Score) -> None:
        """Take what another has, but for the numbers."""
        self.errors += other.errors
        self.sure += other.sure
        self.overlaps += other.overlaps
        self.people += other.people
        self.missed += other.missed
        self.extra += other.extra

    def error(self, percentile: float) -> float:
        """Return a percentile of the errors, meters."""
        return float(np.percentile(self.errors, percentile))

    def within(self, limit: float, *, sure: bool = False) -> float:
        """Return the share of errors below a limit, of all or of those that are called seen."""
        errors = np.array(self.errors)[np.array(self.sure) if sure else slice(None)]
        return float((errors < limit).mean())
