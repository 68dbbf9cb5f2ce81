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
The joints and the surface of somebody in the middle of a step.

Everything here is in the frame of the person: x forward, y left, z up, meters, the origin on the
floor below the pelvis. Lengths are for a height of 1.75 m, after the segment lengths in Winter,
"Biomechanics and Motor Control of Human Movement", 4th edition, 2009, figure 4.1; angles over
the cycle of a step are smooth curves through the peaks shown there and in Perry, "Gait Analysis",
1992: hip 25° to both sides, knee 17° in stance and 60° in swing.

Joints and axes are those of k4abt (k4abttypes.h, and the documentation's page "Azure Kinect body
tracking joints"): along the spine x is up, y forward, z left; x runs along the bones, away from
the body in the left arm and right leg, towards it in the right arm and left leg; elbows and knees
turn about z. In a hand the axes are those of an outstretched arm whose palm looks down; how far a
real tracker turns wrist and thumb about the bone is not modeled.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from k4a_ros.body.joints import Joint
from k4a_ros.simulation.shapes import Array
import numpy as np

#: names of the joints in the order of k4abttypes.h
JOINTS = tuple(joint.name for joint in Joint)

#: height of the person that the lengths here are of
TEMPLATE_HEIGHT = 1.75

_PELVIS, _NAVEL, _CHEST, _NECK = range(4)
#: first joint of arms and legs, +1 left and -1 right; the others follow it
_CLAVICLE = {1: 4, -1: 11}
_HIP = {1: 18, -1: 22}
_HEAD, _NOSE, _EYE_LEFT, _EAR_LEFT, _EYE_RIGHT, _EAR_RIGHT = range(26, 32)

#: the spine's axes of k4abt (up, forward, left) as columns
_SPINE = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
_DOWN = np.array([0.0, 0.0, -1.0])
_LEAN = math.radians(3.0)
_FOOT_RADIUS = 0.04


@dataclass(frozen=True, eq=False)
class Figure:
    """
    One posture.

    ``positions`` (32, 3); ``axes`` (32, 3, 3), the joints' x, y, z as columns; ``limbs``: what
    the surface is made of: start and end (3,), radius, and the name of a material: 'skin',
    'hair', 'shirt', 'trousers' or 'shoes'.
    """

    positions: Array
    axes: Array
    limbs: tuple[tuple[Array, Array, float, str], ...]


def stride(phase: float, amplitude: float) -> Figure:
    """
    Return the posture at a place in the cycle of two steps.

    :param phase: of the cycle, 0 to 1; at 0 the left heel comes to the floor.
    :param amplitude: 1 for walking, 0 for standing.
    """
    positions = np.zeros((32, 3))
    axes = np.zeros((32, 3, 3))
    limbs: list[tuple[Array, Array, float, str]] = []
    lowest = min(
        _leg(side, phase, amplitude, positions, axes, limbs) for side in (1, -1))
    _trunk(phase, amplitude, positions, axes, limbs)
    for side in (1, -1):
        _arm(side, phase, amplitude, positions, axes, limbs)
    up = np.array([0.0, 0.0, -lowest])
    return Figure(
        positions + up, axes,
        tuple((start + up, end + up, radius, name) for start, end, radius, name in limbs))


def _leg(
    side: int, phase: float, amplitude: float, positions: Array, axes: Array,
    limbs: list[tuple[Array, Array, float, str]],
) -> float:
    """Add a leg, the pelvis being at the origin, and return how high its sole is."""
    phase = (phase + (0.0 if side > 0 else 0.5)) % 1.0
    hip_angle = amplitude * math.radians(3 + 25 * math.cos(2 * math.pi * phase))
    knee_angle = math.radians(3) + amplitude * math.radians(
        14 * _bump(phase, 0.14, 0.07) + 57 * _bump(phase, 0.72, 0.09))
    # the foot turns about the ankle: toes up at heel strike, down when pushing off
    tilt = amplitude * math.radians(36 * _bump(phase, 0.64, 0.09) - 14 * _bump(phase, 0, 0.06))
    thigh, shank, foot = _turn_y(-hip_angle), _turn_y(knee_angle - hip_angle), _turn_y(tilt)
    hip = np.array([0.0, 0.09 * side, 0.0])
    knee = hip + 0.429 * thigh @ _DOWN
    ankle = knee + 0.4305 * shank @ _DOWN
    heel = ankle + foot @ [-0.05, 0.0, -0.028]
    toe = ankle + foot @ [0.145, 0.0, -0.028]
    first = _HIP[side]
    positions[first:first + 4] = hip, knee, ankle, toe
    # in the right leg x and y point the other way
    mirror = np.array([side, side, 1.0])
    axes[first] = thigh @ _SPINE * mirror
    axes[first + 1] = shank @ _SPINE * mirror
    # the ankle's axes are such that the foot is at (-0.6, 0.8, 0) of them
    along = (toe - ankle) / math.dist(toe, ankle)
    left = np.array([0.0, 1.0, 0.0])
    across = _cross(left, along)
    axes[first + 2] = np.stack(
        (-0.6 * along - 0.8 * across, 0.8 * along - 0.6 * across, left), axis=1) * mirror
    axes[first + 3] = axes[first + 2] @ _turn_z(math.pi / 2)
    limbs += [(hip, knee, 0.08, 'trousers'), (knee, ankle, 0.058, 'trousers'),
              (heel, toe, _FOOT_RADIUS, 'shoes')]
    return float(min(heel[2], toe[2])) - _FOOT_RADIUS


def _trunk(
    phase: float, amplitude: float, positions: Array, axes: Array,
    limbs: list[tuple[Array, Array, float, str]],
) -> None:
    """Add pelvis, spine and head."""
    # the shoulders turn against the hips: the right one is in front when the left heel strikes
    twist = amplitude * math.radians(6) * math.cos(2 * math.pi * phase)
    lean = _turn_y(_LEAN)
    waist, chest = lean @ _turn_z(twist / 2), lean @ _turn_z(twist)
    positions[_NAVEL] = lean @ [0.0, 0.0, 0.185]
    positions[_CHEST] = positions[_NAVEL] + waist @ [0.0, 0.0, 0.15]
    positions[_NECK] = positions[_CHEST] + chest @ [0.0, 0.0, 0.215]
    axes[_PELVIS] = _SPINE
    axes[_NAVEL] = waist @ _SPINE
    axes[_CHEST] = chest @ _SPINE
    axes[_NECK] = axes[_CHEST] @ _turn_z(math.radians(9.2))
    positions[_HEAD] = positions[_NECK] + 0.085 * axes[_NECK][:, 0]

    def of_head(up: float, forward: float, left: float) -> Array:
        place: Array = positions[_HEAD] + _SPINE @ [up, forward, left]
        return place

    for joint, place, turn in (
            (_HEAD, (0.0, 0.0, 0.0), 0.0), (_NOSE, (0.055, 0.115, 0.0), 0.0),
            (_EYE_LEFT, (0.088, 0.083, 0.031), 0.5), (_EAR_LEFT, (0.07, 0.0, 0.08), 1.0),
            (_EYE_RIGHT, (0.088, 0.083, -0.031), 0.5), (_EAR_RIGHT, (0.07, 0.0, -0.08), 0.0)):
        positions[joint] = of_head(*place)
        axes[joint] = _SPINE @ _turn_z(turn * math.pi)
    left = np.array([0.0, 1.0, 0.0])
    limbs += [
        (of_head(0.045, 0, 0), of_head(0.09, 0, 0), 0.095, 'skin'),
        (of_head(0.09, -0.02, 0), of_head(0.10, -0.02, 0), 0.092, 'hair'),
        (positions[_NOSE], positions[_NOSE], 0.018, 'skin'),
        (positions[_NECK] - 0.05 * axes[_NECK][:, 0], positions[_HEAD], 0.05, 'skin'),
        (0.09 * left, -0.09 * left, 0.11, 'trousers')]
    for side in (1, -1):
        limbs.append((
            0.05 * side * left, positions[_CHEST] + chest @ [0.0, 0.07 * side, 0.09], 0.115,
            'shirt'))


def _arm(
    side: int, phase: float, amplitude: float, positions: Array, axes: Array,
    limbs: list[tuple[Array, Array, float, str]],
) -> None:
    """Add an arm to the trunk."""
    # it swings against the leg of its side
    swing = -side * math.cos(2 * math.pi * phase)
    forward = amplitude * math.radians(20) * swing
    bend = math.radians(14) + amplitude * math.radians(7) * (1 + swing)
    chest = axes[_CHEST] @ _SPINE.T
    out = chest @ _turn_x(side * math.radians(9))
    upper, lower = (out @ _turn_y(-angle) @ _DOWN for angle in (forward, forward + bend))
    clavicle = positions[_CHEST] + chest @ [-0.002, 0.036 * side, 0.19]
    shoulder = clavicle + chest @ [0.0, 0.148 * side, -0.025]
    elbow = shoulder + 0.29 * upper
    wrist = elbow + 0.245 * lower
    hinge = -out[:, 1]
    first = _CLAVICLE[side]
    collar = (shoulder - clavicle) / math.dist(shoulder, clavicle)
    axes[first] = _axes(side * collar, -side * chest[:, 2])
    axes[first + 1] = _axes(side * upper, hinge)
    axes[first + 2] = _axes(side * lower, hinge)
    axes[first + 3:first + 6] = axes[first + 2] @ _turn_x(-math.pi / 2)
    axes[first + 6] = axes[first + 2]
    ahead = _cross(hinge, lower)
    thumb = wrist + 0.09 * lower + 0.035 * ahead
    positions[first:first + 7] = (
        clavicle, shoulder, elbow, wrist, wrist + 0.09 * lower, wrist + 0.175 * lower, thumb)
    limbs += [
        (positions[_CHEST] + chest @ [0.0, 0.0, 0.175], shoulder, 0.062, 'shirt'),
        (shoulder, elbow, 0.052, 'shirt'), (elbow, wrist, 0.042, 'skin'),
        (wrist, wrist + 0.15 * lower, 0.035, 'skin'), (wrist, thumb, 0.018, 'skin')]


def _axes(x: Array, z: Array) -> Array:
    """Return axes, as columns, with this x and a z that is as near as can be."""
    z = z - (z @ x) * x
    z = z / math.sqrt(z @ z)
    return np.stack((x, _cross(z, x), z), axis=1)


def _cross(a: Array, b: Array) -> Array:
    """Return the cross product of two vectors: numpy's own takes ten times as long."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    return np.array((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx))


def _bump(phase: float, center: float, width: float) -> float:
    """Return a bell curve over the cycle, 1 at its center."""
    away = (phase - center + 0.5) % 1.0 - 0.5
    return math.exp(-(away / width) ** 2)


def _turn_x(angle: float) -> Array:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def _turn_y(angle: float) -> Array:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def _turn_z(angle: float) -> Array:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
