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

"""A driver of the virtual device, for tests of what it must withstand."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import pytest
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from support import virtual
from support.faults import assert_stamps_increase
from support.faults import NODE
from support.faults import set_at_random
from support.faults import unplug_and_plug_in
from support.recordings import write_recording
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

CONFIG = CameraConfig.of_modes(
    DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.NV12, 30)
MODES = {
    'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': '720P', 'color_format': 'nv12',
    'fps': 30, 'rgb_encoding': 'native', 'point_cloud': False}
#: times that a camera is unplugged; more of them find rarer faults
REPLUGS = int(os.environ.get('K4A_ROS_TEST_REPLUGS', '30'))
SIMULATED = {'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': 'OFF',
             'imu_enabled': False, 'fps': 30}


@dataclass
class Live:
    """A running driver of the virtual device, its log, and what it publishes."""

    listener: Listener
    driver: DriverProcess
    control: str
    depth: list[Any]
    diagnostics: list[Any]

    def have(self, *conditions: str) -> None:
        """Replace the fault conditions of the camera; see docs/virtual_device.md."""
        virtual.set_conditions(*conditions, control=self.control)

    def more(self, messages: list[Any], count: int = 5) -> None:
        """Wait for some more messages."""
        before = len(messages)
        wait_for(lambda: len(messages) >= before + count, f'{count} more messages')

    def lines(self, text: str) -> int:
        """Return how many lines of the driver's output contain a text."""
        return sum(text in line for line in self.driver.lines)

    @contextlib.contextmanager
    def without_faults(self) -> Iterator[None]:
        """At the end, remove all faults of the camera, and wait until it streams again."""
        yield
        self.have()
        assert self.driver.process.poll() is None, self.driver.output
        self.more(self.depth)

    def reconnect(self, **parameters: object) -> None:
        """Let the driver reopen the camera, after a change of parameters if there are any."""
        opened = self.lines('Opened device')
        if parameters:
            answer = self.listener.set_parameters(NODE, **parameters)
            assert answer.successful, answer.reason
        else:
            assert self.listener.call(Trigger, f'{NODE}/reconnect', Trigger.Request()).success
        wait_for(lambda: self.lines('Opened device') > opened, 'the camera to be opened')
        self.more(self.depth)

    def status(self) -> tuple[bytes, str, dict[str, str]]:
        """Return level, message and values of the next diagnostics of the camera."""
        self.more(self.diagnostics, 2)
        camera = next(s for s in self.diagnostics[-1].status if s.name.endswith(': camera'))
        return camera.level, camera.message, {v.key: v.value for v in camera.values}

    def values_when_ok(self) -> dict[str, str]:
        """Return the values of the first following diagnostics of the camera that are OK."""
        found = wait_for(lambda: (status := self.status())[0] == b'\0' and status, 'level OK')
        assert found[1] == 'streaming'
        values: dict[str, str] = found[2]
        return values


def recording_in(directory: Path) -> Path:
    """Write the recording that the camera plays in a loop."""
    return write_recording(directory / 'a.mkv', CONFIG, 30).path


@contextlib.contextmanager
def live_device(recording: Path, **modes: object) -> Iterator[Live]:
    """
    Run a driver that streams within the block, and check that it ends well.

    :param modes: of the recording, where they differ from ``MODES``.
    """
    variables = virtual.environment(recording)
    domain = new_domain()
    with pytest.MonkeyPatch.context() as patch, listening(domain) as listener:
        for name, value in variables.items():
            patch.setenv(name, value)
        depth = listener.subscribe(Image, '/depth/image_raw', data=False)
        diagnostics = listener.subscribe(DiagnosticArray, '/diagnostics')
        with DriverProcess.with_parameters(domain, **MODES | modes) as driver:
            wait_for(lambda: depth and diagnostics, 'messages')
            yield Live(listener, driver, variables['K4A_VIRTUAL_CONTROL'], depth, diagnostics)
            assert 'Traceback' not in driver.output
            assert driver.stop() == 0, driver.output
    assert_stamps_increase(depth)


def replug_one_and_set_another(directory: Path, unplugged: str) -> None:
    """
    Fail unless a driver survives replugs of its camera, and another one parameter changes.

    The two drivers are independent; they run at the same time because both take long. Their
    numbers are ``REPLUGS`` and a hundred times as many.

    :param unplugged: kind of the camera that is replugged, device or simulated.
    """
    domain = new_domain()
    with live_device(recording_in(directory)) as live, listening(domain) as listener, \
            DriverProcess.with_parameters(domain, **SIMULATED) as driver, \
            ThreadPoolExecutor() as pool:
        depth = listener.subscribe(Image, '/depth/image_raw', depth=5, data=False)
        wait_for(lambda: depth, 'depth of the simulated camera')
        if unplugged == 'device':
            setting = pool.submit(set_at_random, listener, 100 * REPLUGS)
            _replug_the_device(live)
        else:
            setting = pool.submit(set_at_random, live.listener, 100 * REPLUGS)
            unplug_and_plug_in(REPLUGS, driver, depth, lambda: listener.set_parameters(
                NODE, simulation_fault='unplug 0.02'), lambda: None)
        assert min(setting.result()) > 5 * REPLUGS
        count = len(depth)
        wait_for(lambda: len(depth) > count + 5, 'depth of the simulated camera')
        live.more(live.depth)
        assert 'Traceback' not in driver.output


def _replug_the_device(live: Live) -> None:
    assert live.listener.set_parameters(
        NODE, powerline_frequency=60, exposure_time_us=8330).successful
    unplug_and_plug_in(REPLUGS, live.driver, live.depth, lambda: live.have('unplugged'), live.have)
    values = live.listener.get_parameters(NODE, 'exposure_time_us', 'exposure_auto')
    assert values == [8330, False]
    # on a busy machine, the driver may miss captures before it is told that the camera is gone
    told = live.lines('Lost connection to camera') - live.lines('no capture received for')
    assert told > REPLUGS / 2
    _, _, usb = live.status()
    assert int(usb['USB errors']) >= told
    assert int(usb['failed USB calls']) >= told
