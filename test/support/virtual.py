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


"""
Virtual cameras for tests: libk4a is real, test/virtual_k4a replaces the hardware.

It must be preloaded, so ``run`` calls a function of the test in a separate process.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
import contextlib
import functools
import importlib.util
import inspect
import os
from pathlib import Path
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.device.camera import DeviceCamera
from k4a_ros.capture import Capture
from support.recordings import without
from support.recordings import write_recording
from support.sdk import libk4arecord
from support.time_limits import PROCESS_TIMEOUT_S

#: what the recordings below hold, and color alone
DEPTH = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)
BOTH = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.NV12)
COLOR = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12)

SOURCES = Path(__file__).resolve().parents[1] / 'virtual_k4a'


@functools.cache
def library() -> Path:
    """Return the shared library of the virtual device; compiled once per test session."""
    directory = Path(tempfile.mkdtemp(prefix='virtual_k4a-'))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = directory / 'libvirtual_k4a.so'
    done = subprocess.run([str(SOURCES / 'build'), str(path)], capture_output=True, text=True)
    assert done.returncode == 0, f'the virtual device needs a C compiler (cc):\n{done.stderr}'
    return path


def environment(*cameras: Path | list[Path], conditions: str = '') -> dict[str, str]:
    """
    Return the environment variables of a process with virtual cameras.

    :param cameras: for each camera, the recording that it plays, or one recording per mode.
    :param conditions: permanent fault conditions; see docs/virtual_device.md.
    """
    text = ';'.join(':'.join(map(str, camera if isinstance(camera, list) else [camera]))
                    for camera in cameras)
    control = Path(tempfile.mkdtemp(prefix='virtual_k4a-')) / 'control'
    atexit.register(shutil.rmtree, control.parent, ignore_errors=True)
    return {'LD_PRELOAD': str(library()), 'K4A_VIRTUAL_RECORDING': text,
            'K4A_VIRTUAL_LIBK4ARECORD': str(libk4arecord()),
            'K4A_VIRTUAL_CONDITIONS': conditions, 'K4A_VIRTUAL_CONTROL': str(control)}


def set_conditions(*conditions: str, control: str | None = None) -> None:
    """
    Replace the fault conditions of the cameras; without arguments, clear them.

    :param conditions: see docs/virtual_device.md.
    :param control: K4A_VIRTUAL_CONTROL of the process that has the cameras; default: of this one.
    """
    path = control or os.environ['K4A_VIRTUAL_CONTROL']
    Path(f'{path}.new').write_text(' '.join(conditions))
    os.replace(f'{path}.new', path)
    time.sleep(0.02)  # the virtual device reads the file every few milliseconds


def run(
    function: Callable[..., Any], *arguments: object, cameras: tuple[Path | list[Path], ...] = (),
    conditions: str = '', lossless: bool = True, **variables: str,
) -> Any:
    """
    Call a function of a test module in a process with virtual cameras, and return its result.

    :param arguments: arguments of the function; they and the result are pickled.
    :param cameras: as in `environment`.
    :param lossless: let captures wait for their reader, as it may be late on a busy machine.
    :param variables: additional environment variables.
    """
    extra = environment(*cameras, conditions=conditions + ' lossless' * lossless)
    result_file = Path(extra['K4A_VIRTUAL_CONTROL']).with_name('result')
    job = pickle.dumps((inspect.getfile(function), function.__module__, function.__name__,
                        pickle.dumps(arguments), str(result_file)))
    done = subprocess.run(
        [sys.executable, '-m', 'support.virtual'], input=job, capture_output=True,
        timeout=PROCESS_TIMEOUT_S,
        env={**os.environ, **extra, 'PYTHONPATH': os.pathsep.join(sys.path),
             'PYTHONFAULTHANDLER': '1', **variables})
    output = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0 and result_file.exists(), (
        f'{function.__name__} exited with {done.returncode}:\n{output}')
    return pickle.loads(result_file.read_bytes())


def depth_recording(directory: Path) -> Path:
    """Write a recording of ten captures in the mode DEPTH."""
    return write_recording(directory / 'depth.mkv', DEPTH, 10).path


def both_recording(directory: Path) -> Path:
    """Write a recording of nine captures in the mode BOTH; every third one lacks color."""
    def edit(index: int, capture: Capture) -> Capture:
        return without(capture, 'color') if index % 3 == 2 else capture
    return write_recording(directory / 'both.mkv', BOTH, 9, edit=edit).path


def streaming(config: CameraConfig = DEPTH, **options: Any) -> DeviceCamera:
    """Open a camera of this process, and start streaming."""
    camera = DeviceCamera(config, **options)
    camera.start()
    return camera


@contextlib.contextmanager
def raises(kind: type[Exception], *parts: str) -> Any:
    """Assert, like pytest.raises, that the block raises an error whose message has these parts."""
    try:
        yield
    except kind as error:
        for part in parts:
            assert part in str(error), f'{part!r} is not in {str(error)!r}'
    else:
        raise AssertionError(f'no {kind.__name__}')


def main() -> int:
    """Run the function that ``run`` passes on standard input."""
    file, module_name, name, arguments, result_file = pickle.load(sys.stdin.buffer)
    # load the module from its file, as pytest imports test modules under other names
    spec = importlib.util.spec_from_file_location(module_name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    result = getattr(module, name)(*pickle.loads(arguments))
    Path(result_file).write_bytes(pickle.dumps(result))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
