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


"""What the sources of sound in a scene say: speech-like sound, noise, or clicks, from a seed."""

from __future__ import annotations

from dataclasses import dataclass
import functools

from k4a_ros.audio.microphones import amplitude
from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.microphones import RATE
import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]

#: kinds of sound
KINDS = ('speech', 'noise', 'click')
#: sound is periodic with this period, seconds
PERIOD_S = 8.0
#: A table of sound is this many times finer than the samples, and its nearest value is taken: the
#: error is -32 dB of the sound at 3 kHz.
_OVERSAMPLING = 8
#: longest time that can be asked for at once, seconds
MAX_BLOCK_S = 1.0
#: highest frequency of all sounds, Hz
_MAX_HZ = 7000.0
#: Clicks are this far apart, seconds; each is a band-limited impulse.
CLICK_S = 0.5
#: time in which the late echo falls by 60 dB, its start, and its level relative to the direct
#: sound at 1 m: those of a furnished room of 50 m³
_REVERBERATION_S = 0.3
_LATE_S = 0.02
_REVERBERATION_DB = -14.0


@dataclass(frozen=True)
class Speaker:
    """
    A source of sound.

    ``kind``: see `KINDS`. ``level_db``: sound pressure level at 1 m; 60 is conversation.
    """

    kind: str = 'speech'
    level_db: float = 60.0


@dataclass(frozen=True)
class Sound(Speaker):
    """A source that stands still: ``name``, and ``position`` in the world, meters."""

    name: str = ''
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)


class Voice:
    """
    The sound of one source at 1 m, relative to full scale, as a function of time.

    :param kind: see `KINDS`.
    """

    def __init__(self, kind: str, level_db: float, seed: int) -> None:
        self._gain = np.float32(amplitude(level_db))
        self._table, self._tail = _table(kind, seed), _tail(kind, seed)

    def at(self, begin: _Array, end: _Array, count: int) -> npt.NDArray[np.float32]:
        """
        Return the sound that leaves the source at evenly spaced times.

        :param begin: (K,) times of the first samples, seconds.
        :param end: (K,) times of the last ones, at most `MAX_BLOCK_S` later.
        :return: (K, count).
        """
        scale = RATE * _OVERSAMPLING
        start = np.mod(begin, PERIOD_S) * scale
        step = (end - begin) * (scale / max(count - 1, 1))
        index = (start[:, None] + step[:, None] * np.arange(count)).astype(np.int32)
        sound: npt.NDArray[np.float32] = self._table[index] * self._gain
        return sound

    def echo(self, times: _Array) -> npt.NDArray[np.float32]:
        """Return the late reverberation at the microphones, (7, N), at times in seconds."""
        index = np.mod(np.rint(times * RATE).astype(np.int64), self._tail.shape[1])
        sound: npt.NDArray[np.float32] = self._tail[:, index] * self._gain
        return sound


@functools.lru_cache(maxsize=16)
def _table(kind: str, seed: int) -> npt.NDArray[np.float32]:
    """Return one period of a sound, and its beginning again; the standard deviation is 1."""
    spectrum = np.fft.rfft(_SOUNDS[kind](np.random.default_rng(seed)))
    frequency = np.fft.rfftfreq(round(PERIOD_S * RATE), 1 / RATE)
    spectrum[frequency > _MAX_HZ] = 0.0
    spectrum[0] = 0.0
    fine = np.fft.irfft(spectrum, round(PERIOD_S * RATE) * _OVERSAMPLING)
    fine /= fine.std()
    repeated = round(1.1 * MAX_BLOCK_S * RATE) * _OVERSAMPLING
    return np.concatenate([fine, fine[:repeated]]).astype(np.float32)


@functools.lru_cache(maxsize=16)
def _tail(kind: str, seed: int) -> npt.NDArray[np.float32]:
    """Return one period (7, N) of the late echo of a sound."""
    dry = _table(kind, seed)[:round(PERIOD_S * RATE) * _OVERSAMPLING:_OVERSAMPLING]
    random = np.random.default_rng((seed, 1))
    t = np.arange(round(1.5 * _REVERBERATION_S * RATE)) / RATE
    response = random.normal(size=(CHANNELS, len(t))) * 10.0 ** (-3 * t / _REVERBERATION_S)
    response[:, t < _LATE_S] = 0.0
    response *= 10.0 ** (_REVERBERATION_DB / 20) / np.sqrt((response ** 2).sum(1, keepdims=True))
    wet = np.fft.irfft(np.fft.rfft(dry) * np.fft.rfft(response, len(dry)), len(dry))
    return wet.astype(np.float32)


def _noise(random: np.random.Generator) -> _Array:
    return random.standard_normal(round(PERIOD_S * RATE))


def _clicks(random: np.random.Generator) -> _Array:
    sound = np.zeros(round(PERIOD_S * RATE))
    sound[::round(CLICK_S * RATE)] = 1.0
    return sound


def _speech(random: np.random.Generator) -> _Array:
    """Return syllables: harmonics of a gliding pitch, or a hiss before them, and pauses."""
    count = round(PERIOD_S * RATE)
    sound = np.zeros(count)
    start = 0
    while start < count - RATE // 4:
        length = int(RATE * random.uniform(0.12, 0.25))
        t = np.arange(length) / RATE
        envelope = np.sin(np.pi * np.arange(length) / length) ** 2
        pitch = random.uniform(95.0, 180.0) * (1 + random.uniform(-0.3, 0.3) * t)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        formants = random.uniform((300.0, 900.0, 2300.0), (800.0, 2200.0, 3000.0))
        harmonics = np.arange(1, 40)
        gains = sum(1 / (1 + ((harmonics * pitch[0] - hz) / 120.0) ** 2) for hz in formants)
        gains = gains / harmonics ** 0.5
        voiced = (gains[:, None] * np.sin(harmonics[:, None] * phase)).sum(0)
        hiss = random.standard_normal(length) * 0.3 * np.linspace(1.0, 0.05, length) ** 2
        sound[start:start + length] += envelope * (voiced + hiss)
        start += length + int(RATE * (0.35 if random.random() < 0.12 else 0.02))
    return sound


_SOUNDS = {'speech': _speech, 'noise': _noise, 'click': _clicks}
