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

"""Load scenes from YAML files, whose format docs/simulation.md describes."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import math
from pathlib import Path

from k4a_ros.calibration import tf_frames
from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.calibration.charuco_board import MAX_SQUARES
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.errors import ConfigError
from k4a_ros.errors import FileError
from k4a_ros.errors import SceneError
from k4a_ros.process.files import read_regular
from k4a_ros.simulation.board import BoardObject
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Circle
from k4a_ros.simulation.motion import Line
from k4a_ros.simulation.motion import Motion
from k4a_ros.simulation.motion import Sway
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.scene import Mover
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_limits import check_limits
from k4a_ros.simulation.scene_limits import LOADER
from k4a_ros.simulation.scene_limits import MAX_BYTES
from k4a_ros.simulation.scene_limits import MAX_SHAPES
from k4a_ros.simulation.scene_material import named_material
from k4a_ros.simulation.scene_material import read_material
from k4a_ros.simulation.scene_node import MIN_PERIOD_S
from k4a_ros.simulation.scene_node import MIN_SIZE_M
from k4a_ros.simulation.scene_node import SceneMapping
from k4a_ros.simulation.scene_node import SceneNode
from k4a_ros.simulation.scene_person import read_person
from k4a_ros.simulation.scene_sound import read_sound
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.shapes import Shape
from k4a_ros.simulation.shapes import sphere
import numpy as np
import yaml

_MAX_PERSONS = 200
_MAX_SOUNDS = 20
#: shortest length of a capsule that tapers, relative to the difference of its radii: from 1 on,
#: one end contains the other
_MIN_TAPER = 1.05


def default_path() -> Path:
    """
    Return the path of the default scene: in the source tree, or where colcon installs it.

    :raises SceneError: it is in neither place.
    """
    in_source_tree = Path(__file__).resolve().parents[2] / 'config/room.yaml'
    if in_source_tree.is_file():
        return in_source_tree
    from ament_index_python.packages import get_package_share_directory
    from ament_index_python.packages import PackageNotFoundError
    try:
        share = get_package_share_directory('k4a_ros')
    except PackageNotFoundError as error:
        raise SceneError(
            f'cannot find the default scene: there is no {in_source_tree}, and k4a_ros is not '
            'installed in a sourced ROS workspace; build the package with colcon and source the '
            'workspace, or give a scene file') from error
    return Path(share) / 'config/room.yaml'


def default_scene() -> Scene:
    """
    Return the scene of config/room.yaml: a furnished room, a moving ball, a walking person.

    :raises SceneError: the file is missing or damaged.
    """
    return load_scene(default_path())


def load_scene(path: str | Path) -> Scene:
    """
    Load a scene file.

    :raises SceneError: the file cannot be read or is invalid; names file, line and key.
    """
    return parse(read_text(path), str(path))


def read_text(path: str | Path) -> str:
    """
    Return the text of a scene file.

    :raises SceneError: the file cannot be read, or is too large.
    """
    try:
        return read_regular(path, MAX_BYTES).decode('utf-8')
    except (FileError, UnicodeError) as error:
        raise SceneError(f'cannot read the scene file {path}: {error}') from error


def parse(text: str, name: str) -> Scene:
    """
    Parse the text of a scene file.

    :param name: name of the file, for errors.
    :raises SceneError: the text is invalid; names file, line and key.
    """
    try:
        check_limits(text, name)
        tree = yaml.compose(text, Loader=LOADER)
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
        raise SceneError(f'cannot use the scene {name}: the file is empty; docs/simulation.md '
                         'describes the format')
    return _scene(SceneNode(tree, name, ''))


def _scene(root: SceneNode) -> Scene:
    fields = root.mapping(
        'camera', 'materials', 'shapes', 'movers', 'persons', 'sounds', 'boards')
    materials: dict[str, Material] = {}
    if 'materials' in fields:
        for name, node in fields['materials'].mapping().items():
            materials[name] = read_material(node)
    shapes = [_shape(node, materials) for node in _items(fields, 'shapes')]
    movers = [_mover(node, materials) for node in _items(fields, 'movers')]
    persons = [read_person(node, materials) for node in _items(fields, 'persons')]
    boards = [_board(node) for node in _items(fields, 'boards')]
    if not shapes and not movers and not persons and not boards:
        root.refuse('has nothing in it: it needs shapes, movers, persons or boards')
    sounds = [read_sound(node) for node in _items(fields, 'sounds')]
    for kinds in (('movers', 'boards'), ('persons',), ('sounds',)):
        _check_names_are_unique([node for kind in kinds for node in _items(fields, kind)])
    if len(shapes) + sum(len(mover.shapes) for mover in movers) + sum(
            len(board.at(0.0)) for board in boards) > MAX_SHAPES:
        root.refuse(f'has more than {MAX_SHAPES} shapes, with those of movers and boards')
    if len(persons) > _MAX_PERSONS:
        fields['persons'].refuse(f'has more than {_MAX_PERSONS} items')
    if len(sounds) > _MAX_SOUNDS:
        fields['sounds'].refuse(f'has more than {_MAX_SOUNDS} items')
    return Scene(tuple(shapes), tuple(movers), tuple(persons),
                 fields.read('camera', _camera, CameraPath()), tuple(sounds), tuple(boards))


def _items(fields: SceneMapping, key: str) -> list[SceneNode]:
    """Return the items of an optional list."""
    return fields.read(key, SceneNode.items, [])


def _check_names_are_unique(nodes: list[SceneNode]) -> None:
    """
    Check that no two items have the same name.

    :raises SceneError: two do.
    """
    names = set()
    for node in nodes:
        name = node.mapping()['name'].text()
        if name in names:
            node.refuse(f'has the name {name!r}, which is already in use')
        names.add(name)


def _shape(node: SceneNode, materials: dict[str, Material]) -> Shape:
    fields = node.mapping('plane', 'box', 'sphere', 'capsule', 'material')
    kinds = [kind for kind in fields if kind != 'material']
    if len(kinds) != 1:
        node.refuse('needs exactly one of plane, box, sphere and capsule')
    material = fields.read('material', lambda n: named_material(n, materials), Material())
    return _SHAPES[kinds[0]](fields[kinds[0]], material)


def _plane(node: SceneNode, material: Material) -> Shape:
    fields = node.mapping('point', 'normal')
    normal = fields['normal'].vector()
    if math.hypot(*normal) < 1e-6:
        fields['normal'].refuse('has length 0, so it has no direction')
    return Plane(fields['point'].vector(), normal, material)


def _box(node: SceneNode, material: Material) -> Shape:
    fields = node.mapping('size', 'center', 'yaw', 'pitch', 'roll')
    angles = (fields.read(key, SceneNode.angle, 0.0) for key in ('yaw', 'pitch', 'roll'))
    housing, _ = CameraPath((Waypoint(0.0, (0.0, 0.0, 0.0), *angles),)).housing([0.0])
    # without rotation the axes of a box are those of the world
    rotation = housing[0] @ tf_frames.BODY_FROM_OPTICAL
    center = fields['center'].vector()
    return Box(fields['size'].vector(MIN_SIZE_M),
               RigidTransform(rotation, np.array(center)), material)


def _sphere(node: SceneNode, material: Material) -> Shape:
    fields = node.mapping('center', 'radius')
    return sphere(fields['center'].vector(), fields['radius'].size(), material)


def _capsule(node: SceneNode, material: Material) -> Shape:
    fields = node.mapping('start', 'end', 'radius', 'end_radius')
    start, end = fields['start'].vector(), fields['end'].vector()
    radius = fields['radius'].size()
    end_radius = fields.read('end_radius', SceneNode.size, None)
    difference = 0.0 if end_radius is None else abs(end_radius - radius)
    if math.dist(start, end) < _MIN_TAPER * difference:
        fields['end_radius'].refuse(
            f'differs from the radius by {difference:g}; the distance from start to end must be '
            f'at least {_MIN_TAPER:g} times that')
    return Capsule(start, end, radius, material, end_radius)


_SHAPES: dict[str, Callable[[SceneNode, Material], Shape]] = {
    'plane': _plane, 'box': _box, 'sphere': _sphere, 'capsule': _capsule}


def _mover(node: SceneNode, materials: dict[str, Material]) -> Mover:
    fields = node.mapping('name', 'shapes', 'motion')
    shapes = [_shape(item, materials) for item in fields['shapes'].items()]
    if not shapes:
        fields['shapes'].refuse('is empty')
    return Mover(fields['name'].text(), tuple(shapes), _motion(fields['motion']))


def _board(node: SceneNode) -> BoardObject:
    fields = node.mapping('name', 'squares', 'square', 'dictionary', 'path')
    sizes = fields['squares'].items()
    if len(sizes) != 2:
        fields['squares'].refuse(f'has {len(sizes)} numbers instead of 2, columns and rows')
    try:
        columns, rows = (int(size.number(0, MAX_SQUARES)) for size in sizes)
        board = CharucoBoard(
            columns, rows, fields['square'].size(),
            dictionary=fields.read('dictionary', SceneNode.text, CharucoBoard.dictionary))
    except ConfigError as error:
        node.refuse(f'cannot be used: {error}')
    return BoardObject(fields['name'].text(), board, _camera(fields['path']))


def _motion(node: SceneNode) -> Motion:
    kinds = node.mapping('sway', 'line', 'circle')
    if len(kinds) != 1:
        node.refuse('needs exactly one of sway, line and circle')
    kind, arguments = next(iter(kinds.items()))
    if kind == 'circle':
        fields = arguments.mapping('radius', 'period')
        return Circle(fields['radius'].size(), fields['period'].period())
    fields = arguments.mapping('reach', 'period')
    reach, period = fields['reach'].vector(), fields['period'].period()
    return Sway(reach, period) if kind == 'sway' else Line(reach, period)


def _camera(node: SceneNode) -> CameraPath:
    if isinstance(node.value, yaml.SequenceNode):
        waypoints = list(_waypoints(node))
        if not waypoints:
            node.refuse('is empty')
        return CameraPath(tuple(waypoints))
    return CameraPath((_waypoint(node),))


def _waypoints(node: SceneNode) -> Iterator[Waypoint]:
    previous_time = -math.inf
    for item in node.items():
        waypoint = _waypoint(item, 'time')
        if waypoint.time < previous_time + MIN_PERIOD_S:
            item.refuse(f'is not at least {MIN_PERIOD_S:g} s later than the previous one')
        previous_time = waypoint.time
        yield waypoint


def _waypoint(node: SceneNode, *time_key: str) -> Waypoint:
    """Return a waypoint; with ``time_key`` its time is required, otherwise it is 0."""
    fields = node.mapping('position', 'yaw', 'pitch', 'roll', *time_key)
    time = fields['time'].time() if time_key else 0.0
    return Waypoint(time, fields['position'].vector(),
                    *(fields.read(key, SceneNode.angle, 0.0) for key in ('yaw', 'pitch', 'roll')))
