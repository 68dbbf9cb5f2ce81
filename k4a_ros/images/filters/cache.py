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

"""The filtered depth image of the current capture, computed on demand and only once."""

from __future__ import annotations

from collections.abc import Callable
import weakref

from k4a_ros.capture import Capture
from k4a_ros.images.filters.options import DepthFilterOptions
from k4a_ros.images.filters.pipeline import DepthFilters
from k4a_ros.images.filters.warm_up import warm_up_filters
from k4a_ros.jit.lazy import Lazy
import numpy as np
import numpy.typing as npt


class FilteredDepth:
    """
    Depth images of one camera as the filters that are on leave them.

    Filters cost nothing while all are off, and build nothing before one is on. Captures are not
    kept alive. Not thread-safe.

    :param rays: returns ``Intrinsics.rays()`` of the depth camera.
    :param options: returns the filters that are on now; called once for each capture.
    """

    def __init__(
        self, rays: Callable[[], npt.NDArray[np.float32]],
        options: Callable[[], DepthFilterOptions],
    ) -> None:
        self._options = options
        self._filters = Lazy(lambda: _build(rays()))
        self._capture: Callable[[], Capture | None] = lambda: None
        self._depth: npt.NDArray[np.uint16] | None = None

    def start(self) -> bool:
        """
        Compile the filters in a background thread if one is on, and that has not happened yet.

        :return: whether `get` does not have to wait for that.
        """
        return not self._options().active or self._filters.start()

    def get(self, capture: Capture) -> npt.NDArray[np.uint16]:
        """
        Return the depth of a capture, which must have some, millimeters, 0 for invalid.

        The image is overwritten by the next capture, unless it is the camera's own.
        """
        assert capture.depth is not None
        if self._depth is None or capture is not self._capture():
            options = self._options()
            self._depth = capture.depth.data
            if options.active:
                self._depth = self._filters.result().apply(
                    np.ascontiguousarray(capture.depth.data), capture.depth.device_us, options)
            self._capture = weakref.ref(capture, self._release)
        return self._depth

    def _release(self, _: object) -> None:
        """Let go of the image of a capture that no longer exists."""
        self._depth = None


def _build(rays: npt.NDArray[np.float32]) -> DepthFilters:
    warm_up_filters()
    return DepthFilters(rays)
