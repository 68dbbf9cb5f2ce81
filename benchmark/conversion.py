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
Measure the conversion of recordings to bags, and back.

    python benchmark/conversion.py [RECORDING ...] [--seconds 60] [--folder /tmp]

Without a recording, a simulated one is written first, which takes minutes. Bags are written to the
folder, which needs room for three times the size of a recording. Programs start in about a second,
which is not included. Processor time is that of all threads.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
import shutil
import tempfile
import time

from k4a_ros.bags import from_bag
from k4a_ros.bags.cdr import Serializer
from k4a_ros.bags.to_bag import BagOptions
from k4a_ros.bags.to_bag import convert
from k4a_ros.bags.to_bag import DEFAULT
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.process.allocator import retain_freed_memory
import numpy as np
from processes import simulate
from rclpy.serialization import serialize_message
from rosbags.typesys import get_typestore
from rosbags.typesys import Stores
from sensor_msgs.msg import Image

#: name of a case -> what is written
CASES = {
    'JPEG, depth, IMU: MCAP': BagOptions((
        'rgb/image_raw/compressed', 'rgb/camera_info', 'depth/image_raw', 'depth/camera_info',
        'imu', 'tf_static')),
    'default topics: MCAP': BagOptions(),
    'default topics: sqlite3': BagOptions(storage='sqlite3'),
    'JPEG, compressedDepth (PNG): MCAP': BagOptions((
        'rgb/image_raw/compressed', 'depth/image_raw/compressedDepth', 'imu')),
    'default topics, points2: MCAP': BagOptions((DEFAULT, 'points2')),
}
_NS_PER_MS = 1e6


def size(path: Path) -> int:
    """Return the size of a file or of the files in a folder, bytes."""
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def measure(name: str, run: Callable[[], object], path: Path, duration_s: float) -> None:
    """Run a conversion that writes a path, and print a row of the table."""
    begin_s, used_s = time.monotonic(), time.process_time()
    run()
    passed_s, used_s = time.monotonic() - begin_s, time.process_time() - used_s
    print(f'| {name} | {size(path) / 1e6:.0f} | {passed_s:.2f} | {duration_s / passed_s:.1f} | '
          f'{used_s:.2f} | {duration_s / used_s:.1f} |', flush=True)


def measure_recording(recording: Path, folder: Path) -> None:
    """Print the table of a recording."""
    with RecordingReader(str(recording)) as reader:
        duration_s = (reader.end_us - reader.start_us) / 1e6
        print(f'{recording.name}: {reader.config}, {duration_s:.1f} s\n')
    print('| conversion | MB | s | times real time | processor time, s | times real time |\n'
          '| --- | --- | --- | --- | --- | --- |')
    bag, again = folder / 'bag', folder / 'again.mkv'
    for name, options in CASES.items():
        measure(name, lambda options=options: convert(recording, bag, options), bag, duration_s)
        if options == BagOptions():
            measure('back to a recording', lambda: from_bag.convert(bag, again), again, duration_s)
            again.unlink()
        shutil.rmtree(bag)


def milliseconds(run: Callable[[], object], count: int = 50) -> float:
    """Return the processor time of a call."""
    run()
    begin_ns = time.process_time_ns()
    for _ in range(count):
        run()
    return (time.process_time_ns() - begin_ns) / count / _NS_PER_MS


def measure_serialization() -> None:
    """Print what the ways to serialize a depth image cost."""
    data = np.random.default_rng(0).integers(0, 256, 640 * 576 * 2, np.uint8)
    message = Image(height=576, width=640, encoding='16UC1', step=1280)
    full = Image(height=576, width=640, encoding='16UC1', step=1280)
    full._data = data  # a view, without the copy that rclpy makes otherwise
    serializer = Serializer(get_typestore(Stores.ROS2_HUMBLE))
    print('\n| depth image, 737 kB | processor time, ms |\n| --- | --- |\n'
          f'| rclpy.serialization | {milliseconds(lambda: serialize_message(full)):.2f} |\n| '
          f'here | {milliseconds(lambda: serializer.serialize(message, data)):.2f} |')


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('recordings', nargs='*', type=Path, metavar='RECORDING')
    parser.add_argument('--seconds', type=float, default=60.0, help='of the simulated recording')
    parser.add_argument('--folder', type=Path, help='for bags (default: that of temporary files)')
    options = parser.parse_args()
    retain_freed_memory()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        recordings = options.recordings
        if not recordings:
            recordings = [folder / 'simulated.mkv']
            simulate(recordings[0], options.seconds, 30)
        convert(recordings[-1], folder / 'warm', BagOptions((DEFAULT, 'points2')))
        for recording in recordings:
            measure_recording(recording, folder)
    measure_serialization()
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
