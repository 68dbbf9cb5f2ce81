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


"""What a rig needs of its computer, and what cannot fit."""

from __future__ import annotations

from k4a_ros.rig.budget import Host
from k4a_ros.rig.budget import need_of
from k4a_ros.rig.budget import table
from k4a_ros.rig.rig import Rig
from k4a_ros.rig.rig_file import parse_rig
import pytest


def rig(count: int, parameters: str = 'depth_mode: NFOV_UNBINNED') -> Rig:
    return parse_rig('\n'.join([f'parameters: {{{parameters}}}', 'cameras:', *(
        f'  - {{name: c{number}, serial: {number + 1:012}}}' for number in range(count))]),
        'rig.yaml')


def host(count: int, usbfs_mb: int = 1000, cores: int = 64) -> Host:
    return Host({f'{number + 1:012}': '0000:00:14.0' for number in range(count)}, usbfs_mb, cores)


@pytest.mark.parametrize(('parameters', 'mb_s'), [
    ('depth_mode: NFOV_UNBINNED', 164), ('depth_mode: WFOV_UNBINNED, fps: 15', 144),
    ('depth_mode: OFF, color_format: yuy2', 55),
    ('depth_mode: PASSIVE_IR, color_resolution: OFF', 50),
])
def test_data_rates_are_those_of_the_modes(parameters: str, mb_s: int) -> None:
    assert round(need_of(rig(1, parameters).cameras[0]).usb_mb_s) == mb_s


def test_what_fits_has_a_table_and_no_problems() -> None:
    lines, problems = table(rig(2), host(2))
    assert problems == []
    assert len(lines) == 3
    assert 'c1' in lines[2] and '0000:00:14.0' in lines[2] and ' 164 ' in lines[2]


def test_what_cannot_fit_is_named_with_the_remedy() -> None:
    _, problems = table(rig(3), host(3, usbfs_mb=16, cores=1))
    assert len(problems) == 3
    assert problems[0].startswith('c0, c1, c2 need 493 MB/s of the USB controller 0000:00:14.0')
    assert problems[1].startswith('3 cameras need 48 MB of memory for USB transfers, but usbfs')
    assert problems[2].startswith('with a subscriber of each of these topics, the drivers need ')
    _, problems = table(rig(2), Host({'000000000001': 'x'}, None, 64))
    assert problems == ['c1 (000000000002) is not connected to this computer']
    assert table(rig(1), host(1, usbfs_mb=0))[1] == []
