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


"""The description of the camera for robot models."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

from k4a_ros.calibration import tf_frames
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
import pytest
from support.sources import ROOT

URDF = ROOT / 'urdf/azure_kinect.urdf.xacro'
ROBOT = """
<robot name="robot" xmlns:xacro="http://www.ros.org/wiki/xacro">
  <xacro:include filename="{file}" />
  <link name="tool0" />
  <xacro:azure_kinect prefix="left_" parent="tool0"><origin xyz="0 0.1 0" /></xacro:azure_kinect>
  <xacro:azure_kinect prefix="right_" parent="tool0"><origin xyz="0 -0.1 0" /></xacro:azure_kinect>
</robot>
"""


def expand(file: Path, **arguments: str) -> ElementTree.Element:
    xacro = pytest.importorskip('xacro', reason='xacro is not installed')
    text = xacro.process_file(str(file), mappings=arguments).toxml()
    return ElementTree.fromstring(text)


def numbers(element: ElementTree.Element | None, name: str) -> list[float]:
    return [0.0] * 3 if element is None else [float(text) for text in element.get(name).split()]


def parents(robot: ElementTree.Element) -> dict[str, str]:
    """Return the parent of every frame that robot_state_publisher publishes, by frame."""
    found = [(joint.find('child').get('link'), joint.find('parent').get('link'))
             for joint in robot.iter('joint')]
    assert len(dict(found)) == len(found), 'a frame has two parents'
    return dict(found)


def extent(robot: ElementTree.Element, shape: str) -> list[tuple[float, float]]:
    """Return the range of x, y and z in camera_base that boxes fill; no joint is turned."""
    places = {joint.find('child').get('link'): numbers(joint.find('origin'), 'xyz')
              for joint in robot.iter('joint')}
    assert not any(any(numbers(origin, 'rpy')) for origin in robot.iter('origin'))
    low, high = [math.inf] * 3, [-math.inf] * 3
    for link in robot.iter('link'):
        for element in link.iter(shape):
            place, center = places[link.get('name')], numbers(element.find('origin'), 'xyz')
            size = numbers(element.find('geometry/box'), 'size')
            for axis in range(3):
                middle = place[axis] + center[axis]
                low[axis] = min(low[axis], middle - size[axis] / 2)
                high[axis] = max(high[axis], middle + size[axis] / 2)
    return list(zip(low, high, strict=True))


@pytest.mark.parametrize('shape', ['visual', 'collision'])
def test_the_housing_has_the_dimensions_of_the_specification(shape: str) -> None:
    """103 x 39 x 126 mm (width, height, depth), all of it behind the front of the camera."""
    (back, front), (right, left), (bottom, top) = extent(expand(URDF), shape)
    assert (back, front) == pytest.approx((-0.126, 0.0), abs=1e-9)
    assert (right, left) == pytest.approx((-0.0515, 0.0515), abs=1e-9)
    assert (bottom, top) == pytest.approx((-0.0195, 0.0195), abs=1e-9)


def test_the_inertia_is_that_of_a_box_of_440_grams() -> None:
    inertial, = expand(URDF).iter('inertial')
    x, y, z = (float(inertial.find('inertia').get(name)) for name in ('ixx', 'iyy', 'izz'))
    assert float(inertial.find('mass').get('value')) == 0.44
    # from the sides: I_xx = m (b² + c²) / 12, and so on
    for moments, side in ((y + z - x, 0.126), (x + z - y, 0.103), (x + y - z, 0.039)):
        assert math.sqrt(moments * 6 / 0.44) == pytest.approx(side)


@pytest.mark.parametrize('prefix', ['', 'left_'])
def test_it_hangs_below_the_frames_of_the_driver_and_repeats_none(prefix: str) -> None:
    calibration = FactoryCalibration.from_raw(nominal_calibration('0'))
    driver = {t.child: t.parent for t in tf_frames.static_transforms(calibration, prefix)}
    model = parents(expand(URDF, tf_prefix=prefix))
    assert set(model.values()) == {prefix + tf_frames.CAMERA_BASE}
    assert not set(model) & (set(driver) | set(driver.values()))


def test_two_of_them_fit_into_the_description_of_a_robot(tmp_path: Path) -> None:
    file = tmp_path / 'robot.urdf.xacro'
    file.write_text(ROBOT.format(file=ROOT / 'urdf/azure_kinect_macro.urdf.xacro').strip())
    robot = expand(file)
    tree = parents(robot)
    names = [link.get('name') for link in robot.iter('link')]
    assert len(set(names)) == len(names)
    assert tree['left_camera_base'] == tree['right_camera_base'] == 'tool0'
    assert set(names) == {'tool0', *tree}
    joint, = (item for item in robot.iter('joint') if item.get('name') == 'left_camera_base_joint')
    assert numbers(joint.find('origin'), 'xyz') == [0.0, 0.1, 0.0]
