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
Measure the accuracy of body tracking with landmarks on people whose joints are known.

    OPENBLAS_NUM_THREADS=1 python benchmark/bodies.py
        [--mode NFOV_UNBINNED] [--fresh SEED] [--crowded SEED] [--scenes REGEX] [--sight]
        [--model FILE] [--threads 1]

Prints the tables of docs/body_tracking.md: one row per scene of simulated or rendered people. Only
visible joints count: those inside of the image that neither others nor another limb occludes.

    found            of the people of whom at least 1500 pixels are visible
    extra            bodies where there is no person
    within 100 mm    the share of the joints this close to the truth
    MEDIUM           the share of the joints that the tracker gives confidence MEDIUM
    of MEDIUM        the share of joints with MEDIUM, visible or not, within 100 mm
    ids              the most body ids that one person has had
    IoU              median intersection over union of the index map
    CPU ms           time of all threads per image, without the first two images of a sequence

OPENBLAS_NUM_THREADS=1 is what the driver sets. --fresh SEED measures random scenes instead, which
were not used to tune any threshold. --crowded SEED does so with people who touch furniture, walls
and each other, some of them in clothes ("dressed"); images of the first second of these scenes do
not count. --scenes REGEX measures only those whose whole name matches, such as
'six.*|at board 1'.

--sight adds how good the model's output is: the shares of the joints that are within 100 mm and
75 mm of the line of sight of their landmark, before anything is made of depth. Fitting the limbs
to the depth image corrects a part of the others. A hand and its tip have several landmarks, of
which the nearest one counts; joints of the trunk without a landmark count as correct.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
import re
import sys
import time

import cv2
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np

if (tests := str(Path(__file__).resolve().parents[1] / 'test')) not in sys.path:
    sys.path.insert(0, tests)

from support.people import crowded_scenes
from support.people import random_scenes
from support.people.scenes import SCENES
from support.people.score import Score
from support.people.shots import BARE
from support.people.shots import CROSSING
from support.people.shots import NOMINAL
from support.people.shots import render_shots
from support.people.shots import ROOM
from support.people.shots import Shot
from support.people.shots import simulate_shots
from support.people.sight import SightedEstimator

_COLUMNS = ('scene', 'images', 'found', 'extra', 'median mm', 'p90 mm', 'within 100 mm',
            'MEDIUM', 'of MEDIUM', 'ids', 'IoU', 'CPU ms')
_SIMULATED, _DRESSED, _RENDERED = 'all simulated', 'all dressed', 'all rendered'
_RENDERED_DRESSED = 'all rendered, dressed'
#: images at the start of a sequence that do not count for its CPU time
_WARM_UP_IMAGES = 2
#: the distance up to which a joint counts as correct
_MAX_ERROR_M = 0.1
_SIGHT_COLUMNS, _SIGHT_LIMITS_M = ('sight 100 mm', 'sight 75 mm'), (0.1, 0.075)


def main() -> None:
    """Measure all scenes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--mode', default='NFOV_UNBINNED', choices=[
        mode.name for mode in DepthMode if mode.has_depth])
    parser.add_argument('--fresh', type=int, metavar='SEED', help='measure random scenes')
    parser.add_argument('--crowded', type=int, metavar='SEED', help='measure crowded rooms')
    parser.add_argument('--scenes', default='.*', metavar='REGEX', help='measure only these')
    parser.add_argument('--model', default='', help='model file, if mediapipe is not installed')
    parser.add_argument('--threads', type=int, default=1, help='threads of OpenCV')
    parser.add_argument('--sight', action='store_true',
                        help="add how good the model's output is, whatever the depth")
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    config = CameraConfig.of_modes(DepthMode[arguments.mode], ColorResolution.OFF)
    print(f'{arguments.mode}\n')
    columns = (*_COLUMNS, *(_SIGHT_COLUMNS if arguments.sight else ()))
    _print_row(*columns)
    _print_row(*['---'] * len(columns))
    totals = {group: Score() for group in (
        _SIMULATED, _DRESSED, _RENDERED, _RENDERED_DRESSED)}
    uncounted = 0 if arguments.crowded is None else crowded_scenes.UNSCORED_FRAMES
    sequences = (_sequences(config, arguments.fresh) if arguments.crowded is None
                 else _crowded(config, arguments.crowded))
    for name, group, shots in sequences:
        if not re.fullmatch(arguments.scenes, name):
            continue
        tracker = SightedEstimator(NOMINAL, config, arguments.model)
        score, times_ms = Score(), []
        for shot in shots:
            start = time.process_time()
            frame = tracker.estimate(shot.images)
            times_ms.append((time.process_time() - start) * 1e3)
            if len(times_ms) > uncounted:
                score.add(frame, shot, tracker.rays if arguments.sight else None)
        tracker.close()
        totals[group].merge(score)
        _print_score(name, score, arguments.sight, times_ms)
    everyone = Score()
    for name, score in totals.items():
        if score.people:
            _print_score(name, score, arguments.sight)
            everyone.merge(score)
    if everyone.people:
        _print_score('all', everyone, arguments.sight)


def _sequences(
    config: CameraConfig, seed: int | None,
) -> Iterator[tuple[str, str, Iterator[Shot]]]:
    """Yield name, group and images of each scene."""
    if seed is not None:
        period_us = random_scenes.SIMULATED_PERIOD_US
        times_us = range(0, random_scenes.SIMULATED_FRAMES * period_us, period_us)
        for name, world in random_scenes.simulated_scenes(seed, BARE):
            yield name, _SIMULATED, simulate_shots(world, config, times_us, seed)
        for name, scenes in random_scenes.rendered_scenes(seed):
            yield name, _RENDERED, render_shots(scenes, config)
        return
    for name, world in (('simulated walk', ROOM), ('simulated crossing', CROSSING)):
        yield name, _SIMULATED, simulate_shots(world, config, range(0, 4_000_000, 66_667))
    for name, scenes in SCENES.items():
        yield name, _RENDERED, render_shots(scenes, config)


def _crowded(config: CameraConfig, seed: int) -> Iterator[tuple[str, str, Iterator[Shot]]]:
    """Yield name, group and images of crowded scenes."""
    times_us = range(0, crowded_scenes.FRAMES * 66_667, 66_667)
    for group, worlds in ((_SIMULATED, crowded_scenes.simulated_scenes(seed, BARE)),
                          (_DRESSED, crowded_scenes.dressed_scenes(seed, BARE))):
        for name, world in worlds:
            yield name, group, simulate_shots(world, config, times_us, seed)
    for group, crowds in ((_RENDERED, crowded_scenes.crowded_scenes(seed)),
                          (_RENDERED_DRESSED, crowded_scenes.dressed_crowds(seed))):
        for name, scenes in crowds:
            yield name, group, render_shots(scenes, config)


def _print_score(
    name: str, score: Score, sight: bool, times_ms: list[float] | None = None,
) -> None:
    """Print a row of the table; without times for the total of a group."""
    cells = [name, '' if times_ms is None else str(len(times_ms)),
             f'{score.people - score.missed} of {score.people}', str(score.extra)]
    if score.errors:
        ids = max((len(ids) for ids in score.ids.values()), default=None)
        cells += [f'{score.error_percentile(50) * 1e3:.0f}',
                  f'{score.error_percentile(90) * 1e3:.0f}',
                  f'{score.share_within(_MAX_ERROR_M):.1%}',
                  f'{np.mean(score.medium):.0%}',
                  f'{score.share_within(_MAX_ERROR_M, medium_only=True):.1%}',
                  '' if ids is None else str(ids), f'{np.median(score.overlaps):.2f}']
    else:
        cells += [''] * 7
    if times_ms is None:
        cells.append('')
    else:
        cells.append(f'{np.median(times_ms[_WARM_UP_IMAGES:] or times_ms):.0f}')
    if sight:
        cells += [
            f'{np.mean(np.array(score.sight_errors) < limit):.1%}' if score.sight_errors else ''
            for limit in _SIGHT_LIMITS_M]
    _print_row(*cells)


def _print_row(*cells: str) -> None:
    print('| ' + ' | '.join(cells) + ' |', flush=True)


if __name__ == '__main__':
    main()
