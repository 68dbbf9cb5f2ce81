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

"""The registry of camera and body tracker backends."""

from __future__ import annotations

import inspect

from k4a_ros.errors import BodyTrackingError
from k4a_ros.errors import ConfigError
from k4a_ros.node import backends
from k4a_ros.node.backends import CAMERAS
from k4a_ros.node.backends import check_tracker_change
from k4a_ros.node.backends import choose_tracker
from k4a_ros.node.backends import inject_faults
from k4a_ros.node.backends import topic_options
from k4a_ros.node.backends import tracker_backend
from k4a_ros.node.backends import tracker_options
from k4a_ros.node.backends import TRACKERS
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.table import SPECS
import pytest


@pytest.mark.parametrize('kind', CAMERAS)
def test_camera_factory_accepts_the_registered_arguments(kind: str) -> None:
    backend = CAMERAS[kind]
    signature = inspect.signature(backend.load())
    signature.bind(on_control=None, **dict.fromkeys(backend.arguments))


@pytest.mark.parametrize('kind', CAMERAS)
def test_camera_arguments_are_settings(kind: str) -> None:
    settings = Settings()
    for name in CAMERAS[kind].arguments.values():
        assert hasattr(settings, name), name


def test_every_kind_of_camera_is_registered() -> None:
    assert {'auto', *CAMERAS} == set(SPECS['camera'].choices)


@pytest.mark.parametrize('name', TRACKERS)
def test_tracker_backend_has_the_interface(name: str) -> None:
    backend = tracker_backend(name)
    assert isinstance(backend.model_suffix, str)
    inspect.signature(backend.check).bind(None)
    inspect.signature(backend.open_tracker).bind(None, None)


def test_every_tracker_backend_is_registered() -> None:
    assert {'auto', *TRACKERS} == set(SPECS['body_tracking_backend'].choices)


def test_options_have_the_values_of_parameters() -> None:
    settings = Settings.from_values({
        'camera': 'simulated', 'body_tracking_gpu_device_id': 3, 'tf_prefix': 'left_'})
    assert tracker_options(settings).gpu_device_id == 3
    assert topic_options(settings).tf_prefix == 'left_'


@pytest.mark.parametrize(('rotation', 'given', 'expected'), [
    (0, 'default', 'default'), (90, 'default', 'counterclockwise90'),
    (180, 'default', 'flip180'), (270, 'default', 'clockwise90'),
    (90, 'flip180', 'flip180')])
def test_k4abt_gets_the_orientation_of_a_turned_camera(
    rotation: int, given: str, expected: str,
) -> None:
    """Its names are those of an observer in front of the camera."""
    settings = Settings.from_values({
        'camera_rotation': rotation, 'body_tracking_sensor_orientation': given})
    assert tracker_options(settings).sensor_orientation == expected


class FakeBackend:
    """A tracker backend that may not be installed."""

    def __init__(self, installed: bool, model_suffix: str) -> None:
        self._installed = installed
        self.model_suffix = model_suffix

    def check(self, options: object) -> None:
        if not self._installed:
            raise BodyTrackingError('not installed')


def install(monkeypatch: pytest.MonkeyPatch, **installed: bool) -> None:
    suffixes = {'k4abt': '.onnx', 'landmarks': '.tflite', 'ground_truth': ''}
    monkeypatch.setattr(backends, 'tracker_backend', lambda name: FakeBackend(
        installed.get(name, False), suffixes[name]))


def test_auto_prefers_k4abt(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, k4abt=True, landmarks=True)
    assert choose_tracker(Settings()).backend == 'k4abt'


def test_auto_falls_back_to_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, landmarks=True)
    assert choose_tracker(Settings()).backend == 'landmarks'


def test_auto_selects_the_backend_of_the_model_file(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, k4abt=True, landmarks=True)
    settings = Settings.from_values({'body_tracking_model_path': 'pose.tflite'})
    assert choose_tracker(settings).backend == 'landmarks'


def test_auto_without_any_backend_reports_all_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(BodyTrackingError, match='k4abt: not installed; landmarks: not installed'):
        choose_tracker(Settings())


def test_tracker_change_to_a_missing_backend_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, landmarks=True)
    before = Settings.from_values({'body_tracking_enabled': True})
    after = before.replace({'body_tracking_backend': 'k4abt'})
    with pytest.raises(ConfigError, match='not installed'):
        check_tracker_change(before, after)
    check_tracker_change(before, after.replace({'body_tracking_enabled': False}))


def test_tracker_is_not_checked_for_other_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    before = Settings.from_values({'body_tracking_enabled': True})
    check_tracker_change(before, before.replace({'depth_unit': '32FC1'}))


def test_faults_require_a_simulated_camera() -> None:
    inject_faults(Settings(), '')
    with pytest.raises(ConfigError, match='requires camera:=simulated'):
        inject_faults(Settings(), 'unplug')
