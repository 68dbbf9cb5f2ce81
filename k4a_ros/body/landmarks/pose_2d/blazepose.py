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


"""Finding and running the landmark model: BlazePose, as Google publishes it in `mediapipe`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import hashlib
import importlib
import importlib.util
from pathlib import Path
from typing import Any

import cv2
from k4a_ros.body.landmarks.pose_2d import tflite_prune
from k4a_ros.errors import BodyTrackingError
import numpy as np
import numpy.typing as npt

#: side of the square picture that the model takes, pixels
INPUT_SIZE = 256
#: landmarks of the body (Grishchenko et al., "BlazePose GHUM Holistic", 2022), without the two
#: pairs of auxiliary points that follow them
LANDMARK_COUNT = 33
#: of these, left and right shoulder and hip
TRUNK = [11, 12, 23, 24]

#: how to get the model: the last version with wheels for x86-64 and aarch64 that has it inside
INSTALL_COMMAND = 'pip install --no-deps mediapipe==0.10.18'
_IN_PACKAGE = Path('modules', 'pose_landmark', 'pose_landmark_full.tflite')
_SHA256 = 'e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f'

#: 39 points of x, y, z, visibility and presence; the flag; 39 points of x, y, z, meters
_OUTPUTS = {'Identity': 195, 'Identity_1': 1, 'Identity_4': 117}

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Landmarks:
    """
    What the model sees in a picture.

    ``presence``: the score that there is a person, 0 to 1. ``pixels`` (33, 2), with (0, 0) the
    outer corner of the first pixel; ``visibility`` (33,) 0 to 1; ``world`` (33, 3): meters, right,
    down and away from the camera, from the middle of the hips, for a person of average size.
    ``alignment_center`` (2,) and ``alignment_top`` (2,), pixels: center of a circle around the
    whole body, and its point in the direction of the head.
    """

    presence: float
    pixels: Floats
    visibility: Floats
    world: Floats
    alignment_center: Floats
    alignment_top: Floats


class LandmarkModel:
    """
    The model, ready to run.

    :param path: of the file; '' for the one in the installed package `mediapipe`, which is not
        imported.
    :raises BodyTrackingError: there is no such file, it is not this model, or nothing that is
        installed can run it.
    """

    def __init__(self, path: str = '') -> None:
        self._path = find_model(path)
        self._run = _load(self._path)
        outputs = self._run(np.zeros((INPUT_SIZE, INPUT_SIZE), np.float32))
        found = {name: outputs[name].size for name in _OUTPUTS if name in outputs}
        if found != _OUTPUTS:
            raise BodyTrackingError(
                f'the model {self._path} has the outputs {found}, not {_OUTPUTS} of '
                'pose_landmark_full.tflite: give the path of that file, or none and '
                f'"{INSTALL_COMMAND}"')

    def __call__(self, picture: Floats) -> Landmarks:
        """
        Look for one person.

        :param picture: (256, 256) float32, 0 black to 1 white.
        """
        outputs = self._run(picture)
        points = outputs['Identity'].reshape(-1, 5)
        body = points[:LANDMARK_COUNT]
        with np.errstate(over='ignore'):
            visibility = 1 / (1 + np.exp(-body[:, 3]))
        return Landmarks(
            float(outputs['Identity_1'].reshape(-1)[0]), body[:, :2].copy(), visibility,
            outputs['Identity_4'].reshape(-1, 3)[:LANDMARK_COUNT].copy(),
            points[LANDMARK_COUNT, :2].copy(), points[LANDMARK_COUNT + 1, :2].copy())


def find_model(path: str = '') -> Path:
    """
    Return the file of the model.

    :param path: '' for the one in the installed package `mediapipe`, which is not imported for it.
    :raises BodyTrackingError: there is none, or the package's contents are not what is known.
    """
    return _given(Path(path)) if path else _installed()


def _given(path: Path) -> Path:
    if not path.is_file():
        raise BodyTrackingError(
            f'the model {path} of body_tracking_model_path is not there: correct the path, or '
            f'leave it empty and "{INSTALL_COMMAND}"')
    return path


def _installed() -> Path:
    spec = importlib.util.find_spec('mediapipe')
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    path = next(
        (path for path in (Path(place) / _IN_PACKAGE for place in places) if path.is_file()), None)
    if path is None:
        lacks = ('the package mediapipe is not installed' if spec is None
                 else f'the installed mediapipe has no {_IN_PACKAGE.name}')
        raise BodyTrackingError(
            f'body tracking with landmarks has no model: {lacks}; "{INSTALL_COMMAND}", or set '
            'body_tracking_model_path')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != _SHA256:
        raise BodyTrackingError(
            f'body tracking with landmarks refuses the model {path}: its sha256 is {digest}, not '
            f'{_SHA256}; "{INSTALL_COMMAND} --force-reinstall", or name it in '
            'body_tracking_model_path if you trust it')
    return path


def _load(path: Path) -> Callable[[Floats], dict[str, Floats]]:
    """Return what takes a picture and returns the model's outputs by name."""
    try:
        return _with_litert(path)
    except ImportError:
        pass
    except (RuntimeError, ValueError) as error:
        raise _unusable(path, error) from error
    if not hasattr(cv2.dnn, 'readNetFromTFLite'):
        raise BodyTrackingError(
            f'the model {path} needs OpenCV 4.8 or LiteRT to run, and this is OpenCV '
            f'{cv2.__version__}: "pip install --no-deps ai-edge-litert==1.4.0"')
    try:
        return _with_opencv(path)
    except (cv2.error, ValueError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> BodyTrackingError:
    reason = ' '.join(str(error).split())
    return BodyTrackingError(
        f'the model {path} cannot be read ({reason[:200]}): it has to be '
        f'pose_landmark_full.tflite; "{INSTALL_COMMAND}" has it')


def _with_litert(path: Path) -> Callable[[Floats], dict[str, Floats]]:
    """
    Load the model into LiteRT, with one thread.

    :raises ImportError: LiteRT is not installed.
    """
    litert: Any = importlib.import_module('ai_edge_litert.interpreter')
    interpreter = litert.Interpreter(
        model_content=tflite_prune.prune_outputs(path.read_bytes(), _OUTPUTS), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]['index']
    targets = {detail['name']: detail['index'] for detail in interpreter.get_output_details()}

    def run(picture: Floats) -> dict[str, Floats]:
        interpreter.set_tensor(source, np.repeat(picture[np.newaxis, ..., np.newaxis], 3, axis=3))
        interpreter.invoke()
        return {name: interpreter.get_tensor(targets[name])
                for name in _OUTPUTS if name in targets}

    return run


def _with_opencv(path: Path) -> Callable[[Floats], dict[str, Floats]]:
    """Load the model into OpenCV."""
    model = tflite_prune.prune_outputs(path.read_bytes(), _OUTPUTS)
    net = cv2.dnn.readNetFromTFLite(np.frombuffer(model, np.uint8))
    names = [name for name in net.getUnconnectedOutLayersNames() if name in _OUTPUTS]

    def run(picture: Floats) -> dict[str, Floats]:
        net.setInput(np.repeat(picture[np.newaxis, np.newaxis], 3, axis=1))
        outputs: list[Any] = list(net.forward(names))
        return dict(zip(names, outputs, strict=True))

    return run
