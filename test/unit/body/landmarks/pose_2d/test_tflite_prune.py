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

"""A model without what nobody asks for."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.body.landmarks.pose_2d import tflite_prune
import numpy as np
import numpy.typing as npt
import pytest
from support.landmarks import installed_litert
from support.landmarks import installed_model

WANTED = ('Identity', 'Identity_1', 'Identity_4')


@pytest.fixture(scope='module')
def path() -> Path:
    """Return the landmark model, skip where it is not installed."""
    return installed_model()


@pytest.fixture(scope='module')
def litert():
    """Return what makes an interpreter of LiteRT."""
    module = installed_litert()

    def interpreter(model: bytes):
        made = module.Interpreter(model_content=model, num_threads=1)
        made.allocate_tensors()
        return made

    return interpreter


def outputs(interpreter, picture: npt.NDArray[np.float32]) -> dict[str, bytes]:
    interpreter.set_tensor(interpreter.get_input_details()[0]['index'], picture)
    interpreter.invoke()
    return {detail['name']: interpreter.get_tensor(detail['index']).tobytes()
            for detail in interpreter.get_output_details()}


def test_what_remains_is_the_same_to_the_last_bit(path, litert):
    model = path.read_bytes()
    whole, less = litert(model), litert(tflite_prune.prune_outputs(model, WANTED))
    random = np.random.default_rng(0)
    for _ in range(3):
        picture = random.random((1, 256, 256, 3), np.float32)
        expected, found = outputs(whole, picture), outputs(less, picture)
        assert set(expected) > set(found) == set(WANTED)
        assert found == {name: expected[name] for name in WANTED}


def test_what_only_others_need_is_gone(path, litert):
    def operators(model: bytes) -> int:
        return len(litert(model)._get_ops_details())

    model = path.read_bytes()
    assert operators(tflite_prune.prune_outputs(model, WANTED)) < operators(model)
    mask = litert(tflite_prune.prune_outputs(model, ['Identity_2']))
    assert list(outputs(mask, np.zeros((1, 256, 256, 3), np.float32))) == ['Identity_2']


def test_all_outputs_leave_a_model_as_it_is(path):
    model = path.read_bytes()
    every = [f'Identity{suffix}' for suffix in ('', '_1', '_2', '_3', '_4')]
    assert tflite_prune.prune_outputs(model, every) == model


@pytest.mark.parametrize('data', [b'', b'TFL3', b'this is not a network', b'\0' * 100])
def test_what_is_no_model_is_refused(data):
    with pytest.raises(ValueError, match='not as a TensorFlow Lite model'):
        tflite_prune.prune_outputs(data, WANTED)


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=0, max_size=200))
def test_tables_that_are_damaged_are_refused(rest):
    """Whatever follows the mark, there is one kind of error, and no end of memory or time."""
    data = b'\x08\0\0\0TFL3' + rest
    try:
        tflite_prune.prune_outputs(data, WANTED)
    except ValueError as error:
        assert 'damaged' in str(error) or 'graphs' in str(error)


@pytest.mark.parametrize('share', [0.5, 0.9, 0.99, 0.999])
def test_a_model_that_is_cut_off_is_refused(path, share):
    """What tells of the graph is at the end of a file."""
    model = path.read_bytes()
    with pytest.raises(ValueError, match='damaged'):
        tflite_prune.prune_outputs(model[:int(share * len(model))], WANTED)
