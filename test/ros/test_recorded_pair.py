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

"""Two recordings that were made together keep the times of their triggers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.mkv.together import common_timeline
import numpy as np
from rosbag2_interfaces import srv
import sensor_msgs.msg
from support.recordings import write_recording
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import stamps
from support.ros import wait_for
from support.sound import Clocks
from support.sound import write_sound

SIDES = ('master', 'sub')
DELAY_US = 160
PERIOD_US = 200_000
ORIGIN_S = 9000.0
CLOCKS = Clocks(begin_us=1_000_000, camera_ppm=20.0, microphones_ppm=-60.0)


def numbered(first: int) -> Callable[[int, Capture], Capture]:
    """Return what gives all pixels of the depth images the number of their trigger."""
    def edit(index: int, capture: Capture) -> Capture:
        pixels = np.full((288, 320), first + index, np.uint16)
        assert capture.depth is not None
        return replace(capture, depth=Image(pixels, capture.depth.device_us))
    return edit


def triggers(messages: list[Any]) -> dict[int, list[int]]:
    """Return the stamps of each trigger, in the order of arrival."""
    found: dict[int, list[int]] = {}
    for message, stamp in zip(messages, stamps(messages), strict=True):
        found.setdefault(message.data[0] + 256 * message.data[1], []).append(stamp)
    return found


def have_common_times(depth: dict[str, list[Any]]) -> bool:
    """Return whether each trigger of both cameras has the same time in two passes or more."""
    times = {side: triggers(list(messages)) for side, messages in depth.items()}
    common = [{stamp - DELAY_US * 1000 for stamp in stamps_of_sub} & set(
        times['master'].get(number, [])) for number, stamps_of_sub in times['sub'].items()
        if number in range(4, 13)]
    return len(common) == 9 and min(map(len, common)) >= 2


def test_pair_keeps_the_times_of_triggers_through_pause_seek_and_loops(tmp_path: Path) -> None:
    """
    The files start and end at different times; the second camera has a delay of 160 us.

    The sound beside one of them has times of the same time line.
    """
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF, fps=5, imu=False)
    for side, mode, start_us, first in (
            ('master', WiredSyncMode.MASTER, 1_000_000, 1),
            ('sub', WiredSyncMode.SUBORDINATE, 1_600_000 + DELAY_US, 4)):
        write_recording(
            tmp_path / f'{side}.mkv', replace(config, wired_sync_mode=mode), 12, start_us,
            numbered(first), to_ros=CLOCKS.ros_ns if side == 'master' else None)
    write_sound(tmp_path / 'master.mkv', 2.4, CLOCKS)
    period_s = common_timeline([str(tmp_path / f'{side}.mkv') for side in SIDES]).period_s
    span_ns = round(period_s * 1e9)
    domain = new_domain()
    with listening(domain) as listener:
        depth = {side: listener.subscribe(sensor_msgs.msg.Image, f'/{side}/depth/image_raw')
                 for side in SIDES}
        sound = listener.subscribe(sensor_msgs.msg.Image, '/master/audio', depth=200)

        def start(side: str) -> DriverProcess:
            return DriverProcess.with_parameters(
                domain, '-r', f'__ns:=/{side}', recording_file=tmp_path / f'{side}.mkv',
                tf_prefix=f'{side}_', recording_loop_enabled=True, playback_start_delay=0,
                playback_time_origin=ORIGIN_S, playback_loop_period=period_s, playback_rate=4.0,
                audio_enabled=side == 'master')

        def call(side: str, kind: Any, name: str, **request: Any) -> Any:
            return listener.call(kind, f'/{side}/k4a_driver/{name}', kind.Request(**request))

        def seek(side: str, ns: int) -> bool:
            sec, nanosec = divmod(ns, 10 ** 9)
            return bool(call(
                side, srv.Seek, 'seek', time=Time(sec=sec, nanosec=nanosec)).success)

        with start('master'), start('sub'):
            wait_for(lambda: all(len(depth[side]) > 2 for side in SIDES), 'images of both')
            for side in SIDES:
                call(side, srv.Pause, 'pause')
                (number, stamp), = triggers(depth[side][-1:]).items()
                ns = stamp[0] + (8 - number) * PERIOD_US * 1000
                assert seek(side, ns) or seek(side, ns + span_ns)
                wait_for(lambda side=side, ns=ns: stamps(depth[side])[-1] in (ns, ns + span_ns),
                         'the capture')
                call(side, srv.Resume, 'resume')
            wait_for(lambda: have_common_times(depth), 'passes of both with the same times')
    times = {side: triggers(depth[side]) for side in SIDES}
    for number in range(1, 16):
        device_ns = 1_000_000_000 + (number - 1) * PERIOD_US * 1000
        for side, delay_ns in (('master', 0), ('sub', DELAY_US * 1000)):
            for stamp in times[side].get(number, []):
                of_pass = (stamp - int(ORIGIN_S) * 10 ** 9 - device_ns - delay_ns) % span_ns
                assert of_pass == 0, (side, number)
    assert set(times['master']) & set(times['sub']) == set(range(4, 13))
    assert len(sound) > 50
    for message, stamp in zip(sound, stamps(sound), strict=True):  # numbered modulo 32768
        first = message.data[0] + 256 * message.data[1]
        assert any(abs((
            stamp - int(ORIGIN_S * 1e9) - round(CLOCKS.sample_us(sample) * 1000) + 10 ** 6)
            % span_ns - 10 ** 6) < 10 ** 6 for sample in range(first, 120_000, 32_768))
