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
Compare what programs make of broken recordings.

    python benchmark/broken_recordings.py [FILE...] [--mutants 40] [--seed 1]

Each program reads each file in a process of its own: libk4arecord (all images and IMU samples),
FFmpeg's demuxer through PyAV (all packets), and the reader of k4a_ros. Mutants are those of
benchmark/fuzz_recordings.py, and further files are cut, or not finished.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import islice
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile

if (tests := str(Path(__file__).resolve().parents[1] / 'test')) not in sys.path:
    sys.path.insert(0, tests)

from support.mutants import mutants
from support.mutants import original

TIMEOUT_S = 20
_THEIRS = """
import sys
from support.reference import Reference
try:
    with Reference(sys.argv[1]) as file:
        count = sum(len(images) for images in file.captures())
        print(count, 'images,', len(file.imu()), 'samples')
except OSError:
    print('refused')
"""
_FFMPEG = """
import sys
import av
try:
    with av.open('file:' + sys.argv[1], format='matroska') as file:
        kinds = [packet.stream.type for packet in file.demux() if packet.size]
    images = kinds.count('video')
    print(images, 'images,', len(kinds) - images, 'samples')
except av.FFmpegError:
    print('refused')
"""
_OURS = """
import logging
import sys
from k4a_ros.errors import CameraError
from k4a_ros.mkv.reader import RecordingReader
logging.disable()
images = samples = 0
try:
    with RecordingReader(sys.argv[1]) as file:
        for capture in file.captures:
            images += sum(image is not None and image.data.size > 0 for image in (
                capture.depth, capture.ir, capture.color))
        while (part := file.imu.read(1000)) is not None:
            samples += len(part)
    print(images, 'images,', samples, 'samples')
except CameraError as error:
    print(f'{images} images, {samples} samples, then an error' if images or samples else 'refused')
"""
WAYS = {'libk4arecord': _THEIRS, 'FFmpeg': _FFMPEG, 'k4a_ros': _OURS}


def result(program: str, path: Path) -> str:
    """Return what became of a file: a line of the program, 'refused', 'crash' or 'hang'."""
    try:
        done = subprocess.run([sys.executable, '-c', program, str(path)], capture_output=True,
                              text=True, timeout=TIMEOUT_S, check=False,
                              env={**_environment(), 'PYTHONFAULTHANDLER': ''})
    except subprocess.TimeoutExpired:
        return 'hang'
    if done.returncode < 0:
        return f'crash ({signal.Signals(-done.returncode).name})'
    return done.stdout.strip() or 'exception'


def _environment() -> dict[str, str]:
    return {**os.environ, 'PYTHONPATH': ':'.join(path for path in sys.path if path)}


def variants(data: bytes) -> dict[str, bytes]:
    """Return a recording that was cut, one that was not finished, and one with a hole."""
    middle = len(data) // 2
    size = data.index(b'\x18\x53\x80\x67') + 4
    return {
        'cut in the middle': data[:middle],
        'last byte missing': data[:-1],
        'not finished': data[:size] + b'\x01' + bytes(7) + data[size + 8:middle],
        '4 kB of zeros in the middle': data[:middle] + bytes(4096) + data[middle + 4096:],
    }


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('files', nargs='*', type=Path)
    parser.add_argument('--mutants', type=int, default=40)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    print(f'| file | {" | ".join(WAYS)} |\n|---|{"---|" * len(WAYS)}')
    with tempfile.TemporaryDirectory() as folder:
        data = original(Path(folder))
        paths = list(options.files)
        for name, content in {'whole': data, **variants(data)}.items():
            paths.append(Path(folder, name))
            paths[-1].write_bytes(content)
        for path in paths:
            found = [result(program, path) for program in WAYS.values()]
            print(f'| {path.name} | {" | ".join(found)} |', flush=True)
        counts: dict[str, Counter[str]] = {name: Counter() for name in WAYS}
        path = Path(folder, 'mutant')
        for content in islice(mutants(data, options.seed), options.mutants):
            path.write_bytes(content)
            for name, program in WAYS.items():
                ended = result(program, path)
                counts[name]['read' if ended[0].isdigit() else ended] += 1
    for name, ends in counts.items():
        print(f'{options.mutants} mutants, {name}: ' + ', '.join(
            f'{count} {end}' for end, count in ends.most_common()))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
