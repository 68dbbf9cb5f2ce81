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
Measure how long decoding the JPEG of a capture takes: here, with libturbojpeg, and with OpenCV.

    python benchmark/decoding.py [--recording FILE] [--count 100]

simplejpeg, which the driver uses, and libturbojpeg, as benchmark/drive.c calls it, have fast DCT
and fast upsampling, and decode to BGRA; OpenCV decodes to BGR. Processor time of the thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import ctypes
import ctypes.util
from pathlib import Path
import tempfile
import time
from typing import Any

import cv2
from k4a_ros.images.color import ColorConverter
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.process.allocator import retain_freed_memory
import numpy as np
from processes import simulate

#: of turbojpeg.h
_BGRA, _FAST = 8, 256 | 2048


def turbojpeg(jpeg: Any, out: Any) -> Callable[[], object] | None:
    """Return what decodes an image to a buffer with libturbojpeg; None if it is missing."""
    name = ctypes.util.find_library('turbojpeg')
    if name is None:
        return None
    library = ctypes.CDLL(name)
    library.tjInitDecompress.restype = ctypes.c_void_p
    height, width, channels = out.shape
    arguments = (
        ctypes.c_void_p(library.tjInitDecompress()), ctypes.c_void_p(jpeg.ctypes.data),
        ctypes.c_ulong(jpeg.size), ctypes.c_void_p(out.ctypes.data), width, channels * width,
        height, _BGRA, _FAST)
    return lambda: library.tjDecompress2(*arguments)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--recording', default='', help='recording with JPEG')
    parser.add_argument('--count', type=int, default=100)
    options = parser.parse_args()
    retain_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        recording = options.recording or str(Path(folder, 'simulated.mkv'))
        if not options.recording:
            simulate(Path(recording), 0.2, 30, '--color-resolution', '720P', '--force')
        with RecordingReader(recording) as reader:
            converter = ColorConverter(
                reader.config.color_format, reader.config.color_resolution.size, 'bgra8')
            jpeg = next(capture.color for capture in reader.captures if capture.color).data
    out, other = (np.zeros(converter.shape, np.uint8) for _ in range(2))
    ways = {'simplejpeg': lambda: converter.convert(jpeg, out),
            'libturbojpeg': turbojpeg(jpeg, other),
            'OpenCV': lambda: cv2.imdecode(jpeg, cv2.IMREAD_COLOR)}
    times: dict[str, list[float]] = {name: [] for name, decode in ways.items() if decode}
    for _ in range(options.count + 1):  # the first is not counted
        for name, values in times.items():
            decode = ways[name]
            assert decode
            begin_ns = time.thread_time_ns()
            decode()
            values.append((time.thread_time_ns() - begin_ns) / 1e6)
    print(f'JPEG of {jpeg.size / 1000:.0f} kB, {out.shape[1]} x {out.shape[0]}\n\n'
          '| decoder | ms | times simplejpeg |\n|---|---|---|')
    for name, values in times.items():
        ratio = np.median(np.divide(values, times['simplejpeg'])[1:])
        print(f'| {name} | {np.percentile(values[1:], 25):.2f} | {ratio:.2f} |')
    if 'libturbojpeg' in times:
        print(f'\nsame pixels: {bool((out == other).all())}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
