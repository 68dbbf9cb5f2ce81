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

"""Access to the SDK: a single copy of its libraries, reference counts, locks and lifetimes."""

from __future__ import annotations

import _ctypes
import ctypes
from dataclasses import replace
import gc
import os
from pathlib import Path
import re
import sys

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.errors import CameraError
from k4a_ros.sdk import abi
from k4a_ros.sdk import libk4a
from k4a_ros.sdk import locate
from k4a_ros.sdk.imu_samples import IMU_DTYPE
import numpy as np
import pytest
from support.programs import run_python
from support.recordings import write_recording
from support.reference import Reference


@pytest.fixture()
def unloaded(monkeypatch):
    """Let the test load libk4a again, from the places that it sets."""
    monkeypatch.setattr(libk4a, '_loaded', None)
    monkeypatch.delenv(locate.PATH_VARIABLE, raising=False)
    return monkeypatch


def test_missing_library_raises_install_hint(unloaded):
    unloaded.setattr(locate, 'wheel_files', list)
    unloaded.setattr(locate, 'LINKER_NAMES', ('libk4a_of_nobody.so',))
    with pytest.raises(CameraError, match='pip install pyk4a-bundle') as caught:
        libk4a.load()
    assert 'libk4a_of_nobody.so' in str(caught.value)


@pytest.mark.parametrize(('path', 'problem'), [
    (_ctypes.__file__, 'undefined symbol: k4a_'),
    ('/usr/lib/none/libk4a.so', 'no such file'),
    ('/dev/null', 'not a regular file'),
    (__file__, 'invalid ELF header')])
def test_named_library_is_used_or_refused(unloaded, path, problem):
    """Whatever else is installed: the user has a reason to name one."""
    for set_path in (lambda: libk4a.load(path),
                     lambda: (unloaded.setenv(locate.PATH_VARIABLE, path), libk4a.load())):
        with pytest.raises(CameraError, match=problem) as caught:
            set_path()
        assert path in str(caught.value)


def test_next_library_is_used_if_one_cannot_be_loaded(unloaded):
    """As the wheel for a later C library, which the dynamic linker refuses."""
    real = locate.wheel_files()
    unloaded.setattr(locate, 'wheel_files', lambda: [Path(__file__), *real])
    assert libk4a.load().file == real[0]


def test_second_library_in_a_process_is_refused():
    used = libk4a.load()
    assert libk4a.load() is libk4a.load(used.requested) is used
    with pytest.raises(CameraError, match=f'already loaded {used.file}; restart'):
        libk4a.load('/usr/lib/libk4a.so.1.4')


def test_process_has_one_copy_of_the_sdk():
    """Beside pyk4a, too, in a program that uses both."""
    pytest.importorskip('pyk4a', exc_type=ImportError)
    sdk = libk4a.library()
    loaded = {
        line.split()[-1] for line in Path('/proc/self/maps').read_text().splitlines()
        if 'libk4a' in line}
    assert len([path for path in loaded if 'libk4a.' in path or 'libk4a-' in path]) == 1
    assert sdk is libk4a.library()


def test_depth_engine_is_found_where_the_package_of_microsoft_installs_it(tmp_path):
    """libk4a is a copy without the engine beside it; OpenGL is what it lacks then, if anything."""
    used = libk4a.load()
    (tmp_path / 'libk4a1.4').mkdir()
    for file in [used.file, *used.file.parent.glob('libudev*')]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    engine = tmp_path / 'libk4a1.4' / locate.DEPTH_ENGINE
    engine.symlink_to(used.depth_engine)
    result = run_python("""
import ctypes, sys
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.sdk import libk4a
from k4a_ros.sdk.log import log_lines
used = libk4a.load(sys.argv[1])
assert used.depth_engine == sys.argv[2], used
raw, calibration = nominal_calibration('000123456712'), ctypes.create_string_buffer(4096)
used.sdk.k4a_calibration_get_from_raw.argtypes = [
    ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
assert used.sdk.k4a_calibration_get_from_raw(raw, len(raw), 2, 1, calibration) == 0
with log_lines() as lines:
    used.sdk.k4a_transformation_create(calibration)
print(used)
print([line for line in lines if 'plugin' in line.lower()])
""", str(tmp_path / used.file.name), str(engine))
    assert (result.returncode, result.stdout) == (
        0, f"{str(used).split(',')[0]}, {tmp_path / used.file.name} (k4a_library_path)\n[]\n"), (
        result.stderr)


@pytest.mark.parametrize(('engine', 'text'), [
    ('/usr/lib/libdepthengine.so.2.0', '^/usr/lib/libdepthengine.so.2.0$'),
    (locate.DEPTH_ENGINE, 'found by the dynamic linker'),
    ('', 'no depth and infrared images; .*libk4a1.4')])
def test_text_about_the_depth_engine_says_where_it_is_or_what_to_do(engine, text):
    used = replace(libk4a.load(), depth_engine=engine)
    assert re.search(text, used.engine_text())


def test_recordings_and_the_simulated_camera_load_no_libk4a(tmp_path):
    """They work on computers that have none."""
    written = write_recording(tmp_path / 'a.mkv', count=1)
    result = run_python("""
import sys
from k4a_ros.camera_config import CameraConfig, ColorResolution, DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.cameras.simulated.camera import SimulatedCamera
with SimulatedCamera(CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)) as it:
    it.start()
    assert it.read(60.0).depth is not None
with RecordingCamera(sys.argv[1]) as it:
    it.start()
    assert len(it.read(60.0).depth.data)
print(open('/proc/self/maps').read().count('libk4a'))
""", str(written.path))
    assert (result.returncode, result.stdout) == (0, '0\n'), result.stderr


def test_structures_have_sdk_sizes():
    assert IMU_DTYPE.itemsize == 48
    assert ctypes.sizeof(abi.DeviceConfiguration) == 36


def test_empty_reads_balance_references_to_none():
    sdk, capture = libk4a.library(), ctypes.c_void_p()
    assert sdk.k4a_capture_create(ctypes.byref(capture)) == abi.SUCCEEDED
    gc.collect()
    before = sys.getrefcount(None)
    for _ in range(20_000):
        assert sdk.k4a_capture_get_color_image(capture) is None
    gc.collect()
    assert abs(sys.getrefcount(None) - before) < 200
    sdk.k4a_capture_release(capture)


def test_native_calls_release_the_interpreter_lock(tmp_path):
    """
    A native call blocks in opening a named pipe, until another thread opens the other end.

    That thread can only run if the call does not hold the interpreter lock.
    """
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    result = run_python("""
import ctypes, os, sys, threading, time
from support.reference import library
results = []
def work():
    sdk = library()
    results.append(sdk.k4a_playback_open(sys.argv[1].encode(), ctypes.byref(ctypes.c_void_p())))
thread = threading.Thread(target=work)
thread.start()
ticks = 0
while ticks < 100:
    time.sleep(0.001)
    ticks += 1
assert not results
os.close(os.open(sys.argv[1], os.O_WRONLY))
thread.join()
print(ticks, results)
""", str(pipe))
    assert (result.returncode, result.stdout, result.stderr) == (0, '100 [1]\n', '')


def test_image_lives_as_long_as_an_array_of_it():
    sdk, handle = libk4a.library(), ctypes.c_void_p()
    pixels = np.arange(12, dtype=np.uint16)
    released: list[int] = []
    callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(
        lambda buffer, context: released.append(buffer))
    depth16 = 4
    assert sdk.k4a_image_create_from_buffer(  # which has no prototype
        depth16, 4, 3, 8, ctypes.c_void_p(pixels.ctypes.data), ctypes.c_size_t(pixels.nbytes),
        callback, None, ctypes.byref(handle)) == abi.SUCCEEDED
    image = libk4a.NativeImage(handle.value)
    part = image.array().view(np.uint16).reshape(3, 4)[1]
    del image
    gc.collect()
    assert not released
    np.testing.assert_array_equal(part, pixels[4:8])
    assert not part.flags.writeable
    assert not part.flags.owndata
    del part
    gc.collect()
    assert released == [pixels.ctypes.data]


def test_nominal_calibration_is_unchanged_by_the_sdk(tmp_path):
    written = write_recording(tmp_path / 'a.mkv', count=1)
    with Reference(written.path) as reference:
        assert reference.calibration() == nominal_calibration('000123456712').rstrip(b'\0')
