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

"""Where the depth image allows a limb to be."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.landmarks.pose_3d.silhouette_kernels import project
from k4a_ros.body.landmarks.pose_3d.silhouette_kernels import pull
from k4a_ros.body.landmarks.segmentation.person_depth import PersonDepth
from k4a_ros.body.landmarks.segmentation.silhouette import Silhouette
from k4a_ros.camera_config import DepthMode
import numpy as np
from support.fitting import FittedPerson
from support.people.shots import NOMINAL

PERSON = FittedPerson()


def test_pull_moves_impossible_points_to_the_person() -> None:
    inside = PERSON.points[[23, 24]].mean(axis=0)
    beside = inside + [0.5, 0, 0]
    in_trunk, in_front, next_to, behind = (
        np.array(pull(*point, PERSON.silhouette.kernel_arguments))
        for point in (inside, inside * 0.8, beside, beside * 2))
    assert np.array_equal(in_trunk, np.zeros(3))
    assert in_front[2] > 0.2 and np.array_equal(in_front[:2], [0, 0])
    assert -0.5 < next_to[0] < -0.1 and next_to[2] == 0
    # the wall occludes it
    assert np.array_equal(behind, np.zeros(3))


def test_project_matches_the_lens() -> None:
    """All lens models, and wide lenses where distortion is strongest."""
    for mode in (DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED):
        lens = NOMINAL.depth(mode)
        for model in ('brown_conrady', 'rational_6kt'):
            lens = replace(lens, model=model, p1=0.01, p2=-0.02, codx=0.01, cody=-0.01)
            depth = np.zeros((lens.height, lens.width), np.uint16)
            silhouette = Silhouette(PersonDepth(depth, depth == 0, depth > 0, lens), 2)
            parameters = silhouette.kernel_arguments[-1]
            for x, y in np.random.default_rng(4).uniform(-2, 2, (200, 2)):
                pixel = lens.project([x, y, 1.0])[0]
                assert np.allclose(
                    project(x, y, parameters), pixel, 1e-12, 1e-9,
                    equal_nan=True)
