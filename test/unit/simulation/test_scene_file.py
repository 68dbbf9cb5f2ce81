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


"""Scene files are parsed into scenes, and mistakes are reported with file, line and key."""

from __future__ import annotations

import math
import subprocess
import sys

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.errors import K4aRosError
from k4a_ros.errors import SceneError
from k4a_ros.simulation import scene_file
from k4a_ros.simulation.motion import Circle
from k4a_ros.simulation.motion import Line
from k4a_ros.simulation.motion import Sway
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.scene_file import load_scene
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.skeleton import SEAT_SHARE
from k4a_ros.simulation.skeleton import TABLE_SHARE
from k4a_ros.simulation.skeleton import WALL_SHARE
import numpy as np
import pytest
from support.sources import ROOT

FULL = """\
camera:
  - {time: 0, position: [0, 0, 0]}
  - {time: 2.5, position: [0.5, -0.1, 1], yaw: 30, pitch: -10, roll: 5}
materials:
  checks: {color: [1, 0.5, 0], other: [0, 0.25, 1], square: 0.1}
  plain: {color: [0.2, 0.3, 0.4], infrared: 0.6}
shapes:
  - {plane: {point: [0, 1, 0], normal: [0, -1, 0]}, material: checks}
  - {box: {size: [1, 2, 3], center: [0, 0, 4], yaw: 90}, material: plain}
  - {sphere: {center: [0, 0, 2], radius: 0.5}}
  - {capsule: {start: [0, 0, 1], end: [0, 1, 1], radius: 0.25}, material: plain}
  - {capsule: {start: [0, 0, 1], end: [0, 1, 1], radius: 0.3, end_radius: 0.1}}
movers:
  - name: a
    shapes: [{sphere: {center: [0, 0, 2], radius: 0.5}}]
    motion: {sway: {reach: [1, 0, 0], period: 2}}
  - name: b
    shapes: [{sphere: {center: [0, 0, 2], radius: 0.5}}]
    motion: {line: {reach: [0, 1, 0], period: 3}}
  - name: c
    shapes: [{sphere: {center: [0, 0, 2], radius: 0.5}}]
    motion: {circle: {radius: 0.3, period: 4}}
persons:
  - {name: ada, path: [[0, 2], [1, 3]], floor: 1, height: 1.6, speed: 1.2, start: 3}
  - {name: bob, path: [[2, 2]], floor: 1, heading: 90, posture: sitting, clothes: {hat: cap}}
boards:
  - {name: d, squares: [5, 4], square: 0.06, dictionary: 5X5_50, path: {position: [0, 0, 1]}}
  - name: e
    squares: [7, 5]
    square: 0.08
    path: [{time: 0, position: [0, 0, 1]}, {time: 1, position: [0, 0, 2], yaw: 10}]
"""


def parse(text: str) -> Scene:
    """Return the scene that a text describes."""
    return scene_file.parse(text, 'test.yaml')


def test_every_key_is_parsed():
    scene = parse(FULL)
    plane, box, ball, rod, cone = scene.shapes
    assert plane == Plane((0, 1, 0), (0, -1, 0),
                          Material((0, 0.5, 1), (1, 0.25, 0), 0.1))
    assert isinstance(box, Box)
    assert box.size == (1, 2, 3)
    # rotated to the left by 90°, so its z points to the left
    np.testing.assert_allclose(box.pose.rotation @ [0, 0, 1], [-1, 0, 0], atol=1e-12)
    assert ball == Capsule((0, 0, 2), (0, 0, 2), 0.5)
    assert rod == Capsule((0, 0, 1), (0, 1, 1), 0.25, Material((0.4, 0.3, 0.2), infrared=0.6))
    assert cone == Capsule((0, 0, 1), (0, 1, 1), 0.3, end_radius=0.1)
    assert [mover.motion for mover in scene.movers] == [
        Sway((1, 0, 0), 2), Line((0, 1, 0), 3), Circle(0.3, 4)]
    ada, bob = scene.persons
    assert (ada.name, ada.path, ada.height, ada.speed, ada.start) == (
        'ada', ((0, 2), (1, 3)), 1.6, 1.2, 3)
    assert bob.is_still
    assert (ada.posture, bob.posture) == ('standing', 'sitting')
    assert bob.heading == pytest.approx(math.pi / 2)
    plate, carried = scene.boards
    assert (plate.board.columns, plate.board.rows, plate.board.square_m) == (5, 4, 0.06)
    assert plate.board.dictionary == '5X5_50' and plate.is_still and not carried.is_still
    # the middle of 7x5 squares of 0.08 m, seen from the origin
    np.testing.assert_allclose(carried.pose(0.0).translation, (-0.28, -0.2, 1), atol=1e-12)
    assert scene.camera.waypoints[1].time == 2.5
    assert scene.camera.waypoints[1].pitch == pytest.approx(math.radians(-10))


def test_example_in_the_documentation_is_valid():
    text = (ROOT / 'docs/simulation.md').read_text(encoding='utf-8')
    examples = [part.split('```', 1)[0] for part in text.split('```yaml\n')[1:]]
    assert examples
    for example in examples:
        parse(example)


MISTAKES = [
    ('camera: {position: [0, 0, 0]}\n', 1, 'has nothing in it'),
    (FULL.replace('radius: 0.25', 'radius: 0'), 11, 'shapes[3].capsule.radius is 0; it must be'),
    (FULL.replace('radius: 0.25', 'radius: thin'), 11, 'shapes[3].capsule.radius is not a number'),
    (FULL.replace('radius: 0.25', 'radius: .nan'), 11, 'shapes[3].capsule.radius'),
    (FULL.replace('radius: 0.25', 'width: 1'), 11, "unknown key 'width', allowed are start"),
    (FULL.replace(', radius: 0.25', ''), 11, "shapes[3].capsule lacks the key 'radius'"),
    (FULL.replace('material: plain}', 'material: plane}', 1), 9, "'plane', which is not among"),
    (FULL.replace('[1, 0.5, 0]', '[1, 0.5]'), 5, 'materials.checks.color has 2 numbers'),
    (FULL.replace('[1, 0.5, 0]', '[1, 0.5, 2]'), 5, 'materials.checks.color[2] is 2'),
    (FULL.replace('[1, 0.5, 0]', 'red'), 5, 'materials.checks.color is not a list'),
    (FULL.replace('normal: [0, -1, 0]', 'normal: [0, 0, 0]'), 8, 'has length 0'),
    (FULL.replace('name: b', 'name: a'), 17, "has the name 'a'"),
    (FULL.replace('period: 2}', 'period: 0}'), 16, 'movers[0].motion.sway.period is 0'),
    (FULL.replace('{circle: {radius: 0.3, period: 4}}', '{}'), 22, 'exactly one of sway'),
    (FULL.replace('time: 2.5', 'time: 0'), 3, 'camera[1] is not at least 0.05 s later'),
    (FULL.replace('[[0, 2], [1, 3]]', '[[0, 2], [0, 2]]'), 24, 'persons[0].path[1] is less'),
    (FULL.replace('end_radius: 0.1', 'end_radius: 2'), 12, 'shapes[4].capsule.end_radius differs'),
    (FULL.replace('name: d', 'name: a'), 27, "has the name 'a'"),
    (FULL.replace('squares: [5, 4]', 'squares: [5]'), 27, 'boards[0].squares has 1 numbers'),
    (FULL.replace('squares: [5, 4]', 'squares: [1, 4]'), 27, 'a board of 1x4 squares'),
    (FULL.replace('[[2, 2]]', '[]'), 25, 'persons[1].path is empty'),
    (FULL.replace('[[2, 2]]', '[[2, 2, 2]]'), 25, 'has 3 numbers instead of 2'),
    (FULL.replace('shapes:\n', 'shapes: 3\nold:\n', 1), 8, "unknown key 'old'"),
    (FULL + 'camera: {position: [0, 0, 0]}\n', 32, "'camera' twice"),
    (FULL.replace('name: ada', 'name: [1]'), 24, 'persons[0].name is not a string'),
    (FULL + '? [1]\n: 2\n', 32, 'a key that is not a string'),
    ('shapes: [\n', 2, 'not valid YAML'),
    ('- 1\n', 1, 'is not a mapping'),
]


@pytest.mark.parametrize(('text', 'line', 'problem'), MISTAKES)
def test_mistake_raises_with_file_line_and_key(text, line, problem):
    with pytest.raises(SceneError) as error:
        parse(text)
    assert 'test.yaml' in str(error.value)
    assert f'line {line}' in str(error.value)
    assert problem in str(error.value)
    assert '\n' not in str(error.value)
    assert isinstance(error.value, K4aRosError)


@pytest.mark.parametrize(
    'text', ['', '# nothing\n', 'a: "\x00"', '\ud800', '[' * 3000, '--- 1\n--- 2'])
def test_invalid_yaml_raises_with_the_file_name(text):
    with pytest.raises(SceneError, match=r'test\.yaml'):
        parse(text)


def test_unreadable_file_raises_with_its_name(tmp_path):
    with pytest.raises(SceneError, match=r'nowhere\.yaml'):
        load_scene(tmp_path / 'nowhere.yaml')
    (tmp_path / 'binary.yaml').write_bytes(b'\xff\xfe\x00\x80')
    with pytest.raises(SceneError, match=r'binary\.yaml'):
        load_scene(tmp_path / 'binary.yaml')


FRAGMENTS = [
    '0', '-1', '1e9', '.nan', '.inf', '~', '', '[]', '{}', '[1, 2, 3]', '&a [*a]', 'plane', '"',
    ':', '- ', '\n', '  ', '*x', '!!python/object:os.system {}', '<<: {a: 1}', '0x10']


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_file_raises_scene_error_or_gives_a_usable_scene(data):
    text = FULL
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        insertion = data.draw(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=4)))
        text = text[:start] + insertion + text[end:]
    try:
        scene = parse(text)
    except SceneError as error:
        assert 'test.yaml' in str(error)
        return
    # the scene is usable
    for time in (0.0, 1.7):
        pose = scene.camera.depth_camera(time)
        hits = scene.cast(pose.translation, pose.rotation @ [0.1, 0.1, 1.0], time)
        assert not np.isnan(hits.distance)


def test_default_scene_is_found_from_any_directory(tmp_path):
    assert scene_file.default_path().is_file()
    done = subprocess.run(
        [sys.executable, '-c', 'from k4a_ros.simulation.scene_file import default_scene\n'
         'print(len(default_scene().shapes))'], cwd=tmp_path, capture_output=True, text=True,
        check=True)
    assert int(done.stdout) == len(default_scene().shapes)


def test_default_scene_is_found_where_colcon_installs_it(tmp_path, monkeypatch):
    share = tmp_path / 'share/k4a_ros'
    (share / 'config').mkdir(parents=True)
    (share / 'config/room.yaml').write_bytes(scene_file.default_path().read_bytes())
    index = tmp_path / 'share/ament_index/resource_index/packages'
    index.mkdir(parents=True)
    (index / 'k4a_ros').write_text('')
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    monkeypatch.setattr(scene_file, '__file__', str(tmp_path / 'lib/x/k4a_ros/simulation/s.py'))
    assert scene_file.default_path() == share / 'config/room.yaml'
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path / 'share'))
    with pytest.raises(SceneError, match='default scene'):
        scene_file.default_path()


def test_people_of_the_meeting_sit_on_their_seats():
    scene = load_scene(ROOT / 'config/meeting.yaml')
    seated = [person for person in scene.persons if person.posture in ('sitting', 'at table')]
    assert (len(seated), len(scene.persons)) == (3, 6)
    seats = [shape for shape in scene.shapes
             if isinstance(shape, Box) and shape.size == (0.44, 0.04, 0.44)]
    for person, seat in zip(seated, seats, strict=True):
        x, y, z = seat.pose.translation
        assert person.path == ((x, z),)
        top = person.floor - (y - 0.02)
        assert top == pytest.approx(SEAT_SHARE * person.height, abs=0.015)
        if person.posture == 'at table':
            assert TABLE_SHARE * person.height == pytest.approx(0.72, abs=0.02)
    (dan,) = (person for person in scene.persons if person.posture == 'leaning')
    # the back wall is at 3.4 m
    assert dan.path[0][1] + WALL_SHARE * dan.height == pytest.approx(3.4, abs=0.01)


def test_default_scene_is_a_closed_room():
    scene = default_scene()
    assert [mover.name for mover in scene.movers] == ['ball']
    assert [person.name for person in scene.persons] == ['walker']
    assert scene.camera.is_still
    # every ray hits a wall or something in front of it
    rng = np.random.default_rng(0)
    hits = scene.cast((0, 0, 0), [(x, y, 1) for x, y in rng.uniform(-1.7, 1.7, (500, 2))])
    assert (hits.index >= 0).all()
    assert hits.distance.max() <= 3.4 + 1e-9
