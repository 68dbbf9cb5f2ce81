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


"""Direction of a source: plane waves, and speech in a room with noise and reverberation."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.audio.direction import Direction
from k4a_ros.audio.direction import estimate_direction
from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import POSITIONS_M
from k4a_ros.audio.microphones import RATE
from k4a_ros.audio.microphones import SPEED_OF_SOUND
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sound import Ears
from k4a_ros.simulation.voices import Sound
import numpy as np

COUNT = RATE // 5


def plane_wave(
    direction: Direction, noise: float, seed: int, scale: float = 1.0,
) -> np.ndarray:
    """
    Return noise from far away, delayed in the frequency domain, and independent noise.

    ``scale`` is by how much the array is larger than it is assumed to be.
    """
    random = np.random.default_rng(seed)
    spectrum = np.fft.rfft(random.standard_normal(COUNT + 4096))
    frequency = np.fft.rfftfreq(COUNT + 4096, 1 / RATE)
    spectrum[frequency > 8000] = 0.0
    delays = -scale * POSITIONS_M @ direction.vector / SPEED_OF_SOUND
    waves = np.fft.irfft(
        spectrum * np.exp(-2j * np.pi * frequency * delays[:, None]))[:, 2048:2048 + COUNT]
    waves = waves / waves.std() + noise * random.standard_normal(waves.shape)
    return np.rint(2000 * waves.T).astype(np.int16)


def angle_between(first: Direction, second: Direction) -> float:
    """Return the angle, degrees."""
    return math.degrees(math.acos(min(float(np.dot(first.vector, second.vector)), 1.0)))


@settings(max_examples=15, deadline=None)
@given(st.floats(-math.pi, math.pi), st.floats(0.0, math.radians(80.0)), st.integers(0, 1000))
def test_plane_wave_is_found(azimuth: float, elevation: float, seed: int) -> None:
    truth = Direction(azimuth, elevation, 1.0)
    found = estimate_direction(plane_wave(truth, 0.3, seed))
    assert found is not None and found.confidence > 0.7
    # seven microphones in one plane hardly tell 7 degrees above it from none
    assert angle_between(found, truth) < (2.0 if elevation > 0.3 else 9.0)


def test_error_of_the_radius_does_not_turn_the_azimuth() -> None:
    for azimuth in np.linspace(-3.0, 3.0, 7):
        truth = Direction(float(azimuth), math.radians(10.0), 1.0)
        found = estimate_direction(plane_wave(truth, 0.3, 1, scale=42.5 / 40.0))
        assert found is not None
        assert abs(math.degrees(math.remainder(found.azimuth - azimuth, math.tau))) < 1.0


def test_silence_and_noise_have_no_direction() -> None:
    assert estimate_direction(np.zeros((COUNT, CHANNELS), np.int16)) is None
    noise = np.random.default_rng(1).normal(0.0, 3.0, (COUNT, CHANNELS)).astype(np.int16)
    assert estimate_direction(noise) is None


def test_speech_in_a_room_is_found_within_three_degrees() -> None:
    """The azimuth of 12 speakers at 1 to 4 m, in 0.3 s each: the median error."""
    room = default_scene()
    random = np.random.default_rng(5)
    errors = []
    for azimuth in np.linspace(-math.pi, math.pi, 12, endpoint=False):
        distance = random.uniform(1.0, 4.0)
        position = (min(max(-distance * math.sin(azimuth), -1.8), 2.0), -random.uniform(0.0, 0.5),
                    min(max(distance * math.cos(azimuth), -3.0), 3.2))
        ears = Ears(Scene(room.shapes, sounds=(Sound('speech', 60.0, 'a', position),)))
        samples = ears.hear(0, 1.0 + np.arange(COUNT * 3 // 2) / RATE)
        found = estimate_direction(samples)
        assert found is not None
        # the camera is at the origin, level, and looks along z; x of the array is forward
        rotation, _ = room.camera.housing([0.0])
        x, y, _ = rotation[0].T @ (position - ears.microphone_positions(0.0)[0])
        errors.append(abs(math.degrees(
            math.remainder(found.azimuth - math.atan2(y, x), math.tau))))
    assert np.median(errors) < 3.0, errors
    assert np.percentile(errors, 90) < 6.0, errors
