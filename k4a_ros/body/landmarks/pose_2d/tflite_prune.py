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
Leaving out of a TensorFlow Lite model what nobody asks for.

The landmark model has two outputs, a mask and heat maps, that are not needed here; they take more
than a third of its time, and LiteRT computes all outputs that a file has. What tells which those
are is in the file's last part, a FlatBuffer (https://flatbuffers.dev/internals/) of the tables in
tensorflow/lite/schema/schema.fbs: shortening two of its vectors leaves everything else in place.
"""

from __future__ import annotations

from collections.abc import Collection
import struct

#: fields of the tables, counted from 0: Model.subgraphs; SubGraph.tensors, outputs, operators;
#: Tensor.name; Operator.inputs, outputs
_SUBGRAPHS, _TENSORS, _OUTPUTS, _OPERATORS, _NAME = 2, 0, 2, 3, 3
_TAKEN, _MADE = 1, 2
_IDENTIFIER = b'TFL3'


def prune_outputs(model: bytes, outputs: Collection[str]) -> bytes:
    """
    Return a model that has no more outputs than these, and nothing that only others need.

    What remains is computed as before, to the last bit.

    :param model: contents of a file of one graph.
    :param outputs: their names; what the model does not have is not missed.
    :raises ValueError: that is no such model.
    """
    if model[4:8] != _IDENTIFIER:
        raise ValueError(f'it begins with {model[:8]!r}, not as a TensorFlow Lite model')
    data = bytearray(model)
    try:
        _shorten(data, outputs)
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError('its tables are damaged') from error
    return bytes(data)


def _shorten(data: bytearray, outputs: Collection[str]) -> None:
    """Take outputs and operators out of the only graph of a model."""
    graphs = _Table(data, _target(data, 0)).tables(_SUBGRAPHS)
    if len(graphs) != 1:
        raise ValueError(f'it has {len(graphs)} graphs, expected 1')
    graph = graphs[0]
    names = [tensor.text(_NAME) for tensor in graph.tables(_TENSORS)]
    kept = [number for number in graph.integers(_OUTPUTS)
            if 0 <= number < len(names) and names[number] in outputs]
    needed = set(kept)
    operators = []
    # they are in the order in which they are computed
    for operator in reversed(graph.tables(_OPERATORS)):
        if not needed.isdisjoint(operator.integers(_MADE)):
            needed.update(operator.integers(_TAKEN))
            operators.append(operator.place)
    start = graph.shorten(_OUTPUTS, len(kept))
    struct.pack_into(f'<{len(kept)}i', data, start, *kept)
    start = graph.shorten(_OPERATORS, len(operators))
    for number, target in enumerate(reversed(operators)):
        place = start + 4 * number
        struct.pack_into('<I', data, place, target - place)


def _target(data: bytearray, place: int) -> int:
    """Return where an offset at a place leads to."""
    offset: int = struct.unpack_from('<I', data, place)[0]
    return place + offset


class _Table:
    """A table at a place of a FlatBuffer."""

    def __init__(self, data: bytearray, place: int) -> None:
        self._data, self.place = data, place
        self._fields = place - int(struct.unpack_from('<i', data, place)[0])

    def integers(self, field: int) -> tuple[int, ...]:
        """Return the int32 of a vector."""
        start, count = self._vector(field)
        return struct.unpack_from(f'<{count}i', self._data, start)

    def tables(self, field: int) -> list[_Table]:
        """Return the tables of a vector."""
        start, count = self._vector(field)
        return [_Table(self._data, _target(self._data, start + 4 * number))
                for number in range(count)]

    def text(self, field: int) -> str:
        """Return a string."""
        start, count = self._vector(field)
        return self._data[start:start + count].decode()

    def shorten(self, field: int, count: int) -> int:
        """Let a vector have fewer elements, and return where they begin."""
        start, before = self._vector(field)
        if before:
            struct.pack_into('<I', self._data, start - 4, count)
        return start

    def _vector(self, field: int) -> tuple[int, int]:
        """Return where a vector's elements begin, and how many there are: none if it is absent."""
        entry = 4 + 2 * field
        if entry >= struct.unpack_from('<H', self._data, self._fields)[0]:
            return 0, 0
        offset: int = struct.unpack_from('<H', self._data, self._fields + entry)[0]
        if not offset:
            return 0, 0
        place = _target(self._data, self.place + offset)
        return place + 4, struct.unpack_from('<I', self._data, place)[0]
