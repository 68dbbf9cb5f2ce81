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

"""The tables in which a solution is printed."""

from __future__ import annotations

from k4a_ros.rig_calibration.solution import Residual
from k4a_ros.rig_calibration.solution import Solution


def lines(solution: Solution) -> list[str]:
    """Return residuals and uncertainties of the cameras, then those of pairs with common views."""
    names = [camera.name for camera in solution.seen.cameras]
    width = max(10, *(len(name) for name in names))
    pair_width = 2 * width + 1
    found = [f'{"camera":{pair_width}}  views  {"color":>16}  {"infrared":>16}  uncertainty']
    for c, name in enumerate(names):
        sensors = '  '.join(_residual(solution.by_sensor.get((c, sensor)))
                            for sensor in ('color', 'infrared'))
        sigma = 'reference' if c == 0 else (
            f'{1000 * solution.sigma_m(c):.2f} mm, {solution.sigma_deg(c):.3f} degrees')
        found.append(
            f'{name:{pair_width}}  {len(solution.views_of(c)):5}  {sensors}  {sigma}')
    found.append(f'{"pair":{pair_width}}  views  {"both":>16}')
    for (a, b), residual in solution.by_pair.items():
        found.append(f'{names[a] + " " + names[b]:{pair_width}}  '
                     f'{solution.common_views[a, b]:5}  {_residual(residual)}')
    return found


def _residual(residual: Residual | None) -> str:
    if residual is None or not residual.corners:
        return f'{"-":>16}'
    return f'{residual.px:5.2f} px {residual.mm:5.2f} mm'
