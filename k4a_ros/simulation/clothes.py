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
What people wear, as capsules around the limbs of their bodies.

Lengths are those of ``skeleton``: meters, for a height of 1.75 m. Garments follow the joints: a
skirt the thighs, a sleeve the arm. How cloth folds, and how it swings, is not modeled.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property

from k4a_ros.body.joints import Joint
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.skeleton import Figure
from k4a_ros.simulation.skeleton import Limb
import numpy as np

BOTTOMS = ('trousers', 'wide trousers', 'skirt')
HAIR = ('cropped', 'short', 'long', 'none')
HATS = ('none', 'cap', 'hood')
#: materials by part, blue, green, red
MATERIALS = {
    'skin': Material((0.55, 0.66, 0.86)),
    'hair': Material((0.14, 0.20, 0.30)),
    # dark in infrared, by which detectors know a face
    'eyes': Material((0.03, 0.03, 0.03)),
    'top': Material((0.66, 0.34, 0.22)),
    'bottom': Material((0.30, 0.24, 0.22)),
    'shoes': Material((0.25, 0.25, 0.28)),
    'hat': Material((0.40, 0.22, 0.16)),
}


@dataclass(frozen=True)
class _Cut:
    """
    How a garment of the trunk differs from the body.

    ``ease``: distance from the body at the shoulders; ``hem``: the same at the hem, which is
    ``below`` the pelvis; ``length``: share of the thighs that its skirts cover.
    """

    ease: float
    hem: float
    below: float
    length: float = 0.0


_CUTS = {
    't-shirt': None,
    'shirt': _Cut(0.012, 0.02, 0.06),
    'jacket': _Cut(0.025, 0.03, 0.10),
    'coat': _Cut(0.032, 0.03, 0.10, 0.95),
}
TOPS = tuple(_CUTS)

#: radii of the body that garments are around: trunk, shoulder, upper arm, forearm, thigh
_TRUNK, _SHOULDER, _UPPER_ARM, _FOREARM, _THIGH = 0.115, 0.062, 0.052, 0.042, 0.08
_LEFT = np.array([0.0, 1.0, 0.0])
_DOWN = np.array([0.0, 0.0, -1.0])


@dataclass(frozen=True)
class Clothes:
    """
    What one person wears.

    ``top``: 't-shirt' (short sleeves, as close as the body), 'shirt' (long sleeves), 'jacket' or
    'coat' (down to the knees); ``bottom``: 'trousers', 'wide trousers' or 'skirt' (bare shanks);
    ``hair``: 'cropped', 'short' (with a hairline above the forehead), 'long' (over the shoulders)
    or 'none'; ``hat``: 'none', 'cap' (with a peak) or 'hood' (of the top). ``materials``: those of
    `MATERIALS` that are others, by part.
    """

    top: str = 't-shirt'
    bottom: str = 'trousers'
    hair: str = 'cropped'
    hat: str = 'none'
    materials: Mapping[str, Material] = field(default_factory=dict)

    @cached_property
    def by_part(self) -> dict[str, Material]:
        """Return the material of each part of `Limb`, and of ``hair``."""
        materials = {**MATERIALS, **self.materials}
        return {
            **materials, 'thigh': materials['bottom'],
            'shank': materials['skin' if self.bottom == 'skirt' else 'bottom'],
            'scalp': materials['skin' if self.hair == 'none' else 'hair']}

    def on(self, figure: Figure) -> list[Limb]:
        """Return the body in these clothes."""
        cut = _CUTS[self.top]
        # what is entirely covered is not drawn
        covered = {'top' if cut else None, 'thigh' if self.bottom != 'trousers' else None}
        limbs = [limb for limb in figure.limbs if limb.part not in covered]
        if cut is not None:
            limbs += _top(figure, cut)
        if self.bottom == 'skirt':
            limbs += _skirts(figure, 0.11, 1.15, 'bottom')
        elif self.bottom == 'wide trousers':
            limbs += _wide_legs(figure)
        head = figure.positions[Joint.HEAD]
        if self.hair in ('short', 'long'):
            limbs.append(_hairline(head))
        if self.hair == 'long':
            limbs += _long_hair(head)
        if self.hat == 'cap':
            limbs += _cap(head)
        elif self.hat == 'hood':
            limbs += _hood(head)
        return limbs


def _top(figure: Figure, cut: _Cut) -> Iterator[Limb]:
    """Yield a garment with long sleeves; with a collar and skirts if it is a jacket or a coat."""
    positions = figure.positions
    chest, center = figure.chest, positions[Joint.SPINE_CHEST]
    hem_radius = _TRUNK + cut.hem
    for side, name in ((1, 'LEFT'), (-1, 'RIGHT')):
        shoulder, elbow, wrist = (
            positions[Joint[f'{joint}_{name}']] for joint in ('SHOULDER', 'ELBOW', 'WRIST'))
        _, down = _thigh(figure, name)
        # the hem of who sits lies on the seat
        hem = positions[Joint.PELVIS] + 0.05 * side * _LEFT + _DOWN * (
            cut.below * down - (hem_radius - _THIGH) * (1 - down))
        yield Limb(hem, center + chest @ [0.0, 0.07 * side, 0.09], hem_radius, 'top',
                   _TRUNK + cut.ease)
        yield Limb(center + chest @ [0.0, 0.0, 0.175], shoulder, _SHOULDER + cut.ease, 'top')
        yield Limb(shoulder, elbow, _UPPER_ARM + cut.ease, 'top', _UPPER_ARM + 0.9 * cut.ease)
        yield Limb(elbow, elbow + 0.92 * (wrist - elbow), _FOREARM + cut.ease, 'top',
                   _FOREARM + 0.8 * cut.ease)
    if cut.below >= 0.1:
        collar = center + chest @ [-0.01, 0.0, 0.21]
        yield Limb(collar + chest @ (0.03 * _LEFT), collar - chest @ (0.03 * _LEFT), 0.07, 'top')
    if cut.length:
        yield from _skirts(figure, 0.12, cut.length, 'top')


def _thigh(figure: Figure, name: str) -> tuple[Array, float]:
    """Return the vector of a thigh, and 1 if it hangs down, 0 if it is level or raised."""
    positions = figure.positions
    thigh: Array = positions[Joint[f'KNEE_{name}']] - positions[Joint[f'HIP_{name}']]
    return thigh, max(0.0, float(thigh @ _DOWN) / float(np.sqrt(thigh @ thigh)))


def _skirts(figure: Figure, radius: float, length: float, part: str) -> Iterator[Limb]:
    """
    Yield cloth around the thighs, and between them.

    :param radius: at the hips; it is wider toward the hem where it hangs.
    :param length: the share of the thighs that it covers; of who sits, at most the thighs.
    """
    ends, flares = [], []
    for name in ('LEFT', 'RIGHT'):
        hip = figure.positions[Joint[f'HIP_{name}']]
        thigh, down = _thigh(figure, name)
        end = hip + thigh * (1 + (length - 1) * down if length > 1 else length)
        flare = 0.05 * down
        yield Limb(hip, end, radius, part, radius + flare)
        ends.append(end)
        flares.append(flare)
    yield Limb(figure.positions[Joint.PELVIS], (ends[0] + ends[1]) / 2, radius, part,
               radius + min(flares))


def _wide_legs(figure: Figure) -> Iterator[Limb]:
    """Yield trousers that are wider than the legs, most at the hems."""
    for name in ('LEFT', 'RIGHT'):
        hip, knee, ankle = (
            figure.positions[Joint[f'{joint}_{name}']] for joint in ('HIP', 'KNEE', 'ANKLE'))
        yield Limb(hip, knee, _THIGH + 0.014, 'bottom')
        yield Limb(knee, knee + 0.88 * (ankle - knee), _THIGH, 'bottom', _THIGH + 0.02)


def _hairline(head: Array) -> Limb:
    """Return hair down to 60 mm above the eyes, and over the ears."""
    return Limb(head + [-0.006, 0.0, 0.0955], head + [-0.025, 0.0, 0.07], 0.0965, 'hair')


def _long_hair(head: Array) -> Iterator[Limb]:
    """Yield hair that falls on the back, and to both sides of the face."""
    yield Limb(head + [-0.025, 0.0, 0.09], head + [-0.075, 0.0, -0.16], 0.088, 'hair', 0.075)
    for side in (1, -1):
        yield Limb(head + [0.0, 0.07 * side, 0.085], head + [0.015, 0.085 * side, -0.12], 0.038,
                   'hair', 0.03)


def _cap(head: Array) -> Iterator[Limb]:
    """Yield a cap, whose peak is above the eyes."""
    yield Limb(head + [-0.02, 0.0, 0.122], head + [-0.002, 0.0, 0.122], 0.094, 'hat')
    for ahead, up, half in ((0.085, 0.135, 0.065), (0.11, 0.131, 0.06), (0.135, 0.126, 0.05),
                            (0.16, 0.12, 0.035)):
        yield Limb(head + [ahead, half, up], head + [ahead, -half, up], 0.014, 'hat')


def _hood(head: Array) -> Iterator[Limb]:
    """Yield a hood, which leaves the face free."""
    yield Limb(head + [-0.045, 0.0, 0.06], head + [-0.04, 0.0, 0.085], 0.115, 'top')
    yield Limb(head + [-0.045, 0.0, 0.04], head + [-0.035, 0.0, -0.08], 0.105, 'top', 0.09)
