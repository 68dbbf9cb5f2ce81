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

"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
import enum


class Status(enum.Enum):
    """How serious a result is; the value is what is printed."""

    OK = 'ok'
    #: works, but not as well as it could
    WARNING = 'warning'
    #: the named function does not work
    PROBLEM = 'problem'


@dataclass(frozen=True)
class Check:
    """
    What was examined, what was found, and for all but OK what to do.

    ``found`` is a phrase that starts in lower case; ``remedy`` an imperative sentence.
    """

    name: str
    status: Status
    found: str
    remedy: str = ''

    def __str__(self) -> str:
        """Return one line."""
        line = f'{self.status.value:8} {self.name:20} {self.found}'
        return f'{line}. {self.remedy}' if self.remedy else line


def passed(name: str, found: str) -> Check:
    """Return a check without a problem."""
    return Check(name, Status.OK, found)


def warning(name: str, found: str, remedy: str) -> Check:
    """Return a check that found something that should be better."""
    return Check(name, Status.WARNING, found, remedy)


def problem(name: str, found: str, remedy: str) -> Check:
    """Return a check that found something that does not work."""
    return Check(name, Status.PROBLEM, found, remedy)
