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


"""Every fault of synchronization is one clear finding, and a rig without one has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import random

from k4a_ros.rig.sync_status import Changes
from k4a_ros.rig.sync_status import describe
from k4a_ros.rig.sync_status import summary
from k4a_ros.rig.sync_tracker import CaptureTime
from k4a_ros.rig.sync_watch import Source
from k4a_ros.rig.sync_watch import SyncWatch
import pytest

FPS = 15
PERIOD_US = 66_666
START_NS = 1_800_000_000_000_000_000
DAY_NS = 86_400_000_000_000
#: captures of ten seconds
COUNT = 10 * FPS

Edit = Callable[[CaptureTime, int], CaptureTime | None]


def stream(
    watch: SyncWatch, name: str, role: str, delay_us: int, serial: str = '', *, count: int = COUNT,
    edit: Edit = lambda capture, number: capture, seed: int = 0,
) -> None:
    """Let a camera deliver captures that arrive with the delays of USB and DDS."""
    delays = random.Random(f'{name}{seed}')
    for number in range(count):
        device_us = 133_333 + number * PERIOD_US + delay_us + delays.randrange(-6, 6)
        capture = edit(CaptureTime(
            device_us, START_NS + device_us * 1000,
            1000.0 + device_us / 1e6 + delays.expovariate(200.0)), number)
        if capture is not None:
            watch.add(name, f'color {serial or name} {role} {delay_us}', capture)
        watch.expect(name).state = 'streaming'


def rig(edit: Edit | None = None, *, role: str = 'subordinate') -> SyncWatch:
    """Return a master and two subordinates, the second of which has a fault."""
    watch = SyncWatch()
    stream(watch, 'front', 'master', 0)
    stream(watch, 'left', 'subordinate', 160)
    stream(watch, 'right', role, 320 if role == 'subordinate' else 0,
           edit=edit or (lambda capture, number: capture))
    return watch


NOW_S = 1000.0 + COUNT * PERIOD_US / 1e6


def problem(watch: SyncWatch, name: str = 'right') -> tuple[str, str]:
    """Return kind and text of the finding of one camera, the others being well."""
    findings = watch.findings(NOW_S)
    assert [other for other, finding in findings.items()
            if finding.problem and other != name] == []
    return findings[name].kind, findings[name].problem


def test_synchronized_cameras_have_no_problem_and_exact_figures() -> None:
    watch = rig()
    findings = watch.findings(NOW_S)
    assert not any(finding.problem for finding in findings.values())
    for name in ('left', 'right'):
        match = findings[name].match
        assert match is not None
        assert abs(match.offset_us) < 2
        assert match.worst_us < 13
        assert abs(match.stamps_ms) < 0.02
        assert (match.missing, match.shift) == (0, 0)
        assert match.matched > 140
    text, bad = summary(findings, 'front')
    assert not bad
    assert text.startswith('2 cameras match front within ')
    assert 'offset' in describe(watch, findings)['left']


@pytest.mark.parametrize(('edit', 'kind', 'words'), [
    (lambda c, n: replace_time(c, 400), 'wrong offset', 'is 400 us off its delay of 320 us'),
    (lambda c, n: replace_time(c, n * PERIOD_US * 20e-6 + 100), 'free running',
     'does not follow the pulses of front: its captures drift by 20 ppm'),
    (lambda c, n: replace_time(c, -40 * PERIOD_US, stamps=False), 'started late',
     'was started after front: its device time is 40 frame periods behind'),
    (lambda c, n: replace_time(c, -900 * PERIOD_US, stamps=False), 'started late',
     'is 900 frame periods behind. Start all cameras again, the master last'),
    (lambda c, n: None if n % 10 == 5 else c, 'missing captures', 'lacks 1'),
    (lambda c, n: c._replace(stamp_ns=c.stamp_ns + 5_000_000), 'different clocks',
     'has stamps that are 5.0 ms ahead of those of front'),
    (lambda c, n: c._replace(stamp_ns=c.stamp_ns - 40_000_000), 'different clocks',
     'has stamps that are 40.0 ms behind those of front'),
    (lambda c, n: None if n > COUNT - 40 else c, 'no pulse',
     'gets no sync pulse, but front streams: check the cable in its Sync in jack'),
    (lambda c, n: c if n % 3 == 0 else None, 'different fps',
     'has 5.0 frames a second, but front has 15.0'),
])
def test_each_fault_is_one_finding(edit: Edit, kind: str, words: str) -> None:
    found, text = problem(rig(edit))
    assert (found, words in text) == (kind, True), text


def replace_time(capture: CaptureTime, us: float, stamps: bool = True) -> CaptureTime:
    """Return a capture at another device time; its stamp follows unless the clock is its own."""
    return capture._replace(device_us=capture.device_us + round(us),
                            stamp_ns=capture.stamp_ns + round(us * 1000 * stamps))


def test_master_whose_messages_are_late_is_no_fault() -> None:
    """On a busy computer some frame periods late, which says nothing about the cameras."""
    watch = SyncWatch()
    late = 4 * PERIOD_US / 1e6
    stream(watch, 'front', 'master', 0,
           edit=lambda c, n: c._replace(arrival_s=c.arrival_s + late))
    stream(watch, 'right', 'subordinate', 320)
    assert not watch.findings(NOW_S)['right'].problem


@pytest.mark.parametrize('second', [0.0, 5.0])
def test_stamps_agree_around_midnight(second: float) -> None:
    """At 00:00 UTC, the captures of two cameras that are compared may begin on two days."""
    midnight_ns = (START_NS // DAY_NS + 1) * DAY_NS

    def at_midnight(capture: CaptureTime, number: int) -> CaptureTime:
        return capture._replace(stamp_ns=capture.stamp_ns - START_NS + midnight_ns - round(
            (second + 133_333e-6) * 1e9) - 200_000)
    watch = SyncWatch()
    stream(watch, 'front', 'master', 0, edit=at_midnight)
    stream(watch, 'right', 'subordinate', 320, edit=at_midnight)
    finding = watch.findings(NOW_S)['right']
    assert not finding.problem
    assert finding.match is not None and abs(finding.match.stamps_ms) < 0.02


@pytest.mark.parametrize('fps', [5, 12, 15, 30])
@pytest.mark.parametrize('seed', range(3))
def test_lost_captures_are_no_other_fault(fps: int, seed: int) -> None:
    """On a busy computer each camera loses half of its captures, the master as well."""
    losses = random.Random(seed)
    watch = SyncWatch()

    def edit(capture: CaptureTime, number: int) -> CaptureTime | None:
        us = round(number * (1e6 / fps - PERIOD_US))
        return None if losses.random() < 0.5 else replace_time(capture, us)._replace(
            arrival_s=capture.arrival_s + us / 1e6)
    for name, role, delay_us in (('front', 'master', 0), ('right', 'subordinate', 320)):
        stream(watch, name, role, delay_us, edit=edit, count=10 * fps)
    finding = watch.findings(1010.0)['right']
    assert finding.match is not None, finding
    assert finding.kind == 'missing captures'
    assert finding.match.shift == 0
    assert finding.match.worst_us < 15


def test_silent_master_is_no_fault_of_the_others() -> None:
    watch = SyncWatch()
    stream(watch, 'front', 'master', 0, edit=lambda c, n: None if n > COUNT - 40 else c)
    stream(watch, 'right', 'subordinate', 320)
    findings = watch.findings(NOW_S)
    assert (findings['front'].kind, findings['right'].kind) == ('no captures', '')


def test_two_masters_and_duplicate_serials_are_found() -> None:
    assert problem(rig(role='master'))[0] == 'two masters'
    watch = rig()
    watch.cameras['right'].source = replace(
        watch.cameras['right'].source or Source.of('color 1 master 0'), serial='left')
    kind, text = problem(watch)
    assert kind == 'duplicate serial'
    assert 'has the serial number left, as has left' in text


def test_states_of_drivers_explain_silence() -> None:
    watch = rig()
    for state, kind in (('lost', 'no captures'), ('', 'no captures'),
                        ('waiting for the sync pulse', 'no pulse')):
        watch.cameras.pop('right')
        watch.expect('right').state = state
        found, text = problem(watch)
        assert found == kind
        assert (state in text) == (kind == 'no captures')
    alone = SyncWatch()
    alone.expect('left').state = 'waiting for the sync pulse'
    finding = alone.findings(NOW_S)['left']
    assert finding.kind == 'waits for the master'
    assert 'start the master within a minute' in finding.problem


def test_subordinates_of_an_external_trigger_are_compared_with_the_first() -> None:
    watch = SyncWatch()
    stream(watch, 'a', 'subordinate', 160)
    stream(watch, 'b', 'subordinate', 320)
    findings = watch.findings(NOW_S)
    assert findings['b'].match is not None and abs(findings['b'].match.offset_us) < 2
    assert not findings['a'].problem


def test_restart_is_counted_and_times_before_it_are_forgotten() -> None:
    watch = rig()
    stream(watch, 'right', 'subordinate', 320, count=20, seed=1)
    assert watch.cameras['right'].times.restarts == 1
    assert 'started again 1 times' in describe(watch, watch.findings(NOW_S))['right']


def test_change_is_reported_once_when_it_lasts() -> None:
    changes = Changes()
    good, bad = rig().findings(NOW_S), rig(lambda c, n: replace_time(c, 400)).findings(NOW_S)
    assert [*changes.update(good)] == []
    assert [[*changes.update(bad)] for _ in range(2)] == [[], []]
    assert [*changes.update(good)] == []
    lines = [line for _ in range(6) for line in changes.update(bad)]
    assert len(lines) == 1
    assert lines[0][0] == 'right'
    assert lines[0][1].startswith('Camera right is 400 us off')
    lines = [line for _ in range(6) for line in changes.update(good)]
    assert lines == [('right', 'Camera right is synchronized again')]


@pytest.mark.parametrize('text', ['', 'color', 'color 1 boss 0', 'color 1 master x'])
def test_source_of_another_program_is_unknown(text: str) -> None:
    assert Source.of(text) is None
