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


"""Scene files: what docs/simulation.md describes, read with an error for every mistake."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any
from typing import NoReturn
from typing import TypeVar

from k4a_ros.calibration import tf_frames
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.errors import SceneError
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Circle
from k4a_ros.simulation.motion import Line
from k4a_ros.simulation.motion import Motion
from k4a_ros.simulation.motion import Sway
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene import Mover
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.shapes import Shape
from k4a_ros.simulation.shapes import sphere
from k4a_ros.simulation.shapes import Vector
import numpy as np
import yaml

#: meters; everything is nearer than this to the origin, and not smaller than that
_FARTHEST = 1000.0
_SMALLEST = 0.001
_LONGEST_TIME = 86400.0
_SHORTEST_TIME = 0.05
#: more than this is no scene but an accident
_MOST_ITEMS = 2000

T = TypeVar('T')


def default_path() -> Path:
    """Return where the default scene is: beside this source, or where colcon has installed it."""
    beside = Path(__file__).resolve().parents[2] / 'config/room.yaml'
    if beside.is_file():
        return beside
    from ament_index_python.packages import get_package_share_directory
    from ament_index_python.packages import PackageNotFoundError
    try:
        share = get_package_share_directory('k4a_ros')
    except PackageNotFoundError as error:
        raise SceneError(
            f'cannot find the default scene: there is no {beside}, and k4a_ros is not installed '
            'for ROS; build the package with colcon, or give a scene file') from error
    return Path(share) / 'config/room.yaml'


def default_scene() -> Scene:
    """
    Return the scene of config/room.yaml: a furnished room, a moving ball, somebody walking.

    :raises SceneError: the file is missing or damaged.
    """
    return load_scene(default_path())


def load_scene(path: str | Path) -> Scene:
    """
    Read a scene file (YAML); docs/simulation.md describes the format.

    :raises SceneError: it cannot be read or cannot be right; names file, line and key.
    """
    try:
        text = Path(path).read_text(encoding='utf-8')
    except (OSError, UnicodeError) as error:
        raise SceneError(f'cannot read the scene file {path}: {error}') from error
    return parse(text, str(path))


def parse(text: str, name: str) -> Scene:
    """
    Return the scene that the text of a scene file describes.

    :param name: of the file, for errors.
    :raises SceneError: names file, line and key.
    """
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f', line {mark.line + 1}' if mark else ''
        raise SceneError(f'cannot use the scene {name}{line}: it is not valid YAML '
                         f'({error.problem or error.context}); correct it') from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())
        raise SceneError(f'cannot use the scene {name}: it is not valid YAML ({reason}); '
                         'correct it') from error
    if tree is None:
        raise SceneError(f'cannot use the scene {name}: it is empty; docs/simulation.md says '
                         'what goes into it')
    return _scene(_Node(tree, name, ''))


@dataclass(frozen=True)
class _Node:
    """One value of the file, and the path of keys that leads to it."""

    value: Any
    file: str
    key: str

    def refuse(self, problem: str) -> NoReturn:
        """Raise the error for a value with this problem."""
        key = f'{self.key} ' if self.key else 'the file '
        raise SceneError(f'cannot use the scene {self.file}, line '
                         f'{self.value.start_mark.line + 1}: {key}{problem}; correct it, '
                         'docs/simulation.md has the format')

    def members(self, *allowed: str) -> dict[str, _Node]:
        """Return the members of a mapping, by keys that are all among these."""
        if not isinstance(self.value, yaml.MappingNode):
            self.refuse('is not a mapping of keys to values')
        found: dict[str, _Node] = {}
        for key, value in self.value.value:
            at = _Node(key, self.file, self.key)
            if not isinstance(key, yaml.ScalarNode):
                at.refuse('has a key that is not a word')
            if allowed and key.value not in allowed:
                at.refuse(f'has an unknown key {key.value!r}, allowed are ' + ', '.join(allowed))
            if key.value in found:
                at.refuse(f'has the key {key.value!r} twice')
            found[key.value] = _Node(value, self.file, f'{self.key}.{key.value}'.lstrip('.'))
        return found

    def items(self) -> list[_Node]:
        """Return the items of a list."""
        if not isinstance(self.value, yaml.SequenceNode):
            self.refuse('is not a list')
        if len(self.value.value) > _MOST_ITEMS:
            self.refuse(f'has more than {_MOST_ITEMS} items')
        return [_Node(item, self.file, f'{self.key}[{i}]')
                for i, item in enumerate(self.value.value)]

    def text(self) -> str:
        """Return a word."""
        if not isinstance(self.value, yaml.ScalarNode) or not self.value.value.strip():
            self.refuse('is not a word')
        return str(self.value.value)

    def number(self, least: float = -_FARTHEST, most: float = _FARTHEST) -> float:
        """Return a number within bounds."""
        try:
            if not isinstance(self.value, yaml.ScalarNode):
                raise ValueError
            number = float(self.value.value)
        except ValueError:
            self.refuse('is not a number')
        if not least <= number <= most:
            self.refuse(f'is {number:g}, allowed is {least:g} to {most:g}')
        return number

    def vector(self, least: float = -_FARTHEST, most: float = _FARTHEST) -> Vector:
        """Return three numbers."""
        items = self.items()
        if len(items) != 3:
            self.refuse(f'has {len(items)} numbers instead of 3')
        x, y, z = (item.number(least, most) for item in items)
        return x, y, z

    def size(self) -> float:
        """Return a length that is not 0."""
        return self.number(_SMALLEST)

    def angle(self) -> float:
        """Return an angle given in degrees, in radians."""
        return math.radians(self.number(-3600, 3600))

    def period(self) -> float:
        """Return a time, seconds, that is not 0."""
        return self.number(_SHORTEST_TIME, _LONGEST_TIME)

    def need(self, members: dict[str, _Node], key: str) -> _Node:
        """Return a member that must be there."""
        if key not in members:
            self.refuse(f'lacks the key {key!r}')
        return members[key]


def _get(members: dict[str, _Node], key: str, read: Callable[[_Node], T], default: T) -> T:
    """Return what a member says, or the default if it is not there."""
    return read(members[key]) if key in members else default


def _scene(root: _Node) -> Scene:
    parts = root.members('camera', 'materials', 'shapes', 'movers', 'persons')
    materials: dict[str, Material] = {}
    if 'materials' in parts:
        for name, node in parts['materials'].members().items():
            materials[name] = _material(node)
    shapes = [_shape(node, materials) for node in _list(parts, 'shapes')]
    movers = [_mover(node, materials) for node in _list(parts, 'movers')]
    persons = [_person(node) for node in _list(parts, 'persons')]
    if not shapes and not movers and not persons:
        root.refuse('has nothing in it that a camera could see')
    for kind in ('movers', 'persons'):
        _distinct(parts, kind)
    if len(persons) > 200:
        parts['persons'].refuse('has more than 200 items')
    return Scene(tuple(shapes), tuple(movers), tuple(persons),
                 _get(parts, 'camera', _camera, CameraPath()))


def _list(parts: dict[str, _Node], key: str) -> list[_Node]:
    return _get(parts, key, _Node.items, [])


def _distinct(parts: dict[str, _Node], kind: str) -> None:
    """Refuse two of a kind with one name."""
    names = set()
    for node in _list(parts, kind):
        name = node.members()['name'].text()
        if name in names:
            node.refuse(f'has the name {name!r}, which another of the {kind} has')
        names.add(name)


def _color(node: _Node) -> Vector:
    """Return blue, green, red of a list of red, green, blue."""
    red, green, blue = node.vector(0.0, 1.0)
    return blue, green, red


def _material(node: _Node) -> Material:
    parts = node.members('color', 'other', 'square')
    return Material(
        _color(node.need(parts, 'color')), _get(parts, 'other', _color, Material.other),
        _get(parts, 'square', _Node.size, 0.0))


def _shape(node: _Node, materials: dict[str, Material]) -> Shape:
    parts = node.members('plane', 'box', 'sphere', 'capsule', 'material')
    kinds = [kind for kind in parts if kind != 'material']
    if len(kinds) != 1:
        node.refuse('needs exactly one of plane, box, sphere and capsule')
    material = Material()
    if 'material' in parts:
        name = parts['material'].text()
        if name not in materials:
            parts['material'].refuse(f'is {name!r}, which is not among the materials')
        material = materials[name]
    return _KINDS[kinds[0]](parts[kinds[0]], material)


def _plane(node: _Node, material: Material) -> Shape:
    parts = node.members('point', 'normal')
    normal = node.need(parts, 'normal').vector()
    if math.hypot(*normal) < 1e-6:
        parts['normal'].refuse('has no direction')
    return Plane(node.need(parts, 'point').vector(), normal, material)


def _box(node: _Node, material: Material) -> Shape:
    parts = node.members('size', 'center', 'yaw', 'pitch', 'roll')
    angles = (_get(parts, key, _Node.angle, 0.0) for key in ('yaw', 'pitch', 'roll'))
    housing, _ = CameraPath((Waypoint(0.0, (0.0, 0.0, 0.0), *angles),)).housing([0.0])
    # the axes of a box that is not turned are those of the world
    rotation = housing[0] @ tf_frames.BODY_FROM_OPTICAL
    center = node.need(parts, 'center').vector()
    return Box(node.need(parts, 'size').vector(_SMALLEST),
               RigidTransform(rotation, np.array(center)), material)


def _sphere(node: _Node, material: Material) -> Shape:
    parts = node.members('center', 'radius')
    return sphere(
        node.need(parts, 'center').vector(), node.need(parts, 'radius').size(), material)


def _capsule(node: _Node, material: Material) -> Shape:
    parts = node.members('start', 'end', 'radius')
    return Capsule(node.need(parts, 'start').vector(), node.need(parts, 'end').vector(),
                   node.need(parts, 'radius').size(), material)


_KINDS: dict[str, Callable[[_Node, Material], Shape]] = {
    'plane': _plane, 'box': _box, 'sphere': _sphere, 'capsule': _capsule}


def _mover(node: _Node, materials: dict[str, Material]) -> Mover:
    parts = node.members('name', 'shapes', 'motion')
    shapes = [_shape(item, materials) for item in node.need(parts, 'shapes').items()]
    if not shapes:
        parts['shapes'].refuse('is empty')
    return Mover(node.need(parts, 'name').text(), tuple(shapes),
                 _motion(node.need(parts, 'motion')))


def _motion(node: _Node) -> Motion:
    kinds = node.members('sway', 'line', 'circle')
    if len(kinds) != 1:
        node.refuse('needs exactly one of sway, line and circle')
    kind, only = next(iter(kinds.items()))
    if kind == 'circle':
        parts = only.members('radius', 'period')
        return Circle(only.need(parts, 'radius').size(), only.need(parts, 'period').period())
    parts = only.members('reach', 'period')
    reach, period = only.need(parts, 'reach').vector(), only.need(parts, 'period').period()
    return Sway(reach, period) if kind == 'sway' else Line(reach, period)


def _person(node: _Node) -> Person:
    parts = node.members('name', 'path', 'floor', 'height', 'speed', 'start', 'heading')
    path: list[tuple[float, float]] = []
    for item in node.need(parts, 'path').items():
        place = item.items()
        if len(place) != 2:
            item.refuse(f'has {len(place)} numbers instead of 2, x and z')
        path.append((place[0].number(), place[1].number()))
        if len(path) > 1 and math.dist(path[-1], path[-2]) < 0.05:
            item.refuse('is less than 0.05 m from the one before')
    if not path:
        parts['path'].refuse('is empty')
    person = Person(
        node.need(parts, 'name').text(), tuple(path), node.need(parts, 'floor').number())
    return Person(
        person.name, person.path, person.floor,
        _get(parts, 'height', lambda n: n.number(0.5, 2.5), person.height),
        _get(parts, 'speed', lambda n: n.number(0.1, 3.0), person.speed),
        _get(parts, 'start', lambda n: n.number(-_LONGEST_TIME, _LONGEST_TIME), person.start),
        _get(parts, 'heading', _Node.angle, person.heading))


def _camera(node: _Node) -> CameraPath:
    if isinstance(node.value, yaml.SequenceNode):
        waypoints = list(_waypoints(node))
        if not waypoints:
            node.refuse('is empty')
        return CameraPath(tuple(waypoints))
    return CameraPath((_waypoint(node, ()),))


def _waypoints(node: _Node) -> Iterator[Waypoint]:
    before = -math.inf
    for item in node.items():
        waypoint = _waypoint(item, ('time',))
        if waypoint.time < before + _SHORTEST_TIME:
            item.refuse(f'is not {_SHORTEST_TIME:g} s later than the one before')
        before = waypoint.time
        yield waypoint


def _waypoint(node: _Node, more: tuple[str, ...]) -> Waypoint:
    parts = node.members('position', 'yaw', 'pitch', 'roll', *more)
    time = 0.0
    if more:
        time = node.need(parts, 'time').number(-_LONGEST_TIME, _LONGEST_TIME)
    return Waypoint(time, node.need(parts, 'position').vector(),
                    *(_get(parts, key, _Node.angle, 0.0) for key in ('yaw', 'pitch', 'roll')))
