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

"""An image that is computed on demand, and only once for each capture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
import weakref

from k4a_ros.capture import Capture
import numpy.typing as npt


class PerCapture:
    """
    An image of the current capture that several topics share.

    Not thread-safe. Captures are not kept alive.

    :param compute: returns the image; it may return the same buffer for every capture.
    """

    def __init__(self, compute: Callable[[Capture], npt.NDArray[Any]]) -> None:
        self._compute = compute
        self._capture: Callable[[], Capture | None] = lambda: None
        self._image: npt.NDArray[Any] | None = None

    def get(self, capture: Capture) -> npt.NDArray[Any]:
        """Return the image of a capture; the next capture may overwrite it."""
        if self._image is None or capture is not self._capture():
            self._capture = lambda: None
            self._image = self._compute(capture)
            self._capture = weakref.ref(capture)
        return self._image
