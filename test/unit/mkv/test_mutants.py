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

"""Mutants of a recording: none crashes, hangs, or is played with stamps that are wrong."""

from __future__ import annotations

from collections import Counter
from itertools import islice
import logging
from pathlib import Path

import pytest
from support.mutants import check
from support.mutants import mutants
from support.mutants import original
from support.time_limits import promptly


def test_mutants_are_played_or_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    results: Counter[str] = Counter()
    path = tmp_path / 'mutant.mkv'
    for content in islice(mutants(original(tmp_path), seed=5), 150):
        path.write_bytes(content)
        with promptly(5.0):
            results[check(path)] += 1
    assert results.keys() == {'played', 'rejected', 'damaged'}
    assert results['played'] > 80
