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

"""What the log says while kernels are compiled."""

from __future__ import annotations

import logging
import threading

from k4a_ros.jit import announce
from k4a_ros.jit.kernels import KernelCounts
import pytest
from support.time_limits import wait_for


def await_end() -> None:
    """Wait until nothing is reported any more."""
    wait_for(lambda: not any(
        thread.name == 'announcement' for thread in threading.enumerate()), 'the end')


def test_long_compilation_is_announced_with_its_progress(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    counts = [KernelCounts(5, 5)]
    monkeypatch.setattr(announce, '_ANNOUNCE_AFTER_S', 0.01)
    monkeypatch.setattr(announce, '_REPORT_PERIOD_S', 0.01)
    monkeypatch.setattr(announce, 'kernel_counts', lambda: counts[0])
    with caplog.at_level(logging.INFO), announce.announce_compilation('body tracking'):
        counts[0] = KernelCounts(8, 12)
        wait_for(lambda: 'Compiling kernels for body tracking: 3 of 7' in caplog.messages,
                 'a report')
    assert caplog.messages[0].startswith(
        'Compiling kernels for body tracking, once on this machine')
    await_end()


def test_loading_from_the_cache_is_not_announced(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(announce, '_ANNOUNCE_AFTER_S', 30.0)
    with caplog.at_level(logging.INFO), announce.announce_compilation('point clouds'):
        pass
    await_end()
    assert not caplog.messages
