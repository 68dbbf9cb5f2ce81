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
People of a realistic shape in any posture, whose joints are known exactly.

The shapes, and what moves with which bone, are data/people.npz (see its README). A person's own
frame is that of ``k4a_ros.simulation.skeleton``: x forward, y left, z up, meters, the origin on
the floor below the pelvis. Directions of limbs are written (forward, outward, up), so that the
same numbers are the mirror image on the other side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
import math
from pathlib import Path

from k4a_ros.body.joints import Joint
from k4a_ros.simulation import skeleton
import numpy as np

DATA = Path(__file__).parents[2] / 'data' / 'people.npz'

Vector = tuple[float, float, float]
SIDES = (('l', 1.0), ('r', -1.0))


@dataclass(frozen=True)
class Arm:
    """
    Directions of upper arm and forearm in the axes of the chest: not along the same line.

    ``turn`` (degrees) turns the hand about the forearm, palm to the front with an arm that hangs
    down; ``curl`` bends the fingers.
    """

    upper: Vector = (0.0, 0.16, -1.0)
    lower: Vector = (0.28, 0.10, -1.0)
    turn: float = 0.0
    curl: float = 20.0


@dataclass(frozen=True)
class Leg:
    """
    Directions of thigh and shank in the axes of the pelvis.

    ``toes`` is how far, degrees, they point down; ``out`` how far outward.
    """

    thigh: Vector = (0.0, 0.03, -1.0)
    shank: Vector = (-0.04, 0.03, -1.0)
    toes: float = 0.0
    out: float = 8.0


@dataclass(frozen=True)
class Posture:
    """
    How somebody stands or sits.

    Turns in degrees, each (forward, to the own left, tilted to the left): ``hips`` of the pelvis
    in the world, ``trunk`` of the chest against the pelvis, ``head`` against the chest. ``seat``
    is the height of what the person sits on; without it the lowest point is on the floor.
    """

    left_arm: Arm = Arm()
    right_arm: Arm = Arm()
    left_leg: Leg = Leg()
    right_leg: Leg = Leg()
    hips: Vector = (0.0, 0.0, 0.0)
    trunk: Vector = (2.0, 0.0, 0.0)
    head: Vector = (0.0, 0.0, 0.0)
    seat: float | None = None


@dataclass(frozen=True)
class Clothes:
    """Reflectivity in the infrared, and whether the sleeves are long."""

    skin: float = 0.55
    hair: float = 0.22
    eye: float = 0.25
    shirt: float = 0.6
    trousers: float = 0.35
    shoe: float = 0.25
    long_sleeves: bool = True


#: somebody who stands and faces forward, and what most wear
STANDING = Posture()
USUAL = Clothes()


@dataclass(frozen=True, eq=False)
class Model:
    """One shape at rest: what people.npz has, in meters."""

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    parts: tuple[str, ...]
    triangles: np.ndarray
    materials: np.ndarray
    weight_bones: np.ndarray
    weights: np.ndarray
    vertices: np.ndarray
    heads: np.ndarray
    joints: np.ndarray

    def joint(self, name: str) -> np.ndarray:
        """Return where a joint is at rest."""
        return self.joints[Joint[name]]


@dataclass(frozen=True, eq=False)
class Figure:
    """A person in a posture: ``vertices`` (V, 3), ``joints`` (32, 3), in the person's frame."""

    vertices: np.ndarray
    joints: np.ndarray


@cache
def model(shape: str) -> Model:
    """Return one of the shapes: 'man', 'woman', 'stout man', 'slim woman'."""
    with np.load(DATA) as data:
        index = data['shapes'].tolist().index(shape)
        quads = data['quads'].astype(np.int32)
        return Model(
            tuple(data['bones'].tolist()), tuple(data['parents'].tolist()),
            tuple(data['parts'].tolist()),
            np.concatenate((quads[:, [0, 1, 2]], quads[:, [0, 2, 3]])),
            np.tile(data['materials'], 2), data['weight_bones'], data['weights'] / 255.0,
            data['vertices'][index] * 1e-4, data['heads'][index].astype(np.float64),
            data['joints'][index].astype(np.float64))


@cache
def moves_with() -> tuple[str, ...]:
    """Return the name of the bone that each of the 32 joints moves with."""
    names = {'PELVIS': 'pelvis', 'SPINE_NAVEL': 'spine', 'SPINE_CHEST': 'chest', 'NECK': 'chest',
             'CLAVICLE': 'chest', 'SHOULDER': 'collar', 'ELBOW': 'arm2', 'WRIST': 'forearm2',
             'HAND': 'hand', 'HANDTIP': 'fingers', 'THUMB': 'thumb', 'HIP': 'pelvis',
             'KNEE': 'thigh', 'ANKLE': 'shank', 'FOOT': 'foot'}
    result = []
    for joint in Joint:
        name, _, side = joint.name.rpartition('_')
        bone = names.get(joint.name) or names.get(name, 'head')
        central = bone in ('pelvis', 'spine', 'chest', 'head')
        result.append(bone if central else f'{bone} {side[0].lower()}')
    return tuple(result)


def posed(shape: str, posture: Posture, height: float | None = None) -> Figure:
    """
    Return a person in a posture.

    :param height: of the person standing upright, meters; by default that of the shape.
    """
    rest = model(shape)
    turns = _turns(rest, posture)
    order = [turns[name] for name in rest.bones]
    heads = np.zeros_like(rest.heads)
    for bone, parent in enumerate(rest.parents):
        heads[bone] = rest.heads[bone]
        if parent >= 0:
            heads[bone] = heads[parent] + order[parent] @ (rest.heads[bone] - rest.heads[parent])
    rotations = np.array(order)
    offsets = heads - (rotations @ rest.heads[..., np.newaxis])[..., 0]
    moves = np.concatenate((rotations, offsets[..., np.newaxis]), axis=2)
    blend = np.zeros((len(rest.vertices), 3, 4))
    for column in range(4):
        blend += rest.weights[:, column, np.newaxis, np.newaxis] * moves[
            rest.weight_bones[:, column]]
    blend /= rest.weights.sum(axis=1)[:, np.newaxis, np.newaxis]
    vertices = (blend[..., :3] @ rest.vertices[..., np.newaxis])[..., 0] + blend[..., 3]
    bones = [rest.bones.index(name) for name in moves_with()]
    joints = (rotations[bones] @ rest.joints[..., np.newaxis])[..., 0] + offsets[bones]
    scale = 1.0 if height is None else height / np.ptp(rest.vertices[:, 2])
    vertices, joints = vertices * scale, joints * scale
    low = vertices[:, 2].min()
    if posture.seat is not None:
        behind = np.isin(rest.weight_bones[:, 0], [
            rest.bones.index(name) for name in ('pelvis', 'thigh l', 'thigh r')])
        low = vertices[behind & (vertices[:, 0] < 0.05), 2].min() - posture.seat
    down = np.array([joints[Joint.PELVIS, 0], joints[Joint.PELVIS, 1], low])
    return Figure(vertices - down, joints - down)


def walking(phase: float) -> Posture:
    """Return somebody in the middle of a step, as ``skeleton.stride`` has it."""
    figure = skeleton.stride(phase, 1.0)

    def along(first: Joint, second: Joint, side: float) -> Vector:
        x, y, z = figure.positions[second] - figure.positions[first]
        return (x, y * side, z)

    arms, legs = [], []
    for side, sign in (('LEFT', 1.0), ('RIGHT', -1.0)):
        shoulder, elbow, wrist, hip, knee, ankle, foot = (
            Joint[f'{name}_{side}'] for name in (
                'SHOULDER', 'ELBOW', 'WRIST', 'HIP', 'KNEE', 'ANKLE', 'FOOT'))
        arms.append(Arm(along(shoulder, elbow, sign), along(elbow, wrist, sign)))
        ahead, _, up = along(ankle, foot, sign)
        legs.append(Leg(along(hip, knee, sign), along(knee, ankle, sign),
                        math.degrees(-math.atan2(up, ahead) - math.atan2(0.028, 0.145))))
    x, y, _ = figure.axes[Joint.SPINE_CHEST][:, 1]
    return Posture(*arms, *legs, trunk=(3.0, math.degrees(math.atan2(y, x)), 0.0),
                   head=(0.0, -math.degrees(math.atan2(y, x)), 0.0))


def _turns(rest: Model, posture: Posture) -> dict[str, np.ndarray]:
    """Return how every bone is turned from where it is at rest, in the person's frame."""
    pelvis = _turn(posture.hips)
    chest = pelvis @ _turn(posture.trunk)
    head = chest @ _turn(posture.head)
    half = np.array(posture.trunk) / 2
    turns = {'pelvis': pelvis, 'spine': pelvis @ _turn(half), 'chest': chest,
             'neck': chest @ _turn(np.array(posture.head) / 2), 'head': head}
    for (side, sign), arm, leg in zip(
            SIDES, (posture.left_arm, posture.right_arm),
            (posture.left_leg, posture.right_leg), strict=True):
        turns.update({f'{name} {side}': turn for name, turn in (
            *_arm(rest, side, sign, arm, chest), *_leg(rest, side, sign, leg, pelvis))})
    return turns


def _arm(
    rest: Model, side: str, sign: float, arm: Arm, chest: np.ndarray,
) -> list[tuple[str, np.ndarray]]:
    """Return the turns of the bones of an arm."""
    shoulder, elbow, wrist = (
        rest.joint(f'{name}_{"LEFT" if side == "l" else "RIGHT"}')
        for name in ('SHOULDER', 'ELBOW', 'WRIST'))
    upper, lower = (_unit(np.array(v) * [1, sign, 1]) for v in (arm.upper, arm.lower))
    # elbows are hinges: one axis, across both bones, for both
    hinge, rest_hinge = np.cross(upper, lower), np.cross(elbow - shoulder, wrist - elbow)
    whole = chest @ _axes(upper, hinge) @ _axes(elbow - shoulder, rest_hinge).T
    forearm = chest @ _axes(lower, hinge) @ _axes(wrist - elbow, rest_hinge).T
    swing = _shortest(chest @ _unit(elbow - shoulder), chest @ upper) @ chest
    along = chest @ lower
    half, full = (_about(along, -sign * math.radians(share * arm.turn)) @ forearm
                  for share in (0.5, 1.0))
    raised = max(math.degrees(math.asin(upper[2])) + 30, 0.0)
    collar = chest @ _about(np.array([1.0, 0.0, 0.0]), sign * math.radians(0.3 * raised))
    across = rest.joint(f'HAND_{"LEFT" if side == "l" else "RIGHT"}') - wrist
    thumb = rest.joint(f'THUMB_{"LEFT" if side == "l" else "RIGHT"}') - wrist
    # fingers bend towards the palm
    knuckles = np.cross(np.cross(thumb, across) * sign, across)
    curl = full @ _about(_unit(knuckles), -math.radians(arm.curl))
    return [('collar', collar), ('arm', _half(whole @ swing.T) @ swing), ('arm2', whole),
            ('forearm', forearm), ('forearm2', half), ('hand', full), ('fingers', curl),
            ('thumb', full)]


def _leg(
    rest: Model, side: str, sign: float, leg: Leg, pelvis: np.ndarray,
) -> list[tuple[str, np.ndarray]]:
    """Return the turns of the bones of a leg."""
    hip, knee, ankle = (rest.joint(f'{name}_{"LEFT" if side == "l" else "RIGHT"}')
                        for name in ('HIP', 'KNEE', 'ANKLE'))
    outward = _about(np.array([0.0, 0.0, 1.0]), sign * math.radians(leg.out))
    left = np.array([0.0, 1.0, 0.0])
    thigh, shank = (
        pelvis @ _axes(np.array(to) * [1, sign, 1], outward @ left) @ _axes(at, left).T
        for to, at in ((leg.thigh, knee - hip), (leg.shank, ankle - knee)))
    # where the feet point is as seen from above
    ahead = math.atan2(pelvis[1, 0], pelvis[0, 0])
    foot = (_about(np.array([0.0, 0.0, 1.0]), ahead) @ outward
            @ _about(left, math.radians(leg.toes)))
    return [('thigh', thigh), ('shank', shank), ('foot', foot), ('toes', foot)]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _axes(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return axes, as columns: the first given, and the second as near as can be."""
    x = _unit(np.asarray(along, np.float64))
    y = _unit(across - (across @ x) * x)
    return np.stack((x, y, np.cross(x, y)), axis=1)


def _about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Return the rotation about a unit vector (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def _shortest(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the smallest rotation from one unit vector to another."""
    axis = np.cross(start, end)
    size = float(np.linalg.norm(axis))
    if size < 1e-9:
        return np.eye(3)
    return _about(axis / size, math.atan2(size, float(start @ end)))


def _half(rotation: np.ndarray) -> np.ndarray:
    """Return half of a rotation of less than 180 degrees."""
    vector = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0],
                       rotation[1, 0] - rotation[0, 1]])
    size = float(np.linalg.norm(vector))
    if size < 1e-9:
        return rotation
    return _about(vector / size, math.atan2(size, float(np.trace(rotation)) - 1) / 2)


def _turn(degrees: Vector | np.ndarray) -> np.ndarray:
    """Return the rotation of a posture: to the left, forward, tilted to the left."""
    forward, left, tilt = (math.radians(value) for value in degrees)
    return (_about(np.array([0.0, 0.0, 1.0]), left) @ _about(np.array([0.0, 1.0, 0.0]), forward)
            @ _about(np.array([1.0, 0.0, 0.0]), -tilt))
