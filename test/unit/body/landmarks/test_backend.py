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

"""Select the landmarks backend, and check that it is installed."""

from __future__ import annotations

import sys

from k4a_ros.body.landmarks import backend
from k4a_ros.errors import BodyTrackingError
from k4a_ros.node.backends import choose_tracker
from k4a_ros.parameters.settings import Settings
import pytest
from support.landmarks import need_landmarks


@pytest.mark.parametrize('name', ['landmarks', 'auto'])
def test_missing_litert_raises(monkeypatch, name):
    need_landmarks()
    monkeypatch.setitem(sys.modules, 'ai_edge_litert', None)
    with pytest.raises(BodyTrackingError, match=r'LiteRT is not installed.*ai-edge-litert=='):
        choose_tracker(Settings(body_tracking_backend=name))


@pytest.mark.parametrize('name', ['landmarks', 'auto'])
def test_missing_numba_raises(monkeypatch, name):
    monkeypatch.setattr(backend, 'numba_works', lambda: False)
    with pytest.raises(BodyTrackingError, match=r'landmarks needs numba.*"pip install numba"'):
        choose_tracker(Settings(body_tracking_backend=name))
