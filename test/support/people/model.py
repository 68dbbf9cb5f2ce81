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
People of realistic shape in any posture, with exactly known joints.

The shapes and their skinning weights are data/people.npz (see its README). A person's own frame is
that of ``k4a_ros.simulation.skeleton``: x forward, y left, z up, meters, the origin on the floor
below the pelvis. Directions of limbs are (forward, outward, up), so that the same numbers describe
the mirror image on the other side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
import math
from pathlib import Path

from k4a_ros.body.joints import Joint
from k4a_ros.simulation import skeleton
import numpy as np
from support.people.mesh import Mesh

DATA = Path(__file__).parents[2] / 'data' / 'people.npz'

Vector = tuple[float, float, float]
#: suffix of the bones of a side, suffix of its joints, and the sign of its y axis
_SIDES = (('l', 'LEFT', 1.0), ('r', 'RIGHT', -1.0))


@dataclass(frozen=True)
class Arm:
    """
    Directions of upper arm and forearm in the axes of the chest; they must not be parallel.

    ``turn``: degrees by which the hand is turned about the forearm, palm to the front if the arm
    hangs down; ``curl``: degrees by which the fingers are bent.
    """

    upper: Vector = (0.0, 0.16, -1.0)
    lower: Vector = (0.28, 0.10, -1.0)
    turn: float = 0.0
    curl: float = 20.0


@dataclass(frozen=True)
class Leg:
    """
    Directions of thigh and shank in the axes of the pelvis.

    ``toes``: degrees by which the toes point down; ``out``: degrees by which they point outward.
    """

    thigh: Vector = (0.0, 0.03, -1.0)
    shank: Vector = (-0.04, 0.03, -1.0)
    toes: float = 0.0
    out: float = 8.0


@dataclass(frozen=True)
class Posture:
    """
    How a person stands or sits.

    Rotations in degrees, each (forward, to the person's left, tilted to the left): ``hips`` of the
    pelvis in the world, ``trunk`` of the chest relative to the pelvis, ``head`` relative to the
    chest. ``seat`` is the height of the seat, meters; without it the lowest point is on the floor.
    """

    left_arm: Arm = Arm()
    right_arm: Arm = Arm()
    left_leg: Leg = Leg()
    right_leg: Leg = Leg()
    hips: Vector = (0.0, 0.0, 0.0)
    trunk: Vector = (2.0, 0.0, 0.0)
    head: Vector = (0.0, 0.0, 0.0)
    seat: float | None = None


#: upright, facing forward
STANDING = Posture()


@dataclass(frozen=True, eq=False)
class BodyModel:
    """One shape in its rest pose: the contents of people.npz, in meters."""

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
        """Return the position of a joint in the rest pose, (3,)."""
        return self.joints[Joint[name]]


@dataclass(frozen=True, eq=False)
class Figure:
    """
    A person in a posture.

    ``vertices`` (V, 3): of the body, followed by those of what is worn, and ``joints`` (32, 3), in
    the person's frame, meters.
    """

    vertices: np.ndarray
    joints: np.ndarray


@cache
def load_model(shape: str) -> BodyModel:
    """Return one of the shapes: 'man', 'woman', 'stout man', 'slim woman'."""
    with np.load(DATA) as data:
        index = data['shapes'].tolist().index(shape)
        quads = data['quads'].astype(np.int32)
        return BodyModel(
            tuple(data['bones'].tolist()), tuple(data['parents'].tolist()),
            tuple(data['parts'].tolist()),
            np.concatenate((quads[:, [0, 1, 2]], quads[:, [0, 2, 3]])),
            np.tile(data['materials'], 2), data['weight_bones'], data['weights'] / 255.0,
            data['vertices'][index] * 1e-4, data['heads'][index].astype(np.float64),
            data['joints'][index].astype(np.float64))


@cache
def bones_of_joints() -> tuple[str, ...]:
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


def pose_figure(
    shape: str, posture: Posture, height: float | None = None, worn: Mesh | None = None,
) -> Figure:
    """
    Return a person in a posture, by linear blend skinning.

    :param height: of the person standing upright, meters; by default that of the shape.
    :param worn: surfaces around the body, which move with its bones.
    """
    rest = load_model(shape)
    by_name = _bone_rotations(rest, posture)
    rotations = np.array([by_name[name] for name in rest.bones])
    heads = np.zeros_like(rest.heads)
    for bone, parent in enumerate(rest.parents):
        heads[bone] = rest.heads[bone]
        if parent >= 0:
            heads[bone] = heads[parent] + rotations[parent] @ (
                rest.heads[bone] - rest.heads[parent])
    offsets = heads - (rotations @ rest.heads[..., np.newaxis])[..., 0]
    transforms = np.concatenate((rotations, offsets[..., np.newaxis]), axis=2)
    vertices = _skinned(rest, transforms)
    bones = [rest.bones.index(name) for name in bones_of_joints()]
    joints = (rotations[bones] @ rest.joints[..., np.newaxis])[..., 0] + offsets[bones]
    scale = 1.0 if height is None else height / np.ptp(rest.vertices[:, 2])
    vertices, joints = vertices * scale, joints * scale
    low = vertices[:, 2].min()
    if posture.seat is not None:
        on_seat = np.isin(rest.weight_bones[:, 0], [
            rest.bones.index(name) for name in ('pelvis', 'thigh l', 'thigh r')])
        low = vertices[on_seat & (vertices[:, 0] < 0.05), 2].min() - posture.seat
    if worn is not None:
        vertices = np.concatenate((vertices, _skinned(worn, transforms) * scale))
    origin = np.array([joints[Joint.PELVIS, 0], joints[Joint.PELVIS, 1], low])
    return Figure(vertices - origin, joints - origin)


def walking_posture(phase: float) -> Posture:
    """Return a posture of the gait cycle, as ``skeleton.stride`` has it; phase 0 to 1."""
    figure = skeleton.stride(phase, 1.0)

    def direction(first: Joint, second: Joint, side: float) -> Vector:
        x, y, z = figure.positions[second] - figure.positions[first]
        return (x, y * side, z)

    arms, legs = [], []
    for _, side, sign in _SIDES:
        shoulder, elbow, wrist, hip, knee, ankle, foot = (
            Joint[f'{name}_{side}'] for name in (
                'SHOULDER', 'ELBOW', 'WRIST', 'HIP', 'KNEE', 'ANKLE', 'FOOT'))
        arms.append(Arm(direction(shoulder, elbow, sign), direction(elbow, wrist, sign)))
        ahead, _, up = direction(ankle, foot, sign)
        legs.append(Leg(direction(hip, knee, sign), direction(knee, ankle, sign),
                        math.degrees(-math.atan2(up, ahead) - math.atan2(0.028, 0.145))))
    x, y, _ = figure.axes[Joint.SPINE_CHEST][:, 1]
    return Posture(*arms, *legs, trunk=(3.0, math.degrees(math.atan2(y, x)), 0.0),
                   head=(0.0, -math.degrees(math.atan2(y, x)), 0.0))


def _skinned(surface: BodyModel | Mesh, transforms: np.ndarray) -> np.ndarray:
    """Return the vertices (V, 3) of a surface whose bones have moved by ``transforms``."""
    blend = np.zeros((len(surface.vertices), 3, 4))
    for column in range(4):
        blend += surface.weights[:, column, np.newaxis, np.newaxis] * transforms[
            surface.weight_bones[:, column]]
    blend /= surface.weights.sum(axis=1)[:, np.newaxis, np.newaxis]
    moved = (blend[..., :3] @ surface.vertices[..., np.newaxis])[..., 0] + blend[..., 3]
    return np.asarray(moved)


def _bone_rotations(rest: BodyModel, posture: Posture) -> dict[str, np.ndarray]:
    """Return the rotation of every bone from its rest pose, in the person's frame."""
    pelvis = _posture_rotation(posture.hips)
    chest = pelvis @ _posture_rotation(posture.trunk)
    head = chest @ _posture_rotation(posture.head)
    spine = pelvis @ _posture_rotation(np.array(posture.trunk) / 2)
    neck = chest @ _posture_rotation(np.array(posture.head) / 2)
    rotations = {'pelvis': pelvis, 'spine': spine, 'chest': chest, 'neck': neck, 'head': head}
    for (suffix, side, sign), arm, leg in zip(
            _SIDES, (posture.left_arm, posture.right_arm),
            (posture.left_leg, posture.right_leg), strict=True):
        rotations.update({f'{name} {suffix}': rotation for name, rotation in (
            *_arm_rotations(rest, side, sign, arm, chest),
            *_leg_rotations(rest, side, sign, leg, pelvis))})
    return rotations


def _arm_rotations(
    rest: BodyModel, side: str, sign: float, arm: Arm, chest: np.ndarray,
) -> list[tuple[str, np.ndarray]]:
    """Return the rotations of the bones of an arm."""
    shoulder, elbow, wrist, hand, thumb = (
        rest.joint(f'{name}_{side}') for name in ('SHOULDER', 'ELBOW', 'WRIST', 'HAND', 'THUMB'))
    upper, lower = (_unit(np.array(v) * [1, sign, 1]) for v in (arm.upper, arm.lower))
    # the elbow is a hinge: both bones turn about one axis, across both of them
    hinge, rest_hinge = np.cross(upper, lower), np.cross(elbow - shoulder, wrist - elbow)
    whole = chest @ _axes(upper, hinge) @ _axes(elbow - shoulder, rest_hinge).T
    forearm = chest @ _axes(lower, hinge) @ _axes(wrist - elbow, rest_hinge).T
    swing = _shortest_rotation(chest @ _unit(elbow - shoulder), chest @ upper) @ chest
    along = chest @ lower
    half, full = (_rotation_about(along, -sign * math.radians(share * arm.turn)) @ forearm
                  for share in (0.5, 1.0))
    raised = max(math.degrees(math.asin(upper[2])) + 30, 0.0)
    collar = chest @ _rotation_about(
        np.array([1.0, 0.0, 0.0]), sign * math.radians(0.3 * raised))
    # fingers bend toward the palm
    knuckles = np.cross(np.cross(thumb - wrist, hand - wrist) * sign, hand - wrist)
    curl = full @ _rotation_about(_unit(knuckles), -math.radians(arm.curl))
    return [('collar', collar), ('arm', _half_rotation(whole @ swing.T) @ swing), ('arm2', whole),
            ('forearm', forearm), ('forearm2', half), ('hand', full), ('fingers', curl),
            ('thumb', full)]


def _leg_rotations(
    rest: BodyModel, side: str, sign: float, leg: Leg, pelvis: np.ndarray,
) -> list[tuple[str, np.ndarray]]:
    """Return the rotations of the bones of a leg."""
    hip, knee, ankle = (rest.joint(f'{name}_{side}') for name in ('HIP', 'KNEE', 'ANKLE'))
    outward = _rotation_about(np.array([0.0, 0.0, 1.0]), sign * math.radians(leg.out))
    left = np.array([0.0, 1.0, 0.0])
    thigh, shank = (
        pelvis @ _axes(np.array(to) * [1, sign, 1], outward @ left) @ _axes(at, left).T
        for to, at in ((leg.thigh, knee - hip), (leg.shank, ankle - knee)))
    # heading of the feet as seen from above
    heading = math.atan2(pelvis[1, 0], pelvis[0, 0])
    foot = (_rotation_about(np.array([0.0, 0.0, 1.0]), heading) @ outward
            @ _rotation_about(left, math.radians(leg.toes)))
    return [('thigh', thigh), ('shank', shank), ('foot', foot), ('toes', foot)]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _axes(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return orthonormal axes as columns: x along a vector, y as close to another as possible."""
    x = _unit(np.asarray(along, np.float64))
    y = _unit(across - (across @ x) * x)
    return np.stack((x, y, np.cross(x, y)), axis=1)


def _rotation_about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Return the rotation about a unit vector by an angle in radians (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def _shortest_rotation(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the smallest rotation from one unit vector to another."""
    axis = np.cross(start, end)
    size = float(np.linalg.norm(axis))
    if size < 1e-9:
        return np.eye(3)
    return _rotation_about(axis / size, math.atan2(size, float(start @ end)))


def _half_rotation(rotation: np.ndarray) -> np.ndarray:
    """Return the rotation about the same axis by half the angle, which is less than 180°."""
    vector = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0],
                       rotation[1, 0] - rotation[0, 1]])
    size = float(np.linalg.norm(vector))
    if size < 1e-9:
        return rotation
    return _rotation_about(vector / size, math.atan2(size, float(np.trace(rotation)) - 1) / 2)


def _posture_rotation(degrees: Vector | np.ndarray) -> np.ndarray:
    """Return the rotation of a `Posture`: to the left, then forward, then tilted to the left."""
    forward, left, tilt = (math.radians(value) for value in degrees)
    return (_rotation_about(np.array([0.0, 0.0, 1.0]), left)
            @ _rotation_about(np.array([0.0, 1.0, 0.0]), forward)
            @ _rotation_about(np.array([1.0, 0.0, 0.0]), -tilt))
