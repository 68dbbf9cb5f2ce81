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


"""Which sound card belongs to which camera, in a copy of the kernel's files."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.audio.cards import card_of
from k4a_ros.audio.cards import microphone_cards
from support.usb import add_camera
from support.usb import add_controller
from support.usb import add_device

FIRST, SECOND = '000123456712', '000123456812'


def add_card(root: Path, number: int, usb_name: str, serial: str = '') -> None:
    """Add the microphones as a USB device, and their sound card."""
    controller = root / 'sys/devices/pci0000:00/0000:00:14.0'
    add_device(root, controller, usb_name, '097e', '480', serial=serial)
    interface = controller / f'usb{usb_name[0]}' / usb_name / f'{usb_name}:1.0'
    interface.mkdir()
    card = root / f'sys/class/sound/card{number}'
    card.mkdir(parents=True)
    (card / 'device').symlink_to(interface)
    usb_id = root / f'proc/asound/card{number}/usbid'
    usb_id.parent.mkdir(parents=True)
    usb_id.write_text('045e:097e\n')


def two_cameras(root: Path) -> None:
    controller = add_controller(root, '0000:00:14.0', '8086')
    add_camera(root, controller, '2-1', FIRST)
    add_camera(root, controller, '2-2', SECOND)
    other = root / 'proc/asound/card0/usbid'
    other.parent.mkdir(parents=True)
    other.write_text('046d:0825\n')


def test_card_with_the_serial_number_of_the_camera_is_used(tmp_path: Path) -> None:
    two_cameras(tmp_path)
    add_card(tmp_path, 1, '1-7.3', FIRST)
    add_card(tmp_path, 2, '1-8.3', SECOND)
    assert [card.number for card in microphone_cards(tmp_path)] == [1, 2]
    found = card_of(SECOND, tmp_path)
    assert found is not None and (found.number, found.port) == (2, '8.3')


def test_card_on_the_port_of_the_camera_is_used_without_serial_numbers(tmp_path: Path) -> None:
    """The hub of the camera is 2-2 on USB 3, and 1-2 on USB 2."""
    two_cameras(tmp_path)
    add_card(tmp_path, 1, '1-1.3')
    add_card(tmp_path, 2, '1-2.3')
    found = card_of(SECOND, tmp_path)
    assert found is not None and found.number == 2


def test_only_card_is_used_and_of_two_none(tmp_path: Path) -> None:
    two_cameras(tmp_path)
    assert card_of(FIRST, tmp_path) is None
    add_card(tmp_path, 1, '1-8.3')
    found = card_of(FIRST, tmp_path)
    assert found is not None and found.number == 1
    add_card(tmp_path, 2, '1-9.3')
    assert card_of(FIRST, tmp_path) is None
