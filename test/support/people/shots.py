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

"""Images of simulated and of rendered people, with the ground truth of each."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

from k4a_ros.body.joints import Joint
from k4a_ros.body.tracker import BodyInput
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.simulation.clothes import Clothes
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np
from support.people.render import render
from support.people.render import Scene as RenderedScene
from support.people.scenes import PERIOD_S

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
#: the furnished room with a person who walks
ROOM = default_scene()
#: the room without furniture and people: floor, ceiling and walls
BARE = replace(ROOM, shapes=ROOM.shapes[:5], movers=(), persons=())
#: two people who cross in the bare room; half way, the far one is occluded
CROSSING = replace(BARE, persons=(
    Person('far', ((-1.0, 2.9), (1.0, 2.7)), 1.1, speed=0.9),
    Person('near', ((0.8, 2.1), (-0.8, 2.1)), 1.1, 1.65, speed=0.9)))

#: Meters from the surface to a simulated joint inside of the limb that is visible: its radius and
#: 2 to 4 cm. A joint deeper than that is occluded by another limb.
_JOINT_DEPTHS_M = {
    'SHOULDER': 0.1, 'ELBOW': 0.075, 'WRIST': 0.06, 'HAND': 0.05, 'HANDTIP': 0.04,
    'THUMB': 0.04, 'HIP': 0.14, 'KNEE': 0.1, 'ANKLE': 0.08, 'FOOT': 0.07, 'NOSE': 0.05,
    'EYE': 0.05, 'EAR': 0.05}
_TRUNK_DEPTH_M = 0.16
_MAX_DEPTHS_M = np.array([
    _JOINT_DEPTHS_M.get(joint.name.replace('_LEFT', '').replace('_RIGHT', ''), _TRUNK_DEPTH_M)
    for joint in Joint])
#: how much deeper they are below loose clothes, at most
_CLOTHES_M = 0.04
#: meters in front of the surface up to which noise may put a visible joint
_MAX_IN_FRONT_M = 0.05


@dataclass(frozen=True, eq=False)
class Shot:
    """
    Images and their ground truth.

    ``people``: of each person, the joints (32, 3), meters, and which of them are visible (32,);
    ``owners`` (height, width): the index of the person that each pixel shows, 255 for none.
    """

    images: BodyInput
    owners: np.ndarray
    people: tuple[tuple[np.ndarray, np.ndarray], ...]


def simulate_shots(
    scene: Scene, config: CameraConfig, times_us: range, seed: int = 1,
) -> Iterator[Shot]:
    """Yield what the simulated camera sees of a scene at each time."""
    sensor = Sensor(scene, NOMINAL, config, seed=seed)
    lens = NOMINAL.depth(config.depth_mode)
    for time_us in times_us:
        depth, infrared = sensor.depth_and_ir(time_us)
        assert depth is not None
        assert infrared is not None
        # read-only, as images of a camera are
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
            behind_m = person.positions[:, 2] - depth[rows, columns] * 1e-3
            visible = inside & (owners[rows, columns] == number)
            loose = scene.persons[number].clothes != Clothes()
            visible &= behind_m > -_MAX_IN_FRONT_M
            visible &= behind_m < _MAX_DEPTHS_M + (_CLOTHES_M if loose else 0.0)
            people.append((person.positions, visible))
        yield Shot(BodyInput(depth, infrared, time_us), owners, tuple(people))


def render_shots(scenes: Sequence[RenderedScene], config: CameraConfig) -> Iterator[Shot]:
    """Yield what the camera sees of each scene of a sequence."""
    lens = NOMINAL.depth(config.depth_mode)
    for number, scene in enumerate(scenes):
        seen = render(scene, lens, number)
        yield Shot(
            BodyInput(seen.depth, seen.infrared, round(number * PERIOD_S * 1e6)), seen.index_map,
            tuple((truth.positions, truth.visible) for truth in seen.people))
