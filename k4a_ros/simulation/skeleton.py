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
The joints of a person at any phase of the gait cycle, or in a posture.

Positions are meters in the frame of the person: x forward, y left, z up, the origin on the floor
below the pelvis. Lengths are for a height of 1.75 m, from the segment lengths in Winter,
"Biomechanics and Motor Control of Human Movement", 4th edition, 2009, figure 4.1; angles over the
gait cycle are smooth curves through the peaks shown there and in Perry, "Gait Analysis", 1992: hip
25° in both directions, knee 17° in stance and 60° in swing.

Joints and axes are those of k4abt (k4abttypes.h, and the documentation's page "Azure Kinect body
tracking joints"): along the spine x is up, y forward, z left; x runs along the bones, away from
the body in the left arm and right leg, towards it in the right arm and left leg; elbows and knees
rotate about z. The axes of a hand are those of an outstretched arm whose palm faces down; how far
a real tracker twists wrist and thumb about the bone is not modeled.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
import math

from k4a_ros.body.joints import Joint
from k4a_ros.calibration.rigid_transform import rotation_x
from k4a_ros.calibration.rigid_transform import rotation_y
from k4a_ros.calibration.rigid_transform import rotation_z
from k4a_ros.simulation.shapes import Array
from k4a_ros.simulation.shapes import unit
import numpy as np

#: height of the person, meters, for which the lengths in this module are
TEMPLATE_HEIGHT = 1.75

#: first joint of an arm and of a leg, +1 left and -1 right; its other joints follow
_FIRST_ARM_JOINT = {1: Joint.CLAVICLE_LEFT, -1: Joint.CLAVICLE_RIGHT}
_FIRST_LEG_JOINT = {1: Joint.HIP_LEFT, -1: Joint.HIP_RIGHT}

#: k4abt's axes of the spine (up, forward, left), as columns
_SPINE = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
_DOWN = np.array([0.0, 0.0, -1.0])
_TRUNK_LEAN = math.radians(3.0)
#: forward and up of the ankle: the toe joint
TOE_M = (0.145, -0.028)
#: from the ankle down to the sole of a level foot, and the spheres on it: distance ahead of the
#: ankle, and radius; of the heel, the instep, the ball and the tip
SOLE_M = 0.068
SOLE_SPHERES = ((-0.048, 0.036), (0.0, 0.046), (0.09, 0.036), (0.148, 0.03))


@dataclass(frozen=True, eq=False)
class Figure:
    """
    A pose in the frame of the person.

    ``positions`` (32, 3); ``axes`` (32, 3, 3), the joints' x, y, z as columns.
    """

    positions: Array
    axes: Array

    def upright(self, joint: Joint) -> Array:
        """Return forward, left and up of a joint of the spine or the head, as columns (3, 3)."""
        axes: Array = self.axes[joint] @ _SPINE.T
        return axes


@dataclass(frozen=True)
class _Limbs:
    """
    Angles of a leg and an arm of one side, radians.

    ``hip``: of the thigh, ``foot``: of the sole, toes down, ``arm``: of the upper arm, all forward
    from a standing person; ``knee`` and ``elbow``: 0 straight; ``out``: of the arm to its side;
    ``apart``: of the knee to its side; ``palm``: of the thumb from ahead of the forearm to the
    body, so that the palm of a forearm that points forward faces down at 90°.
    """

    hip: float
    knee: float
    foot: float
    arm: float
    elbow: float
    out: float = math.radians(9)
    apart: float = 0.0
    palm: float = math.radians(30)


#: height of the seat, as a share of the person's
SEAT_SHARE = 0.24
#: the same of a table for the posture 'at table'
TABLE_SHARE = 0.41
#: Distance from the pelvis to a wall for the posture 'leaning', as a share of the height. Bodies
#: are round: clothes reach a little into the wall.
WALL_SHARE = 0.065

#: postures of people who do not walk: limbs, and by how much the trunk leans forward, radians
_POSTURES: dict[str, tuple[_Limbs, float] | None] = {
    'standing': None,
    # on a seat, with the hands on the thighs
    'sitting': (_Limbs(*map(math.radians, (88, 88, 0, 20, 47, -3, 8, 80))), _TRUNK_LEAN),
    # on a seat, with the forearms on a table
    'at table': (_Limbs(*map(math.radians, (88, 88, 0, 45, 55, 4, 4, 80))), math.radians(10)),
    # with the back at a wall, and the feet ahead
    'leaning': (_Limbs(*map(math.radians, (14, 2, 0, 2, 16))), math.radians(-1)),
}
POSTURES = tuple(_POSTURES)
#: arm that lies behind the neck and on the far shoulder of a neighbor of the same height, radians:
#: forward, elbow, to the side
_AROUND = tuple(map(math.radians, (-25, 50, 100)))


def stride(phase: float, amplitude: float) -> Figure:
    """
    Return the pose at a phase of the gait cycle, which consists of two steps.

    :param phase: 0 to 1; 0 is the heel strike of the left foot.
    :param amplitude: 1 for walking, 0 for standing.
    """
    # the shoulders rotate against the hips: the right one leads at the left heel strike
    twist = amplitude * math.radians(6) * math.cos(2 * math.pi * phase)
    return _figure(
        {side: _gait(side, phase, amplitude) for side in (1, -1)}, twist, _TRUNK_LEAN)


def at_rest(posture: str, arm_around: int = 0) -> Figure:
    """
    Return the pose of somebody who stays in place.

    :param posture: one of `POSTURES`. Seats are at `SEAT_SHARE`, tables at `TABLE_SHARE` and walls
        at `WALL_SHARE`.
    :param arm_around: the arm on this side, +1 left and -1 right, lies on the shoulders of a
        neighbor; 0 for none.
    """
    chosen = _POSTURES[posture]
    sides = {side: chosen[0] if chosen else _gait(side, 0.0, 0.0) for side in (1, -1)}
    if arm_around:
        arm, elbow, out = _AROUND
        sides[arm_around] = replace(sides[arm_around], arm=arm, elbow=elbow, out=out)
    return _figure(sides, 0.0, chosen[1] if chosen else _TRUNK_LEAN)


def _gait(side: int, phase: float, amplitude: float) -> _Limbs:
    """Return the angles of one side, +1 left and -1 right."""
    # the arm swings opposite to the leg of its side
    swing = -side * math.cos(2 * math.pi * phase)
    phase = (phase + (0.0 if side > 0 else 0.5)) % 1.0
    return _Limbs(
        hip=amplitude * math.radians(3 + 25 * math.cos(2 * math.pi * phase)),
        knee=math.radians(3) + amplitude * math.radians(
            14 * _bump(phase, 0.14, 0.07) + 57 * _bump(phase, 0.72, 0.09)),
        # the foot rotates about the ankle: toes up at heel strike, down at toe-off
        foot=amplitude * math.radians(
            36 * _bump(phase, 0.64, 0.09) - 14 * _bump(phase, 0, 0.06)),
        arm=amplitude * math.radians(20) * swing,
        elbow=math.radians(14) + amplitude * math.radians(7) * (1 + swing))


def _figure(sides: dict[int, _Limbs], twist: float, lean: float) -> Figure:
    """
    Return the pose of limbs, of the side +1 left and -1 right.

    :param twist: of the shoulders against the hips; ``lean``: of the trunk, forward; radians.
    """
    positions = np.zeros((32, 3))
    axes = np.zeros((32, 3, 3))
    sole_height = min(
        _add_leg(side, angles, positions, axes) for side, angles in sides.items())
    _add_trunk(twist, lean, positions, axes)
    for side, angles in sides.items():
        _add_arm(side, angles, positions, axes)
    return Figure(positions + [0.0, 0.0, -sole_height], axes)


def _add_leg(
    side: int, angles: _Limbs, positions: Array, axes: Array,
) -> float:
    """Add a leg to a pelvis at the origin, and return the height of its sole."""
    turn = rotation_z(side * angles.apart)
    thigh, shank = turn @ rotation_y(-angles.hip), turn @ rotation_y(angles.knee - angles.hip)
    foot = turn @ rotation_y(angles.foot)
    hip = np.array([0.0, 0.09 * side, 0.0])
    knee = hip + 0.429 * thigh @ _DOWN
    ankle = knee + 0.4305 * shank @ _DOWN
    toe = ankle + foot @ [TOE_M[0], 0.0, TOE_M[1]]
    first = _FIRST_LEG_JOINT[side]
    positions[first:first + 4] = hip, knee, ankle, toe
    # x and y are reversed in the right leg
    mirror = np.array([side, side, 1.0])
    axes[first] = thigh @ _SPINE * mirror
    axes[first + 1] = shank @ _SPINE * mirror
    # the foot is at (-0.6, 0.8, 0) in the ankle's axes
    along = unit(toe - ankle)
    left = turn[:, 1]
    across = cross(left, along)
    axes[first + 2] = np.stack(
        (-0.6 * along - 0.8 * across, 0.8 * along - 0.6 * across, left), axis=1) * mirror
    axes[first + 3] = axes[first + 2] @ rotation_z(math.pi / 2)
    return min(float((ankle + foot @ [x, 0.0, radius - SOLE_M])[2]) - radius
               for x, radius in SOLE_SPHERES)


def _add_trunk(
    twist: float, lean: float, positions: Array, axes: Array,
) -> None:
    """Add pelvis, spine and head."""
    leaning = rotation_y(lean)
    waist, chest = leaning @ rotation_z(twist / 2), leaning @ rotation_z(twist)
    positions[Joint.SPINE_NAVEL] = leaning @ [0.0, 0.0, 0.185]
    positions[Joint.SPINE_CHEST] = positions[Joint.SPINE_NAVEL] + waist @ [0.0, 0.0, 0.15]
    positions[Joint.NECK] = positions[Joint.SPINE_CHEST] + chest @ [0.0, 0.0, 0.215]
    axes[Joint.PELVIS] = _SPINE
    axes[Joint.SPINE_NAVEL] = waist @ _SPINE
    axes[Joint.SPINE_CHEST] = chest @ _SPINE
    axes[Joint.NECK] = axes[Joint.SPINE_CHEST] @ rotation_z(math.radians(9.2))
    positions[Joint.HEAD] = positions[Joint.NECK] + 0.085 * axes[Joint.NECK][:, 0]

    def from_head(up: float, forward: float, left: float) -> Array:
        point: Array = positions[Joint.HEAD] + _SPINE @ [up, forward, left]
        return point

    for joint, offset, half_turns in (
            (Joint.HEAD, (0.0, 0.0, 0.0), 0.0), (Joint.NOSE, (0.055, 0.115, 0.0), 0.0),
            (Joint.EYE_LEFT, (0.088, 0.083, 0.031), 0.5),
            (Joint.EAR_LEFT, (0.07, 0.0, 0.08), 1.0),
            (Joint.EYE_RIGHT, (0.088, 0.083, -0.031), 0.5),
            (Joint.EAR_RIGHT, (0.07, 0.0, -0.08), 0.0)):
        positions[joint] = from_head(*offset)
        axes[joint] = _SPINE @ rotation_z(half_turns * math.pi)


def _add_arm(
    side: int, angles: _Limbs, positions: Array, axes: Array,
) -> None:
    """Add an arm to the trunk."""
    chest = axes[Joint.SPINE_CHEST] @ _SPINE.T
    out = chest @ rotation_x(side * angles.out)
    upper, lower = (out @ rotation_y(-angle) @ _DOWN
                    for angle in (angles.arm, angles.arm + angles.elbow))
    clavicle = positions[Joint.SPINE_CHEST] + chest @ [-0.002, 0.036 * side, 0.19]
    shoulder = clavicle + chest @ [0.0, 0.148 * side, -0.025]
    elbow = shoulder + 0.29 * upper
    wrist = elbow + 0.245 * lower
    hinge = -out[:, 1]
    first = _FIRST_ARM_JOINT[side]
    axes[first] = _axes(side * unit(shoulder - clavicle), -side * chest[:, 2])
    axes[first + 1] = _axes(side * upper, hinge)
    axes[first + 2] = _axes(side * lower, hinge)
    axes[first + 3:first + 6] = axes[first + 2] @ rotation_x(-math.pi / 2)
    axes[first + 6] = axes[first + 2]
    # the thumb is ahead of the forearm if the palm faces the body, which is to the right
    ahead, inward = cross(hinge, lower), side * hinge
    thumb = wrist + 0.09 * lower + 0.055 * (
        math.cos(angles.palm) * ahead + math.sin(angles.palm) * inward)
    positions[first:first + 7] = (
        clavicle, shoulder, elbow, wrist, wrist + 0.09 * lower, wrist + 0.175 * lower, thumb)


def _axes(x: Array, z: Array) -> Array:
    """Return axes, as columns, with this unit x and the z nearest to ``z``."""
    z = unit(z - (z @ x) * x)
    return np.stack((x, cross(z, x), z), axis=1)


def cross(a: Array, b: Array) -> Array:
    """Return the cross product of two vectors, ten times as fast as numpy.cross."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    return np.array((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx))


def _bump(phase: float, center: float, width: float) -> float:
    """Return a bell curve over the periodic phase, 1 at its center."""
    away = (phase - center + 0.5) % 1.0 - 0.5
    return math.exp(-(away / width) ** 2)
