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

"""Selects the kernels of this package: compiled where numba works, otherwise in numpy."""

from __future__ import annotations

from types import ModuleType

from k4a_ros.jit.kernels import use_numba


def cloud_kernels(compiled: bool | None = None) -> ModuleType:
    """Return the module that converts depth images to points; see `use_numba`."""
    if use_numba(compiled):
        from k4a_ros.images import cloud_kernels
        return cloud_kernels
    from k4a_ros.images import cloud_fallback
    return cloud_fallback


def rectification_kernels(compiled: bool | None = None) -> ModuleType:
    """Return the module that rectifies depth images; see `use_numba`."""
    if use_numba(compiled):
        from k4a_ros.images import rectification_kernels
        return rectification_kernels
    from k4a_ros.images import rectification_fallback
    return rectification_fallback


def registration_kernels(compiled: bool | None = None) -> ModuleType:
    """Return the module that registers depth and color images; see `use_numba`."""
    if use_numba(compiled):
        from k4a_ros.images import registration_kernels
        return registration_kernels
    from k4a_ros.images import registration_fallback
    return registration_fallback


def selection_kernels(compiled: bool | None = None) -> ModuleType:
    """Return the module that selects points of clouds; see `use_numba`."""
    if use_numba(compiled):
        from k4a_ros.images import cloud_selection_kernels
        return cloud_selection_kernels
    from k4a_ros.images import cloud_selection_fallback
    return cloud_selection_fallback


def rvl_kernels(compiled: bool | None = None) -> ModuleType:
    """Return the module that encodes and decodes RVL; see `use_numba`."""
    if use_numba(compiled):
        from k4a_ros.images import rvl_kernels
        return rvl_kernels
    from k4a_ros.images import rvl_fallback
    return rvl_fallback


def yuv_kernels() -> ModuleType | None:
    """Return the module that converts NV12 and YUY2; None where numba does not work."""
    if use_numba():
        from k4a_ros.images import yuv_kernels
        return yuv_kernels
    return None
