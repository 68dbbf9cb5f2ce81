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
Measure the poses that k4a_calibrate_rig finds, against the truth of the simulated camera.

    python benchmark/rig_calibration.py [--cameras 3 8] [--seeds 1] [--picture FILE.png]

Prints the table of docs/rig_calibration.md. Cameras stand on an arc (3) or a circle (8) of 1.6 m
around a board of 560 mm x 400 mm that is shown in random places and directions, with the noise of
depth and infrared. Images of the simulated camera are not smoothed, so that an edge is where a
pixel begins, and corners scatter by 0.2 to 0.3 pixels: more than those of a real lens.

Pairwise: the pose between two cameras is the mean of those that solvePnP gives in their common
views (color, iterative), and the cameras are connected over the pairs with the most of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
import itertools
import math
import time

import cv2
from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.rig_calibration.graph import angle_between
from k4a_ros.rig_calibration.observations import CameraModel
from k4a_ros.rig_calibration.observations import COLOR
from k4a_ros.rig_calibration.observations import Observations
from k4a_ros.rig_calibration.picture import picture
from k4a_ros.rig_calibration.solution import solve
from k4a_ros.rig_calibration.solution import warnings
from k4a_ros.rig_calibration.views import Frame
from k4a_ros.rig_calibration.views import ViewCollector
from k4a_ros.simulation.board import BoardObject
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.shapes import Plane
import numpy as np

CALIBRATION = FactoryCalibration.from_raw(nominal_calibration())
CONFIG = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
BOARD = CharucoBoard(7, 5, 0.08)
RADIUS_M = 1.6
CENTER = np.array((0.0, 0.1, RADIUS_M))
SECOND_US = 1_000_000


def cameras_around(count: int) -> list[CameraPath]:
    """Return cameras that look at the center: a circle of many, an arc of few."""
    step = math.radians(min(45.0, 360.0 / count))
    paths = []
    for i in range(count):
        angle = step * (i - (count - 1) / 2)
        position = CENTER + (RADIUS_M * math.sin(angle), -0.4 * (i % 2),
                             -RADIUS_M * math.cos(angle))
        yaw, pitch = direction(CENTER - position)
        paths.append(CameraPath((Waypoint(0.0, tuple(position), yaw, pitch, 0.0),)))
    return paths


def direction(vector: np.ndarray) -> tuple[float, float]:
    """Return yaw to the left and pitch downward of a direction in the world of scenes."""
    x, y, z = vector
    return math.atan2(-x, z), math.atan2(y, math.hypot(x, z))


def shown_board(cameras: Sequence[CameraPath], places: int, seed: int) -> BoardObject:
    """Return a board that is shown to the cameras in turn, for an instant at each second."""
    rng = np.random.default_rng(seed)
    stops = []
    for i in range(places):
        first, second = (np.array(cameras[(i + k) % len(cameras)].waypoints[0].position)
                         for k in (0, 1 if i % len(cameras) < len(cameras) - 1 else 0))
        place = CENTER + rng.uniform(-0.35, 0.35, 3) * (1, 0.8, 1)
        yaw, pitch = direction(place - (first + second) / 2)
        stops.append(Waypoint(float(i), tuple(place), yaw + rng.uniform(-0.45, 0.45),
                              pitch + rng.uniform(-0.5, 0.5), rng.uniform(-0.6, 0.6)))
    return BoardObject('board', BOARD, CameraPath(tuple(stops)))


def observe(cameras: Sequence[CameraPath], board: BoardObject, places: int) -> Observations:
    """Return what all cameras see."""
    scene = Scene((Plane((0, 1.1, 0), (0, -1, 0)),), boards=(board,))
    models = tuple(CameraModel.of(f'cam{i}', CALIBRATION, CONFIG) for i in range(len(cameras)))
    sensors = [Sensor(replace(scene, camera=path), CALIBRATION, CONFIG, seed=i)
               for i, path in enumerate(cameras)]
    collector = ViewCollector(BOARD, models, min_moments=1)
    for place in range(places):
        frames = {}
        for i, sensor in enumerate(sensors):
            depth, infrared = sensor.depth_and_ir(place * SECOND_US)
            color = cv2.cvtColor(sensor.color(place * SECOND_US), cv2.COLOR_BGR2GRAY)
            frames[i] = Frame(color, infrared, depth)
        collector.add(frames)
    return collector.observations()


def true_poses(cameras: Sequence[CameraPath]) -> list[RigidTransform]:
    """Return the poses in the frame of the first camera."""
    poses = []
    for path in cameras:
        rotation, translation = path.housing([0.0])
        poses.append(RigidTransform(rotation[0], translation[0]))
    return [poses[0].inverse() @ pose for pose in poses]


def pairwise(seen: Observations) -> list[RigidTransform]:
    """Return the poses over means of what solvePnP gives in the common views of pairs."""
    def pose(view: int, camera: int) -> RigidTransform | None:
        for corners in seen.views[view][camera].corners:
            if corners.sensor == COLOR:
                _, rotation, translation = cv2.solvePnP(
                    BOARD.corners[corners.ids], corners.rays, np.eye(3), None)
                sensor = seen.cameras[camera].sensors[COLOR]
                return sensor.from_base.inverse() @ RigidTransform(
                    cv2.Rodrigues(rotation)[0], translation.ravel())
        return None

    links: dict[tuple[int, int], list[RigidTransform]] = {}
    for view, sightings in enumerate(seen.views):
        found = {c: p for c in sightings if (p := pose(view, c)) is not None}
        for a, b in itertools.permutations(found, 2):
            links.setdefault((a, b), []).append(found[a] @ found[b].inverse())
    known = {0: RigidTransform.identity()}
    while len(known) < len(seen.cameras):
        a, b = max((pair for pair in links if pair[0] in known and pair[1] not in known),
                   key=lambda pair: len(links[pair]))
        mean = RigidTransform(np.mean([p.rotation for p in links[a, b]], axis=0),
                              np.mean([p.translation for p in links[a, b]], axis=0))
        known[b] = known[a] @ mean.normalized()
    return [known[c] for c in range(len(seen.cameras))]


def errors(found: Sequence[RigidTransform], truth: Sequence[RigidTransform]) -> np.ndarray:
    """Return the errors of all cameras but the first, (N, 2): mm and degrees."""
    return np.array([
        (1000 * np.linalg.norm(a.translation - b.translation), math.degrees(angle_between(a, b)))
        for a, b in zip(found, truth, strict=True)])[1:]


def row(name: str, values: list[np.ndarray], seconds: float = math.nan) -> str:
    """Return a line of the table."""
    mm, degrees = np.concatenate(values).T
    return (f'| {name} | {np.median(mm):.2f} / {mm.max():.2f} | '
            f'{np.median(degrees):.3f} / {degrees.max():.3f} | '
            + ('' if math.isnan(seconds) else f'{seconds:.1f} ') + '|')


def measure(count: int, seeds: int, picture_file: str) -> None:
    """Print the rows of a number of cameras."""
    cameras = cameras_around(count)
    truth = true_poses(cameras)
    places = 6 * count if count > 3 else 24
    found: dict[str, list[np.ndarray]] = {
        name: [] for name in ('pairwise solvePnP', 'corners', 'corners and depth')}
    seconds, within = [], []
    for seed in range(seeds):
        seen = observe(cameras, shown_board(cameras, places, seed), places)
        found['pairwise solvePnP'].append(errors(pairwise(seen), truth))
        for depth in (False, True):
            start_s = time.process_time()
            solution = solve(BOARD, seen, depth=depth)
            seconds.append(time.process_time() - start_s)
            name = 'corners and depth' if depth else 'corners'
            found[name].append(errors(solution.cameras, truth))
        within += [e / (1000 * solution.sigma_m(c + 1))
                   for c, (e, _) in enumerate(found['corners and depth'][-1])]
        for warning in warnings(solution):
            print(f'  seed {seed}: {warning}')
    if picture_file:
        cv2.imwrite(picture_file, picture(solution))
    print(f'{count} cameras, {places} places, {seeds} seeds; corners scatter by '
          + ', '.join(f'{value:.2f} px in {name}'
                      for name, value in solution.bundle.sigma_px.items())
          + f'; error / uncertainty: median {np.median(within):.2f}')
    print('| | mm, median / greatest | degrees | processor time, s |\n| --- | --- | --- | --- |')
    for name, values in found.items():
        print(row(name, values, math.nan if name.startswith('pair') else float(
            np.median(seconds))))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--cameras', type=int, nargs='+', default=[3, 8])
    parser.add_argument('--seeds', type=int, default=1)
    parser.add_argument('--picture', default='', metavar='FILE.png',
                        help='write the picture of the last solution')
    options = parser.parse_args()
    for count in options.cameras:
        measure(count, options.seeds, options.picture)


if __name__ == '__main__':
    main()
