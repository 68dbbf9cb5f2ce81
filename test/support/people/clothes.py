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

"""What people wear, and how bright it is in the infrared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
from functools import lru_cache
import math

import numpy as np
from support.people.garments import curtain
from support.people.garments import hood
from support.people.garments import peak
from support.people.garments import shell
from support.people.garments import tube
from support.people.mesh import joined
from support.people.mesh import Mesh
from support.people.model import BodyModel
from support.people.model import load_model

#: The body part of each bone; of limbs the left one, which the right one follows.
TRUNK, HEAD, UPPER_ARM, FOREARM, THIGH, SHANK = 0, 1, 2, 4, 6, 8
_PART_OF_BONE = {
    'pelvis': TRUNK, 'spine': TRUNK, 'chest': TRUNK, 'collar': TRUNK, 'neck': TRUNK,
    'head': HEAD, 'arm': UPPER_ARM, 'arm2': UPPER_ARM, 'forearm': FOREARM, 'forearm2': FOREARM,
    'hand': FOREARM, 'fingers': FOREARM, 'thumb': FOREARM, 'thigh': THIGH, 'shank': SHANK,
    'foot': SHANK, 'toes': SHANK}


@dataclass(frozen=True)
class _Cut:
    """
    How far a top is from the body, which has cloth of about 10 mm already, meters.

    ``below``: from the pelvis to the hem; ``length``: the share of the thighs that its skirts
    cover.
    """

    shoulders: float
    chest: float
    hips: float
    arms: float
    wrists: float
    collar: float
    below: float
    length: float = 0.0


_CUTS = {
    'fitted': None,
    'shirt': _Cut(0.003, 0.005, 0.014, 0.006, 0.003, 0.005, 0.05),
    'jacket': _Cut(0.014, 0.019, 0.025, 0.017, 0.012, 0.016, 0.10),
    'coat': _Cut(0.018, 0.022, 0.027, 0.02, 0.015, 0.02, 0.08, 0.95),
}
TOPS = tuple(_CUTS)
BOTTOMS = ('fitted', 'wide', 'skirt')
HAIR = ('cropped', 'short', 'long')
HATS = ('none', 'cap', 'hood')
#: ease of what is on the head
_HAIR_M, _CAP_M, _HOOD_M = 0.018, 0.012, 0.028


@dataclass(frozen=True)
class Clothes:
    """
    Reflectivity in the infrared, and what changes the outline.

    ``top``: 'fitted', 'shirt' (loose), 'jacket', or 'coat' (down to the knees); the last two have
    long sleeves. ``bottom``: 'fitted', 'wide' trousers, or 'skirt' (to below the knees, with bare
    shanks). ``haircut``: 'cropped', 'short' or 'long' (over the shoulders); ``hat``: 'none', 'cap'
    or 'hood' (of the top). ``features``: the eyes are dark, and the brows have the color of hair.
    """

    skin: float = 0.55
    hair: float = 0.22
    eye: float = 0.25
    shirt: float = 0.6
    trousers: float = 0.35
    shoe: float = 0.25
    long_sleeves: bool = True
    top: str = 'fitted'
    bottom: str = 'fitted'
    haircut: str = 'cropped'
    hat: str = 'none'
    cap: float = 0.3
    features: bool = False

    @property
    def loose(self) -> bool:
        """Return whether cloth is further out than that on the body."""
        return (self.top, self.bottom) != ('fitted', 'fitted')


USUAL = Clothes()
#: iris and pupil: their radius, and their reflectivity
_IRIS_M, _IRIS = 0.0065, 0.05
#: above the eye: height of the brow and its thickness, and from and to where it is beside the nose
_BROW_M, _BROW_SIZE_M, _BROW_FROM_M, _BROW_TO_M = 0.023, 0.005, 0.012, 0.05


@dataclass(frozen=True, eq=False)
class Outfit:
    """
    A body in clothes, in its rest pose.

    ``worn``: surfaces beside the body's own, if any; ``triangles`` (T, 3): indices of the body's
    vertices, followed by those of ``worn``; ``albedo`` (T, 3): at their corners; ``parts`` (T,)
    int8: their body parts.
    """

    worn: Mesh | None
    triangles: np.ndarray
    albedo: np.ndarray
    parts: np.ndarray


@lru_cache(maxsize=32)
def dress(shape: str, clothes: Clothes) -> Outfit:
    """Return a shape in clothes."""
    rest = load_model(shape)
    if clothes.top in ('jacket', 'coat'):
        clothes = replace(clothes, long_sleeves=True)
    # what is entirely covered is not drawn
    covered = {'shirt': clothes.top != 'fitted',
               'sleeve': clothes.top != 'fitted' or not clothes.long_sleeves}
    bare = {'trousers'} if clothes.bottom == 'skirt' else {}
    reflectivities = np.array([
        0.0 if covered.get(part) else clothes.skin if part in bare
        else clothes.shirt if part == 'sleeve' else getattr(clothes, part)
        for part in rest.parts])
    reflectivity = reflectivities[rest.materials]
    drawn = reflectivity > 0
    triangles = np.ascontiguousarray(rest.triangles[drawn])
    albedo = reflectivity[drawn, np.newaxis] * _pattern(rest.vertices)[triangles]
    if clothes.features:
        _darken(rest, clothes, rest.materials[drawn], triangles, albedo)
    parts = _body_parts(rest)[rest.weight_bones[triangles[:, 0], 0]]
    garments = list(_garments(rest, clothes))
    if not garments:
        return Outfit(None, triangles, albedo, parts)
    worn = joined([mesh for mesh, _ in garments])
    bright = np.concatenate([np.full(len(mesh.triangles), value) for mesh, value in garments])
    return Outfit(
        worn, np.concatenate((triangles, worn.triangles + np.int32(len(rest.vertices)))),
        np.concatenate((albedo, bright[:, np.newaxis] * _pattern(worn.vertices)[worn.triangles])),
        np.concatenate((parts, _body_parts(rest)[worn.weight_bones[worn.triangles[:, 0], 0]])))


def _pattern(vertices: np.ndarray) -> np.ndarray:
    """Return factors of the reflectivity: cloth and skin are not uniform."""
    x, y, z = vertices.T
    return np.asarray(1 + 0.04 * (np.sin(90 * x + 31 * z) + np.sin(70 * y - 57 * z + 1)))


def _body_parts(rest: BodyModel) -> np.ndarray:
    """Return the body part of each bone."""
    parts = []
    for name in rest.bones:
        bone, _, side = name.partition(' ')
        part = _PART_OF_BONE[bone]
        parts.append(part + (1 if side == 'r' and part >= UPPER_ARM else 0))
    return np.array(parts, np.int8)


def _darken(
    rest: BodyModel, clothes: Clothes, materials: np.ndarray, triangles: np.ndarray,
    albedo: np.ndarray,
) -> None:
    """Darken the eyes and the brows."""
    eyes = np.array([rest.joint('EYE_LEFT'), rest.joint('EYE_RIGHT')])
    iris = (np.linalg.norm(rest.vertices[:, np.newaxis] - eyes, axis=2) < _IRIS_M).any(axis=1)
    of_eye = materials == rest.parts.index('eye')
    albedo[of_eye[:, np.newaxis] & iris[triangles]] = _IRIS
    x, y, z = (rest.vertices - [eyes[0, 0], 0.0, eyes[0, 2]]).T
    beside = np.abs(y)
    # an arch
    height = _BROW_M - 6.0 * (beside - eyes[0, 1] - 0.004) ** 2
    brow = np.exp(-((z - height) / _BROW_SIZE_M) ** 2)
    brow[(beside < _BROW_FROM_M) | (beside > _BROW_TO_M) | (x < -0.03)] = 0.0
    share = brow[triangles] * (materials == rest.parts.index('skin'))[:, np.newaxis]
    albedo += share * (min(clothes.hair, clothes.skin) - albedo)


def _garments(rest: BodyModel, clothes: Clothes) -> Iterator[tuple[Mesh, float]]:
    """Yield what is worn over the body, and its reflectivity."""
    cut = _CUTS[clothes.top]
    if cut is not None:
        yield from ((mesh, clothes.shirt) for mesh in _top(rest, cut, clothes.long_sleeves))
    hip, knee = rest.joint('HIP_LEFT')[2], rest.joint('KNEE_LEFT')[2]
    if clothes.bottom == 'wide':
        yield shell(rest, _faces(rest, 'trousers'), {
            'pelvis': 0.006, 'thigh': 0.01, 'shank': 0.02, 'foot': 0.02,
        }, hem=rest.joint('ANKLE_LEFT')[2] + 0.05, neckline=hip), clothes.trousers
    elif clothes.bottom == 'skirt':
        waist = rest.vertices[rest.triangles[_faces(rest, 'trousers')], 2].max() + 0.01
        yield tube(rest, waist, hip - 1.15 * (hip - knee), (0.006, 0.03)), clothes.trousers
    neck = rest.joint('NECK')[2]
    scalp, brim = _faces(rest, 'hair'), rest.joint('EYE_LEFT')[2] + 0.045
    if clothes.haircut != 'cropped':
        yield shell(rest, scalp, {'head': _HAIR_M, 'neck': _HAIR_M},
                    neckline=-math.inf), clothes.hair
    if clothes.haircut == 'long' and clothes.hat != 'hood':
        yield curtain(rest, neck - 0.07, _HAIR_M), clothes.hair
    if clothes.hat == 'cap':
        ease = _CAP_M
        if clothes.haircut != 'cropped':
            ease += _HAIR_M
        yield shell(rest, scalp, {'head': ease, 'neck': ease}, hem=brim), clothes.cap
        yield peak(rest, brim, ease), clothes.cap
    elif clothes.hat == 'hood':
        yield shell(rest, scalp, {'head': _HOOD_M, 'neck': _HOOD_M}, hem=brim), clothes.shirt
        yield hood(rest, neck - 0.03, _HOOD_M), clothes.shirt


def _top(rest: BodyModel, cut: _Cut, long_sleeves: bool) -> Iterator[Mesh]:
    """Yield the surfaces of a top."""
    ease = {
        'collar': cut.shoulders, 'neck': cut.shoulders, 'chest': cut.chest, 'spine': cut.hips,
        'pelvis': cut.hips, 'thigh': cut.hips, 'arm': cut.arms, 'arm2': cut.arms,
        'forearm': cut.arms, 'forearm2': cut.wrists, 'hand': cut.wrists}
    pelvis, neck = rest.joint('PELVIS')[2], rest.joint('NECK')[2]
    parts = ['shirt', *(['sleeve'] if long_sleeves else [])]
    shoulder = rest.joint('SHOULDER_LEFT')[2]
    yield shell(rest, _faces(rest, *parts), ease, hem=pelvis + 0.05, neckline=shoulder)
    z = rest.vertices[rest.triangles, 2]
    beside = np.abs(rest.vertices[rest.triangles, 1])
    around_neck = _faces(rest, 'skin') & ((beside < 0.2) & (z > neck - 0.04)).all(axis=1)
    yield shell(rest, around_neck, dict.fromkeys(('neck', 'chest', 'collar', 'head'), cut.collar),
                top=(neck + 0.06 + 0.35 * rest.joint('NECK')[0], -0.35))
    hip, knee = rest.joint('HIP_LEFT')[2], rest.joint('KNEE_LEFT')[2]
    hem = hip - cut.length * (hip - knee) if cut.length else pelvis - cut.below
    yield tube(rest, shoulder - 0.13, hem, (cut.chest, cut.hips + 0.02 * cut.length))


def _faces(rest: BodyModel, *parts: str) -> np.ndarray:
    """Return which triangles are of some parts, (T,) bool."""
    return np.isin(rest.materials, [rest.parts.index(part) for part in parts])
