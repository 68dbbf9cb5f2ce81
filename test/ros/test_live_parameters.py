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

"""Requests that arrive while a camera is being opened, or not open at all."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

from k4a_ros.parameters.live_parameters import LiveParameters
from k4a_ros.parameters.ros_declaration import declare
from k4a_ros.parameters.settings import mode_values
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.spec import Value
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from support import simulated
from support.ros import Listener
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for

#: the simulated sensor rounds it to 130000 (50 Hz) or 133330 (60 Hz)
UNSUPPORTED_US = 121924


class Host(SimpleNamespace):
    """A configured node whose camera is not open, so that values are only remembered."""

    configured = restartable = True
    settings: Settings

    def apply(self, name: str, value: Value) -> Value:
        self.settings = self.settings.replace({name: value})
        return value

    def reconfigure(self, settings: Settings) -> None:
        self.settings = settings


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening(new_domain()) as node:
        yield node


@pytest.fixture
def node(listener: Listener) -> Iterator[Node]:
    created = Node('parameters', context=listener.context)
    yield created
    created.destroy_node()


def test_value_that_is_set_while_a_camera_opens_is_shown_as_the_camera_adjusts_it(
    listener: Listener, node: Node,
) -> None:
    """The request comes after the controls were set on the camera, and before it streams."""
    live = LiveParameters(node, Host(settings=declare(node)))
    with simulated.streaming(simulated.DEPTH_AND_COLOR) as camera:
        live.apply_to_camera(camera)
        (result,) = node.set_parameters([Parameter('exposure_time_us', value=UNSUPPORTED_US)])
        assert result.successful, result.reason
        assert node.get_parameter('exposure_time_us').value == UNSUPPORTED_US
        listener._executor.add_node(node)
        live.restore_controls(camera)
        assert camera.get_control('exposure_time_us') == 133330
        wait_for(lambda: node.get_parameter('exposure_time_us').value == 133330, 'the true value')


def test_older_adjustment_does_not_replace_a_newer_value(node: Node) -> None:
    live = LiveParameters(node, Host(settings=declare(node)))
    node.set_parameters([Parameter('exposure_time_us', value=8330)])
    live._show_adjusted({'exposure_time_us': (UNSUPPORTED_US, 133330)})
    assert node.get_parameter('exposure_time_us').value == 8330


def test_longest_exposure_can_be_set_after_the_powerline_frequency_was_50_hz(node: Node) -> None:
    """The range of exposure times that the camera reports depends on it."""
    host = Host(settings=declare(node))
    live = LiveParameters(node, host)
    with simulated.streaming(simulated.DEPTH_AND_COLOR) as camera:
        camera.set_control('powerline_frequency', 50)
        live.apply_to_camera(camera)
        for name, value in (('powerline_frequency', 60), ('exposure_time_us', 133330)):
            (result,) = node.set_parameters([Parameter(name, value=value)])
            assert result.successful, result.reason


def test_modes_of_a_simulated_camera_can_be_changed(node: Node) -> None:
    """They are read-only only if this kind of camera does not let users choose them."""
    host = Host(settings=declare(node).replace({'camera': 'simulated'}))
    live = LiveParameters(node, host)
    with simulated.streaming(simulated.DEPTH_AND_COLOR) as camera:
        live.apply_to_camera(camera)
        for name, value in mode_values(camera.config).items():
            (result,) = node.set_parameters([Parameter(name, value=value)])
            assert result.successful, result.reason
