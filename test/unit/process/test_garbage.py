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

"""Searching for garbage during the start of the driver, and afterwards."""

from __future__ import annotations

import subprocess
import sys

from support.time_limits import PROCESS_TIMEOUT_S

PROGRAM = """
import gc
import weakref
from k4a_ros.process.garbage import collect_all, keep_present_objects, search_rarely

class Knot:
    def __init__(self):
        self.itself = self

before = gc.get_threshold()
search_rarely()
knot = Knot()
kept = weakref.ref(knot)
del knot
searches = gc.get_stats()[0]['collections']
objects = [[] for _ in range(20_000)]
print('searches', gc.get_stats()[0]['collections'] - searches)
keep_present_objects()
frozen = gc.get_freeze_count()
print('threshold', gc.get_threshold() == before)
gc.collect()
print('kept', kept() is not None)
collect_all()
# Python 3.12 counts its immortal objects, too
print('kept', kept() is not None, frozen - gc.get_freeze_count() > 20_000)
"""


def test_garbage_of_the_start_is_left_until_the_end() -> None:
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True, check=True,
        timeout=PROCESS_TIMEOUT_S)
    assert done.stdout.splitlines() == [
        'searches 0', 'threshold True', 'kept True', 'kept False True']
