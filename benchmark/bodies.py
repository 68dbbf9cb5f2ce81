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
Measure body tracking with landmarks on people whose joints are known.

    OPENBLAS_NUM_THREADS=1 python benchmark/bodies.py
        [--mode NFOV_UNBINNED] [--fresh SEED] [--model FILE] [--threads 1]

Prints a table as Markdown: simulated and rendered people, scene by scene. A joint counts if it can
be seen: inside of the image and not hidden by others or by another limb. "found" are people of
whom at least 1500 pixels are seen, and how many were; "extra" bodies where nobody is; "within" is
the share of joints closer to the truth than 100 mm, of all and of those with confidence MEDIUM;
"ids" how many numbers a person has had, at most; "overlap" is intersection over union of the index
map; "CPU" the time of all threads per image, in which the model looks once or twice at everybody,
and up to four times at somebody new; one thread for numpy's algebra is what the driver takes. With
--fresh the scenes are others, drawn by lot from the seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import importlib
import importlib.util
from pathlib import Path
import sys
import time
from typing import Any

import cv2
from k4a_ros.body.landmarks.estimator import LandmarkEstimator
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test'))
bodies: Any = importlib.import_module('support.people.score')
people_fresh: Any = importlib.import_module('support.people.fresh')
SCENES: Any = importlib.import_module('support.people.scenes').SCENES

_HEAD = ('scene', 'images', 'found', 'extra', 'median mm', 'p90 mm', 'within', 'within, MEDIUM',
         'ids', 'overlap', 'CPU ms')
#: images of scenes with many of them, of the first of which the time is not counted
_WARM = 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--mode', default='NFOV_UNBINNED', choices=[
        mode.name for mode in DepthMode if mode.has_depth])
    parser.add_argument('--fresh', type=int, metavar='SEED', help='other scenes, drawn by lot')
    parser.add_argument('--model', default='', help='the file of the model, if not installed')
    parser.add_argument('--threads', type=int, default=1, help='of OpenCV')
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    config = CameraConfig.of_modes(DepthMode[arguments.mode], ColorResolution.OFF)
    print(f'{arguments.mode}, OpenCV {cv2.__version__}, '
          f'{"LiteRT" if _has_litert() else "OpenCV"} runs the model\n')
    _row(*_HEAD)
    _row(*['---'] * len(_HEAD))
    groups = {'all simulated': bodies.Score(), 'all rendered': bodies.Score()}
    for name, group, shots in _scenes(config, arguments.fresh):
        tracker = LandmarkEstimator(bodies.NOMINAL, config, arguments.model)
        score, times = bodies.Score(), []
        for shot in shots:
            start = time.process_time()
            frame = tracker.estimate(shot.images)
            times.append((time.process_time() - start) * 1e3)
            score.add(frame, shot)
        tracker.close()
        groups[group].join(score)
        _print(name, len(times), score, float(np.median(times[_WARM:] or times)))
    for name, score in groups.items():
        _print(name, None, score, None)


def _scenes(
    config: CameraConfig, fresh: int | None,
) -> Iterator[tuple[str, str, Iterator[Any]]]:
    if fresh is not None:
        times = range(0, people_fresh.IMAGES * people_fresh.STEP_US, people_fresh.STEP_US)
        for name, world in people_fresh.walkers(fresh, bodies.BARE):
            yield name, 'all simulated', bodies.simulated(world, config, times, fresh)
        for name, sequence in people_fresh.stills(fresh):
            yield name, 'all rendered', bodies.rendered(sequence, config)
        return
    for name, scene in (('simulated walk', bodies.ROOM), ('simulated crossing', bodies.CROSSING)):
        yield name, 'all simulated', bodies.simulated(scene, config, range(0, 4_000_000, 66_667))
    for name in SCENES:
        yield name, 'all rendered', bodies.rendered(name, config)


def _print(name: str, images: int | None, score: Any, milliseconds: float | None) -> None:
    """Print a row of the table."""
    cells = [name, '' if images is None else str(images),
             f'{score.people - score.missed} of {score.people}', str(score.extra)]
    if score.errors:
        numbers = max((len(ids) for ids in score.numbers.values()), default=None)
        cells += [f'{score.error(50) * 1e3:.0f}', f'{score.error(90) * 1e3:.0f}',
                  f'{score.within(0.1):.1%}', f'{score.within(0.1, sure=True):.1%}',
                  '' if numbers is None else str(numbers), f'{np.median(score.overlaps):.2f}']
    else:
        cells += [''] * 6
    _row(*cells, '' if milliseconds is None else f'{milliseconds:.0f}')


def _row(*cells: str) -> None:
    print('| ' + ' | '.join(cells) + ' |', flush=True)


def _has_litert() -> bool:
    return importlib.util.find_spec('ai_edge_litert') is not None


if __name__ == '__main__':
    main()
