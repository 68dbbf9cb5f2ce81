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


"""Checks of a rig before and after its cameras are open, and roles from sync cables."""

from __future__ import annotations

from k4a_ros.cameras.base import SyncJacks
from k4a_ros.rig.checks import configured_problems
from k4a_ros.rig.checks import Facts
from k4a_ros.rig.checks import firmware_problems
from k4a_ros.rig.checks import roles_of
from k4a_ros.rig.checks import serial_problems
from k4a_ros.rig.rig import Rig
from k4a_ros.rig.rig import Role
from k4a_ros.rig.rig_file import parse_rig
import pytest

IN, OUT, BOTH, NONE = (SyncJacks(True, False), SyncJacks(False, True), SyncJacks(True, True),
                       SyncJacks(False, False))


def rig(*cameras: str, parameters: str = 'exposure_time_us: 8330') -> Rig:
    lines = [f'  - {{name: {name}, serial: {number + 1}, {rest}}}' for number, (name, _, rest) in
             enumerate(camera.partition(' ') for camera in cameras)]
    return parse_rig('\n'.join([f'parameters: {{{parameters}}}', 'cameras:', *lines]), 'rig.yaml')


def test_facts_are_those_of_the_status_of_a_driver() -> None:
    facts = Facts.of_status('000123', {
        'kind': 'Azure Kinect', 'color firmware': '1.6.110', 'depth firmware': '1.6.79',
        'synchronization': 'standalone, cable in sync in and sync out'})
    assert facts == Facts('000123', {'color': '1.6.110', 'depth': '1.6.79'}, BOTH)
    assert Facts.of_status('', {'synchronization': 'master, cable in sync out'}).jacks == OUT
    assert Facts.of_status('', {'synchronization': 'standalone, no sync cable'}).jacks == NONE
    assert Facts.of_status('', {'synchronization': 'standalone'}).jacks is None


@pytest.mark.parametrize(('parameters', 'more', 'words'), [
    ('exposure_time_us: 8330', '', []),
    ('exposure_auto: false', '', []),
    ('fps: 30', '', ['a, b: exposure is automatic']),
    ('exposure_time_us: 8330', 'parameters: {exposure_time_us: 500}',
     ['exposure_time_us is 500, 8330; set the same value']),
    ('exposure_time_us: 8330', 'parameters: {depth_mode: NFOV_2X2BINNED}',
     ['depth_mode is NFOV_2X2BINNED, NFOV_UNBINNED']),
])
def test_unequal_exposures_and_modes_are_problems(
    parameters: str, more: str, words: list[str],
) -> None:
    found = configured_problems(rig(
        'a role: master', f'b role: subordinate{", " + more if more else ""}',
        parameters=parameters))
    assert len(found) == len(words)
    assert all(word in problem for word, problem in zip(words, found, strict=True))


def test_other_firmware_and_equal_serials_are_problems() -> None:
    facts = {name: Facts(name, {'color': '1.6.110', 'depth': '1.6.79'}) for name in 'abc'}
    assert firmware_problems(facts) == serial_problems(facts) == []
    facts['b'] = Facts('a', {'color': '1.6.108', 'depth': '1.6.79'})
    assert firmware_problems(facts) == [
        'b (color 1.6.108) has another firmware than a (color 1.6.110, depth 1.6.79); update all '
        'cameras to the same one with AzureKinectFirmwareTool']
    assert serial_problems(facts) == [
        'a and b are the same camera, with serial number a; each needs its own']


@pytest.mark.parametrize(('jacks', 'roles', 'words'), [
    ([OUT, BOTH, IN], [Role.MASTER, Role.SUBORDINATE, Role.SUBORDINATE], ''),
    ([NONE, OUT, IN], [Role.STANDALONE, Role.MASTER, Role.SUBORDINATE], ''),
    ([OUT, OUT, IN], [Role.MASTER, Role.MASTER, Role.SUBORDINATE], 'a and b would be master'),
    ([IN, BOTH, IN], [Role.SUBORDINATE] * 3, 'but no camera is master'),
    ([OUT, IN, None], [Role.MASTER, Role.SUBORDINATE], 'c does not tell which sync jacks'),
])
def test_roles_follow_from_cables(
    jacks: list[SyncJacks | None], roles: list[Role], words: str,
) -> None:
    cameras = rig('a role: auto', 'b role: auto', 'c role: auto').cameras
    facts = {camera.name: Facts('', {}, jack)
             for camera, jack in zip(cameras, jacks, strict=True)}
    found, problems = roles_of(cameras, facts, external_trigger=False)
    assert [*found.values()] == roles
    assert [words in problem for problem in problems] == [True] * bool(words)


@pytest.mark.parametrize(('jacks', 'words'), [
    ((OUT, IN), ''), ((BOTH, IN), 'a is master, but has a cable in Sync in'),
    ((NONE, IN), 'a is master, but has no cable in Sync out'),
    ((OUT, OUT), 'b is subordinate, but has no cable in Sync in'),
])
def test_wrong_cables_are_problems(jacks: tuple[SyncJacks, SyncJacks], words: str) -> None:
    cameras = rig('a role: master', 'b role: subordinate').cameras
    facts = {camera.name: Facts('', {}, jack)
             for camera, jack in zip(cameras, jacks, strict=True)}
    _, problems = roles_of(cameras, facts, external_trigger=False)
    assert [words in problem for problem in problems] == [True] * bool(words)
