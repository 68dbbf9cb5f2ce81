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

"""Prune unused outputs from the landmark model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.body.landmarks.pose_2d import tflite_prune
import numpy as np
import numpy.typing as npt
import pytest
from support.landmarks import installed_litert
from support.landmarks import installed_model

KEPT = ('Identity', 'Identity_1', 'Identity_4')

#: loads the contents of a model file into an interpreter of LiteRT
Interpret = Callable[[bytes], Any]


@pytest.fixture(scope='module')
def path() -> Path:
    """Return the landmark model; skip where it is not installed."""
    return installed_model()


@pytest.fixture(scope='module')
def interpret() -> Interpret:
    """Return a function that loads a model into LiteRT; skip where that is not installed."""
    module = installed_litert()

    def load(model: bytes) -> Any:
        interpreter = module.Interpreter(model_content=model, num_threads=1)
        interpreter.allocate_tensors()
        return interpreter

    return load


def run(interpreter: Any, crop: npt.NDArray[np.float32]) -> dict[str, bytes]:
    interpreter.set_tensor(interpreter.get_input_details()[0]['index'], crop)
    interpreter.invoke()
    return {detail['name']: interpreter.get_tensor(detail['index']).tobytes()
            for detail in interpreter.get_output_details()}


def test_kept_outputs_are_the_same_to_the_last_bit(path: Path, interpret: Interpret) -> None:
    model = path.read_bytes()
    full, pruned = interpret(model), interpret(tflite_prune.prune_outputs(model, KEPT))
    random = np.random.default_rng(0)
    for _ in range(3):
        crop = random.random((1, 256, 256, 3), np.float32)
        expected, found = run(full, crop), run(pruned, crop)
        assert set(expected) > set(found) == set(KEPT)
        assert found == {name: expected[name] for name in KEPT}


def test_operators_of_pruned_outputs_are_removed(path: Path, interpret: Interpret) -> None:
    def operators(model: bytes) -> int:
        return len(interpret(model)._get_ops_details())

    model = path.read_bytes()
    assert operators(tflite_prune.prune_outputs(model, KEPT)) < operators(model)
    mask = interpret(tflite_prune.prune_outputs(model, ['Identity_2']))
    assert list(run(mask, np.zeros((1, 256, 256, 3), np.float32))) == ['Identity_2']


def test_model_with_all_outputs_kept_is_unchanged(path: Path) -> None:
    model = path.read_bytes()
    names = [f'Identity{suffix}' for suffix in ('', '_1', '_2', '_3', '_4')]
    assert tflite_prune.prune_outputs(model, names) == model


@pytest.mark.parametrize('data', [b'', b'TFL3', b'this is not a network', b'\0' * 100])
def test_data_without_the_identifier_raises(data: bytes) -> None:
    with pytest.raises(ValueError, match='not a TensorFlow Lite model'):
        tflite_prune.prune_outputs(data, KEPT)


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=0, max_size=200))
def test_random_tables_raise_value_error(rest: bytes) -> None:
    """No other error is raised after a valid identifier, and memory and time are bounded."""
    data = b'\x08\0\0\0TFL3' + rest
    try:
        tflite_prune.prune_outputs(data, KEPT)
    except ValueError as error:
        assert 'damaged' in str(error) or 'subgraphs' in str(error)


@pytest.mark.parametrize('share', [0.5, 0.9, 0.99, 0.999])
def test_truncated_model_raises(path: Path, share: float) -> None:
    """The tables of the graph are at the end of the file."""
    model = path.read_bytes()
    with pytest.raises(ValueError, match='damaged'):
        tflite_prune.prune_outputs(model[:int(share * len(model))], KEPT)
