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

"""The connected segments of a depth image, and their metric size."""

from __future__ import annotations

from dataclasses import dataclass

from k4a_ros.body.landmarks.segmentation.floor import Floor
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]

#: smaller segments are ignored
_MIN_PIXELS = 60
#: a segment has this many samples, or all of its pixels, up to twice as many
_SAMPLES = 400
#: quantiles of the samples that are the start, the center and the end of a segment
_QUANTILES = (0.02, 0.5, 0.98)


@dataclass(frozen=True)
class _PersonSize:
    """
    Size of the visible surface of one person, or of two who touch each other.

    Areas are as if seen frontally; a standing person of 1.75 m shows about 0.5 m².
    """

    min_area_m2: float = 0.07
    max_area_m2: float = 2.4
    min_height_m: float = 0.35


_PERSON = _PersonSize()


@dataclass(frozen=True, eq=False)
class Segment:
    """
    A connected segment of the visible surface.

    ``label`` in ``Segmentation.labels``; ``area`` m²; ``center`` (3,) meters, the median of its
    points; ``height``: its extent along up, meters, without the outermost 2 %. ``samples``
    (N, 3) float32 meters: some hundred of its points, evenly spread, and ``sample_areas`` (N,)
    float32, the m² that each represents.
    """

    label: int
    area: float
    center: Vectors
    height: float
    samples: Floats
    sample_areas: Floats

    @property
    def may_be_person(self) -> bool:
        """Return whether the segment has the size of a person."""
        return (_PERSON.min_area_m2 <= self.area <= _PERSON.max_area_m2
                and self.height >= _PERSON.min_height_m)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """
    A depth image cut into segments, at a resolution of every ``step``-th row and column.

    ``points`` (height, width, 3) float32 meters, 0 for no depth; ``labels`` (height, width) int32,
    0 for the floor and for depth discontinuities; ``areas`` (height, width) float32, m² that a
    pixel covers; ``floor``: None if none has been seen; ``up`` (3,) unit vector.
    """

    step: int
    points: Floats
    labels: Labels
    areas: Floats
    floor: Floor | None
    up: Vectors
    segments: tuple[Segment, ...]


def measure_segments(
    labels: Labels, points: Floats, areas: Floats, up: Vectors,
) -> tuple[Segment, ...]:
    """
    Measure the segments that are large enough.

    :param labels: (height, width), of `cv2.connectedComponents`.
    :param points: (height, width, 3) meters.
    :param areas: (height, width) m².
    :param up: (3,) unit vector.
    """
    counts = np.bincount(labels.reshape(-1))
    # pixels in the order of their labels; there are fewer of these than 2**16
    order = np.argsort(labels.astype(np.uint16), axis=None, kind='stable')
    ends = np.cumsum(counts)
    segments = []
    for label in (np.flatnonzero(counts[1:] >= _MIN_PIXELS) + 1).tolist():
        pixels = order[ends[label] - counts[label]:ends[label]]
        step = max(1, len(pixels) // _SAMPLES)
        samples = points.reshape(-1, 3)[pixels[::step]]
        sample_areas = areas.reshape(-1)[pixels[::step]] * np.float32(step)
        low, middle, high = (int(share * (len(samples) - 1)) for share in _QUANTILES)
        heights = np.partition(samples @ up.astype(np.float32), (low, high))
        segments.append(Segment(
            label, float(areas.reshape(-1)[pixels].sum(dtype=np.float64)),
            np.partition(samples, middle, axis=0)[middle].astype(np.float64),
            float(heights[high] - heights[low]), samples, sample_areas))
    return tuple(segments)
