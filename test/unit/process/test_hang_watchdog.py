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

"""Native calls that hang."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from k4a_ros.errors import CameraError
from k4a_ros.process import hang_watchdog
from k4a_ros.process.hang_watchdog import HangWatchdog
from k4a_ros.process.native_calls import NativeCalls
from k4a_ros.process.shutdown import Shutdown
import pytest

PROGRAM = """
from k4a_ros.process import hang_watchdog, native_calls
from k4a_ros.process.shutdown import Shutdown
import threading
native_calls.HUNG_S = hang_watchdog._FORCE_S = 0.1
calls, shutdown = native_calls.NativeCalls(), Shutdown()
calls.hung = lambda: calls.oldest()
hang_watchdog.HangWatchdog(calls, shutdown, print, print, print).start()
shutdown.finish()
with calls.running('k4a_device_close'):
    threading.Event().wait()
"""


def test_oldest_call_is_named_with_its_duration() -> None:
    calls = NativeCalls()
    assert calls.oldest() is None and calls.hung(0.0) is None
    with calls.running('k4a_device_close'):
        with calls.running('k4a_device_get_capture'):
            time.sleep(0.02)
            hung = calls.hung(0.01)
        assert hung is not None and hung.name == 'k4a_device_close'
        assert str(hung) == 'k4a_device_close has not returned for 0 s'
        assert calls.hung() is None
    assert calls.oldest() is None


def test_call_that_raises_is_no_longer_pending() -> None:
    calls = NativeCalls()
    with pytest.raises(ZeroDivisionError), calls.running('k4a_device_close'):
        raise ZeroDivisionError
    assert calls.oldest() is None


def test_hang_is_reported_once_and_then_ends_the_process(monkeypatch) -> None:
    monkeypatch.setattr(hang_watchdog, '_POLL_S', 0.01)
    monkeypatch.setattr(hang_watchdog, '_END_S', 0.1)
    calls, reports, errors = NativeCalls(), [], []
    ended = threading.Event()
    monkeypatch.setattr(calls, 'hung', lambda: calls.oldest())
    watchdog = HangWatchdog(
        calls, Shutdown(), reports.append, lambda error: (errors.append(error), ended.set()),
        reports.append)
    watchdog.start()
    with calls.running('k4a_device_stop_cameras'):
        assert ended.wait(30.0)
        time.sleep(0.05)
    watchdog.stop()
    report, = reports
    assert 'k4a_device_stop_cameras has not returned' in report
    error, = errors
    assert isinstance(error, CameraError) and 'k4a_device_stop_cameras' in str(error)


def test_process_that_cannot_end_is_ended_by_force() -> None:
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert 'Ending the process by force, because k4a_device_close has not returned' in done.stdout
