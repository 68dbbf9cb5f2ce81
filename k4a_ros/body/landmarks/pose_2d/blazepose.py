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

"""Find, verify and run the landmark model: BlazePose, as Google publishes it in `mediapipe`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from k4a_ros.body.landmarks.pose_2d.model_file import find_in_mediapipe
from k4a_ros.body.landmarks.pose_2d.model_file import INSTALL_COMMAND
from k4a_ros.body.landmarks.pose_2d.model_file import load_model
from k4a_ros.body.landmarks.pose_2d.model_file import ModelFile
from k4a_ros.body.landmarks.pose_2d.model_file import Runner
from k4a_ros.body.landmarks.pose_2d.tflite_prune import prune_outputs
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import FileError
from k4a_ros.process.files import check_regular
from k4a_ros.process.files import read_regular
import numpy as np
import numpy.typing as npt

#: side of the square crop that the model takes, pixels
INPUT_SIZE = 256
#: landmarks of the body (Grishchenko et al., "BlazePose GHUM Holistic", 2022); the model's output
#: has six more points: two alignment points, and four that are not used here
LANDMARK_COUNT = 33
#: landmarks of the ears, and of the trunk: left and right shoulder, left and right hip
EARS, TRUNK = [7, 8], [11, 12, 23, 24]
#: visibility up to which a landmark is a guess of the model
MIN_VISIBILITY = 0.5

#: the landmark model in `mediapipe`
MODEL_FILE = ModelFile(
    'landmark model', Path('modules', 'pose_landmark', 'pose_landmark_full.tflite'),
    ('e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f',))
#: ten times the size of the largest model of Google
_MAX_MODEL_BYTES = 300_000_000

_POINTS, _PRESENCE, _WORLD_POINTS = 'Identity', 'Identity_1', 'Identity_4'
#: The outputs that are used, and their sizes: 39 points of x, y, z, visibility and presence; the
#: presence score of the person; 39 points of x, y, z, meters.
_OUTPUT_SIZES = {_POINTS: 195, _PRESENCE: 1, _WORLD_POINTS: 117}

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Landmarks:
    """
    The landmarks of one person in a crop, as the model estimates them.

    ``presence``: the score that there is a person, 0 to 1. ``pixels`` (33, 2): positions in the
    crop, (0, 0) being the outer corner of its first pixel; ``visibility`` (33,): 0 to 1; ``world``
    (33, 3): meters right, down and away from the camera of the crop, from the middle of the hips,
    for a person of average size. ``alignment_center`` and ``alignment_top`` (2,), pixels: the
    model's alignment points, the center of a circle around the whole body, and the point of that
    circle in the direction of the head.
    """

    presence: float
    pixels: Floats
    visibility: Floats
    world: Floats
    alignment_center: Floats
    alignment_top: Floats


class LandmarkModel:
    """
    The landmark model, loaded and ready to run on one thread.

    :param path: the model file; '' for the file in the installed package `mediapipe`, which is
        not imported.
    :raises BodyTrackingError: the file does not exist or is not this model, or LiteRT is not
        installed.
    """

    def __init__(self, path: str = '') -> None:
        self._path = find_model(path)
        self._run = _load(self._path)
        outputs = self._run(np.zeros((INPUT_SIZE, INPUT_SIZE), np.float32))
        sizes = {name: outputs[name].size for name in _OUTPUT_SIZES if name in outputs}
        if sizes != _OUTPUT_SIZES:
            raise BodyTrackingError(
                f'cannot use the landmark model {self._path}: its outputs have the sizes {sizes}, '
                f'expected {_OUTPUT_SIZES} as in {MODEL_FILE.path.name}; set '
                f'body_tracking_model_path to that file, or leave it empty and run '
                f'"{INSTALL_COMMAND}"')

    def __call__(self, crop: Floats) -> Landmarks:
        """
        Estimate the landmarks of the person in a crop.

        :param crop: (256, 256) float32, 0 black to 1 white.
        """
        outputs = self._run(crop)
        points = outputs[_POINTS].reshape(-1, 5)
        body = points[:LANDMARK_COUNT]
        with np.errstate(over='ignore'):
            visibility: npt.NDArray[np.float32] = np.float32(1) / (
                np.float32(1) + np.exp(-body[:, 3]))
        return Landmarks(
            presence=float(outputs[_PRESENCE].reshape(-1)[0]),
            pixels=body[:, :2].copy(),
            visibility=visibility,
            world=outputs[_WORLD_POINTS].reshape(-1, 3)[:LANDMARK_COUNT].copy(),
            alignment_center=points[LANDMARK_COUNT, :2].copy(),
            alignment_top=points[LANDMARK_COUNT + 1, :2].copy())


def find_model(path: str = '') -> Path:
    """
    Return the path of the model file.

    :param path: a file to use; '' for the file in the installed package `mediapipe`, which is not
        imported.
    :raises BodyTrackingError: there is no such file, or the checksum of the packaged file is not
        the expected one.
    """
    if path:
        return _existing_file(Path(path))
    return find_in_mediapipe(
        MODEL_FILE, ', or set body_tracking_model_path to a file that you trust')


def _existing_file(path: Path) -> Path:
    try:
        check_regular(path)
    except FileError as error:
        raise BodyTrackingError(
            f'cannot open the landmark model: body_tracking_model_path is {path}: {error}; '
            f'correct the path, or leave it empty and run "{INSTALL_COMMAND}"') from error
    return path


def _load(path: Path) -> Runner:
    """Load the model, without the outputs that are not used."""
    try:
        return load_model(prune_outputs(read_regular(path, _MAX_MODEL_BYTES), _OUTPUT_SIZES))
    except (FileError, RuntimeError, ValueError) as error:
        reason = ' '.join(str(error).split())
        raise BodyTrackingError(
            f'cannot read the landmark model {path} ({reason[:200]}): it must be '
            f'{MODEL_FILE.path.name}, which "{INSTALL_COMMAND}" installs') from error
