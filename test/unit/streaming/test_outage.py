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

"""What is reported of an outage, and the pauses between attempts."""

from __future__ import annotations

from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraErrorReason as Reason
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.streaming import outage as module
from k4a_ros.streaming.outage import Outage
from k4a_ros.streaming.outage import Phase
from k4a_ros.streaming.outage import Report
import pytest

NO_CABLE = CameraError('no cable', [Reason.NO_SYNC_IN_CABLE])
ABSENT = DeviceNotFoundError('no camera is connected')
UNPLUGGED = CameraLostError('unplugged', [Reason.DISCONNECTED])


def test_loss_is_reported_once_however_long_the_camera_is_absent() -> None:
    outage = Outage()
    reports = [outage.add_failure(UNPLUGGED, Phase.STREAMING)]
    reports += [outage.add_failure(ABSENT, Phase.OPENING) for _ in range(50)]
    assert reports == [Report.LOST] + [None] * 50
    assert outage.text == 'connection lost: unplugged'


def test_each_reason_is_reported_when_it_changes() -> None:
    outage = Outage()
    other = CameraError('other')
    assert [outage.add_failure(error, Phase.STARTING)
            for error in (NO_CABLE, NO_CABLE, other, other, NO_CABLE)] == [
        Report.NOT_STARTING, None, Report.NOT_STARTING, None, Report.NOT_STARTING]
    assert outage.text == 'does not start: no cable' and not outage.is_loss


def test_reason_that_stays_is_reported_again_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    outage = Outage()
    outage.add_failure(NO_CABLE, Phase.STARTING)
    monkeypatch.setattr(module, '_REMINDER_S', 0.0)
    assert outage.add_failure(NO_CABLE, Phase.STARTING) is Report.NOT_STARTING


def test_first_cause_comes_first() -> None:
    outage = Outage()
    outage.add_failure(CameraLostError('silent'), Phase.STREAMING)
    busy = DeviceNotFoundError('in use', [Reason.BUSY])
    assert outage.add_failure(busy, Phase.OPENING) is Report.NOT_OPENING
    assert outage.text == 'connection lost: silent; does not open: in use'


def test_pauses_grow_although_the_camera_opens_each_time() -> None:
    outage = Outage()
    pauses = []
    for _ in range(12):
        outage.add_failure(NO_CABLE, Phase.STARTING)
        pauses.append(outage.pause_s)
    assert pauses == sorted(pauses) and pauses[0] == module.FIRST_START_PAUSE_S
    assert pauses[-1] == module.MAX_START_PAUSE_S


def test_pauses_grow_until_a_stream_is_stable(monkeypatch: pytest.MonkeyPatch) -> None:
    outage = Outage()
    for _ in range(3):  # a few captures, then silence
        outage.add_failure(CameraLostError('silent'), Phase.STREAMING)
        outage.end()
    assert outage.pause_s == 4 * module.FIRST_START_PAUSE_S
    monkeypatch.setattr(module, 'STABLE_S', 0.0)
    outage.add_failure(CameraLostError('silent'), Phase.STREAMING)
    assert outage.pause_s == module.FIRST_OPEN_PAUSE_S


def test_replugging_and_missing_pulses_do_not_lengthen_pauses() -> None:
    outage = Outage()
    pulse = CameraLostError('no pulse', [Reason.NO_SYNC_PULSE])
    for error in (UNPLUGGED, pulse):
        for _ in range(5):
            outage.add_failure(error, Phase.STREAMING)
            assert outage.pause_s == module.FIRST_OPEN_PAUSE_S
            outage.end()
    outage = Outage()
    assert outage.add_failure(pulse, Phase.STREAMING) is Report.NOT_STARTING
    assert outage.waits_for_pulse


def test_result_of_an_attempt_that_was_asked_for_is_reported() -> None:
    outage = Outage()
    outage.add_failure(UNPLUGGED, Phase.STREAMING)
    outage.try_now()
    assert outage.pause_s == 0.0
    assert outage.add_failure(ABSENT, Phase.OPENING) is Report.NOT_OPENING
    assert outage.add_failure(ABSENT, Phase.OPENING) is None
