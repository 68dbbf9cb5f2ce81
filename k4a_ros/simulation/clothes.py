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
What people wear, as tapered capsules around the limbs of their bodies.

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
from k4a_ros.simulation.body_shape import attached
from k4a_ros.simulation.body_shape import Limb
from k4a_ros.simulation.body_shape import limbs
from k4a_ros.simulation.body_shape import Part
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.skeleton import Figure
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

#: radius of the trunk that hems are around, and of the thighs at the hips and at the knees
_TRUNK, _THIGH, _KNEE = 0.106, 0.084, 0.057
_DOWN = np.array([0.0, 0.0, -1.0])
_COLLAR: tuple[Part, ...] = (('top', (-0.01, 0.03, 0.215), 0.065, (-0.01, -0.03, 0.215), 0.065),)
#: hair down to 55 mm above the eyes, and over the ears
_SHORT_HAIR: tuple[Part, ...] = (
    ('hair', (-0.024, 0.0, 0.118), 0.09, (0.008, 0.0, 0.124), 0.082),
    ('hair', (-0.012, 0.058, 0.11), 0.034, (-0.012, 0.066, 0.055), 0.022))
#: hair that falls on the back, and to both sides of the face
_LONG_HAIR: tuple[Part, ...] = (
    ('hair', (-0.028, 0.0, 0.1), 0.088, (-0.075, 0.0, -0.16), 0.072),
    ('hair', (-0.005, 0.062, 0.1), 0.034, (0.01, 0.08, -0.12), 0.03))
#: a cap, whose peak is above the eyes
_CAP: tuple[Part, ...] = (
    ('hat', (-0.024, 0.0, 0.124), 0.09, (0.01, 0.0, 0.13), 0.085),
    *(('hat', (ahead, half, up), 0.013, (ahead, -half, up), 0.013) for ahead, up, half in (
        (0.083, 0.137, 0.06), (0.11, 0.134, 0.058), (0.135, 0.128, 0.05), (0.155, 0.122, 0.035))))
#: a hood, which leaves the face free
_HOOD: tuple[Part, ...] = (
    ('top', (-0.045, 0.0, 0.08), 0.105, (-0.035, 0.0, 0.1), 0.106),
    ('top', (-0.045, 0.0, 0.04), 0.1, (-0.035, 0.0, -0.08), 0.088))


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
        skin, bottom = materials['skin'], materials['bottom']
        return {
            **materials, 'upper arm': skin, 'forearm': skin, 'thigh': bottom,
            'shank': skin if self.bottom == 'skirt' else bottom,
            'scalp': skin if self.hair == 'none' else materials['hair']}

    def on(self, figure: Figure) -> list[Limb]:
        """Return the body in these clothes."""
        cut = _CUTS[self.top]
        body = limbs(figure)
        # what is entirely covered is not drawn
        covered = {*(('top', 'upper arm') if cut else ()),
                   *(('thigh',) if self.bottom != 'trousers' else ())}
        worn = [limb for limb in body if limb.part not in covered]
        if cut is not None:
            worn += _top(figure, body, cut)
        if self.bottom == 'skirt':
            worn += _skirts(figure, 0.11, 1.15, 'bottom')
        elif self.bottom == 'wide trousers':
            worn += _wide_legs(figure)
        if self.hair in ('short', 'long'):
            worn += attached(figure, Joint.HEAD, _SHORT_HAIR)
        if self.hair == 'long':
            worn += attached(figure, Joint.HEAD, _LONG_HAIR)
        if self.hat == 'cap':
            worn += attached(figure, Joint.HEAD, _CAP)
        elif self.hat == 'hood':
            worn += attached(figure, Joint.HEAD, _HOOD)
        return worn


def _top(figure: Figure, body: list[Limb], cut: _Cut) -> Iterator[Limb]:
    """Yield a garment with long sleeves; with a collar and skirts if it is a jacket or a coat."""
    for part, start, radius, end, end_radius in body:
        if part in ('top', 'upper arm'):
            yield Limb('top', start, radius + cut.ease, end, end_radius + 0.9 * cut.ease)
        elif part == 'forearm':
            # sleeves end above the wrists
            yield Limb('top', start, radius + cut.ease, start + 0.92 * (end - start),
                       end_radius + 0.8 * cut.ease)
    pelvis, hem_radius = figure.positions[Joint.PELVIS], _TRUNK + cut.hem
    for side, name in ((1, 'LEFT'), (-1, 'RIGHT')):
        _, down = _thigh(figure, name)
        # the hem of who sits lies on the seat
        middle = pelvis + [0.0, 0.05 * side, 0.0]
        yield Limb('top', middle + _DOWN * (
            cut.below * down - (hem_radius - _THIGH) * (1 - down)), hem_radius,
            middle - 0.09 * _DOWN, _TRUNK + cut.ease)
    if cut.below >= 0.1:
        yield from attached(figure, Joint.SPINE_CHEST, _COLLAR)
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
        # it hangs in a cone, and lies on the thighs of who sits
        flare = 0.05 * down - (radius - _KNEE - 0.015) * (1 - down)
        yield Limb(part, hip, radius, end, radius + flare)
        ends.append(end)
        flares.append(flare)
    edge = radius + min(flares)
    yield Limb(part, figure.positions[Joint.PELVIS], radius, (ends[0] + ends[1]) / 2, edge)
    yield Limb(part, ends[0], edge, ends[1], edge)


def _wide_legs(figure: Figure) -> Iterator[Limb]:
    """Yield trousers that are wider than the legs, most at the hems."""
    for name in ('LEFT', 'RIGHT'):
        hip, knee, ankle = (
            figure.positions[Joint[f'{joint}_{name}']] for joint in ('HIP', 'KNEE', 'ANKLE'))
        yield Limb('bottom', hip, _THIGH + 0.01, knee, _KNEE + 0.018)
        yield Limb('bottom', knee, _KNEE + 0.018, knee + 0.88 * (ankle - knee), 0.085)
