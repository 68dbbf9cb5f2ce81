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

"""Find and verify model files of Google in the package `mediapipe`, and load them into LiteRT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import hashlib
import importlib.util
from pathlib import Path
import sys

from k4a_ros.errors import BodyTrackingError
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
#: takes an image (side, side), and returns the outputs of a model by name
Runner = Callable[[Floats], dict[str, Floats]]

#: the last Python that mediapipe 0.10.18 has wheels for; its models are the same for all
_LAST_PYTHON = (3, 12)
_IS_LATER = sys.version_info[:2] > _LAST_PYTHON
_OF_LAST_PYTHON = (f'--only-binary :all: --python-version {".".join(map(str, _LAST_PYTHON))} '
                   '--target "$(python3 -m site --user-site)" ')
#: how to install the models: the last version with wheels for x86-64 and aarch64 that has them
INSTALL_COMMAND = (
    f'pip install --no-deps {_OF_LAST_PYTHON if _IS_LATER else ""}mediapipe==0.10.18')
#: how to install what runs them: later versions than 1.4.0 need numpy 2
LITERT_COMMAND = ('pip install --no-deps ai-edge-litert=='
                  f'{"2.3.0" if _IS_LATER else "1.4.0"}')


@dataclass(frozen=True)
class ModelFile:
    """
    A file in `mediapipe`, which is not imported.

    ``name``: what it is, for messages; ``sha256``: the checksums of its known versions, which give
    the same results.
    """

    name: str
    path: Path
    sha256: tuple[str, ...]


def check_litert() -> None:
    """
    Check that LiteRT is installed, without importing it.

    :raises BodyTrackingError: it is not.
    """
    if importlib.util.find_spec('ai_edge_litert') is None:
        raise BodyTrackingError(
            'cannot run the models of body tracking: LiteRT is not installed; run '
            f'"{LITERT_COMMAND}"')


def load_model(model: bytes) -> Runner:
    """
    Load a model of gray images into LiteRT, with one thread.

    :param model: the contents of its file.
    :return: a function that takes an image (side, side) float32, which becomes the red, green and
        blue of the input, and returns the outputs by name.
    :raises BodyTrackingError: LiteRT is not installed.
    :raises ValueError: this is not a model, or LiteRT cannot run it; or RuntimeError.
    """
    check_litert()
    from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    input_index = interpreter.get_input_details()[0]['index']
    outputs = {detail['name']: detail['index'] for detail in interpreter.get_output_details()}

    def run(image: Floats) -> dict[str, Floats]:
        interpreter.set_tensor(
            input_index, np.repeat(image[np.newaxis, ..., np.newaxis], 3, axis=3))
        interpreter.invoke()
        return {name: interpreter.get_tensor(index) for name, index in outputs.items()}

    return run


def find_in_mediapipe(model: ModelFile, remedy: str = '') -> Path:
    """
    Return the path of a model file.

    :param remedy: what else than installing `mediapipe` helps, the end of a sentence after that.
    :raises BodyTrackingError: there is no such file, or its checksum is not a known one.
    """
    spec = importlib.util.find_spec('mediapipe')
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    candidates = (Path(folder) / model.path for folder in folders)
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        reason = ('the package mediapipe is not installed' if spec is None
                  else f'the installed mediapipe has no {model.path.name}')
        raise BodyTrackingError(
            f'cannot find the {model.name}: {reason}; run "{INSTALL_COMMAND}"{remedy}')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest not in model.sha256:
        raise BodyTrackingError(
            f'refused the {model.name} {path}: its SHA-256 is {digest}, expected '
            f'{" or ".join(model.sha256)}; run "{INSTALL_COMMAND} --force-reinstall"{remedy}')
    return path
