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
Create an OpenGL 4.4 context on the X display, as the depth engine does, and print what it is.

Prints version and renderer, a line each, with exit code 0; otherwise the reason, with 1.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p
from ctypes import c_int
from ctypes import c_ulong
from ctypes import c_void_p
import ctypes.util
from typing import Any

#: GL/glx.h, GL/glxext.h and GL/gl.h
_CONTEXT_MAJOR, _CONTEXT_MINOR, _PROFILE_MASK, _CORE_PROFILE = 0x2091, 0x2092, 0x9126, 1
_PBUFFER_BIT, _DRAWABLE_TYPE, _PBUFFER_WIDTH, _PBUFFER_HEIGHT = 0x4, 0x8010, 0x8041, 0x8040
_VERSION, _RENDERER = 0x1F02, 0x1F01


class ProbeError(Exception):
    """There is no such context, for the reason given."""


def probe() -> tuple[str, str]:
    """
    Return version and renderer of an OpenGL 4.4 core context.

    :raises ProbeError: it cannot be created.
    """
    x11, gl = _load('X11'), _load('GL')
    x11.XOpenDisplay.restype = c_void_p
    display = c_void_p(x11.XOpenDisplay(None))
    if not display:
        raise ProbeError('it cannot be opened')
    gl.glXChooseFBConfig.restype = ctypes.POINTER(c_void_p)
    count = c_int()
    configs = gl.glXChooseFBConfig(
        display, x11.XDefaultScreen(display), _attributes(_DRAWABLE_TYPE, _PBUFFER_BIT),
        ctypes.byref(count))
    if not configs or not count.value:
        raise ProbeError('it has no OpenGL (GLX)')
    config = c_void_p(configs[0])
    gl.glXGetProcAddressARB.restype = c_void_p
    address = gl.glXGetProcAddressARB(b'glXCreateContextAttribsARB')
    if not address:
        raise ProbeError('its OpenGL is older than 3.0')
    create = ctypes.CFUNCTYPE(
        c_void_p, c_void_p, c_void_p, c_void_p, c_int, ctypes.POINTER(c_int))(address)
    # Xlib's default handler would print a page and exit
    handler = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)(lambda *_: 0)
    x11.XSetErrorHandler(handler)
    context = c_void_p(create(display, config, None, 1, _attributes(
        _CONTEXT_MAJOR, 4, _CONTEXT_MINOR, 4, _PROFILE_MASK, _CORE_PROFILE)))
    if not context:
        raise ProbeError('its OpenGL is older than 4.4')
    gl.glXCreatePbuffer.restype = c_ulong
    buffer = c_ulong(gl.glXCreatePbuffer(
        display, config, _attributes(_PBUFFER_WIDTH, 16, _PBUFFER_HEIGHT, 16)))
    if not gl.glXMakeContextCurrent(display, buffer, buffer, context):
        raise ProbeError('its OpenGL context cannot be used')
    gl.glGetString.restype = c_char_p
    return tuple((gl.glGetString(name) or b'').decode(errors='replace')
                 for name in (_VERSION, _RENDERER))  # type: ignore[return-value]


def _load(name: str) -> Any:
    try:
        return ctypes.CDLL(ctypes.util.find_library(name) or f'lib{name}.so')
    except OSError as error:
        raise ProbeError(f'lib{name} is not installed') from error


def _attributes(*values: int) -> Any:
    return (c_int * (len(values) + 1))(*values, 0)


def main() -> int:
    """Print the result; return the exit code."""
    try:
        print(*probe(), sep='\n')
    except ProbeError as error:
        print(error)
        return 1
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
