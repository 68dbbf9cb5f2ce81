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

"""Checks and views of the arrays that callers hand to this package."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def check_array(
    name: str, array: npt.NDArray[Any], shape: tuple[int, ...], dtype: type[np.generic],
) -> None:
    """
    Raise ValueError unless an array has this shape and dtype.

    :param name: of the argument, for the message.
    """
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f'{name} is {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}')


def check_contiguous(
    name: str, array: npt.NDArray[Any], shape: tuple[int, ...], dtype: type[np.generic], *,
    writeable: bool = False,
) -> None:
    """
    Raise ValueError unless an array has this shape and dtype and can be passed to a kernel.

    Kernels need C-contiguous, aligned memory.

    :param name: of the argument, for the message.
    :param writeable: whether the kernel writes to the array.
    """
    check_array(name, array, shape, dtype)
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f'{name} is not C-contiguous and aligned')
    if writeable and not array.flags.writeable:
        raise ValueError(f'{name} is read-only, expected a writeable array')


def read_only_view(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """
    Return a view of an array that cannot be written to.

    numba compiles a kernel separately for read-only and writeable arguments. Every input goes
    through this function, so that one version of each kernel serves images of any origin.
    """
    view: npt.NDArray[Any] = array.view()
    view.flags.writeable = False
    return view
