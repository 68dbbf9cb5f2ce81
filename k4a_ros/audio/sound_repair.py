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


"""Copy what can be read of the sound beside a recording to beside another one."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from pathlib import Path

from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.side_file import sound_path
from k4a_ros.audio.side_file import SoundWriter
from k4a_ros.audio.side_file import stamps_path
from k4a_ros.audio.sound_file import SoundFile

#: samples that are copied at once
_BLOCK = 10 * RATE


def copy_sound(source: Path, target: Path) -> float | None:
    """
    Copy the sound of a recording, with its times.

    :param source: path of a .mkv file, which has sound beside it or not.
    :param target: path of the .mkv file that is to have it.
    :return: its length, seconds; None if there is none.
    :raises AudioError: it cannot be read or written, or there is such a file already.
    """
    if not sound_path(source).exists():
        return None
    with SoundFile(source) as sound, contextlib.closing(SoundWriter(sound_path(target))) as writer:
        lines = [sample for sample in sound.stamps[:, 0].tolist() if sample < sound.samples]
        firsts = sorted({*range(0, sound.samples, _BLOCK), *lines})
        try:
            for first, end in pairwise([*firsts, sound.samples]):
                writer.write(sound.read(first, end - first), sound.stamp_of(first))
        except BaseException:
            for path in (writer.path, stamps_path(writer.path)):
                path.unlink(missing_ok=True)
            raise
    return sound.samples / RATE
