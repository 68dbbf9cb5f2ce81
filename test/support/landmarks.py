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

"""Skip tests of the landmark model where it, numba or LiteRT are not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from k4a_ros.body.landmarks.pose_2d.blazepose import find_model
from k4a_ros.body.landmarks.pose_2d.model_file import LITERT_COMMAND
from k4a_ros.errors import BodyTrackingError
import pytest


def installed_model() -> Path:
    """Return the file of the landmark model; skip the test where it is not installed."""
    try:
        return find_model()
    except BodyTrackingError as error:
        pytest.skip(str(error))


def installed_litert() -> Any:
    """Return the LiteRT module; skip the test where it is not installed."""
    return pytest.importorskip(
        'ai_edge_litert.interpreter',
        reason=f'LiteRT is not installed: {LITERT_COMMAND}')


def need_landmarks() -> None:
    """Skip the test where numba, LiteRT or the models are not installed."""
    pytest.importorskip('numba', reason='the landmarks backend needs numba: pip install numba')
    installed_litert()
    installed_model()
