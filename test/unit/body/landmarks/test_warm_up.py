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

"""The warm-up compiles all kernels before the first frame."""

from __future__ import annotations

import subprocess
import sys

from support.landmarks import need_landmarks
from support.time_limits import PROCESS_TIMEOUT_S

#: run in its own process, as other tests have compiled kernels
PROGRAM = """
from dataclasses import replace
import sys

from k4a_ros.body.landmarks.estimator import LandmarkEstimator
from k4a_ros.camera_config import CameraConfig, ColorResolution, DepthMode
from k4a_ros.body.landmarks.warm_up import warm_up_bodies
from support.people.shots import NOMINAL, ROOM, simulate_shots


def signatures():
    modules = [module for name, module in sys.modules.items() if name.startswith('k4a_ros.body.')]
    return {f'{function.__module__}.{function.__name__}': len(function.signatures)
            for module in modules for function in vars(module).values()
            if hasattr(function, 'signatures')}


warm_up_bodies()
before = signatures()
assert len(before) > 10, before
config = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.OFF)
tracker = LandmarkEstimator(NOMINAL, config)
for shot in simulate_shots(ROOM, config, range(0, 200_000, 66_667)):
    # the images of a capture are read-only
    shot.images.depth.flags.writeable = shot.images.infrared.flags.writeable = False
    assert len(tracker.estimate(shot.images).bodies) == 1
after = signatures()
assert after == before, set(after.items()) ^ set(before.items())
"""


def test_tracking_after_warm_up_compiles_nothing():
    need_landmarks()
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True,
        timeout=PROCESS_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
