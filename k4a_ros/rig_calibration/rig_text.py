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

"""Put poses into the text of a rig file, which keeps its comments and its layout."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from k4a_ros.errors import ConfigError
from k4a_ros.rig.rig import Pose
from k4a_ros.rig.rig_file import parse_rig
from k4a_ros.simulation.scene_limits import LOADER
import numpy as np
import yaml

#: largest difference of numbers from those that were meant, after they have been written
_TOLERANCE = 1e-6


def pose_text(pose: Pose) -> str:
    """Return a pose as a rig file has it, in one line: micrometers and 1e-7 of a quaternion."""
    def numbers(values: Sequence[float], digits: int) -> str:
        return ', '.join(f'{value + 0.0:.{digits}f}' for value in np.round(values, digits))

    return (f'{{parent: {pose.parent}, xyz: [{numbers(pose.xyz, 6)}], '
            f'quaternion: [{numbers(pose.quaternion, 7)}]}}')


def with_poses(text: str, file: str, poses: Mapping[str, Pose]) -> str:
    """
    Return the text of a rig file with the poses of cameras replaced or inserted.

    Everything else stays as it is, with its comments.

    :param file: name of the file, for errors and relative paths.
    :param poses: by the name of the camera.
    :raises ConfigError: the file cannot be used, or its layout leaves no place for poses.
    """
    before = parse_rig(text, file)
    changes = []
    for camera in _cameras(yaml.compose(text, Loader=LOADER)):
        fields = {key.value: value for key, value in camera.value}
        pose = poses.get(fields['name'].value)
        if pose is not None:
            changes.append(_change(text, camera, fields.get('pose'), pose_text(pose)))
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    try:
        after = parse_rig(text, file)
    except ConfigError as error:
        raise _no_place(file, poses) from error
    wanted = [replace(camera, pose=poses.get(camera.name, camera.pose))
              for camera in before.cameras]
    same = all(
        replace(a, pose=None) == replace(b, pose=None) and _is_close(a.pose, b.pose)
        for a, b in zip(after.cameras, wanted, strict=True))
    if not same or (after.namespace, after.external_trigger) != (
            before.namespace, before.external_trigger):
        raise _no_place(file, poses)
    return text


def _cameras(root: Any) -> list[Any]:
    cameras = next(value for key, value in root.value if key.value == 'cameras')
    return list(cameras.value)


def _change(text: str, camera: Any, pose: Any, new: str) -> tuple[int, int, str]:
    """Return what to replace in the text: first and end character, and the new text."""
    if pose is not None:
        return pose.start_mark.index, _end(pose), new
    second = camera.value[1][0].start_mark  # a camera has a name, and where its images are from
    if camera.flow_style:
        return second.index, second.index, f'pose: {new}, '
    return second.index, second.index, f'pose: {new}\n{" " * second.column}'


def _end(node: Any) -> int:
    """Return the index behind a node, without the blank lines that follow it."""
    if not node.value or isinstance(node, yaml.ScalarNode) or node.flow_style:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def _is_close(a: Pose | None, b: Pose | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.parent == b.parent and bool(np.allclose(
        (*a.xyz, *a.quaternion), (*b.xyz, *b.quaternion), rtol=0, atol=_TOLERANCE))


def _no_place(file: str, poses: Mapping[str, Pose]) -> ConfigError:
    lines = '; '.join(f'{name}: {pose_text(pose)}' for name, pose in poses.items())
    return ConfigError(
        f'cannot put the poses into the layout of {file}, perhaps because it has aliases (*); '
        f'write the cameras without them, or copy: {lines}')
