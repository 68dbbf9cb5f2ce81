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
The microphone array: format of its samples, and positions of the microphones.

The frame of the array has its origin at the microphone in the center, and the axes of
camera_base: x forward, y left, z up. Seen from above, channel 0 is the center, channel 1 in front
of it, and the others follow clockwise on a circle of 40 mm::

              1
          6       2          x (forward)
              0              |
          5       3    y ----+
              4

Microsoft's documentation ("Azure Kinect DK hardware specifications", microphone array) calls it a
"seven microphone circular array", and has a figure without dimensions. Radius and order are those
that users of the array have published: the configuration of ODAS for an Azure Kinect in
github.com/busybeaver42/kv3 (center first, six on 40 mm, clockwise), and a script for diffuse noise
with the positions "for Kinect Azure" (40 mm, the second one in front, clockwise). For arrays of
this kind, Microsoft recommends 42.5 mm ("Microphone array recommendations" of its Speech SDK),
but does not say that this one has it. So the order is likely, but unconfirmed, and the radius is
known to about 3 mm. An error of the radius does not turn the azimuth of what is heard; it changes
delays in proportion, and so the elevation.
"""

from __future__ import annotations

import math

import numpy as np

#: samples a second of each channel
RATE = 48_000
CHANNELS = 7
RADIUS_M = 0.040
#: (7, 3) float64, meters
POSITIONS_M = np.array([(0.0, 0.0, 0.0), *(
    (RADIUS_M * math.cos(angle), RADIUS_M * math.sin(angle), 0.0)
    for angle in (-math.radians(60.0 * i) for i in range(6)))])
POSITIONS_M.setflags(write=False)
#: m/s, in air of 20 degrees Celsius
SPEED_OF_SOUND = 343.2
#: Sound pressure level of a sine wave at full scale, dB: the sensitivity of the documentation is
#: -22 dBFS for 94 dB.
FULL_SCALE_DB = 116.0
#: Sound pressure level of the noise of a microphone, dB: a signal to noise ratio of 65 dB.
NOISE_DB = 29.0


def amplitude(level_db: float) -> float:
    """Return the standard deviation of a sound at this level, relative to full scale."""
    return float(10.0 ** ((level_db - FULL_SCALE_DB) / 20) / math.sqrt(2.0))
