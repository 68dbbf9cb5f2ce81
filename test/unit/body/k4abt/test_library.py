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


"""Finding libk4abt, and what is passed to it."""

from __future__ import annotations

import ctypes
from pathlib import Path
import shutil
import subprocess
import sys

from k4a_ros.body.k4abt import library as k4abt_library
from k4a_ros.body.k4abt.tracker import K4abtTracker
from k4a_ros.body.options import TrackerOptions
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import ConfigError
import pytest
from support.k4abt import VirtualK4abt

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)
CALIBRATION = FactoryCalibration.from_raw(nominal_calibration())


@pytest.fixture(scope='module')
def compiled() -> VirtualK4abt:
    """Return the virtual libk4abt."""
    return VirtualK4abt()


def test_structures_are_those_of_the_headers() -> None:
    """Sizes and offsets are those that gcc gives the SDK's own."""
    configuration = k4abt_library.TrackerConfiguration
    assert ctypes.sizeof(configuration) == 24 and configuration.model_path.offset == 16
    assert ctypes.sizeof(k4abt_library.NativeJoint) == 32
    assert ctypes.sizeof(k4abt_library.Skeleton) == 1024


def test_a_missing_library_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says what was tried, and what to install or set."""
    advice = 'install the package libk4abt1.1 .*or set body_tracking_library_path'
    monkeypatch.setattr(k4abt_library, 'NAMES', ('libabsent.so.1', 'libabsent.so'))
    with pytest.raises(BodyTrackingError, match=f'tried libabsent.so.1 and .*: .*{advice}'):
        K4abtTracker(CALIBRATION, CONFIG, TrackerOptions())
    absent = tmp_path / 'libk4abt.so'
    with pytest.raises(BodyTrackingError, match=f'tried {absent}: .*No such file.*{advice}') as e:
        K4abtTracker(CALIBRATION, CONFIG, TrackerOptions(library_path=str(absent)))
    assert '\n' not in str(e.value)


def test_a_library_that_lacks_another_is_told_apart(
    compiled: VirtualK4abt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The missing one is named, rather than the last name that was tried."""
    lame = tmp_path / 'libk4abt.so.1.1'
    lame.write_bytes(compiled.path.read_bytes().replace(b'libk4z', b'libk4y'))
    monkeypatch.setattr(k4abt_library, 'NAMES', (str(tmp_path / 'absent.so'), str(lame), 'none'))
    with pytest.raises(BodyTrackingError, match=r'libk4y.*cannot open shared object file'):
        k4abt_library.load()


def test_another_library_is_refused(compiled: VirtualK4abt, tmp_path: Path) -> None:
    """What is not libk4abt, or too old a one, is not called."""
    other = next(compiled.path.parent.glob('libk4z*'))
    with pytest.raises(BodyTrackingError, match=f'cannot use {other}.* it must be libk4abt'):
        k4abt_library.load(str(other))
    old = tmp_path / 'libk4abt.so.1.0.1'
    shutil.copy(compiled.path, old)
    link = tmp_path / 'libk4abt.so'
    link.symlink_to(old)
    with pytest.raises(BodyTrackingError, match=r'version 1\.0 is too old'):
        k4abt_library.load(str(link))


def test_importing_loads_nothing() -> None:
    """The module costs nothing where it is not used."""
    code = ('import k4a_ros.body.k4abt.tracker, sys\n'
            'assert "pyk4a" not in sys.modules\n'
            'assert "libk4" not in open("/proc/self/maps").read()')
    subprocess.run([sys.executable, '-c', code], check=True)


def test_options_are_checked() -> None:
    """Every value that cannot be is named, all at once."""
    with pytest.raises(ConfigError) as error:
        TrackerOptions(
            processing_mode='directml', sensor_orientation='left', smoothing_factor=1.5,
            gpu_device_id=-1)
    assert len(error.value.problems) == 4
    assert "body_tracking_processing_mode is 'directml'; it must be one of gpu, cpu, cuda" in str(
        error.value)
