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

"""Poses are put into rig files, of which everything else stays as it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.errors import ConfigError
from k4a_ros.rig.rig import Pose
from k4a_ros.rig.rig_file import parse_rig
from k4a_ros.rig_calibration.rig_text import pose_text
from k4a_ros.rig_calibration.rig_text import with_poses
import numpy as np
import pytest
from support.sources import ROOT

FILE = 'cameras.yaml'
SHAPES = {
    'block': '  - name: {0}\n    simulated: true  # here\n',
    'block with pose': '  - name: {0}\n    simulated: true\n    pose:\n      parent: world\n'
                       '      xyz: [1, 2,\n            3]\n      # no rotation\n\n'
                       '    parameters: {{fps: 15}}\n',
    'pose first': '  - pose: {{parent: world, xyz: [0, 0, 1]}}  # first\n    name: {0}\n'
                  '    simulated: true\n',
    'flow': '  - {{name: {0}, simulated: true}}\n',
    'flow with pose': '  - {{name: {0}, pose: {{xyz: [0, 0, 1], parent: map}}, '
                      'simulated: true}}\n',
}
numbers = st.floats(-50, 50, allow_subnormal=False)


@st.composite
def poses(draw: st.DrawFn) -> Pose:
    """Return any pose."""
    quaternion = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 4))) + (0, 0, 0, 1e-3)
    length = np.linalg.norm(quaternion)
    x, y, z, w = (quaternion / length).tolist() if length > 1e-6 else (0.0, 0.0, 0.0, 1.0)
    return Pose(draw(st.sampled_from(['world', 'cell/base', 'a-b.c'])),
                draw(st.tuples(numbers, numbers, numbers)), (x, y, z, w))


@settings(max_examples=40, deadline=None)
@given(shapes=st.lists(st.sampled_from(sorted(SHAPES)), min_size=1, max_size=4), data=st.data())
def test_poses_replace_or_join_what_is_there(shapes, data):
    names = [f'cam{i}' for i in range(len(shapes))]
    text = '# a rig\nnamespace: cell\ncameras:\n' + ''.join(
        SHAPES[shape].format(name) for shape, name in zip(shapes, names, strict=True))
    wanted = {name: data.draw(poses()) for name in names if data.draw(st.booleans())}
    changed = with_poses(text, FILE, wanted)
    before, after = parse_rig(text, FILE), parse_rig(changed, FILE)
    assert [comment for comment in ('# a rig', '# here', '# first')
            if (comment in text) != (comment in changed)] == []
    for old, new in zip(before.cameras, after.cameras, strict=True):
        assert (new.name, new.kind, new.settings) == (old.name, old.kind, old.settings)
        expected = wanted.get(new.name, old.pose)
        assert (new.pose is None) == (expected is None)
        if expected is not None:
            assert new.pose.parent == expected.parent
            assert np.allclose(new.pose.xyz, expected.xyz, atol=1e-6)
            assert np.allclose(new.pose.quaternion, expected.quaternion, atol=1e-6)


def test_example_keeps_its_comments():
    text = (ROOT / 'config/multi_camera.yaml').read_text()
    pose = Pose('world', (1, 2, 3), (0, 0, 0, 1))
    changed = with_poses(text, FILE, {'left': pose})
    different = [(a, b) for a, b in zip(text.splitlines(), changed.splitlines(), strict=True)
                 if a != b]
    assert different == [('    pose: {parent: world, xyz: [0.5, 1.2, 0], rpy: [0, 0, -0.6]}',
                          f'    pose: {pose_text(pose)}')]


def test_layout_without_place_is_refused_with_the_poses():
    text = ('cameras:\n  - {name: a, simulated: true, pose: &p {parent: world, xyz: [0, 0, 0]}}\n'
            '  - {name: b, simulated: true, pose: *p}\n')
    with pytest.raises(ConfigError, match=r'aliases.* b: \{parent: map, xyz: \[1\.0'):
        with_poses(text, FILE, {'b': Pose('map', (1, 2, 3), (0, 0, 0, 1))})
