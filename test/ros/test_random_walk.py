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

"""A random walk over transitions, services, faults and parameters of a real node."""

from __future__ import annotations

import os
import random
import time

from lifecycle_msgs.msg import State
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from lifecycle_msgs.srv import GetState
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from support.ros import DriverProcess
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import PATIENCE
from support.ros import wait_for

NODE = '/k4a_driver'
SMALL = {'camera': 'simulated', 'depth_mode': 'NFOV_2X2BINNED', 'color_resolution': 'OFF',
         'fps': 15, 'autostart': False, 'point_cloud': False}
TRANSITIONS = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE,
               Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)
PARAMETERS: tuple[dict[str, object], ...] = (
    {'simulation_fault': 'unplug'}, {'simulation_fault': 'replug'},
    {'simulation_fault': 'silent'}, {'simulation_fault': 'none'},
    {'simulation_fault': 'unplug 0.05'}, {'fps': 30}, {'fps': 15}, {'fps': 16},
    {'depth_unit': '32FC1'}, {'sensor_sn': ''})
#: number of walks; more of them find rarer faults
WALKS = int(os.environ.get('K4A_ROS_TEST_WALKS', '4'))
STEPS = 15


def transition(listener: Listener, number: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=number))
    return bool(listener.call(ChangeState, f'{NODE}/change_state', request).success)


def call(listener: Listener, service: str) -> Trigger.Response:
    return listener.call(Trigger, f'{NODE}/{service}', Trigger.Request())


def step(listener: Listener, draw: random.Random) -> None:
    """Do anything; whatever is refused has a reason."""
    kind = draw.randrange(3)
    if kind == 0:
        transition(listener, draw.choice(TRANSITIONS))
    elif kind == 1:
        answer = call(listener, draw.choice(('start', 'stop', 'reconnect')))
        assert answer.message
    else:
        result = listener.set_parameters(NODE, **draw.choice(PARAMETERS))
        assert result.successful or result.reason
    time.sleep(draw.choice((0.0, 0.0, 0.2)))


def follow_advice(listener: Listener) -> None:
    """Plug the camera in, and do what the driver says, until it does not refuse."""
    assert listener.set_parameters(NODE, simulation_fault='replug; none').successful
    state = listener.call(GetState, f'{NODE}/get_state', GetState.Request()).current_state.id
    if state == State.PRIMARY_STATE_UNCONFIGURED:
        assert 'configure and activate' in call(listener, 'start').message
        assert transition(listener, Transition.TRANSITION_CONFIGURE)
        state = State.PRIMARY_STATE_INACTIVE
    if state == State.PRIMARY_STATE_INACTIVE:
        assert transition(listener, Transition.TRANSITION_ACTIVATE)
    answer = call(listener, 'reconnect')
    if not answer.success:
        assert '~/start' in answer.message
        assert call(listener, 'start').success


def test_after_every_walk_the_advice_of_the_driver_leads_to_images() -> None:
    domain, draw = new_domain(), random.Random(1)
    with listening(domain) as listener, DriverProcess.with_parameters(domain, **SMALL) as driver:
        depth = listener.subscribe(Image, '/depth/image_raw', data=False)
        for _ in range(WALKS):
            for _ in range(STEPS):
                step(listener, draw)
            follow_advice(listener)
            count = len(depth)
            try:
                wait_for(lambda c=count: len(depth) > c + 2, 'depth', PATIENCE)
            except AssertionError as error:
                raise AssertionError(f'{error}; the driver printed:\n{driver.output}') from None
        assert 'Traceback' not in driver.output
