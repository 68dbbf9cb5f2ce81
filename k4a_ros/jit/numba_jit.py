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


"""Compiles inner loops with numba, where it is installed; what it compiles, it keeps on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import TypeVar

try:
    import numba as _numba
except ImportError:
    _numba = None
numba: Any = _numba

F = TypeVar('F', bound=Callable[..., Any])

#: whether ``compiled`` compiles
AVAILABLE = numba is not None


def compiled(function: F) -> F:
    """
    Compile a function at its first call, or load what an earlier process has compiled.

    The arithmetic is that of IEEE 754 to the last bit, as numpy's is: no reordering, no fused
    operations. The function runs without the GIL, does not check bounds, and divides by zero as
    numpy does. Without numba it is returned as it is.
    """
    return _compiled(function)


def compiled_fused(function: F) -> F:
    """As `compiled`, but a * b + c may be one operation, which is rounded once."""
    return _compiled(function, fastmath={'contract'})


def _compiled(function: F, **options: Any) -> F:
    if numba is None:
        return function
    options.update(nopython=True, nogil=True, error_model='numpy')
    try:
        result: F = numba.jit(cache=True, **options)(function)
    except RuntimeError:
        # neither the package's directory nor the user's cache can be written to
        result = numba.jit(**options)(function)
    return result


def _prefetch(_: Any, array: Any, index: Any) -> Any:
    """
    Have an element of an array brought into the cache, while compiled code goes on.

    An instruction of the processor that may do nothing, and never fails.

    :param array: of numba's, as ``index``: a tuple of int64, of which the last may be left out.
    """
    cgutils, types = numba.core.cgutils, numba.core.types
    ir = cgutils.ir

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        place = cgutils.unpack_tuple(builder, arguments[1])
        place += [context.get_constant(types.intp, 0)] * (kind.ndim - len(place))
        pointer = builder.bitcast(
            cgutils.get_item_pointer(
                context, builder, kind, context.make_array(kind)(context, builder, arguments[0]),
                place), cgutils.voidptr_t)
        flag = ir.IntType(32)
        call = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [pointer.type, *(flag,) * 3]),
            'llvm.prefetch.p0i8')
        # to read, to keep in all caches, data
        builder.call(call, [pointer, flag(0), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


#: called by compiled code: ``prefetch(array, index)``
prefetch: Any = numba and numba.extending.intrinsic(_prefetch)
