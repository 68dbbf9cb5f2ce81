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

"""Describe wired synchronization, and what is wrong with it (no ROS)."""

from __future__ import annotations

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import SyncJacks


def describe_sync(mode: WiredSyncMode, jacks: SyncJacks | None, pulse_silence_s: float) -> str:
    """
    Return role, connected cables and missing sync pulses.

    :param jacks: None if unknown.
    :param pulse_silence_s: time for which a subordinate has received no pulse, seconds; 0 if it
        receives them, or is no subordinate.
    """
    parts = [mode.name.lower()]
    if jacks is not None:
        connected = [name for name, cable in (
            ('sync in', jacks.sync_in), ('sync out', jacks.sync_out)) if cable]
        parts.append(f'cable in {" and ".join(connected)}' if connected else 'no sync cable')
    if pulse_silence_s:
        parts.append(f'no sync pulse received for {pulse_silence_s:.0f} s')
    return ', '.join(parts)


def cable_problem(mode: WiredSyncMode, jacks: SyncJacks | None) -> str:
    """Return why the cables do not fit the role of the camera, '' if they do."""
    if mode is WiredSyncMode.MASTER and jacks is not None and jacks.sync_in:
        return ('wired_sync_mode is 1 (master), but a cable is plugged into the Sync in jack; '
                'unplug it, or set wired_sync_mode to 2 (subordinate)')
    return ''


def sync_problems(
    mode: WiredSyncMode, jacks: SyncJacks | None, *, exposure_auto: bool,
) -> list[str]:
    """Return what keeps a camera from being synchronized well."""
    problems = [cable_problem(mode, jacks)]
    if mode is not WiredSyncMode.STANDALONE and exposure_auto:
        problems.append(
            f'wired_sync_mode is {mode.value} ({mode.name.lower()}), but exposure_auto is true: '
            'the color images of the cameras will be exposed at different times; set '
            'exposure_auto to false and exposure_time_us to the same value for all cameras')
    return [problem for problem in problems if problem]
