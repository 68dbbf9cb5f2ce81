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

"""Call functions of C libraries by their address, from compiled code as well as from Python."""

from __future__ import annotations

from collections.abc import Callable
import ctypes
import functools
from typing import Any

from k4a_ros.jit.numba_jit import numba


@functools.cache
def _function(address: int, count: int) -> Callable[..., int]:
    return ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_ssize_t] * count)(address)


def call_from_python(address: int, arguments: tuple[int, ...]) -> int:
    """Call a C function as `call_native` does, from Python."""
    return _function(int(address), len(arguments))(*map(int, arguments))


def _call(_: Any, address: Any, arguments: Any) -> Any:
    """
    Compile `call_native`.

    :param address: numba type of an integer.
    :param arguments: numba type of a tuple of integers.
    """
    cgutils, types = numba.core.cgutils, numba.core.types
    ir = cgutils.ir

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = cgutils.unpack_tuple(builder, values[1])
        kind = ir.FunctionType(ir.IntType(32), [word.type for word in words])
        return builder.call(builder.inttoptr(values[0], kind.as_pointer()), words)

    return types.int32(types.intp, types.UniTuple(types.intp, len(arguments))), generate


#: ``call_native(address, arguments)`` calls a C function that returns an int, and returns that.
#: The arguments are a tuple of integers and addresses: integer arguments of all sizes have a
#: register each on x86-64 and arm64, where a function ignores the upper half that it does not use.
call_native: Any = numba.extending.intrinsic(_call) if numba else call_from_python
