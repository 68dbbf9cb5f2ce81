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

"""A subordinate knows for certain that it has the pulses of a master, or does not."""

from __future__ import annotations

from collections.abc import Callable

from k4a_ros.streaming.cable_start import CableStart
from k4a_ros.streaming.cable_start import MasterStart
import pytest

BOOT_NS = 1_800_000_000_000_000_000
MASTER = MasterStart(BOOT_NS + 5000, BOOT_NS)


def started(confirmed: int, *images: int) -> CableStart:
    """Return a camera that was started at a time, and got images at others."""
    start = CableStart()
    start.begin(BOOT_NS + confirmed - 100)
    start.confirm(BOOT_NS + confirmed)
    for image in images:
        start.image(BOOT_NS + image)
    return start


@pytest.mark.parametrize(('camera', 'certain'), [
    (started(4000), True),
    (started(4000, 6000, 7000), True),
    (started(6000, 7000), False),  # after the master: the first pulses were missed
    (started(1000, 3000, 6000), False),  # got those of another master, or of an earlier start
    (CableStart(), False),
])
def test_order_of_the_starts_decides(camera: CableStart, certain: bool) -> None:
    assert camera.has_pulses_of(MASTER, BOOT_NS + 40_000) == certain
    assert not camera.has_pulses_of(MASTER, BOOT_NS + 50_000_000)  # another computer
    assert not camera.has_pulses_of(None, BOOT_NS)


def test_start_that_has_only_begun_is_not_certain() -> None:
    camera = started(4000)
    camera.begin(BOOT_NS + 4500)
    assert not camera.has_pulses_of(MASTER, BOOT_NS)


@pytest.mark.parametrize(('edit', 'known'), [
    (lambda text: f'sync_clock {text}', True), (lambda text: '', False),
    (lambda text: 'sync_clock', False), (lambda text: f'{text}.5', False),
])
def test_words_of_a_message(edit: Callable[[str], str], known: bool) -> None:
    assert MasterStart.parse(edit(MASTER.text)) == (MASTER if known else None)
