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
import gc
import importlib
import os
from pathlib import Path
import sys

from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.errors import CameraError
from k4a_ros.sdk import abi
from k4a_ros.sdk import libk4a
from k4a_ros.sdk.imu_samples import IMU_DTYPE
import numpy as np
import pytest
from support.programs import run_python
from support.recordings import write_recording
from support.reference import Reference


@pytest.fixture()
def no_library(monkeypatch):
    """Let the test load the SDK again, and later tests, too."""
    importlib.import_module('pyk4a')
    libk4a.library.cache_clear()
    yield monkeypatch
    libk4a.library.cache_clear()


def test_missing_pyk4a_raises_install_hint(no_library):
    no_library.setitem(sys.modules, 'pyk4a', None)
    with pytest.raises(CameraError, match='pip install pyk4a-bundle'):
        libk4a.library()


def test_unrelated_extension_raises_camera_error(no_library):
    class Foreign:
        __file__ = _ctypes.__file__

    no_library.setitem(sys.modules, 'k4a_module', Foreign)
    with pytest.raises(CameraError, match='cannot load the Azure Kinect SDK'):
        libk4a.library()


def test_process_has_one_copy_of_the_sdk():
    sdk = libk4a.library()
    importlib.import_module('pyk4a')
    loaded = {
        line.split()[-1] for line in Path('/proc/self/maps').read_text().splitlines()
        if 'libk4a' in line}
    assert len([path for path in loaded if 'libk4a.' in path or 'libk4a-' in path]) == 1
    assert len([path for path in loaded if 'libk4arecord' in path]) == 1
    assert sdk is libk4a.library()


def test_structures_have_sdk_sizes():
    assert IMU_DTYPE.itemsize == 48


def test_empty_reads_balance_references_to_none():
    """Each of the 20,000 empty reads would steal a reference to None in pyk4a."""
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
from k4a_ros.sdk.libk4a import library
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
