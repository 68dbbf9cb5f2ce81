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
The sound of a scene, as the microphones of the camera hear it.

Each source is heard directly and by its first reflections in the planes of the scene (image
sources; Allen et al., "Image method for efficiently simulating small-room acoustics", 1979),
with true delays for each microphone, also while sources move, and levels that fall with distance.
The later echo is the source's sound convolved with noise that decays exponentially, different for
each microphone (Polack's model of diffuse reverberation). Obstacles do not muffle sound.
"""

from __future__ import annotations

from k4a_ros.audio.microphones import amplitude
from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import NOISE_DB
from k4a_ros.audio.microphones import POSITIONS_M
from k4a_ros.audio.microphones import SPEED_OF_SOUND
from k4a_ros.audio.source import Samples
from k4a_ros.body.joints import Joint
from k4a_ros.calibration.tf_frames import MICROPHONES_IN_BASE_M
from k4a_ros.simulation import voices
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.shapes import Plane
import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]

#: share of the amplitude that a wall reflects
_REFLECTION = 0.6
#: distance below which sound does not become louder
_MIN_DISTANCE_M = 0.1


class Ears:
    """
    The microphones of the camera in a scene.

    :param seed: seed of voices and noise.
    :param noise: False disables the noise of the microphones.
    """

    def __init__(self, scene: Scene, *, seed: int = 0, noise: bool = True) -> None:
        self._scene = scene
        self._seed = seed
        self._noise = 32768 * amplitude(NOISE_DB) if noise else 0.0
        mirrors = [_mirror(shape) for shape in scene.shapes if isinstance(shape, Plane)]
        self._matrices = np.stack([np.eye(3), *(matrix for matrix, _ in mirrors)])
        self._offsets = np.stack([np.zeros(3), *(offset for _, offset in mirrors)])
        self._gains = np.array([1.0] + len(mirrors) * [_REFLECTION])
        self._voices = [
            voices.Voice(speaker.kind, speaker.level_db, seed + i)
            for i, speaker in enumerate(self._speakers())]

    def _speakers(self) -> list[voices.Speaker]:
        return [*self._scene.sounds, *(
            person.voice for person in self._scene.persons if person.voice is not None)]

    def source_positions(self, time: float) -> _Array:
        """Return the true positions (S, 3) of all sources in the world at a time, seconds."""
        found = [sound.position for sound in self._scene.sounds] + [
            tuple(person.at(time).positions[Joint.NOSE])
            for person in self._scene.persons if person.voice is not None]
        return np.array(found, np.float64).reshape(-1, 3)

    def microphone_positions(self, time: float) -> _Array:
        """Return the positions (7, 3) of the microphones in the world at a time, seconds."""
        rotation, translation = self._scene.camera.housing([time])
        positions: _Array = (POSITIONS_M + MICROPHONES_IN_BASE_M) @ rotation[0].T + translation[0]
        return positions

    def hear(self, first: int, times: _Array) -> Samples:
        """
        Return the samples of all microphones.

        :param first: number of the first sample, which selects the noise.
        :param times: (N,) scene time of each sample, seconds, evenly spaced, of at most a second.
        :return: (N, 7) int16.
        """
        sound = np.zeros((CHANNELS, len(times)), np.float32)
        begin, end = float(times[0]), float(times[-1])
        ears = np.stack([self.microphone_positions(begin), self.microphone_positions(end)])
        sources = np.stack([self.source_positions(begin), self.source_positions(end)])
        for index, voice in enumerate(self._voices):
            places = np.einsum(
                'mij,tj->tmi', self._matrices, sources[:, index]) + self._offsets
            # (time, mirror, microphone)
            distances = np.linalg.norm(ears[:, None] - places[:, :, None], axis=-1)
            delays = distances.reshape(2, -1) / SPEED_OF_SOUND
            heard = voice.at(begin - delays[0], end - delays[1], len(times))
            gains = self._gains[:, None] / np.maximum(distances.mean(0), _MIN_DISTANCE_M)
            sound += np.einsum(
                'mcn,mc->cn', heard.reshape(*gains.shape, -1), gains.astype(np.float32))
            sound += voice.echo(times)
        samples = sound.T * 32768
        if self._noise:
            random = np.random.default_rng((self._seed, first))
            samples += random.normal(0.0, self._noise, samples.shape)
        result: Samples = np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
        return result


def _mirror(plane: Plane) -> tuple[_Array, _Array]:
    """Return matrix and offset of the reflection in a plane: x' = matrix x + offset."""
    normal = np.array(plane.normal) / np.linalg.norm(plane.normal)
    return (np.eye(3) - 2 * np.outer(normal, normal),
            2 * (normal @ np.array(plane.point)) * normal)
