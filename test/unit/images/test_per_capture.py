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

"""An image per capture is computed once, and after an error again."""

from __future__ import annotations

import weakref

from k4a_ros.capture import Capture
from k4a_ros.images.per_capture import PerCapture
import numpy as np
import pytest


def test_image_is_computed_once_for_each_capture():
    computed: list[Capture] = []

    def compute(capture: Capture) -> np.ndarray:
        computed.append(capture)
        return np.full(2, len(computed))

    image = PerCapture(compute)
    first, second = Capture(), Capture()
    assert image.get(first)[0] == image.get(first)[0] == 1
    assert image.get(second)[0] == 2
    assert image.get(first)[0] == 3
    reference = weakref.ref(first)
    computed.clear()
    del first
    assert reference() is None


def test_error_is_raised_for_every_topic_of_the_capture():
    def compute(_: Capture) -> np.ndarray:
        raise ValueError('corrupt')

    image, capture = PerCapture(compute), Capture()
    for _ in range(2):
        with pytest.raises(ValueError, match='corrupt'):
            image.get(capture)
