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
Faults of the simulated camera, and the syntax by which they are requested.

    unplug [S]          the cable is unplugged: open cameras are lost, and opening fails, for S
                        seconds or until `replug`
    replug              the cable is plugged in again; the camera must be reopened
    stall S             nothing arrives for S seconds, then everything from that time at once
    silent [S]          neither images nor inertial samples arrive, for S seconds or until `none`
    no sync pulse [S]   a subordinate receives no sync pulses: no images, but inertial samples
    drop capture [N]    the next N captures are lost
    drop depth [N]      the next N captures lack depth and infrared
    drop color [N]      the next N captures lack color
    corrupt jpeg [N]    the next N MJPG images are corrupt
    imu gap S           the inertial samples of the next S seconds are lost
    drift PPM           the device clock runs faster by PPM from now on
    latency S           images arrive S seconds later on average, with random jitter, from now on
    reset timestamps    the device clock restarts at 0
    none                ends all active faults except `unplug`

N defaults to 1, and an optional S to no limit. Several faults are separated by `;`.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.errors import ConfigError


@dataclass(frozen=True)
class FaultSpec:
    """
    Syntax of one fault: symbol, range and default of its argument.

    ``symbol`` is '' for a fault without argument. A fault without ``default`` requires its
    argument. ``whole``: the argument is an integer.
    """

    symbol: str = ''
    minimum: float = 0.0
    maximum: float = 0.0
    default: float | None = None
    whole: bool = False

    def usage(self, name: str) -> str:
        """Return the syntax, such as 'silent [S]'."""
        if not self.symbol:
            return name
        return f'{name} {self.symbol}' if self.default is None else f'{name} [{self.symbol}]'


_OPTIONAL_DURATION = FaultSpec('S', 0.0, 3600.0, math.inf)
_COUNT = FaultSpec('N', 1, 1_000_000, 1, whole=True)

FAULTS = {
    'unplug': _OPTIONAL_DURATION,
    'replug': FaultSpec(),
    'stall': FaultSpec('S', 0.0, 60.0),
    'silent': _OPTIONAL_DURATION,
    'no sync pulse': _OPTIONAL_DURATION,
    'drop capture': _COUNT,
    'drop depth': _COUNT,
    'drop color': _COUNT,
    'corrupt jpeg': _COUNT,
    'imu gap': FaultSpec('S', 0.0, 60.0),
    'drift': FaultSpec('PPM', -100_000.0, 100_000.0),
    'latency': FaultSpec('S', 0.0, 10.0),
    'reset timestamps': FaultSpec(),
    'none': FaultSpec(),
}


@dataclass(frozen=True)
class Fault:
    """One fault; ``amount`` is its argument, infinity for no limit, 0 if it has none."""

    name: str
    amount: float = 0.0


def parse_faults(text: str, role: WiredSyncMode = WiredSyncMode.SUBORDINATE) -> list[Fault]:
    """
    Parse faults; an empty text has none.

    :param role: wired sync mode of the camera that will get them.
    :raises ConfigError: faults are invalid (lists all of them, and the syntax), or one has no
        effect in this role.
    """
    faults: list[Fault] = []
    invalid: list[str] = []
    for part in text.split(';'):
        words = part.lower().replace('_', ' ').split()
        if not words:
            continue
        fault = _parse_fault(words)
        if fault is None:
            invalid.append(part.strip())
        else:
            faults.append(fault)
    if invalid:
        usages = ', '.join(spec.usage(name) for name, spec in FAULTS.items())
        raise ConfigError(
            f'invalid fault {", ".join(repr(part) for part in invalid)}; valid are: {usages} '
            '(S seconds, N a number of images, PPM parts per million)')
    if role is not WiredSyncMode.SUBORDINATE and any(f.name == 'no sync pulse' for f in faults):
        raise ConfigError(
            "the fault 'no sync pulse' has no effect on a camera that is not a subordinate; set "
            'wired_sync_mode to 2')
    return faults


def _parse_fault(words: list[str]) -> Fault | None:
    """Return the fault that these words request, None if they are invalid."""
    name, spec = ' '.join(words), FAULTS.get(' '.join(words))
    if spec is not None:
        if spec.symbol and spec.default is None:
            return None
        return Fault(name, spec.default or 0.0)
    name, spec = ' '.join(words[:-1]), FAULTS.get(' '.join(words[:-1]))
    if spec is None or not spec.symbol:
        return None
    try:
        amount = float(words[-1])
    except ValueError:
        return None
    valid = spec.minimum <= amount <= spec.maximum and not (spec.whole and amount % 1)
    return Fault(name, amount) if valid else None
