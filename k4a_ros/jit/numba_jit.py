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

"""Compile kernels with numba where it is installed, and cache them on disk."""

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

#: whether numba is installed, so that `compiled` compiles
AVAILABLE = numba is not None

#: all functions that `compiled` and `compiled_fused` have returned, if it is
KERNELS: list[Any] = []


def compiled(function: F) -> F:
    """
    Compile a function at its first call, or load it from numba's cache on disk.

    Arithmetic is strict IEEE 754, bit-identical to numpy: no reordering, no fused operations. The
    function runs without the GIL, does not check bounds, and divides by zero as numpy does.
    Without numba, return the function unchanged.
    """
    return _compiled(function)


def compiled_fused(function: F) -> F:
    """Compile a function as `compiled` does, but allow fused multiply-add (rounded once)."""
    return _compiled(function, fastmath={'contract'})


def compiled_inline(function: F) -> F:
    """
    Compile a function into each function that calls it, where LLVM would not do that.

    It is then as fast as if its body was there, which is worth a few tens of percent in a loop.
    """
    return _compiled(function, inline='always')


def _compiled(function: F, **options: Any) -> F:
    if numba is None:
        return function
    options.update(nopython=True, nogil=True, error_model='numpy')
    kernel: Any = numba.jit(**options)(function)
    from k4a_ros.jit.disk_cache import DiskCache
    cache = DiskCache.of(function)
    if cache is not None:
        kernel._cache = cache
    KERNELS.append(kernel)
    result: F = kernel
    return result


def _prefetch(_: Any, array: Any, index: Any) -> Any:
    """
    Prefetch an element of an array into the CPU cache, for compiled code only.

    A hint: the CPU may ignore it, and it never faults, even out of bounds.

    :param array: numba type of the array.
    :param index: numba type of a tuple of int64; missing trailing indices are 0.
    """
    cgutils, types = numba.core.cgutils, numba.core.types
    ir = cgutils.ir

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type = signature.args[0]
        indices = cgutils.unpack_tuple(builder, arguments[1])
        indices += [context.get_constant(types.intp, 0)] * (array_type.ndim - len(indices))
        pointer = builder.bitcast(
            cgutils.get_item_pointer(
                context, builder, array_type,
                context.make_array(array_type)(context, builder, arguments[0]), indices),
            cgutils.voidptr_t)
        i32 = ir.IntType(32)
        call = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [pointer.type, *(i32,) * 3]),
            'llvm.prefetch.p0i8')
        # llvm.prefetch: rw = read, locality = keep in all caches, cache type = data
        builder.call(call, [pointer, i32(0), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


#: for compiled code: ``prefetch(array, index)``; see `_prefetch`
prefetch: Any = numba and numba.extending.intrinsic(_prefetch)
