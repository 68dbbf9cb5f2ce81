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
Python's search for cyclic garbage, which would look at every object of every import again.

A start of the driver creates 130,000 objects, none of which becomes garbage. Searching among them
takes a tenth of the processor time of a start; later, each full search holds the GIL for tens of
milliseconds, while images wait.
"""

from __future__ import annotations

import gc

#: new objects that start a search while the driver starts, instead of 700
_START_THRESHOLD = 50_000
_THRESHOLDS = gc.get_threshold()


def search_rarely() -> None:
    """Search for garbage rarely, until `keep_present_objects` is called."""
    gc.set_threshold(_START_THRESHOLD, *_THRESHOLDS[1:])


def keep_present_objects() -> None:
    """Search as usual from now on, but not among the objects that exist now."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def collect_all() -> None:
    """Remove all garbage, also among the objects that were kept."""
    gc.unfreeze()
    gc.set_threshold(*_THRESHOLDS)
    gc.collect()
