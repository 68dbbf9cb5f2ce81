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


"""Loading libk4abt, and the structures passed to it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
import ctypes
import os
from pathlib import Path
import shutil
import subprocess
import sys
import time

from k4a_ros.body.k4abt import library as k4abt_library
from k4a_ros.body.k4abt.tracker import K4abtTracker
from k4a_ros.body.options import TrackerOptions
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import BodyTrackingError
import pytest
from support.k4abt import VirtualK4abt

CONFIG = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)
CALIBRATION = FactoryCalibration.from_raw(nominal_calibration())


@pytest.fixture(scope='module')
def compiled() -> VirtualK4abt:
    """Return the virtual libk4abt."""
    return VirtualK4abt()


def test_structures_match_the_headers() -> None:
    """Sizes and offsets equal those that gcc computes for the SDK's structures."""
    configuration = k4abt_library.TrackerConfiguration
    assert ctypes.sizeof(configuration) == 24 and configuration.model_path.offset == 16
    assert ctypes.sizeof(k4abt_library.NativeJoint) == 32
    assert ctypes.sizeof(k4abt_library.Skeleton) == 1024


def test_missing_library_raises_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error lists the names that were tried, and says in one line what to install or set."""
    advice = 'install the package libk4abt1.1 .*or set body_tracking_library_path'
    monkeypatch.setattr(k4abt_library, 'LIBRARY_NAMES', ('libabsent.so.1', 'libabsent.so'))
    with pytest.raises(BodyTrackingError, match=f'tried libabsent.so.1 and .*: .*{advice}'):
        K4abtTracker(CALIBRATION, CONFIG, TrackerOptions())
    absent = tmp_path / 'libk4abt.so'
    with pytest.raises(BodyTrackingError, match=f'tried {absent}: .*no such file.*{advice}') as e:
        K4abtTracker(CALIBRATION, CONFIG, TrackerOptions(library_path=str(absent)))
    assert '\n' not in str(e.value)
    os.mkfifo(absent)  # the dynamic linker would wait for a writer
    with pytest.raises(BodyTrackingError, match=f'{absent}: it is a named pipe.*{advice}'):
        k4abt_library.load(str(absent))


def test_library_is_loaded_without_the_gil(tmp_path: Path) -> None:
    """Other threads go on while the dynamic linker loads a library."""
    source, library = tmp_path / 'slow.c', tmp_path / 'libslow.so'
    source.write_text('#include <unistd.h>\n'
                      '__attribute__((constructor)) static void run(void) { sleep(2); }\n')
    subprocess.run(['gcc', '-shared', '-fPIC', '-o', library, source], check=True)
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(k4abt_library.load, str(library))
        time.sleep(0.1)
        assert not loading.done()
        with pytest.raises(BodyTrackingError, match='it must be libk4abt'):
            loading.result()


def test_missing_dependency_of_the_library_is_named(
    compiled: VirtualK4abt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error names the missing dependency, not the last library name that was tried."""
    broken = tmp_path / 'libk4abt.so.1.1'
    broken.write_bytes(compiled.path.read_bytes().replace(b'libk4z', b'libk4y'))
    monkeypatch.setattr(
        k4abt_library, 'LIBRARY_NAMES', (str(tmp_path / 'absent.so'), str(broken), 'none'))
    with pytest.raises(BodyTrackingError, match=r'libk4y.*cannot open shared object file'):
        k4abt_library.load()


def test_wrong_or_outdated_library_raises(compiled: VirtualK4abt, tmp_path: Path) -> None:
    """A library that is not libk4abt, or an old version of it, is not called."""
    other = next(compiled.path.parent.glob('libk4z*'))
    with pytest.raises(BodyTrackingError, match=f'cannot use {other}.* it must be libk4abt'):
        k4abt_library.load(str(other))
    old = tmp_path / 'libk4abt.so.1.0.1'
    shutil.copy(compiled.path, old)
    link = tmp_path / 'libk4abt.so'
    link.symlink_to(old)
    with pytest.raises(BodyTrackingError, match=r'version 1\.0 is too old'):
        k4abt_library.load(str(link))


def test_import_loads_no_library() -> None:
    """Importing the tracker's module loads neither pyk4a nor libk4a nor libk4abt."""
    code = ('import k4a_ros.body.k4abt.tracker, sys\n'
            'assert "pyk4a" not in sys.modules\n'
            'assert "libk4" not in open("/proc/self/maps").read()')
    subprocess.run([sys.executable, '-c', code], check=True)
