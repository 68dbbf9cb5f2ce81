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

"""Four clients set parameters at random at the same time: every answer is true."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
import contextlib
import os
from typing import Any

from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.spec import Change
from k4a_ros.parameters.table import SPECS
from sensor_msgs.msg import Image
from support.faults import NODE
from support.faults import set_at_random
from support.live import SIMULATED
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

#: number of requests of all clients; more of them find rarer faults
REQUESTS = int(os.environ.get('K4A_ROS_TEST_REQUESTS', '120'))
FIXED = {'camera': 'simulated', 'body_tracking_backend': 'ground_truth'}
#: parameters whose values must fit together
MODES = {
    'depth_mode', 'color_resolution', 'color_format', 'fps', 'synchronized_images_only',
    'depth_delay_off_color_usec', 'wired_sync_mode', 'subordinate_delay_off_master_usec',
    'depth_enabled', 'color_enabled', 'imu_enabled', 'rgb_point_cloud', 'ir_point_cloud',
    'body_tracking_enabled'}
OF_CONFIGURED = {name for name, spec in SPECS.items()
                 if spec.change in (Change.FIXED, Change.STARTUP)}
REST = SPECS.keys() - CONTROLS.keys() - MODES - OF_CONFIGURED - FIXED.keys() - {'simulation_fault'}


def is_valid(values: dict[str, Any]) -> bool:
    """Return whether values are allowed, and fit together with defaults of all others."""
    try:
        Settings.from_values(FIXED | values)
    except ConfigError:
        return False
    return True


def test_answers_to_four_clients_are_true() -> None:
    """Each sets other parameters: controls, modes, other options, and what is fixed or no path."""
    domain = new_domain()
    with contextlib.ExitStack() as stack:
        watching, *clients = (stack.enter_context(listening(domain)) for _ in range(5))
        depth = watching.subscribe(Image, '/depth/image_raw', depth=5, data=False)
        driver = stack.enter_context(
            DriverProcess.with_parameters(domain, **SIMULATED | FIXED))
        wait_for(lambda: depth, 'depth')
        pool = stack.enter_context(ThreadPoolExecutor(len(clients)))
        work = ((CONTROLS.keys(), lambda _: None), (MODES, is_valid), (REST, is_valid),
                (OF_CONFIGURED, lambda _: None))
        each = REQUESTS // len(clients)
        running = [
            pool.submit(set_at_random, client, each, sorted(names), seed, valid)
            for seed, (client, (names, valid)) in enumerate(zip(clients, work, strict=True))]
        counts = [client.result() for client in running]
        assert min(min(numbers) for numbers in counts[:3]) > REQUESTS / 100, counts
        modes = {name: SIMULATED.get(name, SPECS[name].default) for name in MODES}
        result = watching.set_parameters(NODE, **modes)
        assert result.successful, result.reason
        count = len(depth)
        wait_for(lambda: len(depth) > count + 5, 'more depth')
        assert driver.process.poll() is None
        assert 'Traceback' not in driver.output and 'ERROR' not in driver.output
        print(f'{REQUESTS} requests, by client refused and applied: {counts}')
