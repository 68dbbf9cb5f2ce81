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

"""The findings of `k4a_ros.rig.sync_watch` as text: summary, values, and what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping

from k4a_ros.rig.sync_watch import Finding
from k4a_ros.rig.sync_watch import SyncWatch

#: A change is reported when it has lasted for this many reports.
_CONFIRMATIONS = 3


def summary(findings: Mapping[str, Finding], master: str) -> tuple[str, bool]:
    """Return one sentence about all cameras, and whether something is wrong."""
    if not findings:
        return 'no cameras found', False
    bad = [f'{name} {finding.problem}' for name, finding in findings.items() if finding.problem]
    if bad:
        return '; '.join(bad), True
    matches = [finding.match for finding in findings.values() if finding.match is not None]
    if not matches:
        return f'{len(findings)} cameras, nothing to compare yet', False
    worst_us = max(match.worst_us for match in matches)
    worst_ms = max(abs(match.stamps_ms) for match in matches)
    return (f'{len(matches)} cameras match {master} within {worst_us:.0f} us, and their stamps '
            f'within {worst_ms:.3f} ms'), False


def describe(watch: SyncWatch, findings: Mapping[str, Finding]) -> Mapping[str, str]:
    """Return what is known about each camera, by name."""
    return {name: _describe(watch, name, finding) for name, finding in findings.items()}


def _describe(watch: SyncWatch, name: str, finding: Finding) -> str:
    camera = watch.cameras[name]
    parts = [camera.source.role.name.lower() if camera.source else 'unknown role']
    found = finding.match
    if found is not None:
        parts += [
            f'offset {found.offset_us:.1f} us (jitter {found.jitter_us:.1f}, worst '
            f'{found.worst_us:.0f})', f'stamps {found.stamps_ms:+.3f} ms',
            f'drift of the clocks {found.stamps_slope_ppm:+.1f} ppm',
            f'missing {found.missing} of {found.missing + found.matched}']
    if camera.times.restarts:
        parts.append(f'started again {camera.times.restarts} times')
    if finding.problem:
        parts.append(finding.problem)
    return ', '.join(parts)


class Changes:
    """Finds out which cameras have another problem than before, or none any more."""

    def __init__(self) -> None:
        self._reported: dict[str, str] = {}
        self._candidates: dict[str, tuple[str, int]] = {}

    def update(self, findings: Mapping[str, Finding]) -> Iterator[tuple[str, str]]:
        """Yield the name of each camera whose problem has changed for good, and a line."""
        for name, finding in findings.items():
            if finding.kind == self._reported.get(name, ''):
                self._candidates.pop(name, None)
                continue
            kind, count = self._candidates.get(name, ('', 0))
            count = count + 1 if kind == finding.kind else 1
            self._candidates[name] = finding.kind, count
            if count >= _CONFIRMATIONS:
                self._reported[name] = finding.kind
                yield name, (f'Camera {name} {finding.problem}' if finding.problem
                             else f'Camera {name} is synchronized again')
