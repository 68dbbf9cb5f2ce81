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

"""Refusals of the recording services, and the status in /diagnostics."""

from __future__ import annotations

import logging

from k4a_ros.node.diagnostics import Level
from k4a_ros.node.recording import Recording
from k4a_ros.node.recording import recording_status
from k4a_ros.parameters.settings import Settings
from k4a_ros.recorder.recorder import RecorderStatus
from k4a_ros.recorder.sequence import RecordingOptions
from k4a_ros.streaming.states import Command
from std_srvs.srv import Trigger


class Node:
    """Keeps the services of a node, and is the supervisor of a closed camera."""

    def __init__(self, refusal: str = 'the camera is closed') -> None:
        self.services = {}
        self._refusal = refusal

    def create_service(self, kind, name, callback):
        self.services[name] = callback

    def refusal(self, command):
        assert command is Command.RECORD
        return self._refusal

    def get_logger(self):
        return logging.getLogger('test')


def answer(service, **settings):
    """Return success and message of a service with these parameters."""
    node = Node()
    Recording(node, node, lambda: Settings.from_values(settings))
    response = node.services[f'~/{service}'](Trigger.Request(), Trigger.Response())
    return response.success, response.message


def test_start_is_refused_with_the_remedy():
    assert answer('start_recording') == (
        False, 'cannot record: record_file is empty; restart the driver with a path, such as '
        "record_file:='~/recordings/%Y-%m-%d_%H-%M-%S.mkv'")
    success, message = answer('start_recording', recording_file='/a.mkv', record_file='/b.mkv')
    assert not success and 'copy /a.mkv instead' in message
    assert answer('start_recording', record_file='/b.mkv') == (
        False, 'cannot record: the camera is closed')


def test_start_uses_the_present_parameters(tmp_path):
    node = Node('')
    settings = Settings.from_values({
        'record_file': str(tmp_path / 'a.mkv'), 'record_split_size': 3,
        'record_split_duration': 7})
    recording = Recording(node, node, lambda: settings)
    options = []
    recording.recorder.start = lambda given: options.append(given) or 'a.mkv'
    response = node.services['~/start_recording'](Trigger.Request(), Trigger.Response())
    assert response.success and response.message == 'recording to a.mkv'
    assert options == [RecordingOptions(
        str(tmp_path / 'a.mkv'), split_bytes=3_000_000, split_us=7_000_000)]


def test_stop_without_a_recording_is_refused():
    assert answer('stop_recording') == (False, 'there is no recording; call ~/start_recording')


def test_status():
    status = RecorderStatus(
        active=True, file='/a.mkv', files=('/a.mkv',), seconds=2.04, captures=61, samples=3400,
        written_bytes=30_100_000, queued=1, dropped=0, free_bytes=5 * 10 ** 9)
    found = recording_status(status, streaming=True)
    assert (found.level, found.message) == (Level.OK, 'recording')
    assert found.values == {
        'file': '/a.mkv', 'files': '1', 'time (s)': '2.0', 'captures': '61',
        'IMU samples': '3400', 'written (MB)': '30.1', 'queued captures': '1',
        'dropped captures': '0', 'dropped IMU samples': '0', 'free disk space (MB)': '5000'}
    assert recording_status(status, streaming=False).message == 'waiting for the camera'


def test_status_of_problems():
    dropped = recording_status(RecorderStatus(active=True, file='/a.mkv', dropped=3), True)
    assert dropped.level is Level.WARN and dropped.message.startswith('3 captures were not')
    ended = recording_status(RecorderStatus(file='/a.mkv', problem='the disk is full'), True)
    assert (ended.level, ended.message) == (Level.ERROR, 'stopped: the disk is full')
