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


"""Compare firmware versions with the newest ones."""

from __future__ import annotations

from collections.abc import Mapping

#: The newest release, AzureKinectDK_Fw_1.6.110079014.bin of SDK 1.4.1. Microsoft's documentation
#: ("Update Azure Kinect DK firmware") shows 1.6.102, 1.6.75 and 1.6.14.
NEWEST = {'color': '1.6.110', 'depth': '1.6.79', 'audio': '1.6.14'}
#: what to do with an older one; firmware is only written by Microsoft's tool
REMEDY = ("update it with Microsoft's AzureKinectFirmwareTool: docs/device.md, section Firmware")


def outdated(firmware: Mapping[str, str]) -> dict[str, str]:
    """
    Return the components with old firmware, and the newest version of each.

    :param firmware: versions by component, as in `DeviceInfo`; unknown components and versions
        that are not numbers, such as those of other manufacturers, are left out.
    """
    return {name: newest for name, newest in NEWEST.items()
            if (version := _numbers(firmware.get(name, ''))) and version < _numbers(newest)}


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers that can be compared; empty if it is not one."""
    parts = version.split('.')
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
