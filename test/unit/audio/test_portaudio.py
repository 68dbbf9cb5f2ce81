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


"""Microphones through the real PortAudio and ALSA, from a device that reads a file."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys
import types
from typing import Any

from k4a_ros.audio import portaudio
from k4a_ros.audio.microphones import CHANNELS
from k4a_ros.audio.portaudio import PortAudioMicrophones
from k4a_ros.errors import AudioError
import numpy as np
import pytest

#: a device of ALSA that reads samples from a file, as fast as they are read
ALSA = 'pcm.k4a_test {{ type file slave.pcm null file /dev/null infile {} format raw }}'
SYSTEM = Path('/usr/share/alsa/alsa.conf')
READ = """
import numpy, sys
from k4a_ros.audio.portaudio import PortAudioMicrophones
with PortAudioMicrophones('k4a_test', 'a file') as microphones:
    blocks = [microphones.read(20.0) for _ in range(20)]
numpy.savez(sys.argv[1], first=[b.first for b in blocks], samples=[b.samples for b in blocks])
"""


def has_portaudio() -> bool:
    """Return whether the package sounddevice and its library can be loaded."""
    try:
        portaudio._sounddevice()
    except AudioError:
        return False
    return SYSTEM.exists()


@pytest.mark.skipif(not has_portaudio(), reason='sounddevice, PortAudio or ALSA is not installed')
def test_samples_are_those_of_the_device(tmp_path: Path) -> None:
    frames = 48_000 * 20
    sent = (np.arange(frames)[:, None] % 4001 * CHANNELS + np.arange(CHANNELS)).astype('<i2')
    sent.tofile(tmp_path / 'in.raw')
    (tmp_path / 'asound.conf').write_text(ALSA.format(tmp_path / 'in.raw'))
    subprocess.run(
        [sys.executable, '-c', READ, str(tmp_path / 'out.npz')], check=True, timeout=300,
        env={**os.environ, 'ALSA_CONFIG_PATH': f'{SYSTEM}:{tmp_path / "asound.conf"}'})
    out = np.load(tmp_path / 'out.npz')
    assert out['samples'].shape == (20, 960, CHANNELS)
    for samples in out['samples']:
        number = (samples[:, 0].astype(np.int64) // CHANNELS) % 4001
        assert np.array_equal(samples - samples[:, :1], np.tile(np.arange(CHANNELS), (960, 1)))
        assert set(np.diff(number)) <= {1, -4000}
    assert (np.diff(out['first']) % 960 == 0).all()


def test_missing_package_and_library_say_what_to_install(monkeypatch: Any) -> None:
    for error in (ImportError("No module named 'sounddevice'"),
                  OSError('PortAudio library not found')):
        def fail(name: str, error: Exception = error) -> Any:
            raise error

        monkeypatch.setattr(portaudio.importlib, 'import_module', fail)
        with pytest.raises(AudioError, match='pip install sounddevice" and "sudo apt install'):
            PortAudioMicrophones(0, 'microphones')


def test_camera_without_sound_card_is_one_sentence() -> None:
    with pytest.raises(AudioError, match='no sound card is that of camera 000123'):
        PortAudioMicrophones.of_camera('000123')


def test_lost_samples_are_a_gap(monkeypatch: Any) -> None:
    class Stream:

        active = True

        def __init__(self, callback: Any, **options: Any) -> None:
            self.callback = callback

        def start(self) -> None:
            """Do nothing."""

        def close(self) -> None:
            """Do nothing."""

    monkeypatch.setattr(portaudio, '_sounddevice', lambda: types.SimpleNamespace(
        InputStream=Stream, PortAudioError=RuntimeError))
    samples = np.zeros((960, CHANNELS), np.int16)
    with PortAudioMicrophones(0, 'a test') as microphones:
        for begin_s, overflow in ((1.0, False), (1.02, False), (1.0801, True), (1.1, False)):
            microphones._arrived(samples, 960, types.SimpleNamespace(
                inputBufferAdcTime=begin_s, currentTime=begin_s + 0.025),
                types.SimpleNamespace(input_overflow=overflow))
        blocks = [microphones.read(1.0) for _ in range(4)]
        assert [block.first for block in blocks] == [0, 960, 3845, 4805]
