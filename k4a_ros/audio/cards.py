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


"""
Find the sound card of a camera's microphones: they are a USB device beside the camera.

Files of the kernel: Documentation/sound/designs/procfs.rst (/proc/asound), and the link from a
sound card to its USB interface in /sys/class/sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from k4a_ros.sdk.usb_devices import depth_cameras
from k4a_ros.sdk.usb_devices import read_text
from k4a_ros.sdk.usb_devices import usb_devices

#: vendor and product of the microphones, as /proc/asound shows them
_USB_ID = '045e:097e'


@dataclass(frozen=True)
class SoundCard:
    """A sound card of ALSA: its number, and name and serial number of its USB device."""

    number: int
    usb_name: str
    serial: str

    @property
    def port(self) -> str:
        """Return the port of the computer without the bus, which differs for USB 2 and 3."""
        return _port(self.usb_name)


def microphone_cards(root: Path = Path('/')) -> list[SoundCard]:
    """
    Return the sound cards of all Azure Kinects.

    :param root: '/', or a directory with a copy of the kernel's files.
    """
    cards = []
    for usb_id in sorted(root.glob('proc/asound/card*/usbid')):
        number = usb_id.parent.name.removeprefix('card')
        if read_text(usb_id) != _USB_ID or not number.isdecimal():
            continue
        # the interface 1-2.3:1.0 of the device 1-2.3
        device = (root / 'sys/class/sound' / usb_id.parent.name / 'device').resolve().parent
        cards.append(SoundCard(int(number), device.name, read_text(device / 'serial')))
    return cards


def card_of(serial: str, root: Path = Path('/')) -> SoundCard | None:
    """
    Return the sound card of a camera: with its serial number, or in its housing by the USB ports.

    :param serial: serial number of the camera.
    :param root: '/', or a directory with a copy of the kernel's files.
    :return: None if there is none, or several that may be meant.
    """
    cards = microphone_cards(root)
    found = [card for card in cards if serial and card.serial == serial]
    if not found:
        # both hubs of the camera are on one port, and its parts on ports of the hubs
        ports = {_port(camera.hub) for camera in depth_cameras(usb_devices(root))
                 if camera.serial == serial}
        found = [card for card in cards if _port(card.usb_name.rpartition('.')[0]) in ports]
    if not found:
        found = cards
    return found[0] if len(found) == 1 else None


def _port(usb_name: str) -> str:
    """Return '2.1' for '3-2.1'."""
    return usb_name.partition('-')[2]
