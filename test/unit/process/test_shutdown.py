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

"""Signals end the wait of the main thread, whatever it is doing; a second one the process."""

from __future__ import annotations

import signal
import subprocess
import sys

from k4a_ros.process.shutdown import SIGNALS
import pytest
from support.time_limits import PROCESS_TIMEOUT_S

# each program handles signals as the driver does; a deadlock fails by timeout
PROGRAMS = {
    'before it waits': """
signal.raise_signal(number)
shutdown.wait()
""",
    'while it waits': """
threading.Timer(0.3, os.kill, [os.getpid(), number]).start()
shutdown.wait()
""",
    'while it holds the lock of each event': """
for event in (shutdown.requested, shutdown._due):
    with event._cond:
        signal.raise_signal(number)
shutdown.wait()
""",
    'when another thread receives it': """
signal.pthread_sigmask(signal.SIG_BLOCK, [number])
threading.Timer(0.3, signal.pthread_kill, [
    next(t.ident for t in threading.enumerate() if t.name == 'signals'), number]).start()
shutdown.wait()
""",
    'after another signal with a handler': """
signal.signal(signal.SIGUSR1, lambda *_: print('received', file=sys.stderr))
signal.raise_signal(signal.SIGUSR1)
time.sleep(0.1)
assert not shutdown.requested.is_set()
signal.raise_signal(number)
shutdown.wait()
""",
}


@pytest.mark.parametrize('number', SIGNALS)
@pytest.mark.parametrize('moment', PROGRAMS)
def test_signal_requests_shutdown(moment: str, number: signal.Signals) -> None:
    program = f"""
import os, signal, sys, threading, time
from k4a_ros.process.shutdown import Shutdown
number = signal.{number.name}
shutdown = Shutdown()
shutdown.install_signal_handlers()
{PROGRAMS[moment]}
assert shutdown.requested.is_set()
"""
    result = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S)
    assert result.returncode == 0, result.stderr


def test_second_signal_ends_the_process_at_once() -> None:
    program = """
import signal, time
from k4a_ros.process.shutdown import Shutdown
shutdown = Shutdown()
shutdown.install_signal_handlers()
signal.raise_signal(signal.SIGINT)
signal.raise_signal(signal.SIGINT)  # of the same Ctrl+C
shutdown.wait()
time.sleep(0.6)
signal.raise_signal(signal.SIGTERM)
time.sleep(600)
"""
    result = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S)
    assert result.returncode == 128 + signal.SIGTERM
    assert result.stderr == 'k4a_driver: ended at once by a second signal, SIGTERM\n'


def test_signal_ends_the_process_at_once_before_there_is_anything_to_tidy() -> None:
    program = """
import signal, time
from k4a_ros.process.shutdown import Shutdown
shutdown = Shutdown()
shutdown.immediate = True
shutdown.install_signal_handlers()
signal.raise_signal(signal.SIGTERM)
time.sleep(600)
"""
    result = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S)
    assert (result.returncode, result.stderr) == (0, '')


def test_sighup_stays_ignored_under_nohup() -> None:
    program = """
import signal
from k4a_ros.process.shutdown import Shutdown
signal.signal(signal.SIGHUP, signal.SIG_IGN)
shutdown = Shutdown()
shutdown.install_signal_handlers()
signal.raise_signal(signal.SIGHUP)
assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
signal.raise_signal(signal.SIGTERM)
shutdown.wait()
"""
    result = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S)
    assert result.returncode == 0, result.stderr


def test_finish_is_not_a_request() -> None:
    program = """
from k4a_ros.process.shutdown import Shutdown
shutdown = Shutdown()
shutdown.install_signal_handlers()
shutdown.finish()
shutdown.wait()
assert not shutdown.requested.is_set()
"""
    result = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S)
    assert result.returncode == 0, result.stderr


def test_process_ends_without_finalization() -> None:
    program = """
import atexit, time
from k4a_ros.process.shutdown import end_process
atexit.register(time.sleep, 600)
print('the last line', end='')
end_process(3)
"""
    result = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S)
    assert (result.returncode, result.stdout) == (3, 'the last line')
