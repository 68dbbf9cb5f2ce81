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

"""Run all checks and print them: ``k4a_info --check``."""

from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path

from k4a_ros.tools.preflight.display import display_check
from k4a_ros.tools.preflight.host import host_checks
from k4a_ros.tools.preflight.result import Check
from k4a_ros.tools.preflight.result import Status
from k4a_ros.tools.preflight.usb import usb_checks


def all_checks(root: Path = Path('/')) -> Iterator[Check]:
    """
    Yield all checks of this computer, one after the other.

    :param root: where the files of the kernel are; '/' except in tests.
    """
    yield from host_checks()
    yield display_check()
    yield from usb_checks(root)


def run_checks(as_json: bool) -> int:
    """
    Print all checks, a line each.

    :return: exit code; 0 if there is no problem, 1 otherwise.
    """
    checks = []
    for check in all_checks():
        checks.append(check)
        if not as_json:
            print(check, flush=True)
    if as_json:
        print(json.dumps([
            {'name': check.name, 'status': check.status.value, 'found': check.found,
             'remedy': check.remedy} for check in checks], indent=2))
    return int(any(check.status is Status.PROBLEM for check in checks))
