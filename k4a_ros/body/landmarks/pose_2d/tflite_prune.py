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
Prune unused outputs from a TensorFlow Lite model.

The landmark model has two outputs, a segmentation mask and heat maps, that are not used here; they
take more than a third of its time, and LiteRT computes every output of a file. Outputs and
operators are listed in a FlatBuffer (https://flatbuffers.dev/internals/) at the end of the file,
with the tables of tensorflow/lite/schema/schema.fbs: shortening two of its vectors removes them
and leaves everything else in place.
"""

from __future__ import annotations

from collections.abc import Collection
import struct

#: indices of fields in the tables Model, SubGraph, Tensor and Operator, counted from 0
_MODEL_SUBGRAPHS = 2
_SUBGRAPH_TENSORS, _SUBGRAPH_OUTPUTS, _SUBGRAPH_OPERATORS = 0, 2, 3
_TENSOR_NAME = 3
_OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 1, 2
_IDENTIFIER = b'TFL3'


def prune_outputs(model: bytes, outputs: Collection[str]) -> bytes:
    """
    Return a model without the outputs that are not listed, and the operators that only they need.

    The remaining outputs are computed as before, to the last bit.

    :param model: contents of a model file with one subgraph.
    :param outputs: names of outputs to keep; names that the model does not have are ignored.
    :raises ValueError: this is not such a model.
    """
    if model[4:8] != _IDENTIFIER:
        raise ValueError(
            f'not a TensorFlow Lite model: begins with {model[:8]!r}, expected {_IDENTIFIER!r} '
            'at byte 4')
    data = bytearray(model)
    try:
        _prune(data, outputs)
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError('damaged tables in the TensorFlow Lite model') from error
    return bytes(data)


def _prune(data: bytearray, outputs: Collection[str]) -> None:
    """Remove outputs and operators from the only subgraph of a model, in place."""
    graphs = _Table(data, _follow_offset(data, 0)).tables(_MODEL_SUBGRAPHS)
    if len(graphs) != 1:
        raise ValueError(f'the TensorFlow Lite model has {len(graphs)} subgraphs, expected 1')
    graph = graphs[0]
    names = [tensor.string(_TENSOR_NAME) for tensor in graph.tables(_SUBGRAPH_TENSORS)]
    kept = [number for number in graph.integers(_SUBGRAPH_OUTPUTS)
            if 0 <= number < len(names) and names[number] in outputs]
    needed_tensors = set(kept)
    operators = []
    # operators are stored in the order of execution
    for operator in reversed(graph.tables(_SUBGRAPH_OPERATORS)):
        if not needed_tensors.isdisjoint(operator.integers(_OPERATOR_OUTPUTS)):
            needed_tensors.update(operator.integers(_OPERATOR_INPUTS))
            operators.append(operator.position)
    start = graph.shorten(_SUBGRAPH_OUTPUTS, len(kept))
    struct.pack_into(f'<{len(kept)}i', data, start, *kept)
    start = graph.shorten(_SUBGRAPH_OPERATORS, len(operators))
    for number, target in enumerate(reversed(operators)):
        position = start + 4 * number
        struct.pack_into('<I', data, position, target - position)


def _follow_offset(data: bytearray, position: int) -> int:
    """Return the position that the offset at a position points to."""
    offset: int = struct.unpack_from('<I', data, position)[0]
    return position + offset


class _Table:
    """A table in a FlatBuffer, and its byte position."""

    def __init__(self, data: bytearray, position: int) -> None:
        self._data, self.position = data, position
        self._vtable = position - int(struct.unpack_from('<i', data, position)[0])

    def integers(self, field: int) -> tuple[int, ...]:
        """Return the elements of a vector of int32."""
        start, count = self._vector(field)
        return struct.unpack_from(f'<{count}i', self._data, start)

    def tables(self, field: int) -> list[_Table]:
        """Return the elements of a vector of tables."""
        start, count = self._vector(field)
        return [_Table(self._data, _follow_offset(self._data, start + 4 * number))
                for number in range(count)]

    def string(self, field: int) -> str:
        """Return a string."""
        start, count = self._vector(field)
        return self._data[start:start + count].decode()

    def shorten(self, field: int, count: int) -> int:
        """Reduce the length of a vector, and return the position of its first element."""
        start, old_count = self._vector(field)
        if old_count:
            struct.pack_into('<I', self._data, start - 4, count)
        return start

    def _vector(self, field: int) -> tuple[int, int]:
        """Return the position of a vector's first element and its length, (0, 0) if absent."""
        entry = 4 + 2 * field
        if entry >= struct.unpack_from('<H', self._data, self._vtable)[0]:
            return 0, 0
        offset: int = struct.unpack_from('<H', self._data, self._vtable + entry)[0]
        if not offset:
            return 0, 0
        position = _follow_offset(self._data, self.position + offset)
        return position + 4, struct.unpack_from('<I', self._data, position)[0]
