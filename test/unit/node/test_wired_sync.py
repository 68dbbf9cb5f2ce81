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

"""What is said about wired synchronization."""

from __future__ import annotations

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.node.wired_sync import describe_sync
from k4a_ros.node.wired_sync import sync_problems

STANDALONE, MASTER, SUBORDINATE = WiredSyncMode


def test_description_names_role_cables_and_missing_pulses() -> None:
    assert describe_sync(STANDALONE, SyncJacks(False, False), 0.0) == 'standalone, no sync cable'
    assert describe_sync(MASTER, SyncJacks(True, True), 0.0) == (
        'master, cable in sync in and sync out')
    assert describe_sync(SUBORDINATE, None, 7.4) == (
        'subordinate, no sync pulse received for 7 s')


def test_sensible_setups_have_no_problems() -> None:
    assert not sync_problems(STANDALONE, SyncJacks(True, True), exposure_auto=True)
    assert not sync_problems(MASTER, SyncJacks(False, True), exposure_auto=False)
    assert not sync_problems(SUBORDINATE, SyncJacks(True, True), exposure_auto=False)
    assert not sync_problems(MASTER, None, exposure_auto=False)


def test_master_with_a_cable_in_sync_in_and_automatic_exposure_are_problems() -> None:
    cable, = sync_problems(MASTER, SyncJacks(True, True), exposure_auto=False)
    assert 'Sync in' in cable and 'unplug it' in cable
    exposure, = sync_problems(SUBORDINATE, SyncJacks(True, False), exposure_auto=True)
    assert 'set exposure_auto to false' in exposure
