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

"""Write recordings of rendered people who walk on the spot, for benchmark/driver.py."""

from __future__ import annotations

from dataclasses import replace
import math
from pathlib import Path
import sys

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.capture import Capture
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.writer import RecordingWriter

if (tests := str(Path(__file__).resolve().parents[1] / 'test')) not in sys.path:
    sys.path.insert(0, tests)

from support.people.model import walking_posture
from support.people.render import Person
from support.people.render import render
from support.people.render import Scene

#: where people are, meters right of the camera and ahead of it, and their shapes
_PLACES = ((0.0, 2.0, 'man'), (0.75, 2.4, 'woman'), (-0.8, 2.3, 'stout man'),
           (1.5, 2.9, 'slim woman'), (-1.6, 2.9, 'man'), (0.4, 3.3, 'woman'))
MAX_PEOPLE = len(_PLACES)
#: how far they move to either side, and two steps, seconds
_SWAY_M, _STRIDE_S = 0.08, 1.0


def write_people(source: Path, path: Path, count: int, frames: int, fps: int) -> None:
    """
    Write a recording of people, whose end continues at its start.

    :param source: recording with the color images, and the depth mode.
    :param count: number of people, at most `MAX_PEOPLE`.
    """
    reader = RecordingReader(str(source))
    lens = FactoryCalibration.from_raw(reader.calibration).depth(reader.config.depth_mode)
    config = replace(reader.config, fps=fps, imu=False)
    with RecordingWriter(path, config, reader.calibration, reader.serial) as writer:
        for number in range(frames):
            capture = reader.captures.read()
            assert capture and capture.depth and capture.ir and capture.color
            seen = render(_scene(count, number / fps, frames / fps), lens, number)
            us = 500_000 + number * 1_000_000 // fps
            writer.write(Capture(
                replace(capture.depth, data=seen.depth, device_us=us),
                replace(capture.ir, data=seen.infrared, device_us=us),
                replace(capture.color, device_us=us)))
    reader.close()


def _scene(count: int, time_s: float, period_s: float) -> Scene:
    """Return people in a bare room at one time; all motion has a period."""
    people = []
    for number, (x, z, shape) in enumerate(_PLACES[:count]):
        sway = math.sin(2 * math.pi * time_s / period_s + number)
        people.append(Person(
            (x + _SWAY_M * sway, z), walking_posture((time_s / _STRIDE_S + 0.2 * number) % 1.0),
            shape, 20 * sway))
    return Scene(tuple(people), wall=4.0)
