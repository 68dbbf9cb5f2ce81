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
Make a recording that was cut, killed or damaged readable for every program.

    k4a_repair BROKEN.mkv [OUT.mkv]

All captures, IMU samples, tags, attached files and ROS times that can be read are written to a new
file, by default BROKEN_repaired.mkv; BROKEN.mkv is not changed. The new file also gets the sound
that is beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path

from k4a_ros.audio.side_file import sound_path
from k4a_ros.audio.sound_repair import copy_sound
from k4a_ros.errors import AudioError
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.repair import repair
from k4a_ros.mkv.repair import Repaired
from k4a_ros.process.allocator import retain_freed_memory
from k4a_ros.tools.endings import run_tool
from k4a_ros.tools.progress import Progress


def _repair(source: Path, target: Path) -> Repaired:
    """Write the target; remove it if that fails; raise K4aRosError or KeyboardInterrupt."""
    if target.exists():
        raise RecordingError(f'cannot write recording {target}: the file exists; choose another '
                             'name, or remove it')
    try:
        with Progress.of_recording(str(source)) as progress:
            return repair(str(source), target, progress.update)
    except BaseException:
        with contextlib.suppress(OSError):
            target.unlink()
        raise


def _describe(result: Repaired) -> str:
    kept = [f'{result.captures} captures', f'{result.samples} IMU samples',
            f'{result.tags} tags', f'attachments: {", ".join(result.attachments)}']
    if result.ros_times:
        kept.append(f'{result.ros_times} ROS times')
    return f'{result.path}: {result.seconds:.3f} s; kept: {", ".join(kept)}'


def main(arguments: list[str] | None = None) -> int:
    """
    Repair a recording.

    :param arguments: command line without the name of the program; None for that of the process.
    :return: exit code.
    """
    parser = argparse.ArgumentParser(
        prog='k4a_repair', description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('source', metavar='BROKEN.mkv', type=Path)
    parser.add_argument('target', metavar='OUT.mkv', type=Path, nargs='?')
    given = parser.parse_args(arguments)
    source = Path(os.path.expanduser(given.source))
    target = given.target or source.with_name(f'{source.stem}_repaired.mkv')
    retain_freed_memory()

    def run() -> int:
        result = _repair(source, Path(os.path.expanduser(target)))
        print(_describe(result))
        try:
            seconds = copy_sound(source, result.path)
            if seconds is not None:
                print(f'{sound_path(result.path)}: {seconds:.3f} s of sound')
        except AudioError as error:
            result.losses.append(f'the sound: {error}')
        for loss in result.losses:
            print(f'lost: {loss}')
        if not result.losses:
            print(f'{source} was complete')
        return 0

    return run_tool('k4a_repair', run, f'; {target} is not written')


if __name__ == '__main__':
    raise SystemExit(main())
