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

"""Sound of the simulated camera, over DDS."""

from __future__ import annotations

from itertools import pairwise
import math
import time
import wave

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from k4a_ros.audio.side_file import read_stamps
import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from support.faults import NODE
from support.live import SIMULATED
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for
from tf2_msgs.msg import TFMessage

SCENE = """
shapes:
  - {plane: {point: [0, 0, 3], normal: [0, 0, -1]}}
sounds:
  - {name: radio, position: [-1.5, -0.02, 1.45], kind: noise, level: 70}
"""


def test_sound_is_published_with_its_direction_and_recorded(tmp_path) -> None:
    (tmp_path / 'scene.yaml').write_text(SCENE)
    domain = new_domain()
    with listening(domain) as listener:
        frames = listener.subscribe(TFMessage, '/tf_static', latched=True)
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
        with DriverProcess.with_parameters(
                domain, **SIMULATED, simulation_scene=str(tmp_path / 'scene.yaml'),
                audio_enabled=True, audio_direction=True,
                record_file=str(tmp_path / 'a.mkv')) as driver:

            def status() -> dict[str, str]:
                return next((
                    {'message': s.message} | {v.key: v.value for v in s.values}
                    for s in diagnostics[-1].status if s.name.endswith(': audio')), {})

            wait_for(lambda: diagnostics and status(), 'the status')
            assert status()['message'] == 'no subscribers' and status()['samples'] == '0'
            sound = listener.subscribe(Image, '/audio', depth=100)
            directions = listener.subscribe(PoseStamped, '/audio/direction')
            # a busy computer gets its sound in messages of up to half a second

            def samples() -> int:
                return sum(message.height for message in sound)

            wait_for(lambda: samples() > 30_000 and len(directions) >= 2, 'sound')
            wait_for(lambda: int(status()['samples']) > 30_000, 'the counter')
            assert listener.call(Trigger, f'{NODE}/start_recording', Trigger.Request()).success
            wait_for(lambda: status()['message'] == 'recording', 'recording of sound')
            count = samples()
            wait_for(lambda: samples() > count + 60_000, 'a second of sound')
            assert listener.call(Trigger, f'{NODE}/stop_recording', Trigger.Request()).success
            wait_for(lambda: status()['message'] == 'publishing', 'the end of the recording')
            assert driver.stop() == 0, driver.output
        sound = [*sound]
        played = listener.subscribe(Image, '/audio', depth=100)
        images = listener.subscribe(Image, '/depth/image_raw')
        with DriverProcess.with_parameters(
                domain, recording_file=str(tmp_path / 'a.mkv'), audio_enabled=True,
                playback_stamps='recorded', playback_start_delay=10.0) as player:
            assert player.wait() == 0, player.output
    published = dict(zip(stamps(sound), sound, strict=True))
    recorded = read_stamps(tmp_path / 'a.wav')
    with wave.open(str(tmp_path / 'a.wav')) as file:
        assert file.getnframes() >= 48000
        for sample, stamp in recorded.tolist():
            file.setpos(sample)
            message = published[stamp]
            assert file.readframes(message.height) == bytes(message.data)
    assert any(t.child_frame_id == 'microphones_link' and t.header.frame_id == 'camera_base'
               for message in frames for t in message.transforms)
    for message in sound:
        assert (message.header.frame_id, message.encoding, message.width) == (
            'microphones_link', '16SC1', 7)
        samples = np.frombuffer(message.data, np.int16).reshape(-1, 7)
        assert len(samples) == message.height and samples[:, 0].std() > 10
    times = stamps(sound)
    assert all(b > a for a, b in pairwise(times))
    assert abs(times[-1] - time.time_ns()) < 100e9
    q = directions[-1].pose.orientation
    x, y = 1 - 2 * (q.y ** 2 + q.z ** 2), 2 * (q.x * q.y + q.w * q.z)
    # 1.5 m to the left and 1.5 m in front of the array, which is 50 mm behind the camera's origin
    assert math.degrees(math.atan2(y, x)) == pytest.approx(45.0, abs=3.0)
    # what is played are the same samples, at the same times, as the images beside them
    assert len(images) >= 3 and len(played) >= 40
    heard = b''.join(bytes(message.data) for message in sound)
    begins = np.cumsum([0, *(message.height for message in sound)])
    found = 0
    for stamp, message in zip(stamps(played), played, strict=True):
        at = heard.find(bytes(message.data)) // 14
        if at < 0:  # a computer that is too busy loses samples, which are silent in the file
            assert not np.frombuffer(message.data, np.int16).reshape(-1, 7).any(axis=1).all()
            continue
        found += 1
        index = int(np.searchsorted(begins, at, side='right')) - 1
        assert abs(times[index] + (at - begins[index]) / 48e-6 - stamp) < 5e6
    assert found >= 5
    assert abs(stamps(played)[0] - stamps(images)[0]) < 100e6
    assert abs(stamps(played)[-1] - stamps(images)[-1]) < 100e6
