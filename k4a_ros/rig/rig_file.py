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

"""Read rig files: YAML whose keys config/multi_camera.yaml describes."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
import math
import os
from pathlib import Path
import re
from typing import Any
from typing import NoReturn

from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.rigid_transform import rotation_x
from k4a_ros.calibration.rigid_transform import rotation_y
from k4a_ros.calibration.rigid_transform import rotation_z
from k4a_ros.errors import ConfigError
from k4a_ros.errors import FileError
from k4a_ros.errors import SceneError
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.table import nearest_name
from k4a_ros.parameters.table import SPECS
from k4a_ros.process.files import read_regular
from k4a_ros.rig.rig import Kind
from k4a_ros.rig.rig import Pose
from k4a_ros.rig.rig import Rig
from k4a_ros.rig.rig import RigCamera
from k4a_ros.rig.rig import Role
from k4a_ros.rig.rig import sync_parameters
from k4a_ros.rig.schedule import find_delays
from k4a_ros.rig.schedule import Wish
from k4a_ros.simulation.scene_limits import check_limits
from k4a_ros.simulation.scene_limits import LOADER
from k4a_ros.simulation.scene_limits import MAX_BYTES
from k4a_ros.simulation.scene_node import SceneNode
import numpy as np
import yaml

#: one master and, in a daisy chain, up to eight subordinates (Azure Kinect documentation)
MAX_SUBORDINATES = 8
_MAX_STANDALONE = 32
_NAME = '[A-Za-z][A-Za-z0-9_]{0,63}'
_FRAME = '[A-Za-z0-9_.-][A-Za-z0-9_./-]{0,127}'
#: parameters that follow from other keys, and the key
_DERIVED = {
    'autostart': 'nothing: the cameras are started in their order', 'camera': 'serial, simulated '
    'or recording', 'recording_file': 'recording', 'sensor_sn': 'serial', 'tf_prefix': 'name',
    'wired_sync_mode': 'role', 'subordinate_delay_off_master_usec': 'delay',
    'sync_clock_topic': 'role', 'simulation_sync_group': 'simulated',
    'simulation_pose': 'pose', 'playback_time_origin': 'nothing: all get the same one',
    'playback_loop_period': 'nothing: all get the same one'}


class RigNode(SceneNode):
    """A YAML node of a rig file."""

    def refuse(self, problem: str) -> NoReturn:
        """
        Reject the value.

        :raises ConfigError: always; names file, line and key.
        """
        raise ConfigError(
            f'cannot use the rig {self.file}, line {self.value.start_mark.line + 1}: '
            f'{self.key or "the file"} {problem}; config/multi_camera.yaml describes the format')


def load_rig(path: str) -> Rig:
    """
    Read a rig file.

    :raises ConfigError: it cannot be read or used; names file, line and key.
    """
    file = os.path.expanduser(path)
    try:
        text = read_regular(file, MAX_BYTES).decode('utf-8')
    except (FileError, UnicodeError) as error:
        raise ConfigError(f'cannot read the rig {path}: {error}') from error
    return parse_rig(text, file)


def parse_rig(text: str, file: str) -> Rig:
    """
    Read the text of a rig file; relative paths in it start at its folder.

    :raises ConfigError: it cannot be used; names file, line and key.
    """
    try:
        check_limits(text, file, 'rig')
        tree = yaml.compose(text, Loader=LOADER)
    except SceneError as error:
        raise ConfigError(str(error)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())
        raise ConfigError(f'cannot use the rig {file}: {reason}; correct it') from error
    if tree is None:
        raise ConfigError(f'cannot use the rig {file}: the file is empty; '
                          'config/multi_camera.yaml describes the format')
    return _Reader(RigNode(tree, file, '')).rig()


class _Reader:
    """Reads one file; ``root`` is its first node."""

    def __init__(self, root: RigNode) -> None:
        self._root = root
        self._fields = root.mapping('namespace', 'trigger', 'parameters', 'cameras')
        self._common = self._parameters(self._fields)

    def rig(self) -> Rig:
        fields = self._fields
        namespace = fields.read('namespace', _name, '')
        external = fields.read('trigger', _trigger, False)
        nodes = fields['cameras'].items()
        if not nodes:
            fields['cameras'].refuse('is empty')
        if len(nodes) > _MAX_STANDALONE:
            fields['cameras'].refuse(f'has more than {_MAX_STANDALONE} items')
        self._check_unique(nodes)
        cameras = [self._camera(node) for node in nodes]
        rig = Rig(self._root.file, namespace, tuple(c for c, _ in cameras), external)
        _check_kinds(rig, nodes)
        if rig.plays:
            return rig
        _check_roles(rig, nodes)
        rig = replace(rig, cameras=self._with_delays(rig, [delay for _, delay in cameras]))
        for camera, node in zip(rig.cameras, nodes, strict=True):
            self._check_together(rig, camera, node)
        return rig

    def _check_unique(self, nodes: Sequence[SceneNode]) -> None:
        for key in ('name', 'serial', 'recording'):
            seen: dict[str, str] = {}
            for node in nodes:
                fields = node.mapping()
                if key not in fields:
                    continue
                text = fields[key].text()
                plain = text.lstrip('0') if key == 'serial' else text
                if plain in seen:
                    fields[key].refuse(f'is {text}, as is that of {seen[plain]}; each camera '
                                       'needs its own')
                seen[plain] = node.key

    def _camera(self, node: SceneNode) -> tuple[RigCamera, int | None]:
        """Return a camera, and its delay as the file has it; None for auto."""
        fields = node.mapping('name', 'serial', 'simulated', 'recording', 'role', 'delay', 'pose',
                              'parameters')
        name = _name(fields['name'])
        given = [key for key in ('serial', 'simulated', 'recording') if key in fields]
        if len(given) != 1:
            node.refuse('needs exactly one of serial, simulated and recording')
        kind = Kind(given[0] if given[0] != 'serial' else 'device')
        source = ''
        if kind is Kind.DEVICE:
            source = fields['serial'].text()
            if not re.fullmatch('[0-9]{1,20}', source):
                fields['serial'].refuse(f'is {source!r}; it must be a number, as on the camera')
        elif kind is Kind.RECORDING:
            source = str(Path(self._root.file).parent / os.path.expanduser(
                fields['recording'].text()))
        elif fields['simulated'].text() != 'true':
            fields['simulated'].refuse('must be true')
        role = fields.read('role', _role, Role.AUTO if kind is Kind.DEVICE else Role.STANDALONE)
        delay = self._delay(fields, role)
        if kind is Kind.RECORDING and ('role' in fields or 'delay' in fields):
            node.refuse('is a recording, which has the role and the delay that it was made with; '
                        'remove them')
        own = self._parameters(fields)
        pose = fields.read('pose', _pose, None)
        values = {**self._common, **own}
        if isinstance(values.get('record_file'), str):
            values['record_file'] = str(values['record_file']).replace('{name}', name)
        settings = self._settings(node, values, kind, source)
        return RigCamera(name, kind, source, role, delay or 0, settings, pose), delay

    def _delay(self, fields: Mapping[str, SceneNode], role: Role) -> int | None:
        if 'delay' not in fields or fields['delay'].value.value == 'auto':
            return None if role in (Role.SUBORDINATE, Role.AUTO) else 0
        node = fields['delay']
        delay = node.number(0, 200_000)
        if delay % 1:
            node.refuse(f'is {delay:g}; it must be whole microseconds, or auto')
        if delay and role in (Role.MASTER, Role.STANDALONE):
            node.refuse(f'is {delay:g}, but a {role.value} has none; remove it, or set role to '
                        'subordinate')
        return int(delay)

    def _parameters(self, fields: Mapping[str, SceneNode]) -> dict[str, Any]:
        """Return the parameters under the key of that name, checked one by one."""
        if 'parameters' not in fields:
            return {}
        values = {}
        for name, node in fields['parameters'].mapping().items():
            if name not in SPECS:
                near = nearest_name(name)
                node.refuse('is no parameter of the driver'
                            + (f' (did you mean {near}?)' if near else ''))
            if name in _DERIVED:
                node.refuse(f'cannot be set here; it follows from {_DERIVED[name]}')
            if not isinstance(node.value, yaml.ScalarNode):
                node.refuse('is not a single value')
            spec = SPECS[name]
            try:
                value = node.value.value if spec.kind is str else yaml.safe_load(
                    yaml.serialize(node.value))
                values[name] = spec.check(value)
            except ConfigError as error:
                node.refuse(f'cannot be used: {error}')
        return values

    def _settings(
        self, node: SceneNode, values: Mapping[str, Any], kind: Kind, source: str,
    ) -> Settings:
        own: dict[str, Any] = {'camera': kind.value}
        if kind is Kind.RECORDING:
            own['recording_file'] = source
        elif kind is Kind.DEVICE:
            own['sensor_sn'] = source
        try:
            return Settings.from_values({**values, **own})
        except ConfigError as error:
            node.refuse(f'has parameters that do not fit together: {error}')

    def _with_delays(
        self, rig: Rig, given: Sequence[int | None],
    ) -> tuple[RigCamera, ...]:
        """Return the cameras with the delays that they get."""
        on_cable = [
            (camera, delay) for camera, delay in zip(rig.cameras, given, strict=True)
            if camera.role is not Role.STANDALONE]
        if not on_cable:
            return rig.cameras
        try:
            delays = find_delays(
                [Wish(camera.name, camera.config.depth_mode, delay,
                      camera.config.depth_delay_off_color_usec)
                 for camera, delay in sorted(
                     on_cable, key=lambda item: item[0].role is not Role.MASTER)],
                on_cable[0][0].config.period_us)
        except ConfigError as error:
            self._fields['cameras'].refuse(f'cannot be synchronized: {error}')
        return tuple(
            replace(camera, delay_us=delays.get(camera.name, 0)) for camera in rig.cameras)

    def _check_together(self, rig: Rig, camera: RigCamera, node: SceneNode) -> None:
        """Check that a camera can have its role with its parameters."""
        roles = [camera.role] if camera.role is not Role.AUTO else [Role.SUBORDINATE]
        for role in roles:
            try:
                camera.settings.replace(sync_parameters(rig, camera, role, ''))
            except ConfigError as error:
                node.refuse(f'cannot be {role.value}: {error}')


def _check_kinds(rig: Rig, nodes: Sequence[SceneNode]) -> None:
    for camera, node in zip(rig.cameras, nodes, strict=True):
        if (camera.kind is Kind.RECORDING) != rig.plays:
            node.refuse(f'is a {camera.kind.value}, but {rig.cameras[0].name} is a '
                        f'{rig.cameras[0].kind.value}; a rig plays recordings or has live '
                        'cameras, not both')
    on_cable = rig.synchronized()
    for camera, node in zip(rig.cameras, nodes, strict=True):
        if camera in on_cable and camera.kind is not on_cable[0].kind:
            node.refuse(f'is a {camera.kind.value}, but {on_cable[0].name} is a '
                        f'{on_cable[0].kind.value}; simulated cameras have a sync cable of their '
                        'own: set role to standalone')


def _check_roles(rig: Rig, nodes: Sequence[SceneNode]) -> None:
    """Check the roles that are known, and what must be the same on one cable."""
    of = dict(zip((camera.name for camera in rig.cameras), nodes, strict=True))
    masters = [camera for camera in rig.cameras if camera.role is Role.MASTER]
    unknown = [camera for camera in rig.cameras if camera.role is Role.AUTO]
    subordinates = [camera for camera in rig.cameras if camera.role is Role.SUBORDINATE]
    if len(masters) > 1:
        of[masters[1].name].refuse(
            f'is master, as is {masters[0].name}; a sync cable has one master: set the role of '
            'one of them to subordinate')
    if rig.external_trigger and masters:
        of[masters[0].name].refuse('is master, but trigger is external; then all cameras are '
                                   'subordinates, also the first one after the trigger')
    if subordinates and not (masters or unknown or rig.external_trigger):
        of[subordinates[0].name].refuse(
            'is a subordinate, but no camera is master; set the role of one to master, or '
            'trigger to external')
    if len(subordinates) > MAX_SUBORDINATES + rig.external_trigger:
        of[subordinates[MAX_SUBORDINATES].name].refuse(
            f'is one subordinate too many: a daisy chain has at most {MAX_SUBORDINATES} behind '
            'the first camera')
    on_cable = rig.synchronized()
    for camera in on_cable[1:]:
        if camera.config.fps != on_cable[0].config.fps:
            of[camera.name].refuse(
                f'has fps {camera.config.fps}, but {on_cable[0].name} has '
                f'{on_cable[0].config.fps}; cameras on one sync cable need the same fps')


def _name(node: SceneNode) -> str:
    text = node.text()
    if not re.fullmatch(_NAME, text):
        node.refuse(f'is {text[:80]!r}; it must start with a letter and have letters, digits and '
                    '_ only')
    return text


def _trigger(node: SceneNode) -> bool:
    return _one_of(node, ('master', 'external')) == 'external'


def _role(node: SceneNode) -> Role:
    return Role(_one_of(node, tuple(role.value for role in Role)))


def _one_of(node: SceneNode, words: tuple[str, ...]) -> str:
    text = node.text()
    if text not in words:
        node.refuse(f'is {text[:80]!r}; it must be one of {", ".join(words)}')
    return text


def _pose(node: SceneNode) -> Pose:
    fields = node.mapping('parent', 'xyz', 'rpy', 'quaternion')
    parent = fields['parent'].text()
    if not re.fullmatch(_FRAME, parent):
        fields['parent'].refuse(f'is {parent[:80]!r}; it must be the name of a TF frame')
    if 'rpy' in fields and 'quaternion' in fields:
        node.refuse('has both rpy and quaternion; remove one of them')
    return Pose(parent, fields['xyz'].vector(), fields.read(
        'quaternion', _quaternion, None) or fields.read('rpy', _rpy, (0.0, 0.0, 0.0, 1.0)))


def _rpy(node: SceneNode) -> tuple[float, float, float, float]:
    """Return the quaternion of fixed-axis roll, pitch, yaw, radians (REP 103)."""
    roll, pitch, yaw = node.vector(-2 * math.pi, 2 * math.pi)
    return RigidTransform(
        rotation_z(yaw) @ rotation_y(pitch) @ rotation_x(roll), np.zeros(3)).quaternion()


def _quaternion(node: SceneNode) -> tuple[float, float, float, float]:
    numbers = [item.number(-1.001, 1.001) for item in node.items()]
    length = math.hypot(*numbers) if numbers else 0.0
    if len(numbers) != 4 or abs(length - 1) > 1e-3:
        node.refuse(f'has {len(numbers)} numbers of length {length:.4f}; it must be four, x, y, '
                    'z, w, of length 1')
    x, y, z, w = (number / length for number in numbers)
    return x, y, z, w
