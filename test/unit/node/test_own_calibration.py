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

"""The calibration that a user has instead of that of the factory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from k4a_ros.calibration.camera_info import read_camera_info
from k4a_ros.calibration.camera_info import write_camera_info
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.base import DeviceInfo
from k4a_ros.errors import CalibrationError
from k4a_ros.node.own_calibration import OwnCalibration
from k4a_ros.parameters.settings import Settings
import pytest

SERIAL = '000123456712'
CONFIG = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
FACTORY = FactoryCalibration.from_raw(nominal_calibration(SERIAL))
COLOR = FACTORY.color(ColorResolution.R720P).camera_info
OWN_COLOR = replace(COLOR, model='plumb_bob', d=(0.1, -0.05, 0.0, 0.0, 0.0))
DEPTH = FACTORY.depth(DepthMode.NFOV_UNBINNED).camera_info
OWN_DEPTH = replace(DEPTH, k=(510.0, *DEPTH.k[1:]))
RGB_FILE = f'azure_kinect_rgb_{SERIAL}_720P.yaml'
IR_FILE = f'azure_kinect_ir_{SERIAL}_NFOV_UNBINNED.yaml'


class Own(OwnCalibration):
    """The tested class, with a log that is a list, and cameras that only have a calibration."""

    def __init__(self, **values: object) -> None:
        self.lines: list[str] = []
        log: Any = SimpleNamespace(info=self.lines.append)
        super().__init__(lambda: Settings.from_values(values), log)

    def opened(self, config: CameraConfig = CONFIG, serial: str = SERIAL) -> FactoryCalibration:
        """Return the calibration of a camera that is opened."""
        camera: Any = SimpleNamespace(
            calibration=FACTORY, config=config, info=DeviceInfo('device', serial, '0'))
        self.apply(camera)
        return camera.calibration


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of ROS for files of camera_info."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    return tmp_path / 'camera_info'


def test_camera_keeps_the_calibration_of_the_factory() -> None:
    own = Own()
    assert own.opened() is FACTORY
    assert own.lines == []


def test_file_replaces_the_calibration_and_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / 'mine.json'
    path.write_bytes(nominal_calibration(SERIAL).replace(b'2020', b'2021'))
    own = Own(calibration_file=str(path))
    assert '2021' in own.opened().factory_date
    assert own.in_use == {'calibration': str(path)}
    path.unlink()
    assert '2021' in own.opened().factory_date
    assert own.lines == [f'Using the calibration in {path} instead of that of the device']


def test_file_of_another_camera_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'mine.json').write_bytes(nominal_calibration('000999999912'))
    with pytest.raises(CalibrationError, match='000999999912'):
        Own(calibration_file=str(tmp_path / 'mine.json')).opened()


def test_saved_lens_is_used_when_the_camera_is_opened_again(folder: Path) -> None:
    own = Own()
    own.opened()
    saved = own.save('rgb', OWN_COLOR)
    assert saved.path == folder / RGB_FILE
    assert 1 < saved.difference_px < 10
    assert own.save('depth', OWN_DEPTH).path == folder / IR_FILE
    assert own.in_use == {'calibration': 'factory'}
    calibration = own.opened()
    assert own.in_use == {
        'calibration': 'factory', 'calibration of the rgb camera': str(folder / RGB_FILE),
        'calibration of the ir camera': str(folder / IR_FILE)}
    assert calibration.color(ColorResolution.R720P).camera_info == OWN_COLOR
    assert calibration.depth(DepthMode.NFOV_UNBINNED).camera_info == OWN_DEPTH
    own.opened()
    assert [line.count('remove the file') for line in own.lines] == [1, 1]
    assert Own().opened().color(ColorResolution.R720P).camera_info == OWN_COLOR


@pytest.mark.parametrize('rotation', [90, 180, 270])
def test_lens_of_upright_images_is_saved_for_the_camera(folder: Path, rotation: int) -> None:
    """The file is right whatever the rotation is when it is read."""
    own = Own(camera_rotation=rotation)
    own.opened()
    own.save('rgb', OWN_COLOR.rotated(rotation))
    own.save('depth', OWN_DEPTH.rotated(rotation))
    calibration = own.opened()
    for lens, expected in ((calibration.color(ColorResolution.R720P), OWN_COLOR),
                           (calibration.depth(DepthMode.NFOV_UNBINNED), OWN_DEPTH)):
        for angle in (0, rotation):
            found, given = lens.rotated(angle).camera_info, expected.rotated(angle)
            assert (found.width, found.height, found.model) == (
                given.width, given.height, given.model)
            for name in 'dkrp':
                assert getattr(found, name) == pytest.approx(getattr(given, name), abs=1e-9)
    turned = OWN_COLOR.rotated((rotation + 90) % 360)
    if rotation != 180:
        with pytest.raises(CalibrationError, match=r'1280x720 pixels, but those.* have 720x1280'):
            own.save('rgb', turned)


def test_depth_and_infrared_have_one_lens(folder: Path) -> None:
    own = Own()
    own.opened()
    assert own.save('ir', OWN_DEPTH) == own.save('depth', OWN_DEPTH)


@pytest.mark.parametrize(('config', 'serial'), [
    (CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R1080P), SERIAL),
    (CONFIG, '000123456713')])
def test_lens_is_of_one_mode_of_one_camera(config: CameraConfig, serial: str) -> None:
    own = Own()
    own.opened()
    own.save('rgb', OWN_COLOR)
    own.save('ir', OWN_DEPTH)
    assert own.opened(config, serial) is FACTORY


def test_lens_is_saved_where_the_parameter_says(tmp_path: Path) -> None:
    own = Own(rgb_camera_info_url=f'file://{tmp_path}/${{NAME}}/color.yaml')
    own.opened()
    path = own.save('rgb', OWN_COLOR).path
    assert path == tmp_path / RGB_FILE.removesuffix('.yaml') / 'color.yaml'
    assert 'set_camera_info writes it' in own.lines[0]
    assert own.opened().color(ColorResolution.R720P).camera_info == OWN_COLOR


@pytest.mark.parametrize('name', ['ir_camera_info_url', 'depth_camera_info_url'])
def test_either_parameter_names_the_file_of_the_depth_camera(tmp_path: Path, name: str) -> None:
    write_camera_info(tmp_path / 'mine.yaml', 'mine', OWN_DEPTH)
    own = Own(**{name: f'file://{tmp_path}/mine.yaml'})
    assert own.opened().depth(DepthMode.NFOV_UNBINNED).camera_info == OWN_DEPTH
    (tmp_path / 'mine.yaml').write_text('no')
    with pytest.raises(CalibrationError, match=f'set {name} to factory'):
        own.opened()


def test_factory_ignores_what_was_saved(folder: Path) -> None:
    own = Own()
    own.opened()
    own.save('rgb', OWN_COLOR)
    factory = Own(rgb_camera_info_url='factory')
    assert factory.opened() is FACTORY
    with pytest.raises(CalibrationError, match='rgb_camera_info_url is factory'):
        factory.save('rgb', OWN_COLOR)


def test_removed_file_is_the_way_back(folder: Path) -> None:
    own = Own()
    own.opened()
    own.save('rgb', OWN_COLOR).path.unlink()
    assert own.opened() is FACTORY


def test_refused_values_leave_the_file(folder: Path) -> None:
    own = Own()
    own.opened()
    own.save('rgb', OWN_COLOR)
    own.opened()
    with pytest.raises(CalibrationError, match='fx is 0'):
        own.save('rgb', replace(OWN_COLOR, k=(0.0, *COLOR.k[1:])))
    with pytest.raises(CalibrationError, match='1280x720'):
        own.save('depth', OWN_COLOR)
    assert [*folder.iterdir()] == [folder / RGB_FILE]
    assert read_camera_info(folder / RGB_FILE) == OWN_COLOR


def test_lens_that_is_off_is_refused() -> None:
    own = Own()
    with pytest.raises(CalibrationError, match='configure the driver'):
        own.save('rgb', OWN_COLOR)
    own.opened(CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P))
    with pytest.raises(CalibrationError, match='streams no depth images'):
        own.save('depth', OWN_DEPTH)


@pytest.mark.parametrize('content', ['no', None])
def test_broken_file_is_an_error_with_the_remedy(folder: Path, content: str | None) -> None:
    folder.mkdir()
    if content is None:
        (folder / RGB_FILE).mkdir()
    else:
        (folder / RGB_FILE).write_text(content)
    with pytest.raises(CalibrationError, match='remove the file, or set') as caught:
        Own().opened()
    assert str(folder / RGB_FILE) in str(caught.value)


def test_mode_that_the_file_is_not_for_is_refused(tmp_path: Path) -> None:
    write_camera_info(tmp_path / 'mine.yaml', 'mine', OWN_COLOR)
    own = Own(rgb_camera_info_url=f'file://{tmp_path}/mine.yaml')
    own.check(CONFIG)  # no camera is open yet
    own.opened()
    own.check(CONFIG)
    with pytest.raises(CalibrationError, match=r'1280x720 pixels, but .* 1920x1080'):
        own.check(replace(CONFIG, color_resolution=ColorResolution.R1080P))
