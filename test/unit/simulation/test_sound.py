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


"""What the microphones hear: delays, levels, reflections, and the same sound in any block."""

from __future__ import annotations

from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.microphones import SPEED_OF_SOUND
from k4a_ros.calibration.tf_frames import MICROPHONES_IN_BASE_M
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_file import parse
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.sound import Ears
from k4a_ros.simulation.voices import Sound
from k4a_ros.simulation.voices import Speaker
import numpy as np
import pytest

TIMES = np.arange(RATE // 2) / RATE


def click_at(x: float, y: float, z: float, *shapes: Plane) -> Scene:
    return Scene(shapes, sounds=(Sound('click', 60.0, 'a', (x, y, z)),))


def arrivals(samples: np.ndarray, count: int) -> list[int]:
    """Return the samples with the highest peaks of the first channel, in order."""
    level = np.abs(samples[:, 0].astype(int))
    found = []
    for _ in range(count):
        peak = int(np.argmax(level))
        found.append(peak)
        level[max(peak - 24, 0):peak + 24] = 0
    return sorted(found)


def test_sound_arrives_after_its_way() -> None:
    ears = Ears(click_at(0.3, -0.2, 2.5), noise=False)
    heard = ears.hear(0, TIMES)
    distances = np.linalg.norm(ears.microphone_positions(0.0) - (0.3, -0.2, 2.5), axis=1)
    for channel, distance in enumerate(distances):
        peak = int(np.argmax(np.abs(heard[:, channel].astype(int))))
        assert abs(peak - distance / SPEED_OF_SOUND * RATE) < 0.7


def test_level_falls_with_distance() -> None:
    near, far = (np.abs(Ears(click_at(0.0, -0.022, z), noise=False).hear(0, TIMES)).max()
                 for z in (0.95, 1.95))
    assert near / far == pytest.approx(2.0, rel=0.05)


def test_wall_reflects_once() -> None:
    wall = Plane((0.0, 0.0, 3.0), (0.0, 0.0, -1.0))
    direct, reflected = arrivals(Ears(click_at(0.0, 0.0, 1.0, wall), noise=False).hear(
        0, TIMES), 2)
    assert (reflected - direct) / RATE * SPEED_OF_SOUND == pytest.approx(4.0, abs=0.01)


def test_blocks_of_any_length_give_the_same_sound() -> None:
    scene = Scene((), persons=(Person('a', ((0.0, 2.0), (1.0, 3.0)), 1.1, voice=Speaker()),))
    ears = Ears(scene, noise=False)
    whole = ears.hear(0, TIMES[:1920])
    parts = np.concatenate([ears.hear(0, TIMES[:960]), ears.hear(960, TIMES[960:1920])])
    assert np.abs(whole.astype(int) - parts).max() <= 2


def test_microphones_move_with_the_camera() -> None:
    camera = CameraPath((Waypoint(0.0, (1.0, 2.0, 3.0)),))
    center = Ears(Scene((), camera=camera)).microphone_positions(0.0)[0]
    x, y, z = MICROPHONES_IN_BASE_M
    assert np.allclose(center, (1.0 - y, 2.0 - z, 3.0 + x))


def test_sources_are_read_from_a_scene_file() -> None:
    scene = parse("""
sounds:
  - {name: radio, position: [1, 0, 2], kind: noise, level: 70}
persons:
  - {name: anna, path: [[0, 2]], floor: 1.1, voice: {level: 65}}
  - {name: bert, path: [[0, 3]], floor: 1.1}
""", 'a.yaml')
    assert scene.sounds == (Sound('noise', 70.0, 'radio', (1.0, 0.0, 2.0)),)
    assert [person.voice for person in scene.persons] == [Speaker('speech', 65.0), None]
    assert Ears(scene).source_positions(0.0).shape == (2, 3)
