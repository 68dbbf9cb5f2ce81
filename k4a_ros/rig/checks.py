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

"""What keeps the cameras of a rig from being synchronized well, and roles from sync cables."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from k4a_ros.cameras.base import SyncJacks
from k4a_ros.rig.rig import Rig
from k4a_ros.rig.rig import RigCamera
from k4a_ros.rig.rig import Role


@dataclass(frozen=True)
class Facts:
    """
    What an open camera says about itself.

    :param serial: '' if it is unknown.
    :param firmware: versions by part.
    :param jacks: None if they are unknown.
    """

    serial: str = ''
    firmware: Mapping[str, str] = field(default_factory=dict)
    jacks: SyncJacks | None = None

    @classmethod
    def of_status(cls, hardware_id: str, values: Mapping[str, str]) -> Facts:
        """Return the facts in the status *camera* of a driver, of its serial number and values."""
        sync = values.get('synchronization', '')
        known = 'cable' in sync
        return cls(
            hardware_id,
            {key.removesuffix(' firmware'): value for key, value in values.items()
             if key.endswith(' firmware')},
            SyncJacks('sync in' in sync, 'sync out' in sync) if known else None)


def configured_problems(rig: Rig) -> list[str]:
    """Return what can be said before the cameras are open: exposures, modes, lasers."""
    cameras = rig.synchronized()
    if rig.plays or len(cameras) < 2:
        return []
    problems = []
    automatic = [camera.name for camera in cameras if camera.config.color and not _manual(camera)]
    if automatic:
        problems.append(
            f'{", ".join(automatic)}: exposure is automatic, so color images of one pulse are '
            'exposed at different times; set exposure_time_us for all cameras')
    exposures = {camera.settings.exposure_time_us for camera in cameras
                 if camera.config.color and _manual(camera)}
    if len(exposures) > 1:
        problems.append(
            f'exposure_time_us is {", ".join(map(str, sorted(exposures)))}; set the same value '
            'for all cameras')
    for name in ('depth_mode', 'color_resolution'):
        values = {getattr(camera.settings, name) for camera in cameras}
        if len(values) > 1:
            problems.append(f'{name} is {", ".join(sorted(values))}; Microsoft recommends the '
                            'same modes for all cameras on a sync cable')
    alone = [camera.name for camera in rig.cameras
             if camera.role is Role.STANDALONE and camera.config.depth_mode.has_depth]
    if alone:
        problems.append(f'{", ".join(alone)} is not on the sync cable: its laser disturbs other '
                        'cameras that see the same scene')
    return problems


def _manual(camera: RigCamera) -> bool:
    settings = camera.settings
    if 'exposure_auto' in settings.given:
        return not settings.exposure_auto
    return 'exposure_time_us' in settings.given


def firmware_problems(facts: Mapping[str, Facts]) -> list[str]:
    """Return which cameras have another firmware than most of them, by name of the camera."""
    known = {name: tuple(sorted(fact.firmware.items())) for name, fact in facts.items()
             if fact.firmware}
    versions = [*known.values()]
    if len(set(versions)) < 2:
        return []
    usual = max(set(versions), key=versions.count)
    first = next(name for name, found in known.items() if found == usual)
    others = [f'{name} ({_versions(set(found) - set(usual))})'
              for name, found in known.items() if found != usual]
    return [f'{", ".join(others)} has another firmware than {first} ({_versions(usual)}); update '
            'all cameras to the same one with AzureKinectFirmwareTool']


def _versions(found: Iterable[tuple[str, str]]) -> str:
    return ', '.join(f'{part} {version}' for part, version in sorted(found))


def serial_problems(facts: Mapping[str, Facts]) -> list[str]:
    """Return which cameras have the same serial number, by name of the camera."""
    names: dict[str, list[str]] = {}
    for name, fact in facts.items():
        if fact.serial.strip('0'):
            names.setdefault(fact.serial, []).append(name)
    return [f'{" and ".join(group)} are the same camera, with serial number {serial}; each needs '
            'its own' for serial, group in names.items() if len(group) > 1]


def roles_of(
    cameras: Sequence[RigCamera], facts: Mapping[str, Facts], external_trigger: bool,
) -> tuple[dict[str, Role], list[str]]:
    """
    Return the role of each camera, of those with role AUTO from their jacks.

    :param facts: of the cameras that are open, by name; others keep their role, or none.
    :return: roles by name, and the problems of cables and roles.
    """
    roles: dict[str, Role] = {}
    problems = []
    for camera in cameras:
        jacks = facts[camera.name].jacks if camera.name in facts else None
        if camera.role is not Role.AUTO:
            roles[camera.name] = camera.role
            problems += _cable_problems(camera, jacks)
        elif jacks is not None:
            roles[camera.name] = _role_of(jacks)
        elif camera.name in facts:
            problems.append(f'{camera.name} does not tell which sync jacks have a cable; set its '
                            'role')
    masters = [name for name, role in roles.items() if role is Role.MASTER]
    subordinates = [name for name, role in roles.items() if role is Role.SUBORDINATE]
    if len(masters) > 1:
        problems.append(f'{" and ".join(masters)} would be master by their cables; connect the '
                        'Sync out jack of one to the Sync in jack of the next camera, in one '
                        'chain')
    if subordinates and not masters and not external_trigger and len(roles) == len(cameras):
        problems.append(f'{", ".join(subordinates)} has a cable in Sync in, but no camera is '
                        'master: unplug Sync in of the first camera, or set trigger to external')
    return roles, problems


def _role_of(jacks: SyncJacks) -> Role:
    if jacks.sync_in:
        return Role.SUBORDINATE
    return Role.MASTER if jacks.sync_out else Role.STANDALONE


def _cable_problems(camera: RigCamera, jacks: SyncJacks | None) -> list[str]:
    if jacks is None:
        return []
    if camera.role is Role.MASTER and jacks.sync_in:
        return [f'{camera.name} is master, but has a cable in Sync in; unplug it, or make it a '
                'subordinate']
    if camera.role is Role.MASTER and not jacks.sync_out:
        return [f'{camera.name} is master, but has no cable in Sync out; plug it in']
    if camera.role is Role.SUBORDINATE and not jacks.sync_in:
        return [f'{camera.name} is subordinate, but has no cable in Sync in; plug in the one from '
                'Sync out of the camera before it']
    return []
